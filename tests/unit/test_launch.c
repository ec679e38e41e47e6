/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void fork_command(char **command, struct launch *ret)
{
	struct signals before;

	signals_ignore(&before);
	assert_int_equal(launch_fork(command, &before, ret), 0);
	assert_true(ret->pid > 0);
}

/* Waits until the child has ended, and leaves it to launch_finish(). */
static void wait_for(const struct launch *launch)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)launch->pid, &info, WEXITED | WNOWAIT), 0);
}

static void check_exit_code(struct launch *launch, int expected)
{
	pid_t pid = launch->pid;
	int status = -1;

	wait_for(launch);
	assert_false(launch_finish(launch, &status));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
	assert_int_equal(kill(pid, 0), -1); /* reaped */
	launch_done(launch);
	assert_int_equal(launch->pid, 0);
}

static void a_command_runs_when_it_is_let_go(void **state)
{
	struct launch launch;

	(void)state;
	fork_command((char *[]){ "sh", "-c", "exit $1", "sh", "42", NULL }, &launch);
	assert_int_equal(launch_exec(&launch), 0);
	check_exit_code(&launch, 42);
}

/* Ignored signals as /proc shows them: SIGPIPE is bit 12, SIGXFSZ bit 24. */
static void check_ignored(const struct signals *before, char *pattern)
{
	struct launch launch;

	assert_int_equal(launch_fork((char *[]){ "grep", "-q", pattern, "/proc/self/status", NULL },
				     before, &launch),
			 0);
	assert_int_equal(launch_exec(&launch), 0);
	check_exit_code(&launch, 0);
}

static void what_eprof_ignores_the_command_does_not(void **state)
{
	struct signals before, again;

	(void)state;
	assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	assert_true(signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
	signals_ignore(&before);
	assert_int_equal(raise(SIGXFSZ), 0);
	check_ignored(&before, "^SigIgn:.[0-9a-f]*[02468ace]..[02468ace]...$");
	/* But for what whoever started us wanted ignored. */
	signals_ignore(&again);
	check_ignored(&again, "^SigIgn:.[0-9a-f]*[13579bdf]..[13579bdf]...$");
	signals_restore(&before);
	assert_true(signal(SIGPIPE, SIG_DFL) == SIG_DFL);
	assert_true(signal(SIGXFSZ, SIG_DFL) == SIG_DFL);
}

static void a_command_waits_until_it_is_let_go(void **state)
{
	char path[] = "/tmp/eprof-test-launch-XXXXXX";
	struct launch launch;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	fork_command((char *[]){ "rm", path, NULL }, &launch);
	assert_int_equal(access(path, F_OK), 0);
	launch_done(&launch); /* closes the pipe: the child gives up */
	assert_true(waitpid(-1, NULL, 0) > 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(path), 0);
	(void)close(fd);
}

static void a_child_that_is_never_let_go_ends_by_itself(void **state)
{
	struct launch launch;
	int status;
	pid_t pid;

	(void)state;
	fork_command((char *[]){ "sleep", "1000", NULL }, &launch);
	pid = launch.pid;
	launch_done(&launch);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 127);
	launch_done(&launch); /* twice is fine */
}

static void a_missing_command_gives_its_errno(void **state)
{
	struct launch launch;

	(void)state;
	/* Folders that may not be searched would change the errno. */
	assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
	fork_command((char *[]){ "/nonexistent/command", NULL }, &launch);
	assert_int_equal(launch_exec(&launch), -ENOENT);
	check_exit_code(&launch, 127);
	fork_command((char *[]){ "eprof-no-such-command-in-path", NULL }, &launch);
	assert_int_equal(launch_exec(&launch), -ENOENT);
	check_exit_code(&launch, 127);
}

static void a_file_that_is_no_program_gives_its_errno(void **state)
{
	char path[] = "/tmp/eprof-test-launch-XXXXXX";
	int fd = mkstemp(path);
	struct launch launch;

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	fork_command((char *[]){ path, NULL }, &launch); /* mode 0600 */
	assert_int_equal(launch_exec(&launch), -EACCES);
	check_exit_code(&launch, 127);
	fork_command((char *[]){ "/tmp", NULL }, &launch);
	assert_int_equal(launch_exec(&launch), -EACCES);
	check_exit_code(&launch, 127);
	assert_int_equal(unlink(path), 0);
}

static void a_child_killed_while_it_waits_is_an_error(void **state)
{
	struct launch launch;
	int status;

	(void)state;
	fork_command((char *[]){ "true", NULL }, &launch);
	assert_int_equal(kill(launch.pid, SIGKILL), 0);
	wait_for(&launch);
	assert_int_equal(launch_exec(&launch), -EPIPE);
	assert_false(launch_finish(&launch, &status));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	launch_done(&launch);
}

static void a_command_that_still_runs_is_asked_to_end(void **state)
{
	struct launch launch;
	int status = -1;
	pid_t pid;

	(void)state;
	fork_command((char *[]){ "sleep", "1000", NULL }, &launch);
	pid = launch.pid;
	assert_int_equal(launch_exec(&launch), 0);
	assert_true(launch_finish(&launch, &status));
	assert_int_equal(status, 0);
	assert_false(launch_finish(&launch, &status)); /* nothing is left to do */
	launch_done(&launch);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void nothing_launched_is_nothing_to_finish(void **state)
{
	struct launch launch = LAUNCH_NONE;
	int status = 77;

	(void)state;
	assert_false(launch_finish(&launch, &status));
	assert_int_equal(status, 0);
	launch_done(&launch);
}

/* Blocked signals as /proc shows them: grep itself is the command, shells have a mask of their own.
 */
static void check_blocked(const sigset_t *mask, char *pattern)
{
	struct signals before;
	struct launch launch;

	signals_ignore(&before);
	before.mask = *mask;

	assert_int_equal(launch_fork((char *[]){ "grep", "-q", pattern, "/proc/self/status", NULL },
				     &before, &launch),
			 0);
	assert_int_equal(launch_exec(&launch), 0);
	check_exit_code(&launch, 0);
}

/* The profiler blocks signals for its loop; the command must not inherit that. */
static void the_command_gets_the_mask_that_was_in_force(void **state)
{
	sigset_t blocked, mask, before;

	(void)state;
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGINT);
	(void)sigaddset(&blocked, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
	(void)sigemptyset(&mask);
	check_blocked(&mask, "^SigBlk:.0000000000000000$");
	(void)sigaddset(&mask, SIGUSR1);
	check_blocked(&mask, "^SigBlk:.0000000000000200$");
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void read_comm(pid_t pid, char *ret, size_t size)
{
	char path[64];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(ret, (int)size, file));
	(void)fclose(file);
}

/* Samples between fork and exec are shown under the command's name. */
static void the_waiting_child_bears_the_commands_name(void **state)
{
	struct launch launch;
	char comm[64];

	(void)state;
	fork_command((char *[]){ "/some/where/else", NULL }, &launch);
	do { /* until the child has come that far; ctest ends what never comes */
		(void)sched_yield();
		read_comm(launch.pid, comm, sizeof(comm));
	} while (strcmp(comm, "else\n"));
	assert_int_equal(launch_exec(&launch), -ENOENT);
	check_exit_code(&launch, 127);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_runs_when_it_is_let_go),
		cmocka_unit_test(what_eprof_ignores_the_command_does_not),
		cmocka_unit_test(a_command_waits_until_it_is_let_go),
		cmocka_unit_test(a_child_that_is_never_let_go_ends_by_itself),
		cmocka_unit_test(a_missing_command_gives_its_errno),
		cmocka_unit_test(a_file_that_is_no_program_gives_its_errno),
		cmocka_unit_test(a_child_killed_while_it_waits_is_an_error),
		cmocka_unit_test(a_command_that_still_runs_is_asked_to_end),
		cmocka_unit_test(nothing_launched_is_nothing_to_finish),
		cmocka_unit_test(the_command_gets_the_mask_that_was_in_force),
		cmocka_unit_test(the_waiting_child_bears_the_commands_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
