/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that can be known to go wrong is looked at before the recording starts, because the
 * kernel's own answer would be "Operation not permitted". One line on stderr says what is missing
 * and what to type.
 */
#ifndef EPROF_AGENT_PREFLIGHT_H
#define EPROF_AGENT_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/utsname.h>

#include "agent/options.h"

/* From here on distributions' kernels refuse perf_event_open() to all but the administrator. */
#define PERF_PARANOID_NOBODY 3

struct kernel_version {
	unsigned int major, minor, patch;
};

/* The machine as the checks see it; preflight_check() fills it in, tests make up their own. */
struct preflight_host {
	const char *root;      /* put before /proc and /sys: "" */
	const char *release;   /* uname -r */
	const char *version;   /* uname -v */
	const char *program;   /* path of eprof, for setcap */
	uint64_t capabilities; /* the effective set: bit N is capability N */
	bool is_root;
	bool in_user_namespace; /* capabilities count inside of it only */
	int perf_event_errno;   /* of perf_event_open() on ourselves; 0: it works */
};

/* This machine, and the strings that host points to: not to be copied or moved. */
struct preflight_machine {
	struct preflight_host host;
	struct utsname name;
	char program[4096];
};

/* user_only: what perf_event_open() says to sampling without the kernel. 0 or, silently, -errno. */
int preflight_machine_read(bool user_only, struct preflight_machine *ret);

/*
 * Returns 0 when a recording with these options can start. Otherwise prints one line and returns
 * -EINVAL: what was typed does not fit this machine (exit code 2: -F, -C, a thread's id after -p),
 * or another -errno: the machine, its privileges or the target are not there (exit code 1).
 */
int preflight_check(const struct record_options *options);
/* The same, without looking at the real machine (but for the cgroup) or changing it. */
int preflight_check_host(const struct preflight_host *host, const struct record_options *options);

/*
 * Opens the directory of a cgroup v2: path as it is when absolute, or else below where cgroup2 is
 * mounted. On success the caller owns *ret_fd; on failure prints one line and returns -errno.
 */
int preflight_cgroup(const char *path, int *ret_fd);

/*
 * Whether all ids of -p or -t are there and alive, and say what is not recorded of kernel threads:
 * an error when that is all that was asked for, else a warning. root is put before "/proc". 0 or,
 * after one line, -EINVAL, -ESRCH, -ENOTSUP.
 */
int preflight_ids(const char *root, const struct record_options *options);

/*
 * The upstream version of a kernel. Debian and Ubuntu put it into `uname -v` and
 * /proc/version_signature (NULL: there is none), their `uname -r` has a zero for the patch level.
 * 0 or -EINVAL.
 */
int preflight_kernel_version(const char *release, const char *version, const char *signature,
			     struct kernel_version *ret);
/* Of a host; 0 or -EINVAL. */
int preflight_host_kernel(const struct preflight_host *host, struct kernel_version *ret);
/* True for kernels older than those that eprof is made for. */
bool preflight_kernel_is_too_old(struct kernel_version kernel);
/* True for kernels that may lock up when user memory is read in perf events. */
bool preflight_kernel_locks_up(struct kernel_version kernel);

/*
 * Whether recording is refused for want of a capability; CAP_SYS_ADMIN may stand for it. Those that
 * it does without are never missed.
 */
bool preflight_lacks_capability(uint64_t capabilities, int capability, bool user_only);

/*
 * Where cgroup2 is mounted, from a file in the format of /proc/self/mountinfo. The caller frees
 * *ret. -ENODEV: nowhere.
 */
int preflight_cgroup2_mount(const char *mountinfo_path, char **ret);

#endif
