/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define NODES_FIRST 1024
#define KIND_BITS   3
/* Set in the keys of children that have a site; parents leave it alone. */
#define KEY_OF_SITE (UINT64_C(1) << 63)

_Static_assert(FRAME_KIND_COUNT <= 1 << KIND_BITS, "a kind fits its bits of a label");
_Static_assert(NAMES_MAX <= 1u << (32 - KIND_BITS), "and so does a name");
_Static_assert(CALL_TREE_NODES_MAX <= 1u << 31, "and a parent those of a key");

/* What tells a child from its siblings, in 64 bits. */
static int child_key(struct call_tree *tree, uint32_t parent, const struct call_child *child,
		     uint64_t *ret)
{
	uint32_t label = child->name_id << KIND_BITS | child->kind;
	uint32_t label_at_site;
	int err;

	*ret = (uint64_t)parent << 32 | label;
	if (child->site_id == PAIR_NONE)
		return 0;
	err = pair_pool_intern(&tree->labels_at_sites, label, child->site_id, &label_at_site);
	if (err < 0)
		return err;
	*ret = KEY_OF_SITE | (uint64_t)parent << 32 | label_at_site;
	return 0;
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
		.place_id = CALL_TREE_NONE,
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
	pair_pool_done(&tree->sites);
	pair_pool_done(&tree->places);
	pair_pool_done(&tree->labels_at_sites);
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

static int find_place(struct call_tree *tree, const struct call_child *child, uint32_t *ret)
{
	if (child->site_id != PAIR_NONE || child->module_id != CALL_TREE_NONE)
		return pair_pool_intern(&tree->places, child->site_id, child->module_id, ret);
	*ret = CALL_TREE_NONE;
	return 0;
}

static int add_child(struct call_tree *tree, uint32_t parent, const struct call_child *child,
		     uint64_t key, uint32_t *ret)
{
	uint32_t index = (uint32_t)tree->count;
	uint32_t place_id;
	int err = reserve_node(tree);

	if (err < 0)
		return err;
	err = find_place(tree, child, &place_id);
	if (err < 0)
		return err;
	err = hashmap_put(&tree->children, key, index);
	if (err < 0)
		return err;
	tree->nodes[index] = (struct call_node){
		.parent = parent,
		.first_child = CALL_TREE_NONE,
		.next_sibling = tree->nodes[parent].first_child,
		.name_id = child->name_id,
		.place_id = place_id,
		.depth = tree->nodes[parent].depth + 1,
		.kind = child->kind,
	};
	tree->nodes[parent].first_child = index;
	if (tree->nodes[index].depth > tree->depth)
		tree->depth = tree->nodes[index].depth;
	tree->count++;
	*ret = index;
	return 0;
}

int call_tree_enter(struct call_tree *tree, uint32_t parent, const struct call_child *child,
		    uint32_t *ret)
{
	uint64_t key, found;
	int err = child_key(tree, parent, child, &key);

	if (err < 0)
		return err;
	if (!hashmap_get(&tree->children, key, &found))
		return add_child(tree, parent, child, key, ret);
	*ret = (uint32_t)found;
	return 0;
}

static bool is_at_site_of(const struct call_tree *tree, const struct call_node *node,
			  const struct frame *frame)
{
	uint32_t site_id = call_tree_site(tree, node);

	if (site_id == PAIR_NONE || !frame->file)
		return site_id == PAIR_NONE && !frame->file;
	return tree->sites.pairs[site_id].second == frame->line &&
	       strcmp(call_tree_name(tree, tree->sites.pairs[site_id].first), frame->file) == 0;
}

/* The newest child is most often the one asked for: long stacks are mostly single-file. */
static bool is_first_child(const struct call_tree *tree, uint32_t parent, const struct frame *frame)
{
	uint32_t child = tree->nodes[parent].first_child;

	return child != CALL_TREE_NONE && tree->nodes[child].kind == frame->kind &&
	       strcmp(call_tree_name(tree, tree->nodes[child].name_id), frame->name) == 0 &&
	       is_at_site_of(tree, &tree->nodes[child], frame);
}

static int find_site(struct call_tree *tree, const struct frame *frame, uint32_t *ret)
{
	uint32_t file_id;
	int err = name_pool_intern(&tree->names, frame->file, &file_id);

	return err < 0 ? err : pair_pool_intern(&tree->sites, file_id, frame->line, ret);
}

static int find_or_add_child(struct call_tree *tree, uint32_t parent, const struct frame *frame,
			     uint32_t *ret)
{
	struct call_child child = { .kind = frame->kind,
				    .site_id = PAIR_NONE,
				    .module_id = CALL_TREE_NONE };
	int err;

	assert(frame->kind < FRAME_KIND_COUNT);
	assert(frame->file || !frame->line);
	if (is_first_child(tree, parent, frame)) {
		*ret = tree->nodes[parent].first_child;
		return 0;
	}
	err = name_pool_intern(&tree->names, frame->name, &child.name_id);
	if (!err && frame->file)
		err = find_site(tree, frame, &child.site_id);
	if (!err && frame->module)
		err = name_pool_intern(&tree->names, frame->module, &child.module_id);
	return err < 0 ? err : call_tree_enter(tree, parent, &child, ret);
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

struct call_place call_tree_place(const struct call_tree *tree, uint32_t place_id)
{
	struct call_place place = { .file_id = CALL_TREE_NONE, .module_id = CALL_TREE_NONE };
	uint32_t site_id;

	if (place_id == CALL_TREE_NONE)
		return place;
	assert(place_id < tree->places.count);
	place.module_id = tree->places.pairs[place_id].second;
	site_id = tree->places.pairs[place_id].first;
	if (site_id == PAIR_NONE)
		return place;
	place.file_id = tree->sites.pairs[site_id].first;
	place.line = tree->sites.pairs[site_id].second;
	return place;
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
