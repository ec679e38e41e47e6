/* SPDX-License-Identifier: Apache-2.0 */
/* What the files call_tree*.c share, with the readers that add millions of stacks; nobody else
 * includes it. */
#ifndef EPROF_FLAMEGRAPH_CALL_TREE_PARTS_H
#define EPROF_FLAMEGRAPH_CALL_TREE_PARTS_H

#include "flamegraph/call_tree.h"
#include "flamegraph/name_pool.h"
#include "flamegraph/number_table.h"
#include "flamegraph/pair_pool.h"

_Static_assert(PAIR_NONE == CALL_TREE_NONE, "what is not known is the same everywhere");

struct call_tree {
	struct call_node *nodes;
	struct call_before *before; /* as many as nodes; NULL: nothing was counted before */
	size_t count;
	size_t capacity;
	size_t nodes_max;
	uint32_t depth;
	uint32_t decimals;
	enum call_tree_order order; /* of the last sort, or of the tree this is made of */
	bool keeps_time;
	bool is_sorted;
	bool merges_lines;            /* sites are told, and do not make a difference */
	uint64_t seed;                /* of the children's hashes: strangers choose who is there */
	struct name_pool names;       /* of functions, files and modules */
	struct pair_pool sites;       /* file, line */
	struct pair_pool places;      /* site or PAIR_NONE, module */
	struct number_table children; /* not used where time is kept */
	size_t indexed;               /* nodes that are in it; those from here on are not yet */
};

/* A frame in numbers. */
struct call_child {
	uint32_t name_id;
	enum frame_kind kind;
	uint32_t site_id;   /* PAIR_NONE: unknown */
	uint32_t module_id; /* CALL_TREE_NONE: unknown; says nothing about who it is */
};

/*
 * The child of parent that is this one, which is added when it is new. Where time is kept that is
 * the newest one or a new one. Errors: call_tree_reach().
 */
int call_tree_enter(struct call_tree *tree, uint32_t parent, const struct call_child *child,
		    uint32_t *ret);

/* The same of a child that is known to be new. */
int call_tree_append(struct call_tree *tree, uint32_t parent, const struct call_child *child,
		     uint32_t *ret);

/* The number of the pair of module and site, or CALL_TREE_NONE. Errors: call_tree_reach(). */
int call_tree_find_place(struct call_tree *tree, const struct call_child *child, uint32_t *ret);

/*
 * Adds to what node has itself, but not to its total or those above: for trees that are made of
 * others. Where time is kept, of a node with children, it is a gap that gets both. 0, -ENOMEM or
 * -E2BIG.
 */
int call_tree_add_self(struct call_tree *tree, uint32_t node, const struct call_before *before,
		       uint64_t self);

/* The tree is to have counts before, all 0 so far. 0 or -ENOMEM. */
int call_tree_make_before(struct call_tree *tree);

/* Makes totals of what all nodes have themselves: for who counted that only. */
void call_tree_sum_up(struct call_tree *tree);

/* An empty tree that is to be made of another one: with its decimals, order and so on. */
int call_tree_new_like(const struct call_tree *from, struct call_tree **ret);

static inline uint32_t call_tree_site(const struct call_tree *tree, const struct call_node *node)
{
	return node->place_id == CALL_TREE_NONE ? PAIR_NONE
						: tree->places.pairs[node->place_id].first;
}

/* The frame of a node, as call_tree_enter() takes it. */
static inline struct call_child call_tree_child(const struct call_tree *tree,
						const struct call_node *node)
{
	return (struct call_child){
		.name_id = node->name_id,
		.kind = node->kind,
		.site_id = call_tree_site(tree, node),
		.module_id = call_tree_place(tree, node->place_id).module_id,
	};
}

#endif
