/* SPDX-License-Identifier: Apache-2.0 */
/* A branch of a tree as a tree of its own, made in one walk over it. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_copier.h"

struct parting {
	const struct call_tree *from;
	struct call_tree *to;
	struct call_tree_copier copier;
	uint32_t root;  /* of from: what becomes the root */
	uint32_t *path; /* by depth below it: the node of to that was entered last */
};

static void cleanup_parting(struct parting *parting)
{
	call_tree_free(parting->to);
	call_tree_copier_done(&parting->copier);
	free(parting->path);
}

static int prepare(struct parting *parting)
{
	int err = call_tree_new_like(parting->from, &parting->to);

	if (err < 0)
		return err;
	parting->path = calloc((size_t)parting->from->depth + 1, sizeof(*parting->path));
	return parting->path ? call_tree_copier_make(parting->from, parting->to, &parting->copier)
			     : -ENOMEM;
}

static int copy_node(struct parting *parting, uint32_t index)
{
	const struct call_node *node = call_tree_node(parting->from, index);
	struct call_before before = call_tree_before(parting->from, index);
	uint32_t depth = node->depth - parting->from->nodes[parting->root].depth;
	uint32_t copy = 0;
	struct call_child child;
	int err;

	if (depth > 0) {
		err = call_tree_copier_child(&parting->copier, node, &child);
		if (!err)
			err = call_tree_enter(parting->to, parting->path[depth - 1], &child, &copy);
		if (err < 0)
			return err;
	}
	parting->path[depth] = copy;
	/* Totals are sums in the one tree, and so in the other. */
	parting->to->nodes[copy].total += node->total;
	if (parting->to->before)
		parting->to->before[copy].total += before.total;
	return call_tree_add_self(parting->to, copy, &before, node->self);
}

int call_tree_part(const struct call_tree *tree, uint32_t node, struct call_tree **ret)
{
	CLEANUP(cleanup_parting) struct parting parting = { .from = tree, .root = node };
	uint32_t end = call_tree_skip(tree, node);
	int err = prepare(&parting);

	for (uint32_t i = node; !err && i != end; i = call_tree_next(tree, i))
		err = copy_node(&parting, i);
	if (!err)
		err = call_tree_sort_by(parting.to, tree->order);
	if (err < 0)
		return err;
	call_tree_check(parting.to);
	*ret = TAKE(parting.to);
	return 0;
}
