/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of a tree: on both sides of a differential, their unit, and whether they add up. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "flamegraph/call_tree_parts.h"

/* What time a frame spends itself has a place among its callees when these are kept in order. */
static int find_gap(struct call_tree *tree, uint32_t node, uint32_t *ret)
{
	struct call_child gap = { .kind = FRAME_GAP,
				  .site_id = PAIR_NONE,
				  .module_id = CALL_TREE_NONE };
	int err;

	if (!tree->keeps_time || tree->nodes[node].first_child == CALL_TREE_NONE) {
		*ret = node;
		return 0;
	}
	err = name_pool_intern(&tree->names, "", &gap.name_id);
	return err < 0 ? err : call_tree_enter(tree, node, &gap, ret);
}

int call_tree_count(struct call_tree *tree, uint32_t node, uint64_t count)
{
	int err;

	assert(node < call_tree_node_count(tree));
	/* No node's total is above the root's: when this sum fits, all do. */
	if (count > UINT64_MAX - tree->nodes[0].total)
		return -EOVERFLOW;
	if (count == 0)
		return 0;
	err = find_gap(tree, node, &node);
	if (err < 0)
		return err;
	tree->nodes[node].self += count;
	for (; node != CALL_TREE_NONE; node = tree->nodes[node].parent)
		tree->nodes[node].total += count;
	return 0;
}

int call_tree_make_before(struct call_tree *tree)
{
	if (!tree->before)
		tree->before = calloc(tree->capacity, sizeof(*tree->before));
	return tree->before ? 0 : -ENOMEM;
}

int call_tree_count_before(struct call_tree *tree, uint32_t node, uint64_t count)
{
	int err = call_tree_make_before(tree);

	assert(node < call_tree_node_count(tree));
	if (err < 0)
		return err;
	if (count > UINT64_MAX - tree->before[0].total)
		return -EOVERFLOW;
	if (count == 0)
		return 0;
	err = find_gap(tree, node, &node);
	if (err < 0)
		return err;
	tree->before[node].self += count;
	for (; node != CALL_TREE_NONE; node = tree->nodes[node].parent)
		tree->before[node].total += count;
	return 0;
}

struct call_before call_tree_before(const struct call_tree *tree, uint32_t node)
{
	assert(node < call_tree_node_count(tree));
	return tree->before ? tree->before[node] : (struct call_before){ 0 };
}

bool call_tree_has_before(const struct call_tree *tree)
{
	return tree->before;
}

int call_tree_add_self(struct call_tree *tree, uint32_t node, const struct call_before *before,
		       uint64_t self)
{
	uint32_t target = node;
	int err = 0;

	if (self > 0 || before->self > 0)
		err = find_gap(tree, node, &target);
	if (err < 0)
		return err;
	tree->nodes[target].self += self;
	if (target != node)
		tree->nodes[target].total += self;
	if (before->self == 0)
		return 0;
	tree->before[target].self += before->self;
	if (target != node)
		tree->before[target].total += before->self;
	return 0;
}

void call_tree_sum_up(struct call_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		tree->nodes[i].total = tree->nodes[i].self;
	/* Children have larger numbers than their parents. */
	for (size_t i = tree->count; i-- > 1;)
		tree->nodes[tree->nodes[i].parent].total += tree->nodes[i].total;
	if (!tree->before)
		return;
	for (size_t i = 0; i < tree->count; i++)
		tree->before[i].total = tree->before[i].self;
	for (size_t i = tree->count; i-- > 1;)
		tree->before[tree->nodes[i].parent].total += tree->before[i].total;
}

unsigned int call_tree_decimals(const struct call_tree *tree)
{
	return tree->decimals;
}

static uint64_t power_of_ten(unsigned int exponent)
{
	uint64_t power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

int call_tree_set_decimals(struct call_tree *tree, unsigned int decimals)
{
	uint64_t factor, sum;

	assert(decimals >= tree->decimals && decimals <= CALL_TREE_DECIMALS_MAX);
	factor = power_of_ten(decimals - tree->decimals);
	if (__builtin_mul_overflow(tree->nodes[0].total, factor, &sum) ||
	    (tree->before && __builtin_mul_overflow(tree->before[0].total, factor, &sum)))
		return -EOVERFLOW;
	tree->decimals = decimals;
	for (size_t i = 0; factor > 1 && i < tree->count; i++) {
		tree->nodes[i].self *= factor;
		tree->nodes[i].total *= factor;
	}
	for (size_t i = 0; factor > 1 && tree->before && i < tree->count; i++) {
		tree->before[i].self *= factor;
		tree->before[i].total *= factor;
	}
	return 0;
}

int call_tree_units(const struct call_tree *tree, uint64_t whole, uint64_t *ret)
{
	uint64_t units;

	if (__builtin_mul_overflow(whole, power_of_ten(tree->decimals), &units))
		return -EOVERFLOW;
	*ret = units;
	return 0;
}

/* Also that index is the parent of all its children; returns how many there are. */
static size_t check_node(const struct call_tree *tree, uint32_t index)
{
	const struct call_node *node = &tree->nodes[index];
	uint64_t total = node->self;
	uint64_t before = tree->before ? tree->before[index].self : 0;
	size_t children = 0;

	for (uint32_t i = node->first_child; i != CALL_TREE_NONE; i = tree->nodes[i].next_sibling) {
		assert(i > index && i < tree->count);
		assert(tree->nodes[i].parent == index);
		assert(tree->nodes[i].depth == node->depth + 1);
		assert(tree->nodes[i].kind == FRAME_GAP || tree->nodes[i].kind < FRAME_KIND_COUNT);
		total += tree->nodes[i].total;
		before += tree->before ? tree->before[i].total : 0;
		children++;
		assert(children < tree->count);
	}
	assert(node->total == total);
	assert(!tree->before || tree->before[index].total == before);
	assert(!children || !tree->keeps_time || node->self == 0);
	assert(!children || node->kind != FRAME_GAP);
	return children;
}

void call_tree_check(const struct call_tree *tree)
{
	size_t children = 0;

	assert(tree->count > 0 && tree->nodes[0].parent == CALL_TREE_NONE);
	for (size_t i = 0; i < tree->count; i++)
		children += check_node(tree, (uint32_t)i);
	assert(children == tree->count - 1);
}
