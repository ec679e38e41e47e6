/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/debuginfod_servers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char directory[40];

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(directory, sizeof(directory), "/tmp/eprof-servers-XXXXXX");
	assert_non_null(mkdtemp(directory));
	return unsetenv("DEBUGINFOD_URLS");
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r '%s'", directory);
	return system(command);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void the_environment_comes_first(void **state)
{
	char *servers = NULL;

	(void)state;
	write_file("a.urls", "http://a");
	assert_int_equal(setenv("DEBUGINFOD_URLS", "http://b http://c", 1), 0);
	assert_int_equal(debuginfod_servers(directory, &servers), 0);
	assert_string_equal(servers, "http://b http://c");
	free(servers);
	/* Set to nothing, it says that there shall be none. */
	assert_int_equal(setenv("DEBUGINFOD_URLS", " ", 1), 0);
	assert_int_equal(debuginfod_servers(directory, &servers), -ENOENT);
}

static void files_are_read_where_the_environment_is_silent(void **state)
{
	char *servers = NULL;

	(void)state;
	assert_int_equal(debuginfod_servers(directory, &servers), -ENOENT);
	write_file("b.urls", "http://b\nhttp://c");
	write_file("a.urls", "http://a\n");
	write_file("other", "http://other");
	assert_int_equal(debuginfod_servers(directory, &servers), 0);
	assert_string_equal(servers, "http://a  http://b http://c");
	free(servers);
}

static void too_many_are_cut(void **state)
{
	char *servers = NULL, text[5000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	write_file("a.urls", text);
	write_file("b.urls", text);
	assert_int_equal(debuginfod_servers(directory, &servers), 0);
	assert_true(strlen(servers) < sizeof(text) - 1);
	free(servers);
	assert_int_equal(setenv("DEBUGINFOD_URLS", text, 1), 0);
	assert_int_equal(debuginfod_servers(directory, &servers), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_environment_comes_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_are_read_where_the_environment_is_silent,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_many_are_cut, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
