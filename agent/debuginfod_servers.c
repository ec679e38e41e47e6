/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/debuginfod_servers.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const char blanks[] = " \t\r\n";

/* Appends what the file holds. False: there is no room for all of it, or for what follows. */
static bool append_file(const char *path, char *text, size_t size)
{
	CLEANUP(cleanup_file) FILE *file = fopen(path, "re");
	size_t length = strlen(text);

	if (!file)
		return true;
	if (length && length < size - 1)
		text[length++] = ' ';
	length += fread(text + length, 1, size - length - 1, file);
	text[length] = '\0';
	return length < size - 1;
}

static int read_directory(const char *directory, char *text, size_t size)
{
	char pattern[PATH_MAX];
	bool has_room = true;
	glob_t found;

	if (snprintf(pattern, sizeof(pattern), "%s/*.urls", directory) >= (int)sizeof(pattern) ||
	    glob(pattern, 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++)
		has_room = has_room && append_file(found.gl_pathv[i], text, size);
	globfree(&found);
	return has_room ? 0 : -E2BIG;
}

int debuginfod_servers(const char *directory, char **ret)
{
	const char *environment = getenv("DEBUGINFOD_URLS");
	/* One byte more, so that a list which is as long as it may be is told from a longer one. */
	char text[DEBUGINFOD_SERVERS_MAX + 2] = "";
	char *servers;
	int err = 0;

	if (!environment)
		err = read_directory(directory, text, sizeof(text));
	else if (snprintf(text, sizeof(text), "%s", environment) >= (int)sizeof(text) - 1)
		err = -E2BIG;
	if (err < 0)
		return err;
	for (char *c = text; *c; c++)
		*c = strchr(blanks, *c) ? ' ' : *c;
	if (!text[strspn(text, blanks)])
		return environment ? -ENODATA : -ENOENT;
	servers = strdup(text);
	if (!servers)
		return -ENOMEM;
	*ret = servers;
	return 0;
}
