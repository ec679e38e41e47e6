/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process_roots.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A child whose root is this directory, if that is allowed; -1 otherwise. It waits to be killed. */
static pid_t start_in_root(const char *root)
{
	int pipes[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		byte = chroot(root) == 0 ? 'y' : 'n';
		(void)write(pipes[1], &byte, 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	if (byte == 'y')
		return pid;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return -1;
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static void our_own_root_needs_no_descriptor(void **state)
{
	struct process_roots roots = { 0 };

	(void)state;
	assert_int_equal(process_roots_find(&roots, (int32_t)getpid()), PROCESS_ROOT_OURS);
	assert_int_equal(roots.count, 1);
	process_roots_done(&roots);
}

static void who_has_gone_has_no_root(void **state)
{
	struct process_roots roots = { 0 };

	(void)state;
	assert_int_equal(process_roots_find(&roots, 1000000001), PROCESS_ROOT_UNKNOWN);
	assert_int_equal(roots.no_room, 0);
	process_roots_done(&roots);
}

static void processes_of_one_root_share_a_descriptor(void **state)
{
	char directories[2][32] = { "/tmp/eprof-root-XXXXXX", "/tmp/eprof-root-XXXXXX" };
	struct process_roots roots = { 0 };
	struct stat expected, found;
	pid_t pids[3];
	int fd, other;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_non_null(mkdtemp(directories[i]));
	for (int i = 0; i < 3; i++)
		pids[i] = start_in_root(directories[i / 2]);
	if (pids[0] < 0) {
		(void)rmdir(directories[0]);
		(void)rmdir(directories[1]);
		skip(); /* only root may change it */
	}
	fd = process_roots_find(&roots, (int32_t)pids[0]);
	assert_true(fd >= 0);
	assert_int_equal(process_roots_find(&roots, (int32_t)pids[1]), fd);
	other = process_roots_find(&roots, (int32_t)pids[2]);
	assert_true(other >= 0 && other != fd);
	for (int i = 0; i < 3; i++)
		end(pids[i]);
	/* It outlives who has it. */
	assert_int_equal(fstat(fd, &found), 0);
	assert_int_equal(stat(directories[0], &expected), 0);
	assert_true(found.st_ino == expected.st_ino && found.st_dev == expected.st_dev);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	process_roots_done(&roots);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(rmdir(directories[i]), 0);
}

/* Nobody may take it for one of ours: paths would mean other files. */
static void a_root_without_room_is_not_ours(void **state)
{
	char directory[] = "/tmp/eprof-root-XXXXXX";
	struct process_roots roots = { 0 };
	struct rlimit before, few;
	int found;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(directory));
	pid = start_in_root(directory);
	if (pid < 0) {
		(void)rmdir(directory);
		skip(); /* only root may change it */
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 6; /* half of them are for other things, and three are open */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	found = process_roots_find(&roots, (int32_t)pid);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(found, PROCESS_ROOT_UNKNOWN);
	assert_int_equal(roots.no_room, 1);
	process_roots_done(&roots);
	end(pid);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_root_needs_no_descriptor),
		cmocka_unit_test(who_has_gone_has_no_root),
		cmocka_unit_test(processes_of_one_root_share_a_descriptor),
		cmocka_unit_test(a_root_without_room_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
