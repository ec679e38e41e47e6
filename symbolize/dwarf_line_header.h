/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a line table: how its program is encoded, and its directories and files. */
#ifndef EPROF_SYMBOLIZE_DWARF_LINE_HEADER_H
#define EPROF_SYMBOLIZE_DWARF_LINE_HEADER_H

/* Both know the encodings of pointers: as numbers here, as macros in dwarf_reader.h. */
#include <dwarf.h>

#include "symbolize/dwarf_lines.h"
#include "symbolize/dwarf_reader.h"

struct dwarf_line_header {
	uint16_t version;
	bool is_64bit; /* what it says of offsets, not of addresses */
	uint8_t instruction_size;
	uint8_t operations_max; /* in one instruction; not 0 */
	int8_t line_base;
	uint8_t line_range;
	uint8_t opcode_base;
	const uint8_t *operand_counts; /* of the opcodes 1 to opcode_base - 1 */
	struct dwarf_reader tables;    /* between the fixed part and the program */
	struct dwarf_reader program;
};

/* The fixed part. False when it is damaged, or of an unknown version. */
bool dwarf_line_header_read(const struct dwarf_file *file, uint64_t offset,
			    struct dwarf_line_header *ret);

/* Appends directories and files to lines. 0, -EBADMSG, -EFBIG, -ENOMEM. */
int dwarf_line_header_tables(const struct dwarf_file *file, struct dwarf_line_header *header,
			     struct dwarf_lines *lines);

/* Appends the entry of a file, as it is in tables of versions 2 to 4; the name is read already. */
int dwarf_line_header_add_file(struct dwarf_reader *reader, const char *name,
			       struct dwarf_lines *lines);

/* The string at the reader, which is skipped; NULL when it does not end. */
const char *dwarf_line_string(struct dwarf_reader *reader);

#endif
