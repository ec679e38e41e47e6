/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of processes that eprof starts: who they are, by what the kernel says of them. */
#ifndef EPROF_TESTS_UNIT_CHILD_PROCESS_H
#define EPROF_TESTS_UNIT_CHILD_PROCESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define STATUS_LINE_SIZE 512

/* The only one that we have. */
static inline pid_t only_child(void)
{
	CLEANUP(cleanup_file) FILE *file = NULL;
	char path[64];
	int pid = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	return pid;
}

/* A line of /proc/PID/status, without its name and blanks at its ends. */
static inline void assert_status(pid_t pid, const char *name, const char *expected)
{
	CLEANUP(cleanup_file) FILE *file = NULL;
	size_t length = strlen(name);
	char line[STATUS_LINE_SIZE];

	(void)snprintf(line, sizeof(line), "/proc/%d/status", (int)pid);
	file = fopen(line, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, length) != 0 || line[length] != ':')
			continue;
		line[strcspn(line, "\n")] = '\0';
		assert_string_equal(line + length + 1 + strspn(line + length + 1, "\t "), expected);
		return;
	}
	fail_msg("no %s", name);
}

#endif
