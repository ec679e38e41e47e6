/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/target.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* 2026-01-02 03:04:05 UTC */
#define NOW 1767323045

static void check_described(const struct record_options *options, const char *expected)
{
	char text[TARGET_TEXT_SIZE];

	target_describe(options, text);
	assert_string_equal(text, expected);
}

static void check_directory(const struct record_options *options, const char *expected)
{
	char text[TARGET_TEXT_SIZE];

	target_directory(options, NOW, text);
	assert_string_equal(text, expected);
}

static pid_t reaped_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void a_process_is_described_by_name_and_number(void **state)
{
	struct record_options options = { .target = TARGET_PIDS,
					  .ids = { (int32_t)getpid() },
					  .id_count = 1 };
	char expected[64];

	(void)state;
	assert_int_equal(prctl(PR_SET_NAME, "my server"), 0);
	(void)snprintf(expected, sizeof(expected), "my server (pid %d)", (int)getpid());
	check_described(&options, expected);
	check_directory(&options, "eprof-my_server-20260102T030405Z");
}

static void who_has_an_empty_name_is_described_all_the_same(void **state)
{
	struct record_options options = { .target = TARGET_PIDS,
					  .ids = { (int32_t)getpid() },
					  .id_count = 1 };
	char expected[64];

	(void)state;
	assert_int_equal(prctl(PR_SET_NAME, ""), 0);
	(void)snprintf(expected, sizeof(expected), "[unnamed] (pid %d)", (int)getpid());
	check_described(&options, expected);
	(void)snprintf(expected, sizeof(expected), "eprof-pid-%d-20260102T030405Z", (int)getpid());
	check_directory(&options, expected);
	options.target = TARGET_TIDS;
	(void)snprintf(expected, sizeof(expected), "eprof-tid-%d-20260102T030405Z", (int)getpid());
	check_directory(&options, expected);
}

static void several_threads_are_described_by_the_first(void **state)
{
	struct record_options options = { .target = TARGET_TIDS,
					  .ids = { (int32_t)getpid(), 2, 3 },
					  .id_count = 3 };
	char expected[64];

	(void)state;
	assert_int_equal(prctl(PR_SET_NAME, "worker"), 0);
	(void)snprintf(expected, sizeof(expected), "worker (tid %d and 2 more)", (int)getpid());
	check_described(&options, expected);
}

static void a_process_that_is_gone_is_its_number(void **state)
{
	pid_t pid = reaped_pid();
	struct record_options options = { .target = TARGET_PIDS,
					  .ids = { (int32_t)pid },
					  .id_count = 1 };
	char expected[64];

	(void)state;
	(void)snprintf(expected, sizeof(expected), "%d (pid %d)", (int)pid, (int)pid);
	check_described(&options, expected);
	(void)snprintf(expected, sizeof(expected), "eprof-%d-20260102T030405Z", (int)pid);
	check_directory(&options, expected);
}

static void the_machine_a_command_and_a_cgroup_have_names(void **state)
{
	struct record_options options = { .target = TARGET_ALL };

	(void)state;
	check_described(&options, "the whole machine");
	check_directory(&options, "eprof-all-20260102T030405Z");
	options.target = TARGET_COMMAND;
	options.command = (char *[]){ "./bin/a.out", "-x", NULL };
	check_described(&options, "a.out");
	check_directory(&options, "eprof-a.out-20260102T030405Z");
	options.target = TARGET_CGROUP;
	options.cgroup = "system.slice/ssh.service";
	check_described(&options, "cgroup system.slice/ssh.service");
	check_directory(&options, "eprof-ssh.service-20260102T030405Z");
}

static void a_directory_is_always_one_name(void **state)
{
	struct record_options options = { .target = TARGET_PIDS,
					  .ids = { (int32_t)getpid() },
					  .id_count = 1 };

	(void)state;
	assert_int_equal(prctl(PR_SET_NAME, "../a/b\x1b\t"), 0);
	check_directory(&options, "eprof-.._a_b__-20260102T030405Z");
	options.target = TARGET_CGROUP;
	options.cgroup = "a/b/";
	check_directory(&options, "eprof-a_b_-20260102T030405Z");
	options.cgroup = "/";
	check_directory(&options, "eprof-_-20260102T030405Z");
}

static void long_names_are_cut(void **state)
{
	struct record_options options = { .target = TARGET_CGROUP };
	char name[1024], text[TARGET_TEXT_SIZE];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	options.cgroup = name;
	target_describe(&options, text);
	assert_int_equal(strlen(text), TARGET_TEXT_SIZE - 1);
	assert_int_equal(strncmp(text, "cgroup xxx", 10), 0);
	target_directory(&options, NOW, text);
	assert_in_range(strlen(text), 32, 128);
	assert_non_null(strstr(text, "x-20260102T030405Z"));
}

static void *tell_and_wait(void *context)
{
	int *pipes = context;
	pid_t tid = gettid();
	char byte;

	if (write(pipes[1], &tid, sizeof(tid)) != sizeof(tid))
		return "cannot write";
	return read(pipes[2], &byte, 1) == 0 ? NULL : "cannot wait";
}

static void threads_live_until_the_last_has_ended(void **state)
{
	struct record_options options = { .target = TARGET_TIDS,
					  .ids = { (int32_t)reaped_pid() },
					  .id_count = 1 };
	pthread_t thread;
	int pipes[4];
	void *error;
	pid_t tid;

	(void)state;
	assert_false(target_threads_alive(&options));
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pipe(pipes + 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, tell_and_wait, pipes), 0);
	assert_int_equal(read(pipes[0], &tid, sizeof(tid)), sizeof(tid));
	options.ids[options.id_count++] = (int32_t)tid;
	assert_true(target_threads_alive(&options));
	(void)close(pipes[3]);
	assert_int_equal(pthread_join(thread, &error), 0);
	assert_null(error);
	while (target_threads_alive(&options))
		; /* joined a moment before it leaves /proc; ctest ends what never comes */
	for (int i = 0; i < 3; i++)
		(void)close(pipes[i]);
}

static void *leave_first(void *context)
{
	char byte;

	/* Until the test has looked. */
	_exit(read(*(int *)context, &byte, 1) == 0 ? 0 : 1);
}

/* The first thread of a process has ended, and the others go on. */
static void a_zombie_is_not_alive(void **state)
{
	struct record_options options = { .target = TARGET_TIDS, .id_count = 1 };
	pthread_t thread;
	int ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[1]);
		if (pthread_create(&thread, NULL, leave_first, &ends[0]))
			_exit(1);
		(void)syscall(SYS_exit, 0);
	}
	(void)close(ends[0]);
	options.ids[0] = (int32_t)pid;
	while (target_threads_alive(&options))
		; /* it is on its way there; ctest ends what never comes */
	assert_int_equal(kill(pid, 0), 0);
	(void)close(ends[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_described_by_name_and_number),
		cmocka_unit_test(who_has_an_empty_name_is_described_all_the_same),
		cmocka_unit_test(several_threads_are_described_by_the_first),
		cmocka_unit_test(a_process_that_is_gone_is_its_number),
		cmocka_unit_test(the_machine_a_command_and_a_cgroup_have_names),
		cmocka_unit_test(a_directory_is_always_one_name),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(threads_live_until_the_last_has_ended),
		cmocka_unit_test(a_zombie_is_not_alive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
