/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/debuginfod_servers.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* A list of servers is a few lines. */
#define SERVERS_SIZE_MAX 4096

static const char blanks[] = " \t\r\n";

/* Appends what the file holds, as far as there is room. */
static void append_file(const char *path, char *text, size_t size)
{
	CLEANUP(cleanup_file) FILE *file = fopen(path, "re");
	size_t length = strlen(text);

	if (!file || size - length < 2)
		return;
	if (length)
		text[length++] = ' ';
	length += fread(text + length, 1, size - length - 1, file);
	text[length] = '\0';
}

static void read_directory(const char *directory, char *text, size_t size)
{
	char pattern[PATH_MAX];
	glob_t found;

	if (snprintf(pattern, sizeof(pattern), "%s/*.urls", directory) >= (int)sizeof(pattern) ||
	    glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		append_file(found.gl_pathv[i], text, size);
	globfree(&found);
}

int debuginfod_servers(const char *directory, char **ret)
{
	const char *environment = getenv("DEBUGINFOD_URLS");
	char text[SERVERS_SIZE_MAX] = "";
	char *servers;

	if (!environment)
		read_directory(directory, text, sizeof(text));
	else if (snprintf(text, sizeof(text), "%s", environment) >= (int)sizeof(text))
		return -ENOENT;
	for (char *c = text; *c; c++)
		*c = strchr(blanks, *c) ? ' ' : *c;
	if (!text[strspn(text, blanks)])
		return -ENOENT;
	servers = strdup(text);
	if (!servers)
		return -ENOMEM;
	*ret = servers;
	return 0;
}
