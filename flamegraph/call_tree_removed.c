/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree_removed.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_parts.h"

struct removal {
	struct call_tree *tree;
	uint32_t count;   /* of nodes that were there */
	uint32_t *copies; /* by node: where it is below the frame; 0: not yet */
	uint32_t *path;   /* by depth */
};

static void cleanup_removal(struct removal *removal)
{
	free(removal->copies);
	free(removal->path);
}

static bool is_removed(const struct call_tree *tree, uint32_t index)
{
	return tree->nodes[index].total == 0 && tree->before[index].total > 0;
}

static int copy_one(struct removal *removal, uint32_t index)
{
	const struct call_node *node = &removal->tree->nodes[index];
	struct call_child child = call_tree_child(removal->tree, node);

	return call_tree_enter(removal->tree, removal->copies[node->parent], &child,
			       &removal->copies[index]);
}

/* With all its callers that are not there yet. The root's copy is the frame itself. */
static int copy_path(struct removal *removal, uint32_t index)
{
	size_t length = 0;
	int err = 0;

	while (removal->copies[index] == 0) {
		removal->path[length++] = index;
		index = removal->tree->nodes[index].parent;
	}
	while (!err && length > 0)
		err = copy_one(removal, removal->path[--length]);
	return err;
}

static int make_frame(struct removal *removal)
{
	struct call_child frame = { .kind = FRAME_NOTE,
				    .site_id = PAIR_NONE,
				    .module_id = CALL_TREE_NONE };
	int err = name_pool_intern(&removal->tree->names, CALL_TREE_REMOVED, &frame.name_id);

	if (!err)
		err = call_tree_enter(removal->tree, 0, &frame, &removal->copies[0]);
	assert(err < 0 || removal->copies[0] >= removal->count);
	return err;
}

static int prepare(struct removal *removal)
{
	size_t depth = call_tree_depth(removal->tree);

	removal->count = (uint32_t)removal->tree->count;
	removal->copies = calloc(removal->count, sizeof(*removal->copies));
	removal->path = calloc(depth + 1, sizeof(*removal->path));
	return removal->copies && removal->path ? make_frame(removal) : -ENOMEM;
}

static int add_totals(const struct removal *removal)
{
	struct call_node *nodes = removal->tree->nodes;
	uint32_t frame = removal->copies[0];

	for (uint32_t i = (uint32_t)removal->tree->count; i-- > frame;) {
		nodes[i].total += nodes[i].self;
		if (i > frame)
			nodes[nodes[i].parent].total += nodes[i].total;
	}
	if (__builtin_add_overflow(nodes[0].total, nodes[frame].total, &nodes[0].total))
		return -EOVERFLOW;
	return 0;
}

static int copy_removed(struct call_tree *tree, uint32_t *ret_frame)
{
	CLEANUP(cleanup_removal) struct removal removal = { .tree = tree };
	int err = prepare(&removal);

	for (uint32_t i = 1; !err && i < removal.count; i++) {
		if (!is_removed(tree, i))
			continue;
		err = copy_path(&removal, i);
		if (!err)
			tree->nodes[removal.copies[i]].self = tree->before[i].self;
	}
	if (!err)
		err = add_totals(&removal);
	if (err < 0)
		return err;
	*ret_frame = removal.copies[0];
	return 0;
}

static void put_last(struct call_tree *tree, uint32_t frame)
{
	uint32_t *link = &tree->nodes[0].first_child;

	while (*link != frame)
		link = &tree->nodes[*link].next_sibling;
	*link = tree->nodes[frame].next_sibling;
	while (*link != CALL_TREE_NONE)
		link = &tree->nodes[*link].next_sibling;
	*link = frame;
	tree->nodes[frame].next_sibling = CALL_TREE_NONE;
}

static bool has_removed(const struct call_tree *tree)
{
	for (uint32_t i = 1; tree->before && i < tree->count; i++) {
		if (is_removed(tree, i))
			return true;
	}
	return false;
}

int call_tree_removed(struct call_tree *tree, enum call_tree_order order)
{
	uint32_t frame;
	int err;

	if (!has_removed(tree))
		return call_tree_sort_by(tree, order);
	err = copy_removed(tree, &frame);
	if (!err)
		err = call_tree_sort_by(tree, order);
	if (!err)
		put_last(tree, frame);
	return err;
}

uint32_t call_tree_removed_node(const struct call_tree *tree)
{
	uint32_t last = tree->before ? tree->nodes[0].first_child : CALL_TREE_NONE;

	while (last != CALL_TREE_NONE && tree->nodes[last].next_sibling != CALL_TREE_NONE)
		last = tree->nodes[last].next_sibling;
	if (last == CALL_TREE_NONE || tree->nodes[last].kind != FRAME_NOTE ||
	    strcmp(call_tree_name(tree, tree->nodes[last].name_id), CALL_TREE_REMOVED) != 0)
		return CALL_TREE_NONE;
	return last;
}

uint64_t call_tree_after(const struct call_tree *tree)
{
	uint32_t removed = call_tree_removed_node(tree);
	uint64_t total = tree->nodes[0].total;

	return removed == CALL_TREE_NONE ? total : total - tree->nodes[removed].total;
}
