/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of one unit, and what was inlined into them: from a place to the innermost one. */
#ifndef EPROF_SYMBOLIZE_DWARF_FUNCTIONS_H
#define EPROF_SYMBOLIZE_DWARF_FUNCTIONS_H

#include <elfutils/libdw.h>
#include <stdint.h>

#include "symbolize/dwarf_file.h"
#include "symbolize/dwarf_spans.h"

/* A function, or one place where a function was inlined. */
struct dwarf_function {
	uint32_t die;    /* its entry, in bytes after the unit's */
	uint32_t parent; /* what it was inlined into; DWARF_NOBODY: nothing, it is a function */
	uint32_t call_file, call_line;
	const char *name; /* NULL: nobody has asked yet */
};

struct dwarf_functions {
	struct dwarf_function *items; /* parents come before their children */
	size_t count;
	struct dwarf_map map; /* of indexes into items */
};

/*
 * Goes through the entries below a unit's, all that may hold functions. extent is how many bytes
 * they have together with the unit's own; bytes_max limits what is held meanwhile. On success *ret
 * needs dwarf_functions_done(). 0, -EFBIG beyond a limit, -ENOMEM. Damage ends the way, and is
 * counted.
 */
int dwarf_functions_read(const struct dwarf_file *file, Dwarf_Die *unit, uint64_t extent,
			 uint64_t bytes_max, struct dwarf_functions *ret);
void dwarf_functions_done(struct dwarf_functions *functions);

static inline uint64_t dwarf_functions_bytes(const struct dwarf_functions *functions)
{
	return functions->count * sizeof(*functions->items) +
	       functions->map.count * sizeof(*functions->map.intervals);
}

#endif
