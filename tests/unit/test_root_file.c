/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/root_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* DIRECTORY/root is a root; what is beside it must stay out of reach. */
struct fixture {
	char directory[32];
	int directory_fd, root_fd;
};

static void write_file(int directory_fd, const char *name, const char *bytes)
{
	int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
	(void)close(fd);
}

static int set_up(void **state)
{
	static struct fixture fixture;

	(void)snprintf(fixture.directory, sizeof(fixture.directory), "/tmp/eprof-root-XXXXXX");
	assert_non_null(mkdtemp(fixture.directory));
	fixture.directory_fd = open(fixture.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(fixture.directory_fd, "root", 0700), 0);
	fixture.root_fd = openat(fixture.directory_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fixture.root_fd >= 0);
	write_file(fixture.directory_fd, "file", "outside");
	write_file(fixture.root_fd, "file", "inside");
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	const struct fixture *fixture = *state;
	char command[128];

	(void)close(fixture->root_fd);
	(void)close(fixture->directory_fd);
	(void)snprintf(command, sizeof(command), "rm -r '%s'", fixture->directory);
	return system(command);
}

static void assert_inside(const struct fixture *fixture, const char *path)
{
	char bytes[16] = "";
	int fd = -1;

	assert_int_equal(root_file_open(fixture->root_fd, path, &fd), 0);
	assert_true(read(fd, bytes, sizeof(bytes) - 1) > 0);
	assert_string_equal(bytes, "inside");
	(void)close(fd);
}

static void a_path_begins_at_the_root(void **state)
{
	const struct fixture *fixture = *state;
	int fd = -1;

	assert_inside(fixture, "/file");
	assert_inside(fixture, "file");
	assert_int_equal(root_file_open(fixture->root_fd, "/none", &fd), -ENOENT);
	assert_int_equal(fd, -1);
}

static void nothing_leads_out_of_the_root(void **state)
{
	const struct fixture *fixture = *state;
	char outside[64];
	int fd = -1;

	assert_inside(fixture, "/../file");
	assert_inside(fixture, "../../file");
	assert_int_equal(symlinkat("../file", fixture->root_fd, "up"), 0);
	assert_inside(fixture, "/up");
	assert_int_equal(symlinkat("/file", fixture->root_fd, "absolute"), 0);
	assert_inside(fixture, "/absolute");
	(void)snprintf(outside, sizeof(outside), "%s/file", fixture->directory);
	assert_int_equal(symlinkat(outside, fixture->root_fd, "outside"), 0);
	assert_int_equal(root_file_open(fixture->root_fd, "/outside", &fd), -ENOENT);
	assert_int_equal(symlinkat("loop", fixture->root_fd, "loop"), 0);
	assert_int_equal(root_file_open(fixture->root_fd, "/loop", &fd), -ELOOP);
	assert_int_equal(fd, -1);
}

static void only_regular_files_are_opened(void **state)
{
	const struct fixture *fixture = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;

	/* Opening it would block. */
	assert_int_equal(mkfifoat(fixture->root_fd, "fifo", 0600), 0);
	assert_int_equal(root_file_open(fixture->root_fd, "/fifo", &fd), -ESTALE);
	assert_int_equal(root_file_open(fixture->root_fd, "/", &fd), -ESTALE);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/root/socket",
		       fixture->directory);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(root_file_open(fixture->root_fd, "/socket", &fd), -ESTALE);
	(void)close(listener);
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_path_begins_at_the_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_leads_out_of_the_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_regular_files_are_opened, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
