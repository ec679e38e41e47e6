/* SPDX-License-Identifier: Apache-2.0 */
/* What the sections of one ELF file say about its debug information, and where more of it is. */
#ifndef EPROF_SYMBOLIZE_DEBUG_SECTIONS_H
#define EPROF_SYMBOLIZE_DEBUG_SECTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "symbolize/symbolize.h"

struct debug_sections {
	uint16_t machine;
	bool is_64bit;
	bool has_symtab; /* .symtab: all functions, not only exported ones */
	bool has_dwarf;  /* .debug_info */

	/* .gnu_debuglink: a file name without a directory ("" for none), and the CRC of that file.
	 */
	char link_name[NAME_MAX + 1];
	uint32_t link_crc;

	/* .gnu_debugaltlink: the file with what dwz has moved out of several; size 0: none. */
	char alt_path[PATH_MAX];
	struct build_id alt_id;

	/* .gnu_debugdata: where in the file a compressed ELF file is; size 0: none. */
	uint64_t mini_offset, mini_size;
};

/*
 * Reads an open ELF file. A section that contradicts itself is none. 0, or -errno as
 * elf_reader_open() (symbolize/elf_reader.h) has them.
 */
int debug_sections_read(int fd, struct debug_sections *ret);

#endif
