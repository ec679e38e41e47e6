/* SPDX-License-Identifier: Apache-2.0 */
/* The same tree under other names, which may make one node of several. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_copier.h"

struct renaming {
	const struct call_tree *from;
	struct call_tree *to;
	call_tree_renamer renamer;
	void *context;
	struct call_tree_copier copier;
	uint32_t *nodes; /* of from -> of to; parents come before their children */
};

static void cleanup_renaming(struct renaming *renaming)
{
	call_tree_free(renaming->to);
	call_tree_copier_done(&renaming->copier);
	free(renaming->nodes);
}

static int copy_node(struct renaming *renaming, uint32_t index)
{
	const struct call_node *node = call_tree_node(renaming->from, index);
	struct call_child child;
	struct frame frame = { .name = call_tree_name(renaming->from, node->name_id),
			       .kind = node->kind };
	int err;

	if (node->kind != FRAME_GAP)
		(void)renaming->renamer(renaming->context, &frame);
	child.kind = frame.kind;
	err = name_pool_intern(&renaming->to->names, frame.name, &child.name_id);
	if (!err)
		err = call_tree_copier_place(&renaming->copier, node, &child);
	return err < 0 ? err
		       : call_tree_enter(renaming->to, renaming->nodes[node->parent], &child,
					 &renaming->nodes[index]);
}

/* Totals are added as they are: they are sums in the one tree, and so in the other. */
static int copy_counts(struct renaming *renaming, uint32_t index)
{
	const struct call_node *node = call_tree_node(renaming->from, index);
	struct call_before before = call_tree_before(renaming->from, index);
	uint32_t copy = renaming->nodes[index];

	renaming->to->nodes[copy].total += node->total;
	if (renaming->to->before)
		renaming->to->before[copy].total += before.total;
	return call_tree_add_self(renaming->to, copy, &before, node->self);
}

int call_tree_rename(struct call_tree **tree, call_tree_renamer renamer, void *context)
{
	CLEANUP(cleanup_renaming)
	struct renaming renaming = { .from = *tree, .renamer = renamer, .context = context };
	size_t count = call_tree_node_count(*tree);
	int err = call_tree_new_like(*tree, &renaming.to);

	if (err < 0)
		return err;
	renaming.nodes = calloc(count, sizeof(*renaming.nodes));
	if (!renaming.nodes)
		return -ENOMEM;
	err = call_tree_copier_make(*tree, renaming.to, &renaming.copier);
	for (uint32_t i = 0; !err && i < count; i++) {
		if (i > 0)
			err = copy_node(&renaming, i);
		if (!err)
			err = copy_counts(&renaming, i);
	}
	if (err < 0)
		return err;
	call_tree_check(renaming.to);
	call_tree_free(*tree);
	*tree = TAKE(renaming.to);
	return 0;
}
