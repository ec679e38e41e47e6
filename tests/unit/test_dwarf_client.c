/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against readers that do what the files they are handed say: the client starts its own program for
 * a reader, which is this one.
 */
#include "agent/dwarf_client.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "tests/unit/child_process.h"
#include "tests/unit/dwarf_client_answers.h"

static void each_file_answers_for_itself(void **state)
{
	struct dwarf_client *client = new_client(LONG_NS);
	uint32_t one = open_file(client, "one"), two = open_file(client, "two");

	(void)state;
	assert_answers(client, two, "two");
	assert_answers(client, one, "one");
	assert_int_equal(stats_of(client).files, 2);
	assert_int_equal(stats_of(client).addresses, 2 * DWARF_LOOKUP_MAX);
	assert_true(stats_of(client).cpu_seconds > 0);
	dwarf_client_free(client);
}

static void nothing_is_started_before_there_is_a_file(void **state)
{
	struct dwarf_client *client = new_client(LONG_NS);

	(void)state;
	assert_true(stats_of(client).cpu_seconds == 0);
	dwarf_client_free(client);
	dwarf_client_free(NULL);
}

/* Each of these ends the reader; the file is left alone then, and another reader has the others. */
static void a_file_that_ends_the_reader_is_left_alone(void **state)
{
	static const char *const words[] = { "crash",    "leave",   "nonsense",
					     "too much", "too few", "too many" };
	size_t count = sizeof(words) / sizeof(words[0]);
	struct dwarf_client *client = new_client(LONG_NS);
	uint32_t good = open_file(client, "good");

	(void)state;
	for (size_t i = 0; i < count; i++) {
		uint32_t bad = open_file(client, words[i]);

		assert_true(find(client, bad, 5) < 0);
		assert_answers(client, good, "good");
		assert_int_equal(find(client, bad, 5), -EBADF);
	}
	assert_int_equal(stats_of(client).crashes, count);
	assert_int_equal(stats_of(client).timeouts + stats_of(client).refused, 0);
	assert_int_equal(stats_of(client).unread, 0);
	dwarf_client_free(client);
}

static void a_file_that_takes_too_long_is_left_alone(void **state)
{
	static const char *const words[] = { "hang", "promise" };
	struct dwarf_client *client = new_client(SHORT_NS);

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		uint32_t bad = open_file(client, words[i]);

		assert_int_equal(find(client, bad, 5), -ETIMEDOUT);
		assert_int_equal(find(client, bad, 5), -EBADF);
		assert_int_equal(stats_of(client).timeouts, i + 1);
	}
	assert_int_equal(stats_of(client).crashes, 0);
	dwarf_client_free(client);
}

static void files_that_are_refused_do_not_end_the_reader(void **state)
{
	struct dwarf_client *client = new_client(LONG_NS);
	uint32_t number = 77, fails;

	(void)state;
	assert_int_equal(dwarf_client_open(client, file_saying("refuse"), -1, &number), -ENOEXEC);
	assert_int_equal(number, 77);
	fails = open_file(client, "fail");
	assert_int_equal(find(client, fails, 5), -EIO);
	assert_answers(client, open_file(client, "good"), "good");
	assert_int_equal(stats_of(client).refused, 2);
	assert_int_equal(stats_of(client).crashes, 0);
	dwarf_client_free(client);
}

static void a_file_that_was_written_to_is_left_alone(void **state)
{
	struct dwarf_client *client = new_client(LONG_NS);
	int fd = file_saying("good"), kept = dup(fd);
	uint32_t file;

	(void)state;
	assert_int_equal(dwarf_client_open(client, fd, -1, &file), 0);
	assert_answers(client, file, "good");
	assert_int_equal(ftruncate(kept, 1000), 0);
	assert_int_equal(find(client, file, 5), -ESTALE);
	assert_int_equal(stats_of(client).refused, 1);
	(void)close(kept);
	dwarf_client_free(client);
}

static void readers_are_not_started_for_ever(void **state)
{
	struct dwarf_client *client = new_client(LONG_NS);
	uint32_t good = open_file(client, "good"), number;
	uint64_t crashes = 0;
	int err;

	(void)state;
	while ((err = dwarf_client_open(client, file_saying("crash open"), -1, &number)) !=
	       -ECONNABORTED) {
		assert_true(err < 0);
		crashes++;
		assert_in_range(crashes, 1, DWARF_READERS_MAX);
	}
	assert_in_range(crashes, DWARF_READERS_MAX / 2, DWARF_READERS_MAX);
	assert_int_equal(stats_of(client).crashes, crashes);
	assert_int_equal(find(client, good, 5), -ECONNABORTED);
	assert_int_equal(find(client, good, 5), -EBADF);
	assert_int_equal(dwarf_client_open(client, file_saying("good"), -1, &number),
			 -ECONNABORTED);
	assert_int_equal(stats_of(client).unread, 3);
	assert_int_equal(stats_of(client).files, crashes + 3);
	dwarf_client_free(client);
}

/* What finds no room in a reply is asked for again. */
static void answers_may_come_in_parts(void **state)
{
	struct dwarf_client *client = new_client(LONG_NS);

	(void)state;
	assert_answers(client, open_file(client, "two by two"), "two by two");
	assert_int_equal(stats_of(client).addresses, DWARF_LOOKUP_MAX);
	assert_int_equal(stats_of(client).left_out, 0);
	dwarf_client_free(client);
}

static void answers_that_cannot_be_told_are_counted(void **state)
{
	static const uint64_t addresses[] = { 1, 2, 3 };
	struct dwarf_client *client = new_client(LONG_NS);
	uint32_t file = open_file(client, "left out");
	struct answers answers = { 0 };

	(void)state;
	assert_int_equal(dwarf_client_find(client, file, addresses, 3, take_answer, &answers), 0);
	assert_int_equal(answers.count, 3);
	assert_int_equal(answers.frames, 0);
	assert_int_equal(stats_of(client).left_out, 3);
	dwarf_client_free(client);
}

/* How often it answers before it is given up. */
static size_t ask_until_given_up(struct dwarf_client *client, uint32_t file)
{
	size_t answered = 0;
	int err;

	while ((err = find(client, file, 5)) == 0)
		answered++;
	assert_int_equal(err, -ETIMEDOUT);
	assert_int_equal(find(client, file, 5), -EBADF);
	return answered;
}

static void a_file_has_so_much_time_in_all(void **state)
{
	struct dwarf_client *client = new_client(SLOW_REQUEST_NS);
	uint32_t slow = open_file(client, "slow"), good = open_file(client, "good");

	(void)state;
	assert_in_range(ask_until_given_up(client, slow), 1, 2 * DWARF_FILE_REQUESTS);
	assert_int_equal(stats_of(client).timeouts, 1);
	assert_answers(client, good, "good");
	dwarf_client_free(client);
}

static void slow_files_have_so_much_time_in_all(void **state)
{
	size_t most = DWARF_SLOW_REQUESTS / DWARF_FILE_REQUESTS + 1;
	struct dwarf_client *client = new_client(SLOW_REQUEST_NS);
	size_t answered = 0;

	(void)state;
	for (size_t i = 0; i < most; i++)
		answered += ask_until_given_up(client, open_file(client, "slow"));
	/* For the next ones only what is quick is left. */
	assert_in_range(answered, 1, 2 * DWARF_SLOW_REQUESTS + 1);
	assert_int_equal(find(client, open_file(client, "slow"), 5), -ETIMEDOUT);
	assert_int_equal(stats_of(client).timeouts, most + 1);
	dwarf_client_free(client);
}

static void an_interrupt_ends_the_waiting(void **state)
{
	struct dwarf_client *client = new_client(LONG_NS);
	uint32_t good = open_file(client, "good"), hangs = open_file(client, "hang"), number;
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	dwarf_client_set_interrupt(client, pipes[0]);
	assert_answers(client, good, "good");
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(find(client, hangs, 5), -EINTR);
	/* Who wants the end wants no other file to be read either. */
	assert_int_equal(find(client, good, 5), -EINTR);
	assert_int_equal(dwarf_client_open(client, file_saying("good"), -1, &number), -EINTR);
	assert_int_equal(stats_of(client).unread, 3);
	assert_int_equal(stats_of(client).crashes + stats_of(client).timeouts, 0);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	dwarf_client_free(client);
}

/* They go to all processes of a terminal, or of a service; names are asked for after that. */
static void signals_that_end_a_recording_do_not_end_the_reader(void **state)
{
	struct dwarf_client *client = new_client(LONG_NS);
	uint32_t good = open_file(client, "good");
	pid_t pid = only_child();

	(void)state;
	assert_int_equal(kill(pid, SIGINT), 0);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(kill(pid, SIGHUP), 0);
	assert_answers(client, good, "good");
	assert_int_equal(only_child(), pid);
	dwarf_client_free(client);
	/* It has been waited for. */
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

/* Somebody else has ended it, or the kernel for want of memory, while nobody asked. */
static void a_reader_that_ended_between_requests_costs_no_file(void **state)
{
	struct dwarf_client *client = new_client(LONG_NS);
	uint32_t one = open_file(client, "one"), two;
	pid_t pid = only_child();

	(void)state;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_answers(client, one, "one");
	assert_int_not_equal(only_child(), pid);
	assert_int_equal(kill(only_child(), SIGKILL), 0);
	two = open_file(client, "two");
	assert_answers(client, two, "two");
	assert_answers(client, one, "one");
	assert_int_equal(stats_of(client).crashes, 0);
	dwarf_client_free(client);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_answers_for_itself),
		cmocka_unit_test(nothing_is_started_before_there_is_a_file),
		cmocka_unit_test(a_file_that_ends_the_reader_is_left_alone),
		cmocka_unit_test(a_file_that_takes_too_long_is_left_alone),
		cmocka_unit_test(files_that_are_refused_do_not_end_the_reader),
		cmocka_unit_test(a_file_that_was_written_to_is_left_alone),
		cmocka_unit_test(readers_are_not_started_for_ever),
		cmocka_unit_test(answers_may_come_in_parts),
		cmocka_unit_test(answers_that_cannot_be_told_are_counted),
		cmocka_unit_test(a_file_has_so_much_time_in_all),
		cmocka_unit_test(slow_files_have_so_much_time_in_all),
		cmocka_unit_test(an_interrupt_ends_the_waiting),
		cmocka_unit_test(signals_that_end_a_recording_do_not_end_the_reader),
		cmocka_unit_test(a_reader_that_ended_between_requests_costs_no_file),
	};

	if (argc == 2 && !strcmp(argv[1], DWARF_SERVER_ARGUMENT))
		return read_for_client();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
