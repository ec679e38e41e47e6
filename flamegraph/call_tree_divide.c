/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same tree with smaller counts. Everything is entered in the order of its number, so that
 * nodes, names and sites have the same numbers in both.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_parts.h"

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

static int copy_names(const struct call_tree *from, struct call_tree *to)
{
	for (size_t i = 0; i < from->names.count; i++) {
		uint32_t id;
		int err = name_pool_intern(&to->names, from->names.names[i].text, &id);

		if (err < 0)
			return err;
		assert(id == i);
	}
	return 0;
}

static int copy_sites(const struct call_tree *from, struct call_tree *to)
{
	for (size_t i = 0; i < from->sites.count; i++) {
		const struct pair *site = &from->sites.pairs[i];
		uint32_t id;
		int err = pair_pool_intern(&to->sites, site->first, site->second, &id);

		if (err < 0)
			return err;
		assert(id == i);
	}
	return 0;
}

static int copy_node(const struct call_tree *from, uint32_t index, struct call_tree *to)
{
	const struct call_node *node = call_tree_node(from, index);
	struct call_child child = call_tree_child(from, node);
	uint32_t copy;
	int err = call_tree_enter(to, node->parent, &child, &copy);

	if (err < 0)
		return err;
	assert(copy == index);
	return 0;
}

/* Siblings are chained last to first as they arrive: the order is copied when all are there. */
static int copy_nodes(const struct call_tree *from, struct call_tree *to)
{
	for (uint32_t i = 1; i < from->count; i++) {
		int err = copy_node(from, i, to);

		if (err < 0)
			return err;
	}
	for (size_t i = 0; i < from->count; i++) {
		to->nodes[i].first_child = from->nodes[i].first_child;
		to->nodes[i].next_sibling = from->nodes[i].next_sibling;
	}
	return 0;
}

/* What a division leaves over is part of the next one. */
static uint64_t divide(uint64_t count, uint64_t divisor, uint64_t *left_over)
{
	uint64_t rest = count % divisor;
	bool is_one_more = rest >= divisor - *left_over;

	*left_over = is_one_more ? rest - (divisor - *left_over) : rest + *left_over;
	return count / divisor + is_one_more;
}

/* It begins with half a unit: the sum is rounded, not cut. */
static void divide_counts(const struct call_tree *from, uint64_t divisor, struct call_tree *to)
{
	uint64_t left_over = divisor / 2, left_over_before = divisor / 2;

	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(from, i)) {
		to->nodes[i].self = divide(from->nodes[i].self, divisor, &left_over);
		if (from->before)
			to->before[i].self =
				divide(from->before[i].self, divisor, &left_over_before);
	}
	call_tree_sum_up(to);
}

int call_tree_divide(const struct call_tree *tree, uint64_t divisor, struct call_tree **ret)
{
	CLEANUP(cleanup_tree) struct call_tree *copy = NULL;
	int err = call_tree_new_like(tree, &copy);

	assert(divisor > 0);
	if (!err)
		err = copy_names(tree, copy);
	if (!err)
		err = copy_sites(tree, copy);
	if (!err)
		err = copy_nodes(tree, copy);
	if (err < 0)
		return err;
	divide_counts(tree, divisor, copy);
	copy->is_sorted = tree->is_sorted;
	call_tree_check(copy);
	*ret = TAKE(copy);
	return 0;
}
