/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of what is printed: stderr goes to a file between hear() and heard(). */
#ifndef EPROF_TESTS_UNIT_HEAR_H
#define EPROF_TESTS_UNIT_HEAR_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct hearing {
	int saved; /* the real stderr */
	FILE *file;
	char text[16384];
};

static struct hearing hearing;

static inline void hear(void)
{
	hearing.file = tmpfile();
	hearing.saved = dup(STDERR_FILENO);
	if (!hearing.file || hearing.saved < 0 || dup2(fileno(hearing.file), STDERR_FILENO) < 0)
		abort();
}

/* What was printed since hear(); lives until the next one. */
static inline const char *heard(void)
{
	size_t n;

	if (dup2(hearing.saved, STDERR_FILENO) < 0)
		abort();
	(void)close(hearing.saved);
	rewind(hearing.file);
	n = fread(hearing.text, 1, sizeof(hearing.text) - 1, hearing.file);
	hearing.text[n] = '\0';
	(void)fclose(hearing.file);
	return hearing.text;
}

#endif
