/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/doctor_facts.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/cpus.h"
#include "agent/debuginfod_servers.h"
#include "agent/debuginfod_worker.h"
#include "agent/namespaces.h"
#include "base/cleanup.h"
#include "symbolize/kernel_names.h"

#define CURL_LIBRARY       "libcurl.so.4"
#define DEBUGINFOD_SERVERS "/etc/debuginfod"
#define CPU_DIRECTORY      "/sys/devices/system/cpu/"
#define CLOCK_SOURCE       "/sys/devices/system/clocksource/clocksource0/current_clocksource"
/* Kernels name at most 8192 CPUs, in ranges. */
#define LINE_SIZE          4096

/* The first line, without its break. 0 or -errno; then *ret is "". */
static int read_line(const char *path, char *ret, int size)
{
	CLEANUP(cleanup_file) FILE *file = fopen(path, "re");

	ret[0] = '\0';
	if (!file)
		return -errno;
	if (!fgets(ret, size, file))
		return ferror(file) ? -EIO : -ENODATA;
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

static struct doctor_setting read_setting(const char *path)
{
	char text[64];
	struct doctor_setting setting = { .err = read_line(path, text, sizeof(text)) };

	if (!setting.err)
		setting.value = strtol(text, NULL, 10);
	return setting;
}

/* The last of three numbers (Documentation/scheduler/sched-stats.rst). */
static struct doctor_setting read_run_count(void)
{
	struct doctor_setting setting = { 0 };
	char text[128];

	setting.err = read_line("/proc/self/schedstat", text, sizeof(text));
	if (!setting.err && sscanf(text, "%*u %*u %ld", &setting.value) != 1)
		setting.err = -ENODATA;
	return setting;
}

static int read_btf_err(void)
{
	CLEANUP(cleanup_fd) int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : 0;
}

enum doctor_lockdown doctor_lockdown_parse(const char *text)
{
	if (strstr(text, "[confidentiality]"))
		return LOCKDOWN_CONFIDENTIALITY;
	return strstr(text, "[integrity]") ? LOCKDOWN_INTEGRITY : LOCKDOWN_NONE;
}

static enum doctor_lockdown read_lockdown(void)
{
	char text[128];

	(void)read_line("/sys/kernel/security/lockdown", text, sizeof(text));
	return doctor_lockdown_parse(text);
}

static enum kernel_names read_kernel_names(void)
{
	CLEANUP(cleanup_fd) int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	bool is_hidden;

	if (fd < 0 || kernel_names_peek(fd, &is_hidden) < 0)
		return KERNEL_NAMES_UNREADABLE;
	return is_hidden ? KERNEL_NAMES_HIDDEN : KERNEL_NAMES_OK;
}

static void read_mounts(struct doctor_mounts *ret)
{
	CLEANUP(cleanup_file) FILE *file = fopen("/proc/self/mountinfo", "re");

	*ret = (struct doctor_mounts){ 0 };
	if (file)
		doctor_mounts_read(file, ret);
}

static unsigned int count_cpus(const char *path)
{
	CLEANUP(cpus_done) struct cpus cpus = { 0 };
	char text[LINE_SIZE];

	if (read_line(path, text, sizeof(text)) < 0 || cpus_parse(text, &cpus) < 0)
		return 0;
	return (unsigned int)cpus.count;
}

static rlim_t hard_limit(__rlimit_resource_t resource)
{
	struct rlimit limit;

	return getrlimit(resource, &limit) < 0 ? RLIM_INFINITY : limit.rlim_max;
}

/* Never closed: what libraries leave behind when they go is not ours to find out. */
static bool has_library(const char *name)
{
	return dlopen(name, RTLD_LAZY | RTLD_LOCAL) != NULL;
}

static void read_libraries(struct doctor_facts *ret)
{
	CLEANUP(cleanup_free) char *servers = NULL;

	ret->has_debuginfod = has_library(DEBUGINFOD_LIBRARY);
	ret->has_curl = has_library(CURL_LIBRARY);
	ret->servers_err = debuginfod_servers(DEBUGINFOD_SERVERS, &servers);
}

static void read_directory(struct doctor_facts *ret)
{
	struct statvfs fs;

	if (!getcwd(ret->directory, sizeof(ret->directory))) {
		ret->directory[0] = '\0';
		ret->directory_err = -errno;
		return;
	}
	if (faccessat(AT_FDCWD, ".", W_OK | X_OK, AT_EACCESS) < 0)
		ret->directory_err = -errno;
	else if (statvfs(".", &fs) < 0)
		ret->directory_err = -errno;
	else
		ret->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
}

int doctor_facts_read(struct doctor_facts *ret)
{
	int err;

	memset(ret, 0, sizeof(*ret));
	err = preflight_machine_read(false, &ret->machine);
	if (err < 0)
		return err;
	ret->has_sys = access("/sys/devices", F_OK) == 0;
	ret->btf_err = read_btf_err();
	ret->lockdown = read_lockdown();
	ret->kernel_names = read_kernel_names();
	ret->paranoid = read_setting("/proc/sys/kernel/perf_event_paranoid");
	ret->kptr_restrict = read_setting("/proc/sys/kernel/kptr_restrict");
	ret->unprivileged_bpf = read_setting("/proc/sys/kernel/unprivileged_bpf_disabled");
	ret->sample_rate = read_setting("/proc/sys/kernel/perf_event_max_sample_rate");
	ret->bpf_jit = read_setting("/proc/sys/net/core/bpf_jit_enable");
	ret->run_count = read_run_count();
	read_mounts(&ret->mounts);
	ret->pid_namespace = namespaces_own_pid();
	ret->files_max = hard_limit(RLIMIT_NOFILE);
	ret->locked_max = hard_limit(RLIMIT_MEMLOCK);
	ret->cpus_online = count_cpus(CPU_DIRECTORY "online");
	ret->cpus_present = count_cpus(CPU_DIRECTORY "present");
	(void)read_line(CLOCK_SOURCE, ret->clock_source, sizeof(ret->clock_source));
	read_libraries(ret);
	read_directory(ret);
	doctor_trials_run(&ret->trials);
	return 0;
}
