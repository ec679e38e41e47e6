/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/debuginfod_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/privileges.h"

static char directory[40], above[64], base[64], outer[96], inner[128];

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(directory, sizeof(directory), "/tmp/eprof-cache-XXXXXX");
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chmod(directory, 0755), 0);
	(void)snprintf(above, sizeof(above), "%s/a", directory);
	(void)snprintf(base, sizeof(base), "%s/a/b", directory);
	(void)snprintf(outer, sizeof(outer), "%s/eprof-debuginfod", base);
	(void)snprintf(inner, sizeof(inner), "%s/files", outer);
	return setenv("DEBUGINFOD_CACHE_PATH", base, 1);
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r '%s'", directory);
	return system(command);
}

static void require_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void assert_owner(const char *path, uid_t user)
{
	struct stat status;

	assert_int_equal(lstat(path, &status), 0);
	assert_int_equal(status.st_mode, S_IFDIR | 0700);
	assert_int_equal(status.st_uid, user);
}

static void it_is_made_once(void **state)
{
	int fd = -1;

	(void)state;
	require_root();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(debuginfod_cache_open(&fd), 0);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_int_equal(close(fd), 0);
		assert_owner(outer, 0);
		assert_owner(inner, PRIVILEGES_NOBODY);
	}
}

/* Who begins there may write; who only has the same user does not get there. */
static void only_who_is_let_in_can_write(void **state)
{
	int fd = -1, status;
	pid_t pid;

	(void)state;
	require_root();
	assert_int_equal(debuginfod_cache_open(&fd), 0);
	/* Up to there anybody may come. */
	assert_int_equal(chmod(above, 0755), 0);
	assert_int_equal(chmod(base, 0755), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		bool is_right = privileges_drop() == 0 && access(inner, F_OK) < 0 &&
				errno == EACCES && fchdir(fd) == 0 && mkdir("x", 0700) == 0;

		_exit(is_right ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(fd);
}

static void what_others_may_enter_is_refused(void **state)
{
	int fd = 77;

	(void)state;
	require_root();
	assert_int_equal(debuginfod_cache_open(&fd), 0);
	(void)close(fd);
	fd = 77;
	assert_int_equal(chmod(inner, 0755), 0);
	assert_int_equal(debuginfod_cache_open(&fd), -EPERM);
	assert_int_equal(chmod(inner, 0700), 0);
	assert_int_equal(chown(inner, 1234, 1234), 0);
	assert_int_equal(debuginfod_cache_open(&fd), -EPERM);
	assert_int_equal(chown(inner, 0, 0), 0);
	assert_int_equal(chmod(outer, 0711), 0);
	assert_int_equal(debuginfod_cache_open(&fd), -EPERM);
	assert_int_equal(chmod(outer, 0700), 0);
	assert_int_equal(chown(outer, PRIVILEGES_NOBODY, PRIVILEGES_NOBODY), 0);
	assert_int_equal(debuginfod_cache_open(&fd), -EPERM);
	assert_int_equal(fd, 77);
}

static void links_are_not_followed(void **state)
{
	int fd = 77;

	(void)state;
	require_root();
	assert_int_equal(debuginfod_cache_open(&fd), 0);
	(void)close(fd);
	fd = 77;
	assert_int_equal(rmdir(inner), 0);
	assert_int_equal(symlink("/etc", inner), 0);
	assert_true(debuginfod_cache_open(&fd) < 0);
	assert_int_equal(fd, 77);
}

static void there_is_a_place_for_it_anyway(void **state)
{
	(void)state;
	assert_string_equal(debuginfod_cache_base(), base);
	assert_int_equal(setenv("DEBUGINFOD_CACHE_PATH", "", 1), 0);
	assert_string_equal(debuginfod_cache_base(), "/var/cache");
	assert_int_equal(unsetenv("DEBUGINFOD_CACHE_PATH"), 0);
	assert_string_equal(debuginfod_cache_base(), "/var/cache");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_made_once),
		TEST(only_who_is_let_in_can_write),
		TEST(what_others_may_enter_is_refused),
		TEST(links_are_not_followed),
		TEST(there_is_a_place_for_it_anyway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
