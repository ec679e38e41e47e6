/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/kernel_modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hashmap.h"

/*
 * A line is "NAME SIZE USES USERS STATE ADDRESS" (man 5 proc), and may have another word behind.
 * Takes out what changes while a module stays where it is; what is left is NAME, SIZE and ADDRESS.
 */
static size_t take_identity(const char *line, char *ret, size_t size)
{
	char name[128], length[32], address[32];
	int written;

	if (sscanf(line, "%127s %31s %*s %*s %*s %31s", name, length, address) != 3)
		return 0;
	written = snprintf(ret, size, "%s %s %s", name, length, address);
	return written > 0 && (size_t)written < size ? (size_t)written : 0;
}

/* 0 when there is nothing, or nothing that can be read. */
static uint64_t look(const char *path)
{
	CLEANUP(cleanup_file) FILE *file = fopen(path, "re");
	CLEANUP(cleanup_free) char *line = NULL;
	size_t line_size = 0;
	uint64_t seen = 0;

	while (file && getline(&line, &line_size, file) > 0) {
		char identity[256];
		size_t length = take_identity(line, identity, sizeof(identity));

		/* In any order: a sum. */
		seen += hash_bytes(identity, length);
	}
	return seen;
}

bool kernel_modules_have_changed(struct kernel_modules *modules)
{
	uint64_t before = modules->seen;
	bool is_first = !modules->has_looked;

	modules->seen = look(modules->path);
	modules->has_looked = true;
	return !is_first && modules->seen != before;
}
