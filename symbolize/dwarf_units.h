/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The units of a file, and which one has the code at a place. .debug_aranges would say it, but
 * clang writes none, and others leave things out: so the units are asked themselves.
 */
#ifndef EPROF_SYMBOLIZE_DWARF_UNITS_H
#define EPROF_SYMBOLIZE_DWARF_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "symbolize/dwarf_file.h"
#include "symbolize/dwarf_functions.h"
#include "symbolize/dwarf_spans.h"

struct dwarf_index;

struct dwarf_unit {
	uint64_t die;              /* offset of its entry in .debug_info */
	struct dwarf_index *index; /* NULL: not indexed now; of who uses the units */
	bool is_refused;           /* cannot be indexed */
	bool is_open;              /* does not say itself where its code is */
	uint32_t libdw;            /* which libdw has read of it, of who uses the units; 0: none */
};

/* Those that have code; the zero value is none. */
struct dwarf_units {
	struct dwarf_unit *items;
	size_t count, capacity;
	size_t open_count;
	struct dwarf_map map;     /* of indexes into items */
	struct dwarf_spans spans; /* only while there are open ones */
};

/*
 * Goes through all units. On success *ret needs dwarf_units_done(). 0, -EFBIG for more than fit
 * into bytes_max, -ENOMEM. Damage ends the way, and is counted.
 */
int dwarf_units_read(const struct dwarf_file *file, uint64_t bytes_max, struct dwarf_units *ret);
void dwarf_units_done(struct dwarf_units *units);

/* The code of an open unit is that of its functions (NULL: none). 0 or -ENOMEM. */
int dwarf_units_close(struct dwarf_units *units, size_t unit,
		      const struct dwarf_functions *functions);
/* To be called after that: the map has it then. 0 or -ENOMEM. */
int dwarf_units_map(struct dwarf_units *units);

/* The unit with the code at this place, or DWARF_NOBODY. */
static inline uint32_t dwarf_units_find(const struct dwarf_units *units, uint32_t place)
{
	return dwarf_map_find(&units->map, place);
}

/* What the table needs, and libdw for having seen that many units. */
uint64_t dwarf_units_bytes(const struct dwarf_units *units, uint64_t seen);

#endif
