/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/differential.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_merge.h"
#include "flamegraph/call_tree_parts.h"
#include "flamegraph/call_tree_removed.h"

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

/* The frame that call_tree_removed() makes is to be the only one. */
static bool rename_removed(void *context, struct frame *frame)
{
	(void)context;
	if (frame->kind != FRAME_NOTE || strcmp(frame->name, CALL_TREE_REMOVED) != 0)
		return false;
	frame->kind = FRAME_USER;
	return true;
}

static int rename_if_removed(struct call_tree **tree)
{
	uint32_t id;

	if (!name_pool_find(&(*tree)->names, CALL_TREE_REMOVED, strlen(CALL_TREE_REMOVED), &id))
		return 0;
	return call_tree_rename(tree, rename_removed, NULL);
}

int differential_make(const struct call_tree *before, const struct call_tree *after,
		      struct call_tree **ret)
{
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	int err = call_tree_new(&tree);

	if (err < 0)
		return err;
	tree->merges_lines = true;
	err = call_tree_merge(tree, after);
	if (!err)
		err = call_tree_merge_before(tree, before);
	if (!err)
		err = rename_if_removed(&tree);
	if (!err)
		err = call_tree_sort(tree);
	if (err < 0)
		return err;
	call_tree_check(tree);
	*ret = TAKE(tree);
	return 0;
}

/* Enough decimals for each count before to be a unit at least, if there is room for them. */
static unsigned int decimals_for(const struct call_tree *tree)
{
	uint64_t after = tree->nodes[0].total;
	unsigned int decimals = 0;

	while (after < tree->before[0].total &&
	       tree->decimals + decimals < CALL_TREE_DECIMALS_MAX &&
	       !__builtin_mul_overflow(after, 10, &after))
		decimals++;
	return decimals;
}

static void multiply_after(struct call_tree *tree, unsigned int decimals)
{
	for (; decimals > 0; decimals--) {
		for (size_t i = 0; i < tree->count; i++) {
			tree->nodes[i].self *= 10;
			tree->nodes[i].total *= 10;
		}
		tree->decimals++;
	}
}

void differential_normalize(struct call_tree *tree, bool may_have_decimals)
{
	uint64_t seen = 0, given = 0, whole;
	unsigned __int128 wanted;

	assert(tree->before && tree->before[0].total > 0 && tree->nodes[0].total > 0);
	whole = tree->before[0].total;
	if (may_have_decimals)
		multiply_after(tree, decimals_for(tree));
	wanted = tree->nodes[0].total;
	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(tree, i)) {
		uint64_t until;

		seen += tree->before[i].self;
		until = (uint64_t)((seen * wanted + whole / 2) / whole);
		tree->before[i] = (struct call_before){ until - given, until - given };
		given = until;
	}
	/* Children have larger numbers than their parents. */
	for (size_t i = tree->count; i-- > 1;)
		tree->before[tree->nodes[i].parent].total += tree->before[i].total;
	assert(tree->before[0].total == tree->nodes[0].total);
}
