/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/preflight.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/hear.h"

#define BIT(capability) (UINT64_C(1) << (capability))
#define ENOUGH          (BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_SYS_PTRACE) | BIT(CAP_SYSLOG))

/* A machine on which everything works, below a directory: tests break one thing each. */
struct machine {
	char root[64];
	struct preflight_host host;
	struct record_options options;
};

static void put(const struct machine *machine, const char *path, const char *text)
{
	char full[512];
	FILE *file;

	(void)snprintf(full, sizeof(full), "%s%s", machine->root, path);
	for (char *slash = full + strlen(machine->root) + 1; (slash = strchr(slash, '/'));
	     slash++) {
		*slash = '\0';
		(void)mkdir(full, 0755);
		*slash = '/';
	}
	file = fopen(full, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void take_away(const struct machine *machine, const char *path)
{
	char full[512];

	(void)snprintf(full, sizeof(full), "%s%s", machine->root, path);
	assert_int_equal(unlink(full), 0);
}

static int build_machine(void **state)
{
	struct machine *machine = calloc(1, sizeof(*machine));

	if (!machine)
		return -1;
	(void)strcpy(machine->root, "/tmp/eprof-test-preflight-XXXXXX");
	if (!mkdtemp(machine->root))
		return -1;
	machine->host = (struct preflight_host){
		.root = machine->root,
		.release = "6.12.1",
		.version = "#1 SMP",
		.program = "/usr/bin/eprof",
		.capabilities = ENOUGH,
	};
	machine->options.target = TARGET_ALL;
	machine->options.cpu = -1;
	machine->options.sample_hz = 99;
	machine->options.on_cpu = true;
	put(machine, "/sys/kernel/btf/vmlinux", "BTF");
	put(machine, "/sys/devices/system/cpu/online", "0-3,8\n");
	put(machine, "/proc/sys/kernel/perf_event_paranoid", "2\n");
	put(machine, "/proc/sys/kernel/perf_event_max_sample_rate", "50000\n");
	put(machine, "/proc/100/status", "Name:\tmain\nUmask:\t0022\nTgid:\t100\nPid:\t100\n");
	put(machine, "/proc/123/status", "Name:\tTgid: 5\nUmask:\t0022\nTgid:\t100\nPid:\t123\n");
	*state = machine;
	return 0;
}

static int tear_down_machine(void **state)
{
	struct machine *machine = *state;
	char command[128];
	int err;

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", machine->root);
	err = system(command);
	free(machine);
	return err;
}

static int check(const struct machine *machine, const char **ret_text)
{
	int err;

	hear();
	err = preflight_check_host(&machine->host, &machine->options);
	*ret_text = heard();
	return err;
}

static void check_ok(const struct machine *machine)
{
	const char *text;

	assert_int_equal(check(machine, &text), 0);
	assert_string_equal(text, "");
}

/* Fails with expected, and the one line is "eprof: " + line. */
static void check_line(const struct machine *machine, int expected, const char *line)
{
	const char *text;
	char expected_text[1024];

	(void)snprintf(expected_text, sizeof(expected_text), "eprof: %s\n", line);
	assert_int_equal(check(machine, &text), expected);
	assert_string_equal(text, expected_text);
}

static void a_good_machine_passes(void **state)
{
	struct machine *machine = *state;

	check_ok(machine);
	machine->options.target = TARGET_PIDS;
	machine->options.ids[machine->options.id_count++] = 100;
	machine->options.cpu = 8;
	machine->options.sample_hz = 50000;
	check_ok(machine);
	machine->options.target = TARGET_TIDS;
	machine->options.ids[machine->options.id_count++] = 123;
	check_ok(machine);
}

static void what_is_not_mounted_is_the_cause(void **state)
{
	struct machine *machine = *state;
	char expected[256], from[128], to[128];

	(void)snprintf(from, sizeof(from), "%s/sys", machine->root);
	(void)snprintf(to, sizeof(to), "%s/away", machine->root);
	assert_int_equal(rename(from, to), 0);
	(void)snprintf(expected, sizeof(expected),
		       "cannot read '%s/sys/devices': /sys is not mounted here", machine->root);
	check_line(machine, -ENOTSUP, expected);
	assert_int_equal(rename(to, from), 0);
	check_ok(machine);
	(void)snprintf(from, sizeof(from), "%s/proc", machine->root);
	assert_int_equal(rename(from, to), 0);
	(void)snprintf(expected, sizeof(expected),
		       "cannot read '%s/proc/sys': /proc is not mounted here", machine->root);
	check_line(machine, -ENOTSUP, expected);
}

static void check_version(const char *release, const char *version, const char *signature,
			  unsigned int major, unsigned int minor, unsigned int patch)
{
	struct kernel_version kernel;

	assert_int_equal(preflight_kernel_version(release, version, signature, &kernel), 0);
	assert_int_equal(kernel.major, major);
	assert_int_equal(kernel.minor, minor);
	assert_int_equal(kernel.patch, patch);
}

static void versions_are_upstreams(void **state)
{
	struct kernel_version kernel = { 1, 2, 3 };

	(void)state;
	check_version("6.1.38", "#1 SMP", NULL, 6, 1, 38);
	check_version("6.12.0-rc3", "#1 SMP", NULL, 6, 12, 0);
	check_version("5.15.0+", "#1", NULL, 5, 15, 0);
	check_version("6.12", "#1", NULL, 6, 12, 0);
	check_version("6.3.8-200.fc38.x86_64", "#1 SMP", NULL, 6, 3, 8);
	check_version("6.1.0-13-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.55-1 (2023-09-29)", NULL,
		      6, 1, 55);
	check_version("6.1.0-1028-oem", "#28-Ubuntu SMP", "Ubuntu 6.1.0-1028.28-oem 6.1.66", 6, 1,
		      66);
	check_version("6.2.3", "#1 Debian x", "nonsense", 6, 2, 3);
	assert_int_equal(preflight_kernel_version("mine", "#1", NULL, &kernel), -EINVAL);
	assert_int_equal(preflight_kernel_version("", "", "", &kernel), -EINVAL);
	assert_int_equal(kernel.major, 1);
}

static void kernels_that_lock_up_are_known(void **state)
{
	static const struct {
		struct kernel_version kernel;
		bool locks_up;
	} cases[] = {
		{ { 5, 15, 0 }, false }, { { 5, 18, 19 }, false }, { { 5, 19, 17 }, true },
		{ { 6, 0, 19 }, true },  { { 6, 1, 35 }, true },   { { 6, 1, 36 }, false },
		{ { 6, 2, 16 }, true },  { { 6, 3, 9 }, true },    { { 6, 3, 10 }, false },
		{ { 6, 4, 0 }, false },  { { 6, 18, 44 }, false }, { { 7, 0, 1 }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(preflight_kernel_locks_up(cases[i].kernel), cases[i].locks_up);
}

static void bad_kernels_are_refused(void **state)
{
	struct machine *machine = *state;
	const char *text;

	machine->host.release = "5.14.21";
	check_line(machine, -ENOTSUP, "Linux 5.14.21 is too old: eprof needs 5.15 or newer");
	machine->host.release = "4.19.0";
	assert_int_equal(check(machine, &text), -ENOTSUP);
	machine->host.release = "own";
	check_line(machine, -ENOTSUP, "cannot tell the version of this kernel from 'own'");
	machine->host.release = "6.1.0-9-amd64";
	machine->host.version = "#1 SMP Debian 6.1.27-1 (2023-05-08)";
	check_line(machine, -ENOTSUP,
		   "Linux 6.1.27 may lock up the machine while stacks are read: update to 6.1.36, "
		   "6.3.10, 6.4 or newer, or take the risk with --force");
	machine->options.force = true;
	assert_int_equal(check(machine, &text), 0);
	assert_string_equal(text, "eprof: warning: Linux 6.1.27 may lock up while stacks are read "
				  "(--force was given)\n");
	machine->options.force = false;
	machine->host.version = "#1 SMP Debian 6.1.55-1 (2023-09-29)";
	check_ok(machine);
	machine->host.version = "#1 SMP";
	put(machine, "/proc/version_signature", "Ubuntu 6.1.0-1028.28-oem 6.1.66\n");
	check_ok(machine);
}

static void a_kernel_without_btf_is_refused(void **state)
{
	const char *text;

	take_away(*state, "/sys/kernel/btf/vmlinux");
	assert_int_equal(check(*state, &text), -ENOTSUP);
	assert_non_null(strstr(text, "/sys/kernel/btf/vmlinux': No such file or directory; "));
	assert_non_null(strstr(text, "CONFIG_DEBUG_INFO_BTF=y\n"));
}

#define HOW_TO                                                                                     \
	"missing; type: sudo eprof ... (or once: sudo setcap "                                     \
	"cap_bpf,cap_perfmon,cap_sys_ptrace,cap_syslog=ep /usr/bin/eprof)"

static void exactly_the_missing_capabilities_are_named(void **state)
{
	struct machine *machine = *state;

	machine->host.capabilities = 0;
	check_line(machine, -EPERM, "CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_SYSLOG " HOW_TO);
	machine->options.user_only = true;
	check_line(machine, -EPERM, "CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE " HOW_TO);
	machine->options.user_only = false;
	machine->host.capabilities = ENOUGH & ~BIT(CAP_PERFMON);
	check_line(machine, -EPERM, "CAP_PERFMON " HOW_TO);
	machine->host.capabilities = BIT(CAP_SYS_ADMIN);
	check_line(machine, -EPERM, "CAP_SYS_PTRACE, CAP_SYSLOG " HOW_TO);
	machine->host.capabilities |= BIT(CAP_SYS_PTRACE) | BIT(CAP_SYSLOG);
	check_ok(machine);
	machine->host.capabilities = ENOUGH & ~BIT(CAP_SYS_PTRACE);
	machine->host.is_root = true;
	check_line(machine, -EPERM,
		   "root lacks CAP_SYS_PTRACE here: start the container with --privileged, or with "
		   "--cap-add for each of them");
	machine->host.capabilities = ENOUGH;
	machine->host.in_user_namespace = true;
	check_line(machine, -EPERM,
		   "inside a user namespace (a rootless container) the kernel lets nobody profile; "
		   "run eprof outside of it: sudo eprof ...");
}

static void refused_perf_events_are_explained(void **state)
{
	struct machine *machine = *state;

	put(machine, "/proc/sys/kernel/perf_event_paranoid", "4\n");
	check_ok(machine);
	machine->host.perf_event_errno = EACCES;
	check_line(machine, -EACCES,
		   "kernel.perf_event_paranoid is 4, which takes root; type: sudo "
		   "eprof ... (or: sudo sysctl kernel.perf_event_paranoid=2)");
	put(machine, "/proc/sys/kernel/perf_event_paranoid", "2\n");
	check_line(
		machine, -EACCES,
		"the kernel refuses perf_event_open(): Permission denied; a seccomp filter "
		"(container: --security-opt seccomp=unconfined) or a security module forbids it");
	take_away(machine, "/proc/sys/kernel/perf_event_paranoid");
	check_line(machine, -ENOTSUP,
		   "this kernel has no perf events: eprof needs one built with "
		   "CONFIG_PERF_EVENTS=y");
}

static void values_that_do_not_fit_the_machine_are_wrong_usage(void **state)
{
	struct machine *machine = *state;

	machine->options.sample_hz = 50001;
	check_line(
		machine, -EINVAL,
		"-F 50001 is above kernel.perf_event_max_sample_rate (50000); lower it, or type: "
		"sudo sysctl kernel.perf_event_max_sample_rate=50001");
	/* Where nothing is sampled, no rate is too high. */
	machine->options.on_cpu = false;
	check_ok(machine);
	machine->options.on_cpu = true;
	machine->options.sample_hz = 99;
	machine->options.cpu = 4;
	check_line(machine, -EINVAL, "-C 4: this CPU is not online (these are: 0-3,8)");
}

static void targets_must_exist(void **state)
{
	struct machine *machine = *state;

	machine->options.target = TARGET_PIDS;
	machine->options.ids[0] = 100;
	machine->options.ids[1] = 124;
	machine->options.id_count = 2;
	check_line(machine, -ESRCH, "no such process 124");
	machine->options.ids[1] = 123;
	check_line(machine, -EINVAL, "123 is a thread of process 100; use -t 123 or -p 100");
	machine->options.target = TARGET_TIDS;
	check_ok(machine);
	machine->options.ids[1] = 124;
	check_line(machine, -ESRCH, "no such thread 124");
}

static void the_cgroup2_mount_is_found(void **state)
{
	struct machine *machine = *state;
	char path[128];
	char *mount = NULL;

	(void)snprintf(path, sizeof(path), "%s/mountinfo", machine->root);
	put(machine, "/mountinfo",
	    "23 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
	    "32 31 0:29 / /cgroup2 rw shared:3 - cgroup cgroup rw,cpu\n"
	    "\n"
	    "garbage - cgroup2\n"
	    "40 31 0:30 / /mnt/my\\040groups\\134x rw,nosuid shared:4 master:1 - cgroup2 c rw\n"
	    "41 31 0:30 / /later rw - cgroup2 cgroup2 rw\n");
	assert_int_equal(preflight_cgroup2_mount(path, &mount), 0);
	assert_string_equal(mount, "/mnt/my groups\\x");
	free(mount);
	mount = NULL;
	put(machine, "/mountinfo", "23 1 254:1 / / rw - ext4 /dev/vda1 rw\n");
	assert_int_equal(preflight_cgroup2_mount(path, &mount), -ENODEV);
	assert_null(mount);
	assert_int_equal(preflight_cgroup2_mount("/nonexistent", &mount), -ENOENT);
}

static void cgroups_are_opened_by_both_kinds_of_path(void **state)
{
	char *mount = NULL;
	struct statfs fs;
	const char *text;
	int fd = -1;

	(void)state;
	if (preflight_cgroup2_mount("/proc/self/mountinfo", &mount) < 0)
		skip();
	assert_int_equal(preflight_cgroup(mount, &fd), 0);
	assert_int_equal(fstatfs(fd, &fs), 0);
	(void)close(fd);
	assert_int_equal(preflight_cgroup("/", &fd), 0);
	(void)close(fd);
	assert_int_equal(preflight_cgroup(".", &fd), 0);
	(void)close(fd);
	fd = -1;
	hear();
	assert_int_equal(preflight_cgroup("/tmp", &fd), -ENOTDIR);
	text = heard();
	assert_non_null(
		strstr(text, "eprof: -G '/tmp' is not a cgroup v2 directory; they are below "));
	hear();
	assert_int_equal(preflight_cgroup("no/such/group", &fd), -ENOENT);
	text = heard();
	assert_non_null(
		strstr(text, "eprof: -G 'no/such/group': there is no such cgroup below '/"));
	assert_int_equal(fd, -1);
	free(mount);
}

/* The real machine, with all rights dropped: whatever it is, it must not pass. */
static void a_process_without_rights_is_refused(void **state)
{
	struct record_options options = { .target = TARGET_ALL, .cpu = -1, .sample_hz = 99 };
	const char *text;
	int status;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		int err;

		capng_clear(CAPNG_SELECT_CAPS);
		if (capng_apply(CAPNG_SELECT_CAPS) < 0)
			exit(2);
		hear();
		err = preflight_check(&options);
		text = heard();
		exit(err < 0 && err != -EINVAL && strncmp(text, "eprof: ", 7) == 0 &&
				     strchr(text, '\n') == text + strlen(text) - 1
			     ? 0
			     : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Where this machine passes at all, a process that is gone must not. */
static void a_process_that_is_gone_is_noticed(void **state)
{
	struct record_options options = { .target = TARGET_ALL, .cpu = -1, .sample_hz = 1 };
	char expected[64];
	const char *text;
	int err;
	pid_t child;

	(void)state;
	hear();
	err = preflight_check(&options);
	text = heard();
	if (err < 0)
		skip(); /* not root, a container, an old kernel */
	assert_string_equal(text, "");
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	options.target = TARGET_PIDS;
	options.ids[0] = (int32_t)child;
	options.id_count = 1;
	hear();
	err = preflight_check(&options);
	text = heard();
	assert_int_equal(err, -ESRCH);
	(void)snprintf(expected, sizeof(expected), "eprof: no such process %d\n", (int)child);
	assert_string_equal(text, expected);
}

#define ON_MACHINE(test) cmocka_unit_test_setup_teardown(test, build_machine, tear_down_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_MACHINE(a_good_machine_passes),
		ON_MACHINE(what_is_not_mounted_is_the_cause),
		cmocka_unit_test(versions_are_upstreams),
		cmocka_unit_test(kernels_that_lock_up_are_known),
		ON_MACHINE(bad_kernels_are_refused),
		ON_MACHINE(a_kernel_without_btf_is_refused),
		ON_MACHINE(exactly_the_missing_capabilities_are_named),
		ON_MACHINE(refused_perf_events_are_explained),
		ON_MACHINE(values_that_do_not_fit_the_machine_are_wrong_usage),
		ON_MACHINE(targets_must_exist),
		ON_MACHINE(the_cgroup2_mount_is_found),
		cmocka_unit_test(cgroups_are_opened_by_both_kinds_of_path),
		cmocka_unit_test(a_process_without_rights_is_refused),
		cmocka_unit_test(a_process_that_is_gone_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
