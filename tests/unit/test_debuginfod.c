/* SPDX-License-Identifier: Apache-2.0 */
/* Against a server in a thread of this test, through the machine's own libdebuginfod. */
#include "agent/debuginfod.h"

#include <errno.h>

#include "agent/debuginfod_servers.h"
#include "tests/unit/debuginfod_fixture.h"
#include "tests/unit/hear.h"

static void what_a_server_has_comes(void **state)
{
	struct debuginfod *debuginfod = start(*state, LONG_BUDGET_S);

	ask(debuginfod, HTTP_HAS_FILE, 1);
	assert_int_equal(take_all(debuginfod), 1);
	assert_stats(debuginfod, 1, 0, 0, 0);
}

static void a_build_is_asked_for_once(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod *debuginfod = start(fixture, LONG_BUDGET_S);
	struct build_id none = { 0 };

	for (int i = 0; i < 3; i++)
		ask(debuginfod, HTTP_HAS_FILE, 1);
	assert_int_equal(take_all(debuginfod), 1);
	ask(debuginfod, HTTP_HAS_FILE, 1);
	assert_int_equal(take_all(debuginfod), 0);
	assert_int_equal(debuginfod_ask(debuginfod, &none), -EINVAL);
	assert_stats(debuginfod, 1, 0, 0, 0);
	assert_int_equal(http_server_requests(&fixture->server), 1);
}

static void what_no_server_has_is_remembered(void **state)
{
	struct debuginfod_config config = { .budget_s = LONG_BUDGET_S };
	struct fixture *fixture = *state;
	struct debuginfod *debuginfod, *second;

	require_library(fixture);
	assert_int_equal(debuginfod_start(&config, &second), 0);
	debuginfod = start(fixture, LONG_BUDGET_S);
	ask(debuginfod, 1, 1);
	assert_int_equal(take_all(debuginfod), 0);
	assert_stats(debuginfod, 0, 1, 0, 0);
	assert_int_equal(http_server_requests(&fixture->server), 1);
	ask(second, 1, 1);
	assert_int_equal(take_all(second), 0);
	assert_stats(second, 0, 1, 0, 0);
	assert_int_equal(http_server_requests(&fixture->server), 1);
	debuginfod_free(second);
}

static void many_are_asked_for_at_once(void **state)
{
	struct debuginfod *debuginfod = start(*state, LONG_BUDGET_S);

	for (int i = 0; i < 100; i++) {
		ask(debuginfod, HTTP_HAS_FILE, (uint8_t)i);
		ask(debuginfod, 1, (uint8_t)i);
	}
	assert_int_equal(take_all(debuginfod), 100);
	assert_stats(debuginfod, 100, 100, 0, 0);
}

static void a_silent_server_takes_no_more_than_the_budget(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod *debuginfod = start(fixture, SHORT_BUDGET_S);

	ask(debuginfod, HTTP_IS_SILENT, 1);
	ask(debuginfod, HTTP_HAS_FILE, 1);
	ask(debuginfod, HTTP_IS_STUCK, 1);
	assert_int_equal(take_all(debuginfod), 1);
	/* What is asked for afterwards is not waited for. */
	ask(debuginfod, HTTP_IS_SILENT, 2);
	assert_int_equal(take_all(debuginfod), 0);
	assert_stats(debuginfod, 1, 0, 0, 3);
	http_wait_for_end(http_server_wait(&fixture->server));
}

static void the_budget_ends_downloads_also_when_nobody_calls(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod *debuginfod = start(fixture, DEBUGINFOD_BUDGET_MIN_S);

	ask(debuginfod, HTTP_IS_SILENT, 1);
	http_wait_for_end(http_server_wait(&fixture->server));
	assert_int_equal(take_all(debuginfod), 0);
	assert_stats(debuginfod, 0, 0, 0, 1);
}

static void the_end_does_not_wait_for_downloads(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod *debuginfod = start(fixture, LONG_BUDGET_S);
	pid_t pids[CHILDREN_MAX];
	char command[128];
	int connection;

	/* More than there are children: some have not been begun. */
	for (int i = 0; i < 20; i++)
		ask(debuginfod, HTTP_IS_STUCK, (uint8_t)i);
	connection = http_server_wait(&fixture->server);
	assert_stats(debuginfod, 0, 0, 0, 20);
	http_wait_for_end(connection);
	assert_int_equal(children(pids), 0);
	/* They have removed what they had begun. */
	(void)snprintf(command, sizeof(command), "test -z \"$(find '%s' -name 'debuginfo.*')\"",
		       fixture->directory);
	assert_int_equal(system(command), 0);
}

static void waiting_can_be_interrupted(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod *debuginfod = start(fixture, LONG_BUDGET_S);
	struct build_id id;
	int ends[2], fd;

	assert_int_equal(pipe(ends), 0);
	ask(debuginfod, HTTP_IS_SILENT, 1);
	(void)http_server_wait(&fixture->server);
	assert_int_equal(write(ends[1], "", 1), 1);
	assert_false(debuginfod_wait(debuginfod, ends[0]));
	/* Nor does it wait for what is there already. */
	ask(debuginfod, HTTP_HAS_FILE, 1);
	assert_true(debuginfod_wait(debuginfod, -1));
	assert_false(debuginfod_wait(debuginfod, ends[0]));
	assert_int_equal(debuginfod_next(debuginfod, &id, &fd), 1);
	(void)close(fd);
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_stats(debuginfod, 1, 0, 0, 1);
}

static void a_missing_library_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod_config config = { .budget_s = 10, .library = "libnonesuch.so.1" };
	pid_t pids[CHILDREN_MAX];

	hear();
	assert_int_equal(debuginfod_start(&config, &fixture->debuginfod), -ELIBACC);
	assert_non_null(strstr(heard(), "libnonesuch.so.1"));
	assert_int_equal(children(pids), 0);
	http_server_start(&fixture->server);
}

static void no_server_to_ask_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod_config config = {
		.budget_s = 10,
		.servers_directory = fixture->directory,
	};

	assert_int_equal(unsetenv("DEBUGINFOD_URLS"), 0);
	hear();
	assert_int_equal(debuginfod_start(&config, &fixture->debuginfod), -ENOENT);
	assert_non_null(strstr(heard(), "DEBUGINFOD_URLS is not set"));
	assert_int_equal(setenv("DEBUGINFOD_URLS", " ", 1), 0);
	hear();
	assert_int_equal(debuginfod_start(&config, &fixture->debuginfod), -ENOENT);
	assert_non_null(strstr(heard(), "DEBUGINFOD_URLS is set to nothing"));
	http_server_start(&fixture->server);
}

static void too_many_servers_are_told(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod_config config = { .budget_s = 10 };
	char urls[DEBUGINFOD_SERVERS_MAX + 2];

	memset(urls, 'x', sizeof(urls) - 1);
	urls[sizeof(urls) - 1] = '\0';
	assert_int_equal(setenv("DEBUGINFOD_URLS", urls, 1), 0);
	hear();
	assert_int_equal(debuginfod_start(&config, &fixture->debuginfod), -E2BIG);
	assert_non_null(strstr(heard(), "longer than 4095 bytes"));
	http_server_start(&fixture->server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_server_has_comes),
		TEST(a_build_is_asked_for_once),
		TEST(what_no_server_has_is_remembered),
		TEST(many_are_asked_for_at_once),
		TEST(a_silent_server_takes_no_more_than_the_budget),
		TEST(the_budget_ends_downloads_also_when_nobody_calls),
		TEST(the_end_does_not_wait_for_downloads),
		TEST(waiting_can_be_interrupted),
		TEST(a_missing_library_is_told),
		TEST(no_server_to_ask_is_told),
		TEST(too_many_servers_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
