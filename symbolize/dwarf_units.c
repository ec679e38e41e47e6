/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/dwarf_units.h"

#include <errno.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "symbolize/dwarf_die.h"
#include "symbolize/dwarf_lines.h"

/* What libdw keeps of a unit that it has seen: itself, and a table for its abbreviations. */
#define LIBDW_UNIT_BYTES 1024

static int add_unit(struct dwarf_units *units, Dwarf_Die *die, bool is_open)
{
	struct dwarf_unit *items =
		array_reserve(units->items, units->count, &units->capacity, sizeof(*items));

	if (!items)
		return -ENOMEM;
	units->items = items;
	items[units->count++] = (struct dwarf_unit){
		.die = dwarf_dieoffset(die),
		.is_open = is_open,
	};
	units->open_count += is_open;
	return 0;
}

/* With a table of lines that is there, but empty, a unit has no code: it is what others share. */
static bool may_have_code(const struct dwarf_file *file, const struct dwarf_die *attributes)
{
	Dwarf_Attribute table = attributes->line_table;
	Dwarf_Word offset;

	return !table.valp || dwarf_formudata(&table, &offset) < 0 ||
	       !dwarf_lines_is_empty(file, offset);
}

static int visit_unit(const struct dwarf_file *file, Dwarf_Die *die, struct dwarf_units *units)
{
	int tag = dwarf_tag(die), err;
	struct dwarf_die attributes;
	bool has_code;

	if (tag != DW_TAG_compile_unit && tag != DW_TAG_partial_unit && tag != DW_TAG_skeleton_unit)
		return 0;
	file->stats->units++;
	if (!dwarf_die_read(die, &attributes)) {
		dwarf_refuse(file, DWARF_REFUSED_MALFORMED);
		return 0;
	}
	has_code = dwarf_die_has_code(&attributes);
	if (!has_code && (tag == DW_TAG_partial_unit || !may_have_code(file, &attributes)))
		return 0;
	err = dwarf_die_spans(file, die, &attributes, (uint32_t)units->count, &units->spans);
	if (err == -EBADMSG)
		dwarf_refuse(file, DWARF_REFUSED_MALFORMED);
	else if (err < 0)
		return err;
	return add_unit(units, die, !has_code || err == -EBADMSG);
}

static void cleanup_units(struct dwarf_units *units)
{
	dwarf_units_done(units);
}

int dwarf_units_read(const struct dwarf_file *file, uint64_t bytes_max, struct dwarf_units *ret)
{
	CLEANUP(cleanup_units) struct dwarf_units units = { 0 };
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;
	int err, end;

	for (uint64_t seen = 0;
	     (end = dwarf_get_units(file->dwarf, cu, &cu, NULL, &type, &die, NULL)) == 0; seen++) {
		/* Types have no code. Those of version 4 come last. */
		if (type == DW_UT_type || type == DW_UT_split_type)
			continue;
		if (dwarf_units_bytes(&units, seen) > bytes_max)
			return -EFBIG;
		err = visit_unit(file, &die, &units);
		if (err < 0)
			return err;
	}
	if (end < 0)
		dwarf_refuse(file, DWARF_REFUSED_MALFORMED);
	err = dwarf_units_map(&units);
	if (err < 0)
		return err;
	*ret = units;
	units = (struct dwarf_units){ 0 };
	return 0;
}

void dwarf_units_done(struct dwarf_units *units)
{
	free(units->items);
	dwarf_map_done(&units->map);
	dwarf_spans_done(&units->spans);
	*units = (struct dwarf_units){ 0 };
}

int dwarf_units_close(struct dwarf_units *units, size_t unit,
		      const struct dwarf_functions *functions)
{
	const struct dwarf_interval *at = functions ? functions->map.intervals : NULL;

	if (units->items[unit].is_open)
		units->open_count--;
	units->items[unit].is_open = false;
	for (size_t i = 0; functions && i < functions->map.count; i++) {
		int err = 0;

		if (at[i].owner != DWARF_NOBODY)
			err = dwarf_spans_add(&units->spans, at[i].start, at[i + 1].start,
					      (uint32_t)unit);
		if (err < 0)
			return err;
	}
	return 0;
}

int dwarf_units_map(struct dwarf_units *units)
{
	CLEANUP(cleanup_free) uint32_t *sizes = calloc(units->count + 1, sizeof(*sizes));
	struct dwarf_spans *spans = &units->spans;
	int err;

	if (!sizes)
		return -ENOMEM;
	for (size_t i = 0; i < spans->count; i++)
		sizes[spans->items[i].owner] += spans->items[i].high - spans->items[i].low;
	for (size_t i = 0; i < spans->count; i++)
		spans->items[i].weight = sizes[spans->items[i].owner];
	dwarf_map_done(&units->map);
	err = dwarf_spans_flatten(spans, &units->map);
	if (!units->open_count)
		dwarf_spans_done(spans);
	return err;
}

uint64_t dwarf_units_bytes(const struct dwarf_units *units, uint64_t seen)
{
	return seen * LIBDW_UNIT_BYTES + units->capacity * sizeof(*units->items) +
	       units->spans.capacity * sizeof(*units->spans.items) +
	       units->map.count * sizeof(*units->map.intervals);
}
