/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of one debugging information entry (DIE), in one pass over its attributes. */
#ifndef EPROF_SYMBOLIZE_DWARF_DIE_H
#define EPROF_SYMBOLIZE_DWARF_DIE_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "symbolize/dwarf_file.h"
#include "symbolize/dwarf_spans.h"

/* An attribute that is absent has no valp. */
struct dwarf_die {
	Dwarf_Attribute low, high, ranges;
	Dwarf_Attribute call_file, call_line;
	Dwarf_Attribute linkage_name, name;
	Dwarf_Attribute origin; /* abstract origin, or what it is the specification of */
	Dwarf_Attribute line_table, directory; /* of a unit */
	bool is_declaration;
};

/* False when its attributes reach beyond the unit. */
bool dwarf_die_read(Dwarf_Die *die, struct dwarf_die *ret);

/* True when it says where its code is, right or wrong. */
bool dwarf_die_has_code(const struct dwarf_die *attributes);

/*
 * Adds where its code is. Ranges that are empty, or where no code is, are left out. 0, -EFBIG for
 * too many of them, -EBADMSG for what cannot be read, -ENOMEM.
 */
int dwarf_die_spans(const struct dwarf_file *file, Dwarf_Die *die,
		    const struct dwarf_die *attributes, uint32_t owner, struct dwarf_spans *spans);

/* An attribute's number; 0 when it is absent, or does not fit. */
uint32_t dwarf_die_number(Dwarf_Attribute attribute);

/* An attribute's string, or NULL: absent, empty, absurdly long, or in a dwz file that is missing.
 */
const char *dwarf_die_string(const struct dwarf_file *file, Dwarf_Attribute attribute);

/* The entry that an attribute refers to. False when there is none. */
bool dwarf_die_refer(const struct dwarf_file *file, Dwarf_Attribute attribute, Dwarf_Die *ret);

#endif
