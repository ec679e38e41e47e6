/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of downloads: a server in a thread, a cache, and who asks. */
#ifndef EPROF_TESTS_UNIT_DEBUGINFOD_FIXTURE_H
#define EPROF_TESTS_UNIT_DEBUGINFOD_FIXTURE_H

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/debuginfod.h"
#include "agent/debuginfod_worker.h"
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

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	debuginfod_free(fixture->debuginfod);
	http_server_stop(&fixture->server);
	(void)snprintf(command, sizeof(command), "rm -r '%s'", fixture->directory);
	return system(command);
}

static inline void require_library(struct fixture *fixture)
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
static inline struct debuginfod *start(struct fixture *fixture, double budget_s)
{
	struct debuginfod_config config = { .budget_s = budget_s };

	require_library(fixture);
	assert_int_equal(debuginfod_start(&config, &fixture->debuginfod), 0);
	http_server_start(&fixture->server);
	return fixture->debuginfod;
}

static inline struct build_id id_of(uint8_t first, uint8_t last)
{
	struct build_id id = { .size = BUILD_ID_SIZE_MAX, .bytes = { first } };

	id.bytes[BUILD_ID_SIZE_MAX - 1] = last;
	return id;
}

static inline void ask(struct debuginfod *debuginfod, uint8_t first, uint8_t last)
{
	struct build_id id = id_of(first, last);

	assert_int_equal(debuginfod_ask(debuginfod, &id), 0);
}

/* Waits for all that can come; how many files did. They must be what was asked for. */
static inline size_t take_all(struct debuginfod *debuginfod)
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

static inline void assert_stats(struct debuginfod *debuginfod, uint64_t found, uint64_t not_found,
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
static inline size_t children(pid_t *ret)
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
