/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pprof file says about code, each thing once: mappings, functions and locations. A location
 * is an address of a binary, and so a function together with what is inlined there. First all nodes
 * are found, and the locations that occur in samples marked; then functions and mappings are made.
 * Numbers count from 0 in the order of their arrival.
 */
#ifndef EPROF_FLAMEGRAPH_PPROF_LOCATIONS_H
#define EPROF_FLAMEGRAPH_PPROF_LOCATIONS_H

#include "flamegraph/call_tree.h"
#include "flamegraph/pair_pool.h"

/* Modules that are none: what is known of them is the kind of their frames. */
#define PPROF_MODULE_OF_KIND(kind) (PAIR_NONE - (uint32_t)(kind))

struct pprof_mapping {
	uint32_t module_id; /* a name's id, or of a kind (above) */
	bool has_filenames; /* of at least one frame; so are the others */
	bool has_line_numbers;
	bool has_inline_frames;
};

/* The zero value, with its tree, is empty. */
struct pprof_locations {
	const struct call_tree *tree;
	struct pair_pool frames;    /* name and kind, place */
	struct pair_pool locations; /* what it is inlined into or PAIR_NONE, frame */
	bool *is_used;              /* by location: occurs in a sample */
	size_t is_used_capacity;

	/* From pprof_locations_finish() on. */
	struct pair_pool functions; /* name, file or CALL_TREE_NONE */
	uint32_t *frame_functions;
	uint32_t *location_mappings;    /* of those that are used */
	struct pprof_mapping *mappings; /* binaries come first */
	size_t mapping_count;
};

void pprof_locations_done(struct pprof_locations *locations);

/*
 * The location of node, whose parent's is outer (PAIR_NONE below the root): the one that has outer
 * in it when node is inlined there. 0, -ENOMEM or -E2BIG.
 */
int pprof_locations_find(struct pprof_locations *locations, const struct call_node *node,
			 uint32_t outer, uint32_t *ret);

/* The location that this one has in it, or PAIR_NONE. */
static inline uint32_t pprof_locations_outer(const struct pprof_locations *locations,
					     uint32_t location)
{
	return locations->locations.pairs[location].first;
}

/* Fills in what is left; called once. 0, -ENOMEM or -E2BIG. */
int pprof_locations_finish(struct pprof_locations *locations);

/* The kind of frame a mapping stands for that is no binary; FRAME_KIND_COUNT: it is one. */
enum frame_kind pprof_mapping_kind(const struct pprof_mapping *mapping);

/* The place of a location's innermost function. */
struct call_place pprof_locations_place(const struct pprof_locations *locations, uint32_t location);

#endif
