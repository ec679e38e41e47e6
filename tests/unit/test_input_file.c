/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/input_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/hear.h"
#include "tests/unit/output_fixture.h"

#define LONGER_THAN_HEAD (3 * INPUT_HEAD_BYTES + 17)

static void check_refused(const char *path, const char *line)
{
	struct input_file *file;

	hear();
	assert_true(input_file_open(path, &file) < 0);
	assert_string_equal(heard(), line);
}

static void what_is_no_file_is_named(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(mkdir("d", 0755), 0);
	check_refused("none", "eprof: cannot read 'none': No such file or directory\n");
	check_refused("d", "eprof: cannot read 'd': Is a directory\n");
	check_refused("sock", "eprof: cannot read 'sock': It is a socket\n");
	check_refused("/proc/self/mem", "eprof: cannot read '/proc/self/mem': "
					"Input/output error\n");
	(void)close(fd);
}

static void the_head_is_read_once_more_with_the_rest(void **state)
{
	static char bytes[LONGER_THAN_HEAD + 1], again[LONGER_THAN_HEAD + 1];
	struct input_file *file;
	const char *head;
	size_t length;

	(void)state;
	for (size_t i = 0; i < LONGER_THAN_HEAD; i++)
		bytes[i] = (char)('a' + i % 23);
	make_file("long", bytes);
	assert_int_equal(input_file_open("long", &file), 0);
	head = input_file_head(file, &length);
	assert_int_equal(length, INPUT_HEAD_BYTES);
	assert_memory_equal(head, bytes, length);
	assert_int_equal(fread(again, 1, sizeof(again), input_file_stream(file)), LONGER_THAN_HEAD);
	assert_memory_equal(again, bytes, LONGER_THAN_HEAD);
	assert_int_equal(input_file_error(file), 0);
	input_file_close(file);
}

/* Its writer gives it piece by piece. */
static void a_pipe_is_a_file_too(void **state)
{
	struct input_file *file;
	char text[16] = "";
	pid_t writer;
	size_t length;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	writer = fork();
	if (writer == 0) {
		FILE *out = fopen("pipe", "w");

		_exit(fputs("ab", out) < 0 || fflush(out) < 0 || fputs("cd", out) < 0 ||
		      fclose(out) < 0);
	}
	assert_int_equal(input_file_open("pipe", &file), 0);
	assert_memory_equal(input_file_head(file, &length), "abcd", 4);
	assert_int_equal(length, 4);
	assert_int_equal(fread(text, 1, sizeof(text), input_file_stream(file)), 4);
	assert_string_equal(text, "abcd");
	input_file_close(file);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
}

static void an_empty_file_has_no_head(void **state)
{
	struct input_file *file;
	size_t length;

	(void)state;
	make_file("empty", "");
	assert_int_equal(input_file_open("empty", &file), 0);
	(void)input_file_head(file, &length);
	assert_int_equal(length, 0);
	assert_int_equal(getc(input_file_stream(file)), EOF);
	input_file_close(file);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(what_is_no_file_is_named),
		IN_DIRECTORY(the_head_is_read_once_more_with_the_rest),
		IN_DIRECTORY(a_pipe_is_a_file_too),
		IN_DIRECTORY(an_empty_file_has_no_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
