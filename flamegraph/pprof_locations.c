/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_locations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/name_pool.h"

/* A name's id and a frame's kind in 32 bits. */
#define KIND_BITS  3
#define KIND_SHIFT (32 - KIND_BITS)
#define NAME_MASK  (UINT32_MAX >> KIND_BITS)

_Static_assert(NAMES_MAX - 1 <= NAME_MASK, "a name leaves these bits alone");
_Static_assert(FRAME_KIND_COUNT <= 1 << KIND_BITS, "a kind fits them");
_Static_assert(NAMES_MAX <= PAIR_NONE - FRAME_KIND_COUNT, "no name is the module of a kind");

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

int pprof_locations_find(struct pprof_locations *locations, const struct call_node *node,
			 uint32_t outer, uint32_t *ret)
{
	const struct call_node *parent = call_tree_node(locations->tree, node->parent);
	uint32_t name = node->name_id | (uint32_t)node->kind << KIND_SHIFT;
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
		int err = pair_pool_intern(&locations->functions, frame->first & NAME_MASK,
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

/* CALL_TREE_NONE is the module of FRAME_USER. */
static uint32_t module_of(const struct pprof_locations *locations, uint32_t location)
{
	enum frame_kind kind;

	location = outermost(locations, location);
	kind = (enum frame_kind)(frame_of(locations, location)->first >> KIND_SHIFT);
	return kind == FRAME_USER ? pprof_locations_place(locations, location).module_id
				  : PPROF_MODULE_OF_KIND(kind);
}

static bool is_binary(uint32_t module_id)
{
	return module_id <= PPROF_MODULE_OF_KIND(FRAME_KIND_COUNT);
}

enum frame_kind pprof_mapping_kind(const struct pprof_mapping *mapping)
{
	return is_binary(mapping->module_id) ? FRAME_KIND_COUNT
					     : (enum frame_kind)(PAIR_NONE - mapping->module_id);
}

/* Of all used locations that are in binaries, or in none. */
static int find_mappings(struct pprof_locations *locations, bool of_binaries,
			 struct pair_pool *modules)
{
	for (uint32_t i = 0; i < locations->locations.count; i++) {
		uint32_t module_id = locations->is_used[i] ? module_of(locations, i) : PAIR_NONE;
		int err = 0;

		if (locations->is_used[i] && is_binary(module_id) == of_binaries)
			err = pair_pool_intern(modules, module_id, 0,
					       &locations->location_mappings[i]);
		if (err < 0)
			return err;
	}
	return 0;
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
	int err;

	locations->location_mappings = calloc(n + 1, sizeof(*locations->location_mappings));
	if (!locations->location_mappings)
		return -ENOMEM;
	err = find_mappings(locations, true, &modules);
	if (!err)
		err = find_mappings(locations, false, &modules);
	if (err < 0)
		return err;
	locations->mappings = calloc(modules.count + 1, sizeof(*locations->mappings));
	if (!locations->mappings)
		return -ENOMEM;
	locations->mapping_count = modules.count;
	for (size_t i = 0; i < modules.count; i++)
		locations->mappings[i].module_id = modules.pairs[i].first;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t mapping = locations->location_mappings[i];

		if (locations->is_used[i])
			note_facts(locations, i, &locations->mappings[mapping]);
	}
	return 0;
}

int pprof_locations_finish(struct pprof_locations *locations)
{
	int err = make_functions(locations);

	return err < 0 ? err : make_mappings(locations);
}
