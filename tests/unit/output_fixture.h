/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for each test of outputs, and looking at what is in it. */
#ifndef EPROF_TESTS_OUTPUT_FIXTURE_H
#define EPROF_TESTS_OUTPUT_FIXTURE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each test runs in an empty directory of its own. */
static inline int enter_directory(void **state)
{
	char *path = strdup("/tmp/eprof-test-output-XXXXXX");

	if (!path || !mkdtemp(path) || chdir(path) < 0)
		return -1;
	*state = path;
	return 0;
}

static inline int leave_directory(void **state)
{
	char command[128];
	int err;

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	err = chdir("/") < 0 || system(command) != 0;
	free(*state);
	return err ? -1 : 0;
}

/* Names in a directory, hidden ones too. */
static inline size_t count_names(const char *path)
{
	DIR *directory = opendir(path);
	size_t n = 0;

	assert_non_null(directory);
	while (readdir(directory))
		n++;
	(void)closedir(directory);
	return n - 2; /* "." and ".." */
}

static inline void check_content(const char *path, const char *expected)
{
	char text[256];
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	(void)fclose(file);
	assert_string_equal(text, expected);
}

static inline void make_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

#endif
