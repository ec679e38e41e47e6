/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/privileges.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

/* The lines of /proc/PID/status of a child that has given all up. */
static void read_status(char *ret, size_t size)
{
	int ready[2], end[2], status;
	char path[64], byte;
	pid_t pid;
	size_t n;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		byte = privileges_drop() == 0 ? 'y' : 'n';
		(void)close(end[1]);
		(void)write(ready[1], &byte, 1);
		(void)read(end[0], &byte, 1);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	{
		CLEANUP(cleanup_file) FILE *file = fopen(path, "re");

		assert_non_null(file);
		n = fread(ret, 1, size - 1, file);
		ret[n] = '\0';
	}
	for (int i = 0; i < 2; i++) {
		(void)close(ready[i]);
		(void)close(end[i]);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void nothing_is_left(void **state)
{
	static const char *const caps[] = { "CapInh", "CapPrm", "CapEff", "CapAmb" };
	char text[4096], line[64];

	(void)state;
	read_status(text, sizeof(text));
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		(void)snprintf(line, sizeof(line), "\n%s:\t0000000000000000\n", caps[i]);
		assert_non_null(strstr(text, line));
	}
	assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
	if (geteuid() != 0)
		skip();
	assert_non_null(strstr(text, "\nUid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(text, "\nGid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(text, "\nGroups:\t \n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
