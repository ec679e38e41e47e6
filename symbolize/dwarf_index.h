/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked up in one unit. */
#ifndef EPROF_SYMBOLIZE_DWARF_INDEX_H
#define EPROF_SYMBOLIZE_DWARF_INDEX_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolize/dwarf_file.h"
#include "symbolize/dwarf_functions.h"
#include "symbolize/dwarf_lines.h"

/* Points into the file: gone after dwarf_file_reopen(). After dwarf_file_renew(), all but dwarf. */
struct dwarf_index {
	struct dwarf_index *newer, *older; /* of who keeps it */
	uint32_t unit;
	bool is_asked; /* for, of late; of who keeps it, too */

	struct dwarf_functions functions;
	/* Where the entries of the functions are: in the file or one that was split from it, behind
	 * the offset of their unit. */
	Dwarf *dwarf;
	uint64_t die;

	struct dwarf_lines lines;
	const char *directory; /* of the compilation, or NULL */
	/* Where calls are, when a split unit counts its files itself; otherwise as the lines do. */
	bool has_split_files;
	Dwarf_Files *split_files;
	const char **split_paths; /* NULL: nobody has asked yet */
	size_t split_count;
};

/*
 * Indexes the unit at this offset of .debug_info. On success *ret needs dwarf_index_free(). 0,
 * -EFBIG when it needs more than bytes_max or is beyond another limit, -EBADMSG, -ENOMEM.
 */
int dwarf_index_read(struct dwarf_file *file, uint64_t die, uint64_t bytes_max,
		     struct dwarf_index **ret);
void dwarf_index_free(struct dwarf_index *index); /* NULL is fine */

uint64_t dwarf_index_bytes(const struct dwarf_index *index);

#endif
