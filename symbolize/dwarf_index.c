/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/dwarf_index.h"

#include <errno.h>

#include "base/cleanup.h"
#include "symbolize/dwarf_die.h"
#include "symbolize/dwarf_split.h"

static void cleanup_index(struct dwarf_index **index)
{
	dwarf_index_free(*index);
}

void dwarf_index_free(struct dwarf_index *index)
{
	if (!index)
		return;
	dwarf_functions_done(&index->functions);
	dwarf_lines_done(&index->lines);
	free(index->split_paths);
	free(index);
}

static int read_lines(const struct dwarf_file *file, Dwarf_Attribute table, uint64_t bytes_max,
		      struct dwarf_index *index)
{
	Dwarf_Word offset;
	int err;

	if (!table.valp || dwarf_formudata(&table, &offset) < 0)
		return 0;
	err = dwarf_lines_read(file, offset, bytes_max, &index->lines);
	/* Names are worth something without lines. */
	if (err != -EBADMSG)
		return err;
	dwarf_refuse(file, DWARF_REFUSED_MALFORMED);
	return 0;
}

static int read_split_files(const struct dwarf_file *file, Dwarf_Die *split,
			    struct dwarf_index *index)
{
	int err = dwarf_split_files(split, &index->split_files, &index->split_count);

	if (err == -ENOENT)
		return 0;
	index->has_split_files = true;
	/* Calls have no file then; another table would give them a wrong one. */
	if (err < 0) {
		dwarf_refuse(file, err == -EFBIG ? DWARF_REFUSED_LARGE : DWARF_REFUSED_MALFORMED);
		return 0;
	}
	index->split_paths = calloc(index->split_count, sizeof(*index->split_paths));
	return index->split_paths ? 0 : -ENOMEM;
}

int dwarf_index_read(struct dwarf_file *file, uint64_t die, uint64_t bytes_max,
		     struct dwarf_index **ret)
{
	CLEANUP(cleanup_index) struct dwarf_index *index = calloc(1, sizeof(*index));
	struct dwarf_die attributes;
	Dwarf_Die unit, split;
	int err;

	if (!index)
		return -ENOMEM;
	if (!dwarf_offdie(file->dwarf, die, &unit) || !dwarf_die_read(&unit, &attributes))
		return -EBADMSG;
	index->directory = dwarf_die_string(file, attributes.directory);
	err = read_lines(file, attributes.line_table, bytes_max, index);
	if (err < 0)
		return err;
	if (dwarf_split_find(file, &unit, &split)) {
		err = read_split_files(file, &split, index);
		unit = split;
	}
	if (err < 0)
		return err;
	index->dwarf = dwarf_cu_getdwarf(unit.cu);
	index->die = dwarf_dieoffset(&unit);
	err = dwarf_functions_read(file, &unit, dwarf_file_extent(&unit), bytes_max,
				   &index->functions);
	if (err < 0)
		return err;
	*ret = TAKE(index);
	return 0;
}

uint64_t dwarf_index_bytes(const struct dwarf_index *index)
{
	return sizeof(*index) + dwarf_functions_bytes(&index->functions) +
	       dwarf_lines_bytes(&index->lines) + index->split_count * sizeof(*index->split_paths);
}
