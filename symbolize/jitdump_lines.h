/* SPDX-License-Identifier: Apache-2.0 */
/* The source lines of one function, as a record of a jitdump file tells them. */
#ifndef EPROF_SYMBOLIZE_JITDUMP_LINES_H
#define EPROF_SYMBOLIZE_JITDUMP_LINES_H

#include "symbolize/jitdump_reader.h"

struct jitdump_line {
	uint32_t offset; /* in the function; ascending */
	uint32_t line;
	uint32_t file; /* where its name begins, in the names of files */
};

/* The zero value is empty. */
struct jitdump_lines {
	uint64_t code_address;
	struct jitdump_line *items;
	size_t count, capacity;
	char *files; /* names, each zero-terminated */
	size_t files_used, files_capacity;
};

void jitdump_lines_done(struct jitdump_lines *lines);

/*
 * Reads the record at offset of the file, in place of what lines had: none when the first one is so
 * far behind the beginning of the function that it is not to be believed. 0; -EINVAL: it
 * contradicts itself, or has more than anybody would write; as jitdump_window_look().
 */
int jitdump_lines_read(struct jitdump_window *window, uint64_t offset, uint32_t total_size,
		       struct jitdump_lines *lines);

/* That of the last one at or before offset; NULL: there is none. */
const struct jitdump_line *jitdump_lines_find(const struct jitdump_line *items, size_t count,
					      uint64_t offset);

#endif
