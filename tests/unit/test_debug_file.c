/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* The test itself has a build id; a link below a directory of ours makes it a debug file. */
struct fixture {
	char directory[32];
	char path[512]; /* where the debug file of id is looked for */
	struct build_id id;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	char folder[256], hex[64] = "";
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(build_id_read(fd, &fixture.id), 0);
	(void)close(fd);
	(void)snprintf(fixture.directory, sizeof(fixture.directory), "/tmp/eprof-debug-XXXXXX");
	assert_non_null(mkdtemp(fixture.directory));
	for (size_t i = 0; i < fixture.id.size; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", fixture.id.bytes[i]);
	(void)snprintf(folder, sizeof(folder), "%s/.build-id", fixture.directory);
	assert_int_equal(mkdir(folder, 0700), 0);
	(void)snprintf(folder, sizeof(folder), "%s/.build-id/%.2s", fixture.directory, hex);
	assert_int_equal(mkdir(folder, 0700), 0);
	(void)snprintf(fixture.path, sizeof(fixture.path), "%s/%s.debug", folder, hex + 2);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	const struct fixture *fixture = *state;
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -r '%s'", fixture->directory);
	return system(command);
}

static void a_file_of_the_same_build_is_opened(void **state)
{
	const struct fixture *fixture = *state;
	char self[256];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fd = -1;

	assert_true(length > 0);
	self[length] = '\0';
	assert_int_equal(symlink(self, fixture->path), 0);
	assert_int_equal(debug_file_open(fixture->directory, &fixture->id, &fd), 0);
	assert_true(fd >= 0);
	(void)close(fd);
}

static void a_file_of_another_build_is_refused(void **state)
{
	const struct fixture *fixture = *state;
	int fd = -1;

	/* The id of a shell is not that of the test. */
	assert_int_equal(symlink("/bin/sh", fixture->path), 0);
	assert_int_equal(debug_file_open(fixture->directory, &fixture->id, &fd), -ESTALE);
	assert_int_equal(fd, -1);
}

static void no_file_is_enoent(void **state)
{
	const struct fixture *fixture = *state;
	int fd = -1;

	assert_int_equal(debug_file_open(fixture->directory, &fixture->id, &fd), -ENOENT);
	assert_int_equal(debug_file_open(fixture->directory, &(struct build_id){ 0 }, &fd),
			 -ENOENT);
}

static void a_fifo_does_not_hang(void **state)
{
	const struct fixture *fixture = *state;
	int fd = -1;

	assert_int_equal(mkfifo(fixture->path, 0600), 0);
	assert_true(debug_file_open(fixture->directory, &fixture->id, &fd) < 0);
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_of_the_same_build_is_opened, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_file_of_another_build_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(no_file_is_enoent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_fifo_does_not_hang, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
