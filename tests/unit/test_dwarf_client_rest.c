/* SPDX-License-Identifier: Apache-2.0 */
/* What the client does with its reader, and with what it has counted, between questions. */
#include "agent/dwarf_client.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/child_process.h"
#include "tests/unit/dwarf_client_answers.h"

static const struct dwarf_client_room room = { UINT64_MAX / 2, UINT64_MAX / 2 };

static void what_is_slow_for_long_is_given_time_again(void **state)
{
	struct dwarf_client *client = new_client(SLOW_REQUEST_NS);
	uint32_t slow = open_file(client, "slow");
	uint64_t now_ns = NS_PER_SECOND;

	(void)state;
	dwarf_client_rest(client, &room, now_ns);
	for (size_t i = 0; i < 2 * DWARF_FILE_REQUESTS + 2; i++) {
		assert_int_equal(find(client, slow, 5), 0);
		dwarf_client_rest(client, &room, now_ns += 100 * SLOW_REQUEST_NS);
	}
	dwarf_client_free(client);
}

static void a_reader_is_started_again_after_an_hour(void **state)
{
	struct dwarf_client *client = new_client(LONG_NS);
	uint64_t now_ns = NS_PER_SECOND;
	uint32_t number;

	(void)state;
	dwarf_client_rest(client, &room, now_ns);
	while (dwarf_client_open(client, file_saying("crash open"), -1, &number) != -ECONNABORTED)
		;
	dwarf_client_rest(client, &room, now_ns += 3599 * NS_PER_SECOND);
	assert_int_equal(dwarf_client_open(client, file_saying("good"), -1, &number),
			 -ECONNABORTED);
	dwarf_client_rest(client, &room, now_ns + NS_PER_SECOND);
	assert_answers(client, open_file(client, "good"), "good");
	dwarf_client_free(client);
}

static void a_reader_that_has_grown_is_another_one_then(void **state)
{
	static const struct dwarf_client_room none = { 0, 0 };
	struct dwarf_client *client = new_client(LONG_NS);
	uint32_t one = open_file(client, "one");
	uint64_t now_ns = NS_PER_SECOND;

	(void)state;
	/* At once, and after hours: what is given back meanwhile is not what lives. */
	for (size_t i = 0; i < 2 * DWARF_READERS_MAX; i++) {
		pid_t pid = only_child();

		dwarf_client_rest(client, &room, now_ns);
		assert_int_equal(only_child(), pid);
		if (i > DWARF_READERS_MAX)
			now_ns += 3600 * NS_PER_SECOND;
		dwarf_client_rest(client, &none, now_ns);
		assert_int_equal(kill(pid, 0), -1);
		assert_answers(client, one, "one");
	}
	assert_int_equal(stats_of(client).crashes, 0);
	dwarf_client_free(client);
}

static void what_a_reader_had_for_its_answers_is_no_growth(void **state)
{
	static const struct dwarf_client_room less = { UINT64_MAX / 2, LARGE_BYTES / 2 };
	struct dwarf_client *client = new_client(LONG_NS);
	uint32_t large = open_file(client, "large");
	pid_t pid = only_child();

	(void)state;
	dwarf_client_rest(client, &less, NS_PER_SECOND);
	for (uint64_t i = 2; i < 4; i++) {
		struct dwarf_client_usage usage;

		assert_answers(client, large, "large");
		dwarf_client_usage_of(client, &usage);
		assert_true(usage.resident_bytes > LARGE_BYTES);
		dwarf_client_rest(client, &less, i * NS_PER_SECOND);
		assert_int_equal(only_child(), pid);
	}
	dwarf_client_free(client);
}

static void a_file_that_does_not_rest_is_given_up(void **state)
{
	static const char *const words[] = { "crash rest", "hang rest" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct dwarf_client *client = new_client(SHORT_NS);
		uint32_t good = open_file(client, "good");
		uint32_t file = open_file(client, words[i]);
		pid_t pid = only_child();

		dwarf_client_rest(client, &room, NS_PER_SECOND);
		assert_int_equal(kill(pid, 0), -1);
		assert_int_equal(stats_of(client).crashes, i == 0);
		assert_int_equal(stats_of(client).timeouts, i == 1);
		assert_int_equal(find(client, file, 5), -EBADF);
		assert_answers(client, good, "good");
		pid = only_child();
		dwarf_client_rest(client, &room, NS_PER_SECOND);
		assert_int_equal(only_child(), pid);
		dwarf_client_free(client);
	}
}

static void a_reader_that_ended_before_it_rests_costs_no_file(void **state)
{
	struct dwarf_client *client = new_client(LONG_NS);
	uint32_t good = open_file(client, "good");
	siginfo_t end;

	(void)state;
	assert_int_equal(kill(only_child(), SIGKILL), 0);
	assert_int_equal(waitid(P_ALL, 0, &end, WEXITED | WNOWAIT), 0);
	dwarf_client_rest(client, &room, NS_PER_SECOND);
	assert_answers(client, good, "good");
	assert_int_equal(stats_of(client).crashes + stats_of(client).timeouts, 0);
	dwarf_client_free(client);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_slow_for_long_is_given_time_again),
		cmocka_unit_test(a_reader_is_started_again_after_an_hour),
		cmocka_unit_test(a_reader_that_has_grown_is_another_one_then),
		cmocka_unit_test(what_a_reader_had_for_its_answers_is_no_growth),
		cmocka_unit_test(a_file_that_does_not_rest_is_given_up),
		cmocka_unit_test(a_reader_that_ended_before_it_rests_costs_no_file),
	};

	if (argc == 2 && !strcmp(argv[1], DWARF_SERVER_ARGUMENT))
		return read_for_client();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
