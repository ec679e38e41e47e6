/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hashmap.h"
#include "flamegraph/name_pool.h"

struct call_tree {
	struct call_node *nodes;
	size_t count;
	size_t capacity;
	uint32_t depth;
	struct name_pool names;
	struct hashmap children; /* child_key() -> node */
};

#define NODES_FIRST 1024
#define KIND_BITS   3

_Static_assert(FRAME_KIND_COUNT <= 1 << KIND_BITS, "a kind fits its bits of child_key()");
_Static_assert(NAMES_MAX <= 1u << (32 - KIND_BITS), "and so does a name");

static uint64_t child_key(uint32_t parent, uint32_t name_id, enum frame_kind kind)
{
	return (uint64_t)parent << 32 | (uint64_t)name_id << KIND_BITS | kind;
}

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

int call_tree_new(struct call_tree **ret)
{
	CLEANUP(cleanup_tree) struct call_tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return -ENOMEM;
	tree->nodes = calloc(NODES_FIRST, sizeof(*tree->nodes));
	if (!tree->nodes)
		return -ENOMEM;
	tree->capacity = NODES_FIRST;
	tree->count = 1;
	tree->nodes[0] = (struct call_node){
		.parent = CALL_TREE_NONE,
		.first_child = CALL_TREE_NONE,
		.next_sibling = CALL_TREE_NONE,
		.name_id = CALL_TREE_NONE,
	};
	*ret = TAKE(tree);
	return 0;
}

void call_tree_free(struct call_tree *tree)
{
	if (!tree)
		return;
	free(tree->nodes);
	name_pool_done(&tree->names);
	hashmap_done(&tree->children);
	free(tree);
}

static int reserve_node(struct call_tree *tree)
{
	struct call_node *nodes;

	if (tree->count < tree->capacity)
		return 0;
	if (tree->count >= CALL_TREE_NODES_MAX)
		return -E2BIG;
	nodes = reallocarray(tree->nodes, tree->capacity * 2, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	tree->nodes = nodes;
	tree->capacity *= 2;
	return 0;
}

static int add_child(struct call_tree *tree, uint32_t parent, uint32_t name_id,
		     enum frame_kind kind, uint32_t *ret)
{
	uint32_t index = (uint32_t)tree->count;
	int err = reserve_node(tree);

	if (err < 0)
		return err;
	err = hashmap_put(&tree->children, child_key(parent, name_id, kind), index);
	if (err < 0)
		return err;
	tree->nodes[index] = (struct call_node){
		.parent = parent,
		.first_child = CALL_TREE_NONE,
		.next_sibling = tree->nodes[parent].first_child,
		.name_id = name_id,
		.depth = tree->nodes[parent].depth + 1,
		.kind = kind,
	};
	tree->nodes[parent].first_child = index;
	if (tree->nodes[index].depth > tree->depth)
		tree->depth = tree->nodes[index].depth;
	tree->count++;
	*ret = index;
	return 0;
}

/* The newest child is most often the one asked for: long stacks are mostly single-file. */
static bool is_first_child(const struct call_tree *tree, uint32_t parent, const struct frame *frame)
{
	uint32_t child = tree->nodes[parent].first_child;

	return child != CALL_TREE_NONE && tree->nodes[child].kind == frame->kind &&
	       strcmp(call_tree_name(tree, tree->nodes[child].name_id), frame->name) == 0;
}

static int find_or_add_child(struct call_tree *tree, uint32_t parent, const struct frame *frame,
			     uint32_t *ret)
{
	uint64_t found;
	uint32_t name_id;
	int err;

	assert(frame->kind < FRAME_KIND_COUNT);
	if (is_first_child(tree, parent, frame)) {
		*ret = tree->nodes[parent].first_child;
		return 0;
	}
	err = name_pool_intern(&tree->names, frame->name, &name_id);
	if (err < 0)
		return err;
	if (hashmap_get(&tree->children, child_key(parent, name_id, frame->kind), &found)) {
		*ret = (uint32_t)found;
		return 0;
	}
	return add_child(tree, parent, name_id, frame->kind, ret);
}

int call_tree_reach(struct call_tree *tree, const struct frame *frames, size_t n,
		    uint32_t *ret_node)
{
	uint32_t index = 0;

	if (n > CALL_TREE_DEPTH_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		int err = find_or_add_child(tree, index, &frames[i], &index);

		if (err < 0)
			return err;
	}
	*ret_node = index;
	return 0;
}

int call_tree_count(struct call_tree *tree, uint32_t node, uint64_t count)
{
	assert(node < call_tree_node_count(tree));
	/* No node's total is above the root's: when this sum fits, all do. */
	if (count > UINT64_MAX - tree->nodes[0].total)
		return -EOVERFLOW;
	tree->nodes[node].self += count;
	for (; node != CALL_TREE_NONE; node = tree->nodes[node].parent)
		tree->nodes[node].total += count;
	return 0;
}

int call_tree_add(struct call_tree *tree, const struct frame *frames, size_t n, uint64_t count)
{
	uint32_t node;
	int err;

	if (n > CALL_TREE_DEPTH_MAX)
		return -E2BIG;
	if (count > UINT64_MAX - tree->nodes[0].total)
		return -EOVERFLOW;
	if (count == 0)
		return 0;
	err = call_tree_reach(tree, frames, n, &node);
	return err < 0 ? err : call_tree_count(tree, node, count);
}

static int compare_names(const void *a, const void *b, void *names)
{
	const struct name *table = names;

	return strcmp(table[*(const uint32_t *)a].text, table[*(const uint32_t *)b].text);
}

/* Names in bytewise order, as ids; the caller frees *ret. */
static int sort_names(const struct call_tree *tree, uint32_t **ret)
{
	size_t n = tree->names.count;
	uint32_t *order = calloc(n + 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, n, sizeof(*order), compare_names, tree->names.names);
	*ret = order;
	return 0;
}

/*
 * One sort of the names serves all nodes: nodes are thrown into a bucket per (name, kind), and the
 * buckets are emptied from the last to the first, each node becoming its parent's first child.
 */
int call_tree_sort(struct call_tree *tree)
{
	CLEANUP(cleanup_free) uint32_t *order = NULL;
	CLEANUP(cleanup_free) uint32_t *buckets = NULL;
	size_t n_buckets = tree->names.count << KIND_BITS;
	int err = sort_names(tree, &order);

	if (err < 0)
		return err;
	buckets = malloc((n_buckets + 1) * sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	memset(buckets, 0xff, n_buckets * sizeof(*buckets)); /* CALL_TREE_NONE each */

	for (size_t i = 0; i < tree->count; i++)
		tree->nodes[i].first_child = CALL_TREE_NONE;
	for (size_t i = 1; i < tree->count; i++) {
		struct call_node *node = &tree->nodes[i];
		uint32_t *bucket = &buckets[(size_t)node->name_id << KIND_BITS | node->kind];

		node->next_sibling = *bucket; /* borrowed as the bucket's chain */
		*bucket = (uint32_t)i;
	}
	for (size_t b = n_buckets; b-- > 0;) {
		size_t by_name = (size_t)order[b >> KIND_BITS] << KIND_BITS;
		uint32_t index = buckets[by_name | (b & ((1 << KIND_BITS) - 1))];

		while (index != CALL_TREE_NONE) {
			struct call_node *node = &tree->nodes[index];
			uint32_t following = node->next_sibling;

			node->next_sibling = tree->nodes[node->parent].first_child;
			tree->nodes[node->parent].first_child = index;
			index = following;
		}
	}
	return 0;
}

size_t call_tree_node_count(const struct call_tree *tree)
{
	return tree->count;
}

const struct call_node *call_tree_node(const struct call_tree *tree, uint32_t index)
{
	assert(index < tree->count);
	return &tree->nodes[index];
}

uint32_t call_tree_skip(const struct call_tree *tree, uint32_t index)
{
	while (index != CALL_TREE_NONE && tree->nodes[index].next_sibling == CALL_TREE_NONE)
		index = tree->nodes[index].parent;
	return index == CALL_TREE_NONE ? CALL_TREE_NONE : tree->nodes[index].next_sibling;
}

uint32_t call_tree_next(const struct call_tree *tree, uint32_t index)
{
	uint32_t child = tree->nodes[index].first_child;

	return child != CALL_TREE_NONE ? child : call_tree_skip(tree, index);
}

const char *call_tree_name(const struct call_tree *tree, uint32_t name_id)
{
	assert(name_id < tree->names.count);
	return tree->names.names[name_id].text;
}

size_t call_tree_name_count(const struct call_tree *tree)
{
	return tree->names.count;
}

uint32_t call_tree_depth(const struct call_tree *tree)
{
	return tree->depth;
}
