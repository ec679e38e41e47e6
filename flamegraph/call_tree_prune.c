/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree_prune.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_copier.h"

struct pruning {
	const struct call_tree *from;
	struct call_tree *to;
	struct call_tree_copier copier;
	uint64_t threshold; /* nodes of this weight, and less, are left out */
	struct call_child small;
	uint32_t *path; /* by depth: the node of to that was entered last */
};

static void cleanup_pruning(struct pruning *pruning)
{
	call_tree_free(pruning->to);
	call_tree_copier_done(&pruning->copier);
	free(pruning->path);
}

/* Not smaller than that of any node below it. */
static uint64_t weight_of(const struct call_tree *tree, uint32_t index)
{
	uint64_t total = call_tree_node(tree, index)->total, sum;

	return __builtin_add_overflow(total, call_tree_before(tree, index).total, &sum) ? UINT64_MAX
											: sum;
}

static int compare_downwards(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left < right) - (left > right);
}

static int find_threshold(struct pruning *pruning, size_t nodes_max)
{
	size_t count = call_tree_node_count(pruning->from);
	CLEANUP(cleanup_free) uint64_t *weights = malloc(count * sizeof(*weights));

	if (!weights)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		weights[i] = weight_of(pruning->from, i);
	qsort(weights, count, sizeof(*weights), compare_downwards);
	pruning->threshold = weights[nodes_max];
	return 0;
}

static int prepare(struct pruning *pruning)
{
	int err = call_tree_new_like(pruning->from, &pruning->to);

	pruning->small = (struct call_child){ .kind = FRAME_NOTE,
					      .site_id = PAIR_NONE,
					      .module_id = CALL_TREE_NONE };
	if (!err)
		err = name_pool_intern(&pruning->to->names, CALL_TREE_SMALL,
				       &pruning->small.name_id);
	if (err < 0)
		return err;
	pruning->path = calloc((size_t)pruning->from->depth + 1, sizeof(*pruning->path));
	return pruning->path ? call_tree_copier_make(pruning->from, pruning->to, &pruning->copier)
			     : -ENOMEM;
}

static int copy_node(struct pruning *pruning, uint32_t index)
{
	const struct call_node *node = call_tree_node(pruning->from, index);
	struct call_before before = call_tree_before(pruning->from, index);
	struct call_child child;
	uint32_t copy = 0;
	int err = 0;

	if (node->depth > 0) {
		err = call_tree_copier_child(&pruning->copier, node, &child);
		if (!err)
			err = call_tree_enter(pruning->to, pruning->path[node->depth - 1], &child,
					      &copy);
	}
	if (err < 0)
		return err;
	pruning->path[node->depth] = copy;
	return call_tree_add_self(pruning->to, copy, &before, node->self);
}

/* With all that is below it. */
static int leave_out(struct pruning *pruning, uint32_t index)
{
	const struct call_node *node = call_tree_node(pruning->from, index);
	struct call_before before = call_tree_before(pruning->from, index);
	uint32_t small;
	int err;

	/* It counted nothing: nobody misses it. */
	if (weight_of(pruning->from, index) == 0)
		return 0;
	before.self = before.total;
	err = call_tree_enter(pruning->to, pruning->path[node->depth - 1], &pruning->small, &small);
	return err < 0 ? err : call_tree_add_self(pruning->to, small, &before, node->total);
}

int call_tree_prune(const struct call_tree *tree, size_t nodes_max, struct call_tree **ret)
{
	CLEANUP(cleanup_pruning) struct pruning pruning = { .from = tree };
	uint32_t i = 0;
	int err;

	*ret = NULL;
	if (call_tree_node_count(tree) <= nodes_max)
		return 0;
	err = find_threshold(&pruning, nodes_max);
	if (!err)
		err = prepare(&pruning);
	while (!err && i != CALL_TREE_NONE) {
		/* The root is kept, whatever it has. */
		bool is_kept = i == 0 || weight_of(tree, i) > pruning.threshold;

		err = is_kept ? copy_node(&pruning, i) : leave_out(&pruning, i);
		i = is_kept ? call_tree_next(tree, i) : call_tree_skip(tree, i);
	}
	if (err < 0)
		return err;
	call_tree_sum_up(pruning.to);
	err = call_tree_sort_by(pruning.to, tree->order);
	if (err < 0)
		return err;
	call_tree_check(pruning.to);
	*ret = TAKE(pruning.to);
	return 0;
}
