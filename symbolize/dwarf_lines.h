/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line table of one unit (DWARF 5, 6.2; versions 2 to 5). It is decoded here and not by libdw,
 * which keeps 40 bytes for each row until the file is closed, and puts the rows of all sequences in
 * one order: there, those of functions that the linker has discarded (at 0) are among real ones.
 */
#ifndef EPROF_SYMBOLIZE_DWARF_LINES_H
#define EPROF_SYMBOLIZE_DWARF_LINES_H

#include <stdint.h>

#include "symbolize/dwarf_file.h"

/* What is true from start on, up to the next row of the sequence. */
struct dwarf_line_row {
	uint32_t start;
	uint32_t line; /* 0: of no line */
	uint32_t file;
};

/* Rows of code that is in one piece. */
struct dwarf_line_sequence {
	uint32_t low, high; /* [low, high) */
	uint32_t first_row, row_count;
};

struct dwarf_line_file {
	const char *name; /* in the mapped file */
	uint32_t directory;
	const char *path; /* of who uses the table: NULL, nobody has asked yet */
};

struct dwarf_lines {
	struct dwarf_line_row *rows;
	size_t row_count, row_capacity;
	struct dwarf_line_sequence *sequences; /* by low */
	size_t sequence_count, sequence_capacity;
	struct dwarf_line_file *files;
	size_t file_count, file_capacity;
	const char **directories;
	size_t directory_count, directory_capacity;
	uint16_t version;
};

/*
 * Decodes the table at this offset of .debug_line. On success *ret needs dwarf_lines_done(). 0,
 * -EBADMSG, -EFBIG beyond a limit or bytes_max, -ENOMEM. Damage behind the header ends the table,
 * and is counted.
 */
int dwarf_lines_read(const struct dwarf_file *file, uint64_t offset, uint64_t bytes_max,
		     struct dwarf_lines *ret);
void dwarf_lines_done(struct dwarf_lines *lines); /* the zero value is fine */

/* True when the table at offset has no rows, only names of files: then its unit has no code. */
bool dwarf_lines_is_empty(const struct dwarf_file *file, uint64_t offset);

/* The row for this place, or NULL. */
const struct dwarf_line_row *dwarf_lines_find(const struct dwarf_lines *lines, uint32_t place);

/*
 * The file with this number, as a row or DW_AT_call_file has it; NULL when there is none. The
 * caller may set its path.
 */
struct dwarf_line_file *dwarf_lines_file(const struct dwarf_lines *lines, uint32_t number);

/*
 * Writes the path of a file, in full if the directory of the compilation (may be NULL) is known.
 * False when it does not fit.
 */
bool dwarf_lines_path(const struct dwarf_lines *lines, const struct dwarf_line_file *line_file,
		      const char *directory, char *ret, size_t size);

static inline uint64_t dwarf_lines_bytes(const struct dwarf_lines *lines)
{
	return lines->row_capacity * sizeof(*lines->rows) +
	       lines->sequence_capacity * sizeof(*lines->sequences) +
	       lines->file_capacity * sizeof(*lines->files) +
	       lines->directory_capacity * sizeof(*lines->directories);
}

#endif
