/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_locations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/name_pool.h"

/* Beside a name's id. */
#define KERNEL_BIT  (1u << 31)
#define NO_CODE_BIT (1u << 30)
#define NAME_BITS   (NO_CODE_BIT - 1)

_Static_assert(NAMES_MAX <= NO_CODE_BIT, "a name leaves these bits alone");

void pprof_locations_done(struct pprof_locations *locations)
{
	pair_pool_done(&locations->frames);
	pair_pool_done(&locations->locations);
	pair_pool_done(&locations->functions);
	free(locations->is_used);
	free(locations->frame_functions);
	free(locations->location_mappings);
	free(locations->mappings);
	*locations = (struct pprof_locations){ 0 };
}

static int reserve_used(struct pprof_locations *locations)
{
	size_t capacity = locations->locations.capacity;
	bool *is_used;

	if (locations->is_used_capacity == capacity)
		return 0;
	is_used = realloc(locations->is_used, capacity * sizeof(*is_used));
	if (!is_used)
		return -ENOMEM;
	memset(is_used + locations->is_used_capacity, 0,
	       (capacity - locations->is_used_capacity) * sizeof(*is_used));
	locations->is_used = is_used;
	locations->is_used_capacity = capacity;
	return 0;
}

/* Processes and notes are in no binary, and nothing is inlined into them. */
static bool is_code(enum frame_kind kind)
{
	return kind != FRAME_PROCESS && kind != FRAME_NOTE;
}

static uint32_t bit_of(enum frame_kind kind)
{
	if (!is_code(kind))
		return NO_CODE_BIT;
	return kind == FRAME_KERNEL ? KERNEL_BIT : 0;
}

int pprof_locations_find(struct pprof_locations *locations, const struct call_node *node,
			 uint32_t outer, uint32_t *ret)
{
	const struct call_node *parent = call_tree_node(locations->tree, node->parent);
	uint32_t name = node->name_id | bit_of(node->kind);
	bool is_inlined =
		node->kind == FRAME_INLINED && outer != PAIR_NONE && is_code(parent->kind);
	uint32_t frame;
	int err = pair_pool_intern(&locations->frames, name, node->place_id, &frame);

	if (!err)
		err = pair_pool_intern(&locations->locations, is_inlined ? outer : PAIR_NONE, frame,
				       ret);
	return err < 0 ? err : reserve_used(locations);
}

static const struct pair *frame_of(const struct pprof_locations *locations, uint32_t location)
{
	return &locations->frames.pairs[locations->locations.pairs[location].second];
}

struct call_place pprof_locations_place(const struct pprof_locations *locations, uint32_t location)
{
	return call_tree_place(locations->tree, frame_of(locations, location)->second);
}

static int make_functions(struct pprof_locations *locations)
{
	size_t n = locations->frames.count;

	locations->frame_functions = calloc(n + 1, sizeof(*locations->frame_functions));
	if (!locations->frame_functions)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct pair *frame = &locations->frames.pairs[i];
		struct call_place place = call_tree_place(locations->tree, frame->second);
		int err = pair_pool_intern(&locations->functions, frame->first & NAME_BITS,
					   place.file_id, &locations->frame_functions[i]);

		if (err < 0)
			return err;
	}
	return 0;
}

static uint32_t outermost(const struct pprof_locations *locations, uint32_t location)
{
	while (pprof_locations_outer(locations, location) != PAIR_NONE)
		location = pprof_locations_outer(locations, location);
	return location;
}

static int find_mapping(const struct pprof_locations *locations, uint32_t location,
			struct pair_pool *modules, uint32_t *ret)
{
	uint32_t module_id, bits;

	location = outermost(locations, location);
	bits = frame_of(locations, location)->first;
	if (bits & NO_CODE_BIT) {
		*ret = PAIR_NONE;
		return 0;
	}
	/* CALL_TREE_NONE is PPROF_MODULE_UNKNOWN. */
	module_id = bits & KERNEL_BIT ? PPROF_MODULE_KERNEL
				      : pprof_locations_place(locations, location).module_id;
	return pair_pool_intern(modules, module_id, 0, ret);
}

/* What the functions of a location tell about their mapping. */
static void note_facts(const struct pprof_locations *locations, uint32_t location,
		       struct pprof_mapping *mapping)
{
	for (; location != PAIR_NONE; location = pprof_locations_outer(locations, location)) {
		struct call_place place = pprof_locations_place(locations, location);

		mapping->has_filenames |= place.file_id != CALL_TREE_NONE;
		mapping->has_line_numbers |= place.line > 0;
		mapping->has_inline_frames |=
			pprof_locations_outer(locations, location) != PAIR_NONE;
	}
}

static int make_mappings(struct pprof_locations *locations)
{
	CLEANUP(pair_pool_done) struct pair_pool modules = { 0 };
	size_t n = locations->locations.count;

	locations->location_mappings = calloc(n + 1, sizeof(*locations->location_mappings));
	if (!locations->location_mappings)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		int err = locations->is_used[i] ? find_mapping(locations, i, &modules,
							       &locations->location_mappings[i])
						: 0;

		if (err < 0)
			return err;
	}
	locations->mappings = calloc(modules.count + 1, sizeof(*locations->mappings));
	if (!locations->mappings)
		return -ENOMEM;
	locations->mapping_count = modules.count;
	for (size_t i = 0; i < modules.count; i++)
		locations->mappings[i].module_id = modules.pairs[i].first;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t mapping = locations->location_mappings[i];

		if (locations->is_used[i] && mapping != PAIR_NONE)
			note_facts(locations, i, &locations->mappings[mapping]);
	}
	return 0;
}

int pprof_locations_finish(struct pprof_locations *locations)
{
	int err = make_functions(locations);

	return err < 0 ? err : make_mappings(locations);
}
