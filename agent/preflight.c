/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/preflight.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/cpus.h"
#include "agent/log.h"
#include "agent/namespaces.h"
#include "agent/perf_event.h"
#include "base/cleanup.h"

/* The oldest kernel that eprof is made for. */
#define KERNEL_MIN_MAJOR 5
#define KERNEL_MIN_MINOR 15

#define CAPABILITY_BIT(capability) (UINT64_C(1) << (capability))

/* First line of the file, without its line break. 0 or -errno. */
static int read_line(const char *root, const char *path, char *ret, int size)
{
	char rooted[4096], line[4096];
	CLEANUP(cleanup_file) FILE *file = NULL;

	(void)snprintf(rooted, sizeof(rooted), "%s%s", root, path);
	file = fopen(rooted, "re");
	if (!file)
		return -errno;
	if (!fgets(line, sizeof(line), file))
		return ferror(file) ? -EIO : -ENODATA;
	line[strcspn(line, "\n")] = '\0';
	(void)snprintf(ret, (size_t)size, "%s", line);
	return 0;
}

static int parse_version(const char *text, struct kernel_version *ret)
{
	struct kernel_version version = { 0 };

	if (sscanf(text, "%3u.%5u.%5u", &version.major, &version.minor, &version.patch) < 2)
		return -EINVAL;
	*ret = version;
	return 0;
}

int preflight_kernel_version(const char *release, const char *version, const char *signature,
			     struct kernel_version *ret)
{
	/* "#1 SMP PREEMPT_DYNAMIC Debian 6.1.55-1 (2023-09-29)" */
	const char *debian = strstr(version, "Debian ");
	/* "Ubuntu 6.2.0-39.40~22.04.1-generic 6.2.16" */
	const char *upstream = signature ? strrchr(signature, ' ') : NULL;

	if (debian && parse_version(debian + strlen("Debian "), ret) == 0)
		return 0;
	if (upstream && parse_version(upstream + 1, ret) == 0)
		return 0;
	return parse_version(release, ret);
}

bool preflight_kernel_locks_up(struct kernel_version kernel)
{
	if (kernel.major == 5)
		return kernel.minor == 19;
	if (kernel.major != 6)
		return false;
	switch (kernel.minor) {
	case 0:
	case 2:
		return true;
	case 1:
		return kernel.patch < 36;
	case 3:
		return kernel.patch < 10;
	default:
		return false;
	}
}

bool preflight_kernel_is_too_old(struct kernel_version kernel)
{
	return kernel.major < KERNEL_MIN_MAJOR ||
	       (kernel.major == KERNEL_MIN_MAJOR && kernel.minor < KERNEL_MIN_MINOR);
}

int preflight_host_kernel(const struct preflight_host *host, struct kernel_version *ret)
{
	char signature[256];
	bool has_signature =
		read_line(host->root, "/proc/version_signature", signature, sizeof(signature)) == 0;

	return preflight_kernel_version(host->release, host->version,
					has_signature ? signature : NULL, ret);
}

static int check_kernel(const struct preflight_host *host, bool force)
{
	struct kernel_version kernel;

	if (preflight_host_kernel(host, &kernel) < 0) {
		log_error("cannot tell the version of this kernel from '%s'", host->release);
		return -ENOTSUP;
	}
	if (preflight_kernel_is_too_old(kernel)) {
		log_error("Linux %u.%u.%u is too old: eprof needs %d.%d or newer", kernel.major,
			  kernel.minor, kernel.patch, KERNEL_MIN_MAJOR, KERNEL_MIN_MINOR);
		return -ENOTSUP;
	}
	if (!preflight_kernel_locks_up(kernel))
		return 0;
	if (force) {
		log_warning("Linux %u.%u.%u may lock up while stacks are read (--force was given)",
			    kernel.major, kernel.minor, kernel.patch);
		return 0;
	}
	log_error("Linux %u.%u.%u may lock up the machine while stacks are read: update to 6.1.36, "
		  "6.3.10, 6.4 or newer, or take the risk with --force",
		  kernel.major, kernel.minor, kernel.patch);
	return -ENOTSUP;
}

/* What is asked below is read there: without it, the answers would be wrong. */
static int check_mounts(const struct preflight_host *host)
{
	static const struct {
		const char *place, *inside;
	} mounts[] = { { "/proc", "/proc/sys" }, { "/sys", "/sys/devices" } };

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		char path[4096];

		(void)snprintf(path, sizeof(path), "%s%s", host->root, mounts[i].inside);
		if (access(path, F_OK) == 0)
			continue;
		log_error("cannot read '%s': %s is not mounted here", path, mounts[i].place);
		return -ENOTSUP;
	}
	return 0;
}

static int check_btf(const struct preflight_host *host)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/sys/kernel/btf/vmlinux", host->root);
	if (access(path, R_OK) == 0)
		return 0;
	log_error("cannot read '%s': %s; eprof needs a kernel built with CONFIG_DEBUG_INFO_BTF=y",
		  path, strerror(errno));
	return -ENOTSUP;
}

static const struct needed_capability {
	int capability;
	bool in_sys_admin; /* the kernel takes CAP_SYS_ADMIN for it */
	bool for_kernel_stacks;
	const char *name;
} needed[] = {
	{ CAP_BPF, true, false, "CAP_BPF" },
	{ CAP_PERFMON, true, false, "CAP_PERFMON" },
	{ CAP_SYS_PTRACE, false, false, "CAP_SYS_PTRACE" },
	{ CAP_SYSLOG, false, true, "CAP_SYSLOG" },
};
#define NEEDED_COUNT (sizeof(needed) / sizeof(needed[0]))

static bool lacks(uint64_t capabilities, const struct needed_capability *row, bool user_only)
{
	if (user_only && row->for_kernel_stacks)
		return false;
	if (row->in_sys_admin && (capabilities & CAPABILITY_BIT(CAP_SYS_ADMIN)))
		return false;
	return !(capabilities & CAPABILITY_BIT(row->capability));
}

bool preflight_lacks_capability(uint64_t capabilities, int capability, bool user_only)
{
	for (size_t i = 0; i < NEEDED_COUNT; i++) {
		if (needed[i].capability == capability)
			return lacks(capabilities, &needed[i], user_only);
	}
	return false;
}

static int check_capabilities(const struct preflight_host *host, bool user_only)
{
	char missing[128] = ""; /* four names, each below 32 bytes */
	size_t length = 0;

	if (host->in_user_namespace) {
		log_error("inside a user namespace (a rootless container) the kernel lets nobody "
			  "profile; run eprof outside of it: sudo eprof ...");
		return -EPERM;
	}
	for (size_t i = 0; i < NEEDED_COUNT; i++) {
		if (!lacks(host->capabilities, &needed[i], user_only))
			continue;
		length += (size_t)snprintf(missing + length, sizeof(missing) - length, "%s%s",
					   length ? ", " : "", needed[i].name);
	}
	if (!missing[0])
		return 0;
	if (host->is_root)
		log_error("root lacks %s here: start the container with --privileged, or with "
			  "--cap-add for each of them",
			  missing);
	else
		log_error("%s missing; type: sudo eprof ... (or once: sudo setcap "
			  "cap_bpf,cap_perfmon,cap_sys_ptrace,cap_syslog=ep %s)",
			  missing, host->program);
	return -EPERM;
}

/* Capabilities are there, and yet the kernel may refuse. */
static int check_perf_events(const struct preflight_host *host)
{
	char text[32];
	int err = read_line(host->root, "/proc/sys/kernel/perf_event_paranoid", text, sizeof(text));

	if (err == -ENOENT) {
		log_error("this kernel has no perf events: eprof needs one built with "
			  "CONFIG_PERF_EVENTS=y");
		return -ENOTSUP;
	}
	if (!host->perf_event_errno)
		return 0;
	if (!err && (host->perf_event_errno == EACCES || host->perf_event_errno == EPERM) &&
	    atoi(text) >= PERF_PARANOID_NOBODY) {
		log_error("kernel.perf_event_paranoid is %s, which takes root; type: "
			  "sudo eprof ... (or: sudo sysctl kernel.perf_event_paranoid=2)",
			  text);
		return -EACCES;
	}
	log_error("the kernel refuses perf_event_open(): %s; a seccomp filter (container: "
		  "--security-opt seccomp=unconfined) or a security module forbids it",
		  strerror(host->perf_event_errno));
	/* -EINVAL would mean wrong usage */
	return host->perf_event_errno == EINVAL ? -EPERM : -host->perf_event_errno;
}

static int check_sample_hz(const struct preflight_host *host, uint64_t sample_hz)
{
	char text[32];
	unsigned long long max;

	if (read_line(host->root, "/proc/sys/kernel/perf_event_max_sample_rate", text,
		      sizeof(text)) < 0)
		return 0; /* the kernel checks it again */
	max = strtoull(text, NULL, 10);
	if (sample_hz <= max)
		return 0;
	log_error("-F %llu is above kernel.perf_event_max_sample_rate (%llu); lower it, or type: "
		  "sudo sysctl kernel.perf_event_max_sample_rate=%llu",
		  (unsigned long long)sample_hz, max, (unsigned long long)sample_hz);
	return -EINVAL;
}

static int check_cpu(const struct preflight_host *host, int cpu)
{
	CLEANUP(cpus_done) struct cpus cpus = { 0 };
	char text[4096];

	if (cpu < 0)
		return 0;
	if (read_line(host->root, "/sys/devices/system/cpu/online", text, sizeof(text)) < 0 ||
	    cpus_parse(text, &cpus) < 0)
		return 0; /* the kernel checks it again */
	for (size_t i = 0; i < cpus.count; i++) {
		if (cpus.ids[i] == cpu)
			return 0;
	}
	log_error("-C %d: this CPU is not online (these are: %s)", cpu, text);
	return -EINVAL;
}

static int check_target(const struct preflight_host *host, const struct record_options *options)
{
	CLEANUP(cleanup_fd) int fd = -1;

	switch (options->target) {
	case TARGET_PIDS:
	case TARGET_TIDS:
		return preflight_ids(host->root, options);
	case TARGET_CGROUP:
		return preflight_cgroup(options->cgroup, &fd);
	default:
		return 0;
	}
}

int preflight_check_host(const struct preflight_host *host, const struct record_options *options)
{
	int err = check_mounts(host);

	if (!err)
		err = check_kernel(host, options->force);
	if (!err)
		err = check_btf(host);
	if (!err)
		err = check_capabilities(host, options->user_only);
	if (!err)
		err = check_perf_events(host);
	if (!err && options->on_cpu)
		err = check_sample_hz(host, options->sample_hz);
	if (!err)
		err = check_cpu(host, options->cpu);
	if (!err)
		err = check_target(host, options);
	return err;
}

static int effective_capabilities(uint64_t *ret)
{
	uint64_t capabilities = 0;

	if (capng_get_caps_process() < 0)
		return -EPERM;
	for (unsigned int i = 0; i <= CAP_LAST_CAP; i++) {
		if (capng_have_capability(CAPNG_EFFECTIVE, i) == 1)
			capabilities |= CAPABILITY_BIT(i);
	}
	*ret = capabilities;
	return 0;
}

/* What perf_event_open() says to the least that we ask of it; 0 when it works. */
static int try_perf_event(bool user_only)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.disabled = 1,
		.exclude_kernel = user_only,
	};
	int fd = perf_event_open_self(&attr);

	if (fd < 0)
		return -fd;
	(void)close(fd);
	return 0;
}

int preflight_machine_read(bool user_only, struct preflight_machine *ret)
{
	ssize_t length = readlink("/proc/self/exe", ret->program, sizeof(ret->program) - 1);

	if (length < 0)
		(void)snprintf(ret->program, sizeof(ret->program), "eprof");
	else
		ret->program[length] = '\0';
	if (uname(&ret->name) < 0)
		return -errno;
	ret->host = (struct preflight_host){
		.root = "",
		.release = ret->name.release,
		.version = ret->name.version,
		.program = ret->program,
		.is_root = geteuid() == 0,
		.in_user_namespace = namespaces_user_is_nested(),
		.perf_event_errno = try_perf_event(user_only),
	};
	return effective_capabilities(&ret->host.capabilities);
}

int preflight_check(const struct record_options *options)
{
	struct preflight_machine machine;

	if (preflight_machine_read(options->user_only, &machine) < 0) {
		log_error("cannot read the kernel's version and this process's capabilities");
		return -ENOTSUP;
	}
	return preflight_check_host(&machine.host, options);
}
