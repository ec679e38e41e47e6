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
	assert_int_equal(debuginfod_servers(directory, &servers), -ENODATA);
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

/* Half of a name would be that of another server. */
static void too_many_are_refused(void **state)
{
	char *servers = NULL, text[DEBUGINFOD_SERVERS_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	write_file("a.urls", text);
	assert_int_equal(debuginfod_servers(directory, &servers), -E2BIG);
	assert_int_equal(setenv("DEBUGINFOD_URLS", text, 1), 0);
	assert_int_equal(debuginfod_servers(directory, &servers), -E2BIG);
	text[DEBUGINFOD_SERVERS_MAX] = '\0';
	assert_int_equal(setenv("DEBUGINFOD_URLS", text, 1), 0);
	assert_int_equal(debuginfod_servers(directory, &servers), 0);
	assert_string_equal(servers, text);
	free(servers);
	assert_int_equal(unsetenv("DEBUGINFOD_URLS"), 0);
	write_file("a.urls", text);
	assert_int_equal(debuginfod_servers(directory, &servers), 0);
	assert_string_equal(servers, text);
	free(servers);
	write_file("b.urls", "b");
	assert_int_equal(debuginfod_servers(directory, &servers), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_environment_comes_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_are_read_where_the_environment_is_silent,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_many_are_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
