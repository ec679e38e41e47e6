/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes are that download, and what happens when they end. */
#include "agent/debuginfod_child.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/debuginfod_fixture.h"
#include "tests/unit/hear.h"

static void a_cache_that_cannot_be_written_is_a_failure(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod *debuginfod = start(fixture, LONG_BUDGET_S);
	char cache[sizeof(fixture->directory) + 32];

	/* root can without being told to; the children are not root. */
	(void)snprintf(cache, sizeof(cache), "%s%s", fixture->directory,
		       geteuid() == 0 ? "/eprof-debuginfod/files" : "");
	assert_int_equal(chmod(cache, 0500), 0);
	ask(debuginfod, HTTP_HAS_FILE, 1);
	assert_int_equal(take_all(debuginfod), 0);
	assert_int_equal(chmod(cache, 0700), 0);
	assert_stats(debuginfod, 0, 0, 1, 0);
}

static void a_cache_of_somebody_else_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod_config config = { .budget_s = LONG_BUDGET_S };
	char cache[sizeof(fixture->directory) + 32];

	require_library(fixture);
	http_server_start(&fixture->server);
	if (geteuid() != 0)
		skip();
	(void)snprintf(cache, sizeof(cache), "%s/eprof-debuginfod", fixture->directory);
	assert_int_equal(mkdir(cache, 0777), 0);
	assert_int_equal(chmod(cache, 0777), 0);
	hear();
	assert_true(debuginfod_start(&config, &fixture->debuginfod) < 0);
	assert_non_null(strstr(heard(), cache));
}

static void assert_status(const char *text, const char *name, const char *value)
{
	char line[128];

	(void)snprintf(line, sizeof(line), "\n%s:\t%s\n", name, value);
	if (!strstr(text, line))
		fail_msg("%s is not '%s'", name, value);
}

static void assert_unprivileged(pid_t pid)
{
	static const char *const caps[] = { "CapInh", "CapPrm", "CapEff", "CapAmb" };
	static const char nobody[] = "65534\t65534\t65534\t65534";
	char path[64], text[4096];
	FILE *status;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	assert_non_null(status);
	n = fread(text, 1, sizeof(text) - 1, status);
	text[n] = '\0';
	(void)fclose(status);
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		assert_status(text, caps[i], "0000000000000000");
	assert_status(text, "NoNewPrivs", "1");
	if (geteuid() != 0)
		return;
	assert_status(text, "Uid", nobody);
	assert_status(text, "Gid", nobody);
	assert_status(text, "Groups", " ");
}

static void the_children_have_no_privileges_and_no_files_of_ours(void **state)
{
	struct debuginfod *debuginfod;
	pid_t pids[CHILDREN_MAX];
	char path[64];
	size_t count;
	int ours = 100;

	assert_int_equal(dup2(STDERR_FILENO, ours), ours);
	debuginfod = start(*state, LONG_BUDGET_S);
	count = children(pids);
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pids[i], ours);
		assert_int_equal(access(path, F_OK), -1);
		assert_unprivileged(pids[i]);
	}
	(void)close(ours);
	assert_stats(debuginfod, 0, 0, 0, 0);
}

static void their_time_is_known(void **state)
{
	struct debuginfod *debuginfod = start(*state, LONG_BUDGET_S);
	struct debuginfod_stats stats;

	assert_stats(debuginfod, 0, 0, 0, 0);
	debuginfod_read_stats(debuginfod, &stats);
	/* That of loading the library, at least. */
	assert_true(stats.cpu_seconds > 0);
}

static void children_that_die_are_not_waited_for(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod *debuginfod = start(fixture, LONG_BUDGET_S);
	pid_t pids[CHILDREN_MAX];
	size_t count = children(pids);

	ask(debuginfod, HTTP_IS_SILENT, 1);
	(void)http_server_wait(&fixture->server);
	for (size_t i = 0; i < count; i++) {
		siginfo_t info;

		assert_int_equal(kill(pids[i], SIGKILL), 0);
		assert_int_equal(waitid(P_PID, (id_t)pids[i], &info, WEXITED | WNOWAIT), 0);
	}
	assert_int_equal(take_all(debuginfod), 0);
	ask(debuginfod, HTTP_HAS_FILE, 1);
	assert_int_equal(take_all(debuginfod), 0);
	assert_false(debuginfod_is_waiting(debuginfod));
	assert_stats(debuginfod, 0, 0, 1, 1);
}

static void one_that_dies_takes_along_only_what_it_worked_on(void **state)
{
	struct fixture *fixture = *state;
	struct debuginfod *debuginfod = start(fixture, LONG_BUDGET_S);
	pid_t pids[CHILDREN_MAX];
	int connection;

	assert_true(children(pids) > 1);
	/* The first one is given the first. */
	ask(debuginfod, HTTP_IS_SILENT, 1);
	connection = http_server_wait(&fixture->server);
	assert_int_equal(kill(pids[0], SIGKILL), 0);
	http_wait_for_end(connection);
	assert_int_equal(take_all(debuginfod), 0);
	assert_false(debuginfod_is_waiting(debuginfod));
	/* Others go on. */
	for (uint8_t i = 0; i < 10; i++)
		ask(debuginfod, HTTP_HAS_FILE, i);
	assert_int_equal(take_all(debuginfod), 10);
	assert_stats(debuginfod, 10, 0, 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_cache_that_cannot_be_written_is_a_failure),
		TEST(a_cache_of_somebody_else_is_refused),
		TEST(the_children_have_no_privileges_and_no_files_of_ours),
		TEST(their_time_is_known),
		TEST(children_that_die_are_not_waited_for),
		TEST(one_that_dies_takes_along_only_what_it_worked_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
