/* SPDX-License-Identifier: Apache-2.0 */
/* What the files call_tree*.c share; nobody else includes it. */
#ifndef EPROF_FLAMEGRAPH_CALL_TREE_PARTS_H
#define EPROF_FLAMEGRAPH_CALL_TREE_PARTS_H

#include "base/hashmap.h"
#include "flamegraph/call_tree.h"
#include "flamegraph/name_pool.h"
#include "flamegraph/pair_pool.h"

_Static_assert(PAIR_NONE == CALL_TREE_NONE, "what is not known is the same everywhere");

struct call_tree {
	struct call_node *nodes;
	size_t count;
	size_t capacity;
	uint32_t depth;
	struct name_pool names;  /* of functions, files and modules */
	struct pair_pool sites;  /* file, line */
	struct pair_pool places; /* site or PAIR_NONE, module */
	struct pair_pool labels_at_sites;
	struct hashmap children; /* what identifies one -> node */
};

/* A frame in numbers. */
struct call_child {
	uint32_t name_id;
	enum frame_kind kind;
	uint32_t site_id;   /* PAIR_NONE: unknown */
	uint32_t module_id; /* CALL_TREE_NONE: unknown; says nothing about who it is */
};

/* The child of parent that is this one, which is added when it is new. Errors: call_tree_reach().
 */
int call_tree_enter(struct call_tree *tree, uint32_t parent, const struct call_child *child,
		    uint32_t *ret);

static inline uint32_t call_tree_site(const struct call_tree *tree, const struct call_node *node)
{
	return node->place_id == CALL_TREE_NONE ? PAIR_NONE
						: tree->places.pairs[node->place_id].first;
}

#endif
