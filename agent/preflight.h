/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that can be known to go wrong is looked at before the recording starts, because the
 * kernel's own answer would be "Operation not permitted". One line on stderr says what is missing
 * and what to type.
 */
#ifndef EPROF_AGENT_PREFLIGHT_H
#define EPROF_AGENT_PREFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/options.h"

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
/* True for kernels that may lock up when user memory is read in perf events. */
bool preflight_kernel_locks_up(struct kernel_version kernel);

/*
 * Where cgroup2 is mounted, from a file in the format of /proc/self/mountinfo. The caller frees
 * *ret. -ENODEV: nowhere.
 */
int preflight_cgroup2_mount(const char *mountinfo_path, char **ret);

#endif
