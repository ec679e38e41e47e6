/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/loop.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct loop *loop;
	sigset_t before; /* the mask that loop_new() met, for the next test */
};

static int make_loop(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || sigprocmask(SIG_BLOCK, NULL, &fixture->before) < 0 ||
	    loop_new(&fixture->loop) < 0)
		return -1;
	*state = fixture;
	return 0;
}

static int free_loop(void **state)
{
	struct fixture *fixture = *state;

	loop_free(fixture->loop);
	if (sigprocmask(SIG_SETMASK, &fixture->before, NULL) < 0)
		return -1;
	free(fixture);
	return 0;
}

static unsigned int wait_once(const struct fixture *fixture)
{
	unsigned int events = 0;

	do { /* the end of one process of several is nothing to tell */
		assert_int_equal(loop_wait(fixture->loop, &events), 0);
	} while (!events);
	return events;
}

/* All that happened until event did. */
static unsigned int wait_until(const struct fixture *fixture, enum loop_event event)
{
	unsigned int all = 0;

	while (!(all & event))
		all |= wait_once(fixture);
	return all;
}

/* A child that ends when the returned descriptor is closed. */
static int start_child(pid_t *ret_pid)
{
	int ends[2];
	char byte;

	assert_int_equal(pipe(ends), 0);
	*ret_pid = fork();
	assert_true(*ret_pid >= 0);
	if (*ret_pid == 0) {
		(void)close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
	}
	(void)close(ends[0]);
	return ends[1];
}

static void a_timer_raises_its_event(void **state)
{
	const struct fixture *fixture = *state;
	struct timespec begin, end;
	int64_t passed_ns;

	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(loop_add_timer(fixture->loop, 0.02, false, LOOP_TIME_OVER), 0);
	assert_int_equal(wait_once(fixture), LOOP_TIME_OVER);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	passed_ns = (end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec;
	assert_true(passed_ns >= 20000000);
}

static void the_shortest_times_fire_too(void **state)
{
	const struct fixture *fixture = *state;

	assert_int_equal(loop_add_timer(fixture->loop, 1e-12, false, LOOP_TICK), 0);
	assert_int_equal(wait_once(fixture), LOOP_TICK);
}

static void only_periodic_timers_come_again(void **state)
{
	const struct fixture *fixture = *state;

	assert_int_equal(loop_add_timer(fixture->loop, 0.001, false, LOOP_TIME_OVER), 0);
	assert_int_equal(loop_add_timer(fixture->loop, 0.001, true, LOOP_DRAIN), 0);
	(void)wait_until(fixture, LOOP_TIME_OVER);
	for (int i = 0; i < 5; i++)
		assert_int_equal(wait_once(fixture), LOOP_DRAIN);
}

static void signals_wait_for_the_loop(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		assert_int_equal(kill(getpid(), signals[i]), 0);
		assert_int_equal(wait_once(fixture), LOOP_INTERRUPTED);
	}
	/* Each is told once. */
	assert_int_equal(loop_add_timer(fixture->loop, 0.001, false, LOOP_TICK), 0);
	assert_int_equal(wait_once(fixture), LOOP_TICK);
}

static bool has_signal(const struct loop *loop)
{
	struct pollfd file = { loop_signal_fd(loop), POLLIN, 0 };

	return poll(&file, 1, 0) > 0;
}

static void who_waits_for_something_else_sees_that_a_signal_has_come(void **state)
{
	const struct fixture *fixture = *state;

	assert_false(has_signal(fixture->loop));
	assert_int_equal(raise(SIGINT), 0);
	assert_true(has_signal(fixture->loop));
	assert_int_equal(wait_once(fixture), LOOP_INTERRUPTED);
	assert_false(has_signal(fixture->loop));
	/* What has come does not end us when signals do again what they did. */
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	loop_release_signals(fixture->loop);
	assert_false(has_signal(fixture->loop));
}

static void other_signals_stay_as_they_were(void **state)
{
	sigset_t set, before;
	struct loop *loop;

	(void)state;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR2);
	assert_int_equal(sigprocmask(SIG_SETMASK, &set, &before), 0);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &set), 0);
	assert_true(sigismember(&set, SIGUSR2));
	assert_true(sigismember(&set, SIGINT));
	assert_true(sigismember(&set, SIGTERM));
	assert_true(sigismember(&set, SIGHUP));
	assert_true(sigismember(&set, SIGQUIT));
	loop_release_signals(loop);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, &set), 0);
	assert_true(sigismember(&set, SIGUSR2));
	assert_false(sigismember(&set, SIGINT));
	loop_free(loop);
	loop_free(NULL);
}

/* As nohup does with SIGHUP, and a shell with SIGINT of what it runs in the background. */
static void ignored_signals_stay_ignored(void **state)
{
	sigset_t set, before;
	struct loop *loop;

	(void)state;
	assert_true(signal(SIGHUP, SIG_IGN) != SIG_ERR);
	assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &before), 0);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(raise(SIGHUP), 0);
	assert_false(has_signal(loop));
	assert_int_equal(raise(SIGINT), 0);
	assert_true(has_signal(loop));
	loop_release_signals(loop);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, &set), 0);
	assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
	loop_free(loop);
}

static void the_end_of_a_process_is_told_once(void **state)
{
	const struct fixture *fixture = *state;
	pid_t pid;
	int fd = start_child(&pid);

	assert_int_equal(loop_add_process(fixture->loop, pid), 0);
	assert_int_equal(loop_add_timer(fixture->loop, 0.001, true, LOOP_DRAIN), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(wait_once(fixture), LOOP_DRAIN);
	assert_int_equal(close(fd), 0);
	(void)wait_until(fixture, LOOP_PROCESSES_ENDED);
	for (int i = 0; i < 5; i++)
		assert_int_equal(wait_once(fixture), LOOP_DRAIN);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_zombie_has_ended_and_the_reaped_is_unknown(void **state)
{
	const struct fixture *fixture = *state;
	siginfo_t info;
	pid_t pid;

	assert_int_equal(close(start_child(&pid)), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(loop_add_process(fixture->loop, pid), 0);
	assert_int_equal(wait_once(fixture), LOOP_PROCESSES_ENDED);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(loop_add_process(fixture->loop, pid), -ESRCH);
}

static void the_end_of_all_processes_is_told_and_not_that_of_some(void **state)
{
	const struct fixture *fixture = *state;
	pid_t pids[3];
	int fds[3];

	for (int i = 0; i < 3; i++) {
		fds[i] = start_child(&pids[i]);
		assert_int_equal(loop_add_process(fixture->loop, pids[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		/* Before the loop looks at it, so that both may come together. */
		siginfo_t info;

		assert_int_equal(kill(pids[i], SIGKILL), 0);
		assert_int_equal(waitid(P_PID, (id_t)pids[i], &info, WEXITED | WNOWAIT), 0);
	}
	assert_int_equal(loop_add_timer(fixture->loop, 0.001, true, LOOP_DRAIN), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(wait_once(fixture), LOOP_DRAIN);
	assert_int_equal(kill(pids[2], SIGKILL), 0);
	(void)wait_until(fixture, LOOP_PROCESSES_ENDED);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
		(void)close(fds[i]);
	}
}

static void events_that_are_due_come_together(void **state)
{
	const struct fixture *fixture = *state;
	pid_t pid;
	int fd = start_child(&pid);
	siginfo_t info;

	assert_int_equal(loop_add_process(fixture->loop, pid), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(kill(getpid(), SIGINT), 0);
	assert_int_equal(wait_once(fixture), LOOP_PROCESSES_ENDED | LOOP_INTERRUPTED);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(fd);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, make_loop, free_loop)

static void a_hangup_asks_to_read_the_config_again(void **state)
{
	const struct fixture *fixture = *state;

	loop_set_reload(fixture->loop);
	assert_int_equal(raise(SIGHUP), 0);
	assert_int_equal(wait_once(fixture), LOOP_RELOAD);
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(wait_once(fixture), LOOP_INTERRUPTED);
}

static void descriptors_of_others_are_left_to_them(void **state)
{
	const struct fixture *fixture = *state;
	int ends[2];
	char byte = 'x';

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(loop_add_fd(fixture->loop, ends[0], LOOP_STATUS), 0);
	assert_int_equal(write(ends[1], &byte, 1), 1);
	/* Until its owner has read it. */
	assert_int_equal(wait_once(fixture), LOOP_STATUS);
	assert_int_equal(wait_once(fixture), LOOP_STATUS);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void a_timer_can_be_set_again(void **state)
{
	const struct fixture *fixture = *state;

	/* Longer than any test takes, then at once. */
	assert_int_equal(loop_set_timer(fixture->loop, 100000, LOOP_TIME_OVER), 0);
	assert_int_equal(loop_set_timer(fixture->loop, 0.001, LOOP_TIME_OVER), 0);
	assert_int_equal(wait_once(fixture), LOOP_TIME_OVER);
	assert_int_equal(loop_set_timer(fixture->loop, 0.001, LOOP_TIME_OVER), 0);
	assert_int_equal(wait_once(fixture), LOOP_TIME_OVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOOP(a_timer_raises_its_event),
		WITH_LOOP(the_shortest_times_fire_too),
		WITH_LOOP(only_periodic_timers_come_again),
		WITH_LOOP(signals_wait_for_the_loop),
		WITH_LOOP(who_waits_for_something_else_sees_that_a_signal_has_come),
		cmocka_unit_test(other_signals_stay_as_they_were),
		cmocka_unit_test(ignored_signals_stay_ignored),
		WITH_LOOP(the_end_of_a_process_is_told_once),
		WITH_LOOP(the_end_of_all_processes_is_told_and_not_that_of_some),
		WITH_LOOP(a_zombie_has_ended_and_the_reaped_is_unknown),
		WITH_LOOP(events_that_are_due_come_together),
		WITH_LOOP(a_hangup_asks_to_read_the_config_again),
		WITH_LOOP(descriptors_of_others_are_left_to_them),
		WITH_LOOP(a_timer_can_be_set_again),
	};

	/* Whoever runs this in the background ignores some. */
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
