/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of a unit are a tree, written in the order of a walk through it. libdw gives the
 * first child and the next sibling; at the end of siblings it says where that end is, and the
 * parent's next sibling is right behind. So one pass goes over everything once, with a stack of
 * what the levels above belong to, also where the compiler has left out the references to siblings
 * (clang).
 */
#include "symbolize/dwarf_functions.h"

#include <errno.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "symbolize/dwarf_die.h"

/* The largest units there are (a program optimized as one) have some millions. */
#define DIES_MAX (16 << 20)

/* Inlining and blocks together make some 60 levels of optimized C++. */
#define DEPTH_MAX 1024

struct walk {
	const struct dwarf_file *file;
	Dwarf_Die *unit;
	const uint8_t *end;
	uint64_t bytes_max;
	struct dwarf_function *functions;
	size_t count, capacity;
	struct dwarf_spans spans;
	size_t depth;
	uint32_t owners[DEPTH_MAX]; /* whose code the entries of each level are in */
};

static void cleanup_walk(struct walk *walk)
{
	free(walk->functions);
	dwarf_spans_done(&walk->spans);
}

static int add_function(struct walk *walk, Dwarf_Die *die, const struct dwarf_die *attributes,
			uint32_t parent, uint32_t *ret)
{
	struct dwarf_function *functions;
	uint64_t held =
		walk->count * sizeof(*functions) + walk->spans.count * sizeof(*walk->spans.items);
	int err;

	if (held > walk->bytes_max)
		return -EFBIG;
	functions =
		array_reserve(walk->functions, walk->count, &walk->capacity, sizeof(*functions));
	if (!functions)
		return -ENOMEM;
	walk->functions = functions;
	functions[walk->count] = (struct dwarf_function){
		.die = (uint32_t)((uint8_t *)die->addr - (uint8_t *)walk->unit->addr),
		.parent = parent,
		.call_file = attributes->call_file.valp ? dwarf_die_number(attributes->call_file)
							: DWARF_NOBODY,
		.call_line = dwarf_die_number(attributes->call_line),
	};
	err = dwarf_die_spans(walk->file, die, attributes, (uint32_t)walk->count, &walk->spans);
	if (err == -EBADMSG)
		dwarf_refuse(walk->file, DWARF_REFUSED_MALFORMED);
	else if (err < 0)
		return err;
	*ret = (uint32_t)walk->count++;
	return 0;
}

enum visit {
	VISIT_SKIP, /* nothing below can be of interest */
	VISIT_BELOW,
	VISIT_DAMAGED,
};

static int visit_function(struct walk *walk, Dwarf_Die *die, uint32_t *owner)
{
	struct dwarf_die attributes;
	int err;

	if (!dwarf_die_read(die, &attributes))
		return VISIT_DAMAGED;
	if (attributes.is_declaration)
		return VISIT_SKIP;
	*owner = DWARF_NOBODY;
	/* Below an abstract instance there may be a nested function that has code. */
	if (!dwarf_die_has_code(&attributes))
		return VISIT_BELOW;
	err = add_function(walk, die, &attributes, DWARF_NOBODY, owner);
	return err < 0 ? err : VISIT_BELOW;
}

static int visit_inlined(struct walk *walk, Dwarf_Die *die, uint32_t *owner)
{
	struct dwarf_die attributes;
	int err;

	if (*owner == DWARF_NOBODY)
		return VISIT_SKIP;
	if (!dwarf_die_read(die, &attributes))
		return VISIT_DAMAGED;
	/* Also without code: what was inlined into it may have some. */
	err = add_function(walk, die, &attributes, *owner, owner);
	return err < 0 ? err : VISIT_BELOW;
}

/* An enum visit, or -errno. *owner is whose code the entry is in, then that of its children. */
static int visit(struct walk *walk, Dwarf_Die *die, uint32_t *owner)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_subprogram:
		return visit_function(walk, die, owner);
	case DW_TAG_inlined_subroutine:
		return visit_inlined(walk, die, owner);
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
		return VISIT_BELOW;
	case DW_TAG_invalid:
		return VISIT_DAMAGED;
	}
	return VISIT_SKIP;
}

/* The entry after die and all below it, maybe on a level above. 0, 1 at the end, -1 damaged. */
static int go_on(struct walk *walk, Dwarf_Die *die)
{
	Dwarf_Die next = { 0 };
	int end = dwarf_siblingof(die, &next);
	const uint8_t *at = next.addr;

	if (end == 0)
		*die = next;
	if (end <= 0)
		return end;
	/* at is the null entry that ends the siblings; at the end of a unit they may be missing. */
	while (at && at < walk->end && *at == 0) {
		if (walk->depth-- == 0)
			return 1;
		at++;
	}
	if (!at || at >= walk->end)
		return 1;
	*die = (Dwarf_Die){ .addr = (void *)at, .cu = walk->unit->cu };
	return 0;
}

static int go_below(struct walk *walk, Dwarf_Die *die, uint32_t owner)
{
	Dwarf_Die child;
	int end = dwarf_child(die, &child);

	if (end > 0)
		return go_on(walk, die);
	if (end < 0 || walk->depth + 1 == DEPTH_MAX)
		return -1;
	walk->owners[++walk->depth] = owner;
	*die = child;
	return 0;
}

static int walk_unit(struct walk *walk)
{
	Dwarf_Die die;
	int end = dwarf_child(walk->unit, &die);

	walk->owners[0] = DWARF_NOBODY;
	for (uint64_t count = 0; end == 0; count++) {
		uint32_t owner = walk->owners[walk->depth];
		int what = count < DIES_MAX ? visit(walk, &die, &owner) : -EFBIG;

		if (what < 0)
			return what;
		if (what == VISIT_DAMAGED)
			end = -1;
		else if (what == VISIT_BELOW)
			end = go_below(walk, &die, owner);
		else
			end = go_on(walk, &die);
	}
	if (end < 0)
		dwarf_refuse(walk->file, DWARF_REFUSED_MALFORMED);
	return 0;
}

/* Of functions that overlap, the smallest has the place, with all that is inlined into it. */
static int weigh(struct walk *walk)
{
	CLEANUP(cleanup_free) uint32_t *roots = reallocarray(NULL, walk->count, sizeof(*roots));
	CLEANUP(cleanup_free) uint32_t *sizes = calloc(walk->count, sizeof(*sizes));

	if (!roots || !sizes)
		return -ENOMEM;
	for (size_t i = 0; i < walk->count; i++) {
		uint32_t parent = walk->functions[i].parent;

		roots[i] = parent == DWARF_NOBODY ? (uint32_t)i : roots[parent];
	}
	for (size_t i = 0; i < walk->spans.count; i++) {
		const struct dwarf_span *span = &walk->spans.items[i];

		if (roots[span->owner] == span->owner)
			sizes[span->owner] += span->high - span->low;
	}
	for (size_t i = 0; i < walk->spans.count; i++) {
		struct dwarf_span *span = &walk->spans.items[i];

		span->weight = sizes[roots[span->owner]];
	}
	return 0;
}

int dwarf_functions_read(const struct dwarf_file *file, Dwarf_Die *unit, uint64_t extent,
			 uint64_t bytes_max, struct dwarf_functions *ret)
{
	CLEANUP(cleanup_walk)
	struct walk walk = {
		.file = file,
		.unit = unit,
		.end = (uint8_t *)unit->addr + extent,
		.bytes_max = bytes_max,
	};
	struct dwarf_functions functions = { 0 };
	int err;

	if (extent > UINT32_MAX)
		return -EFBIG;
	err = walk_unit(&walk);
	if (!err && walk.count)
		err = weigh(&walk);
	if (!err)
		err = dwarf_spans_flatten(&walk.spans, &functions.map);
	if (err < 0)
		return err;
	functions.count = walk.count;
	functions.items = array_trim(TAKE(walk.functions), walk.count, sizeof(*functions.items));
	*ret = functions;
	return 0;
}

void dwarf_functions_done(struct dwarf_functions *functions)
{
	free(functions->items);
	dwarf_map_done(&functions->map);
	*functions = (struct dwarf_functions){ 0 };
}
