/* SPDX-License-Identifier: Apache-2.0 */
/* Against a server in a thread of this test, through the machine's own libdebuginfod. */
#include "agent/debuginfod.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/debuginfod_worker.h"
#include "tests/unit/hear.h"
#include "tests/unit/http_server.h"

/* So much that a test which has to wait for its end fails by its own time limit. */
#define LONG_BUDGET_S 1000

/* Long enough for what is answered at once. */
#define SHORT_BUDGET_S (DEBUGINFOD_BUDGET_MIN_S + 2)

#define CHILDREN_MAX 16

struct fixture {
	char directory[40]; /* the cache of libdebuginfod is in it */
	struct http_server server;
	struct debuginfod *debuginfod;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	char url[64];

	(void)snprintf(fixture.directory, sizeof(fixture.directory), "/tmp/eprof-download-XXXXXX");
	assert_non_null(mkdtemp(fixture.directory));
	http_server_listen(&fixture.server);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", fixture.server.port);
	assert_int_equal(setenv("DEBUGINFOD_URLS", url, 1), 0);
	assert_int_equal(setenv("DEBUGINFOD_CACHE_PATH", fixture.directory, 1), 0);
	assert_int_equal(setenv("no_proxy", "*", 1), 0);
	fixture.debuginfod = NULL;
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	debuginfod_free(fixture->debuginfod);
	http_server_stop(&fixture->server);
	(void)snprintf(command, sizeof(command), "rm -r '%s'", fixture->directory);
	return system(command);
}

static void require_library(struct fixture *fixture)
{
	void *library = dlopen(DEBUGINFOD_LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (library) {
		(void)dlclose(library);
		return;
	}
	print_message("%s is not installed\n", DEBUGINFOD_LIBRARY);
	http_server_start(&fixture->server);
	skip();
}

/* The children first: they begin as copies of a process without threads. */
static struct debuginfod *start(struct fixture *fixture, double budget_s)
{
	struct debuginfod_config config = { .budget_s = budget_s };

	require_library(fixture);
	assert_int_equal(debuginfod_start(&config, &fixture->debuginfod), 0);
	http_server_start(&fixture->server);
	return fixture->debuginfod;
}

static struct build_id id_of(uint8_t first, uint8_t last)
{
	struct build_id id = { .size = BUILD_ID_SIZE_MAX, .bytes = { first } };

	id.bytes[BUILD_ID_SIZE_MAX - 1] = last;
	return id;
}

static void ask(struct debuginfod *debuginfod, uint8_t first, uint8_t last)
{
	struct build_id id = id_of(first, last);

	assert_int_equal(debuginfod_ask(debuginfod, &id), 0);
}

/* Waits for all that can come; how many files did. They must be what was asked for. */
static size_t take_all(struct debuginfod *debuginfod)
{
	size_t count = 0;

	while (debuginfod_wait(debuginfod, -1)) {
		char bytes[sizeof(HTTP_FILE)] = "";
		struct build_id id;
		int fd;

		if (debuginfod_next(debuginfod, &id, &fd) == 0)
			continue;
		assert_int_equal(id.bytes[0], HTTP_HAS_FILE);
		assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes) - 1);
		assert_string_equal(bytes, HTTP_FILE);
		(void)close(fd);
		count++;
	}
	return count;
}

static void assert_stats(struct debuginfod *debuginfod, uint64_t found, uint64_t not_found,
			 uint64_t failed, uint64_t gave_up)
{
	struct debuginfod_stats stats;

	debuginfod_stop(debuginfod);
	debuginfod_read_stats(debuginfod, &stats);
	assert_int_equal(stats.found, found);
	assert_int_equal(stats.not_found, not_found);
	assert_int_equal(stats.failed, failed);
	assert_int_equal(stats.gave_up, gave_up);
	assert_int_equal(stats.asked, found + not_found + failed + gave_up);
	assert_int_equal(stats.error != 0, failed != 0);
}

/* Our children, zombies included. */
static size_t children(pid_t *ret)
{
	char path[64];
	FILE *file;
	size_t count = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	assert_non_null(file);
	while (count < CHILDREN_MAX && fscanf(file, "%d", &ret[count]) == 1)
		count++;
	(void)fclose(file);
	return count;
}

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

static void a_cache_that_cannot_be_written_is_a_failure(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod *debuginfod = start(fixture, LONG_BUDGET_S);

	/* root can without being told to, but for the children's want of capabilities. */
	assert_int_equal(chmod(fixture->directory, 0500), 0);
	ask(debuginfod, HTTP_HAS_FILE, 1);
	assert_int_equal(take_all(debuginfod), 0);
	assert_int_equal(chmod(fixture->directory, 0700), 0);
	assert_stats(debuginfod, 0, 0, 1, 0);
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

static void the_children_have_no_capabilities_and_no_files_of_ours(void **state)
{
	struct debuginfod *debuginfod;
	pid_t pids[CHILDREN_MAX];
	char path[64], line[256];
	size_t count;
	int ours = 100;

	assert_int_equal(dup2(STDERR_FILENO, ours), ours);
	debuginfod = start(*state, LONG_BUDGET_S);
	count = children(pids);
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		uint64_t effective = 1;
		FILE *status;

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pids[i], ours);
		assert_int_equal(access(path, F_OK), -1);
		(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pids[i]);
		status = fopen(path, "re");
		assert_non_null(status);
		while (fgets(line, sizeof(line), status))
			(void)sscanf(line, "CapEff: %" SCNx64, &effective);
		(void)fclose(status);
		assert_int_equal(effective, 0);
	}
	(void)close(ours);
	assert_stats(debuginfod, 0, 0, 0, 0);
}

static void children_that_die_are_not_waited_for(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod *debuginfod = start(fixture, LONG_BUDGET_S);
	pid_t pids[CHILDREN_MAX];
	size_t count = children(pids);

	ask(debuginfod, HTTP_IS_SILENT, 1);
	(void)http_server_wait(&fixture->server);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(kill(pids[i], SIGKILL), 0);
	assert_int_equal(take_all(debuginfod), 0);
	ask(debuginfod, HTTP_HAS_FILE, 1);
	assert_int_equal(take_all(debuginfod), 0);
	assert_stats(debuginfod, 0, 0, 0, 2);
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
	assert_non_null(strstr(heard(), "DEBUGINFOD_URLS"));
	http_server_start(&fixture->server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_server_has_comes),
		TEST(a_build_is_asked_for_once),
		TEST(what_no_server_has_is_remembered),
		TEST(many_are_asked_for_at_once),
		TEST(a_cache_that_cannot_be_written_is_a_failure),
		TEST(a_silent_server_takes_no_more_than_the_budget),
		TEST(the_budget_ends_downloads_also_when_nobody_calls),
		TEST(the_end_does_not_wait_for_downloads),
		TEST(waiting_can_be_interrupted),
		TEST(the_children_have_no_capabilities_and_no_files_of_ours),
		TEST(children_that_die_are_not_waited_for),
		TEST(a_missing_library_is_told),
		TEST(no_server_to_ask_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
