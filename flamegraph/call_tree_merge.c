/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes are copied in the order of their numbers: parents come first, and what the order of the
 * input was stays known, in flame charts too.
 */
#include "flamegraph/call_tree_merge.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_copier.h"

struct merge {
	const struct call_tree *from;
	struct call_tree *to;
	bool is_before;
	uint64_t factor; /* of units of from in those of to */
	uint32_t *nodes; /* of from -> of to */
	struct call_tree_copier copier;
};

static void cleanup_merge(struct merge *merge)
{
	free(merge->nodes);
	call_tree_copier_done(&merge->copier);
}

static int copy_node(struct merge *merge, uint32_t index)
{
	const struct call_node *node = &merge->from->nodes[index];
	struct call_child child;
	int err = call_tree_copier_child(&merge->copier, node, &child);

	return err < 0 ? err
		       : call_tree_enter(merge->to, merge->nodes[node->parent], &child,
					 &merge->nodes[index]);
}

/* Totals are added as they are: they are sums in the one tree, and so in the other. */
static int add_counts(struct merge *merge, uint32_t index)
{
	const struct call_node *node = &merge->from->nodes[index];
	struct call_before before = call_tree_before(merge->from, index);
	uint64_t self = merge->is_before ? 0 : node->self * merge->factor;
	uint32_t target = merge->nodes[index];
	int err;

	if (merge->is_before)
		before = (struct call_before){ .self = node->self, .total = node->total };
	before.self *= merge->factor;
	before.total *= merge->factor;
	err = call_tree_add_self(merge->to, target, &before, self);
	if (err < 0)
		return err;
	if (!merge->is_before)
		merge->to->nodes[target].total += node->total * merge->factor;
	if (merge->to->before)
		merge->to->before[target].total += before.total;
	return 0;
}

/* No node's total is above the root's: when these sums fit, all do. */
static int check_sums(const struct merge *merge)
{
	const struct call_tree *from = merge->from, *to = merge->to;
	uint64_t count = merge->is_before ? 0 : from->nodes[0].total;
	uint64_t before = merge->is_before ? from->nodes[0].total : call_tree_before(from, 0).total;

	if (__builtin_mul_overflow(count, merge->factor, &count) ||
	    __builtin_mul_overflow(before, merge->factor, &before) ||
	    __builtin_add_overflow(count, to->nodes[0].total, &count) ||
	    __builtin_add_overflow(before, call_tree_before(to, 0).total, &before))
		return -EOVERFLOW;
	return 0;
}

static int prepare(struct merge *merge)
{
	const struct call_tree *from = merge->from;
	int err = 0;

	merge->factor = 1;
	for (unsigned int i = from->decimals; i < merge->to->decimals; i++)
		merge->factor *= 10;
	if (from->decimals > merge->to->decimals)
		err = call_tree_set_decimals(merge->to, from->decimals);
	if (!err)
		err = check_sums(merge);
	if (!err && (merge->is_before || from->before))
		err = call_tree_make_before(merge->to);
	if (err < 0)
		return err;
	merge->nodes = calloc(from->count, sizeof(*merge->nodes));
	return merge->nodes ? call_tree_copier_make(from, merge->to, &merge->copier) : -ENOMEM;
}

static int run(struct merge *merge)
{
	int err = prepare(merge);

	if (!err)
		err = add_counts(merge, 0);
	for (uint32_t i = 1; !err && i < merge->from->count; i++) {
		err = copy_node(merge, i);
		if (!err)
			err = add_counts(merge, i);
	}
	return err;
}

int call_tree_merge(struct call_tree *tree, const struct call_tree *from)
{
	CLEANUP(cleanup_merge) struct merge merge = { .from = from, .to = tree };

	return run(&merge);
}

int call_tree_merge_before(struct call_tree *tree, const struct call_tree *from)
{
	CLEANUP(cleanup_merge)
	struct merge merge = { .from = from, .to = tree, .is_before = true };

	assert(!from->before);
	return run(&merge);
}

int call_tree_multiply(struct call_tree *tree, uint64_t factor, unsigned int decimals)
{
	uint64_t sum;

	if (decimals > CALL_TREE_DECIMALS_MAX - tree->decimals)
		return -ERANGE;
	if (__builtin_mul_overflow(tree->nodes[0].total, factor, &sum) ||
	    __builtin_mul_overflow(call_tree_before(tree, 0).total, factor, &sum))
		return -EOVERFLOW;
	tree->decimals += decimals;
	for (size_t i = 0; i < tree->count; i++) {
		tree->nodes[i].self *= factor;
		tree->nodes[i].total *= factor;
	}
	for (size_t i = 0; tree->before && i < tree->count; i++) {
		tree->before[i].self *= factor;
		tree->before[i].total *= factor;
	}
	return 0;
}
