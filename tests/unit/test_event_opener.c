/* SPDX-License-Identifier: Apache-2.0 */
/* The process that opens events: it has one capability, and opens what it is asked for. */
#include "agent/event_opener.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/perf_event.h"
#include "agent/seccomp_filter.h"
#include "base/cleanup.h"
#include "tests/unit/child_process.h"

/* linux/capability.h: 1 << CAP_SYS_ADMIN */
#define ONLY_ADMIN "0000000000200000"
#define NOBODY     65534

static const struct perf_event_attr clock_event = {
	.size = sizeof(clock_event),
	.type = PERF_TYPE_SOFTWARE,
	.config = PERF_COUNT_SW_CPU_CLOCK,
	.disabled = 1,
};

static void without_one_there_is_nobody_to_ask(void **state)
{
	(void)state;
	assert_int_equal(event_opener_ask(&clock_event, -1, 0), -ENOTCONN);
}

static void events_that_it_opens_are_ours(void **state)
{
	CLEANUP(cleanup_fd) int fd = -1;
	uint64_t count;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(event_opener_start_always(NOBODY, NOBODY), 0);
	fd = event_opener_ask(&clock_event, -1, 0);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
}

static void what_the_kernel_refuses_is_told(void **state)
{
	struct perf_event_attr unknown = clock_event;

	(void)state;
	if (geteuid() != 0)
		skip();
	unknown.config = UINT64_MAX;
	assert_int_equal(event_opener_ask(&unknown, -1, 0), -ENOENT);
	/* Another process is not to be looked into. */
	assert_int_equal(event_opener_ask(&clock_event, 1, -1), -EINVAL);
	assert_int_equal(event_opener_ask(&clock_event, -1, 1 << 20), -EINVAL);
}

static void it_has_one_capability_and_a_filter(void **state)
{
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = only_child();
	assert_status(pid, "CapEff", ONLY_ADMIN);
	assert_status(pid, "CapPrm", ONLY_ADMIN);
	assert_status(pid, "CapBnd", "0000000000000000");
	assert_status(pid, "NoNewPrivs", "1");
	assert_status(pid, "Uid", "65534\t65534\t65534\t65534");
#ifdef FILTER_ARCH
	assert_status(pid, "Seccomp", "2");
#endif
}

/* In a child, as what it does to itself does not end: 0, or the number of what went wrong. */
static void check_in_child(int (*check)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	/* Before _exit() a sanitizer makes calls of its own, which the filter refuses. */
	if (pid == 0)
		(void)syscall(SYS_exit_group, check());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0)
		fail_msg("the child's step %d is wrong", WEXITSTATUS(status));
}

#ifdef FILTER_ARCH

static bool is_refused(long result)
{
	return result == -1 && errno == EPERM;
}

/* System calls as they are: those of the C library do more than one. */
static int confine_and_try(void)
{
	static const char path[] = "/proc/self/status";

	if (event_opener_confine(NOBODY, NOBODY) < 0)
		return 1;
	if (!is_refused(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY)))
		return 2;
	if (!is_refused(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0)))
		return 3;
	if (!is_refused(syscall(SYS_bpf, 0, NULL, 0)))
		return 4;
	if (!is_refused(syscall(SYS_mount, path, path, NULL, 0, NULL)))
		return 5;
	if (!is_refused(syscall(SYS_ptrace, 0, 0, NULL, NULL)))
		return 6;
	if (!is_refused(syscall(SYS_setuid, 0)))
		return 7;
	return syscall(SYS_perf_event_open, &clock_event, -1, 0, -1, 0) < 0 ? 8 : 0;
}

static void nothing_else_is_open_to_it(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	check_in_child(confine_and_try);
}

/* As a kernel refuses them. */
static int refuse_events(void)
{
	static const struct sock_filter program[] = {
		FILTER_BEGINNING,
		IS(SYS_perf_event_open, 0, 1),
		ANSWER(SECCOMP_RET_ERRNO | EACCES),
		ALLOW,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return seccomp_filter_enter(program, sizeof(program) / sizeof(program[0]));
}

static int open_though_refused(void)
{
	struct perf_event_attr unknown = clock_event;
	uint64_t count;
	int fd;

	if (refuse_events() < 0)
		return 1;
	fd = perf_event_open_cpu(&clock_event, 0);
	if (fd < 0 || read(fd, &count, sizeof(count)) != sizeof(count))
		return 2;
	/* What was said to the opener goes before what was said to us. */
	unknown.config = UINT64_MAX;
	return perf_event_open_cpu(&unknown, 0) == -ENOENT ? 0 : 3;
}

static int open_without_opener(void)
{
	if (refuse_events() < 0)
		return 1;
	return perf_event_open_cpu(&clock_event, 0) == -EACCES ? 0 : 2;
}

static void what_is_refused_to_us_is_asked_of_it(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	check_in_child(open_though_refused);
}

static void without_one_the_refusal_is_the_answer(void **state)
{
	(void)state;
	check_in_child(open_without_opener);
}

#endif

/* Last: there is none any more. */
static void when_it_is_gone_that_is_said(void **state)
{
	int pid, status;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = only_child();
	assert_int_equal(kill(pid, SIGTERM), 0); /* which it does not hear */
	assert_true(event_opener_ask(&clock_event, 1, -1) == -EINVAL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(event_opener_ask(&clock_event, -1, 0), -EPIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_one_there_is_nobody_to_ask),
#ifdef FILTER_ARCH
		cmocka_unit_test(without_one_the_refusal_is_the_answer),
#endif
		cmocka_unit_test(events_that_it_opens_are_ours),
		cmocka_unit_test(what_the_kernel_refuses_is_told),
		cmocka_unit_test(it_has_one_capability_and_a_filter),
#ifdef FILTER_ARCH
		cmocka_unit_test(nothing_else_is_open_to_it),
		cmocka_unit_test(what_is_refused_to_us_is_asked_of_it),
#endif
		cmocka_unit_test(when_it_is_gone_that_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
