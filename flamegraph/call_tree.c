/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hashmap.h"

#define NODES_FIRST 1024
#define KIND_BITS   3

_Static_assert(FRAME_GAP < 1 << KIND_BITS, "a kind fits its bits of a label");
_Static_assert(NAMES_MAX <= 1u << (32 - KIND_BITS), "and so does a name");
_Static_assert(CALL_TREE_NODES_MAX <= 1u << 31, "and a parent those of a key");

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
	tree->nodes_max = CALL_TREE_NODES_MAX;
	tree->count = tree->indexed = 1;
	tree->seed = hash_seed();
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
	free(tree->before);
	name_pool_done(&tree->names);
	pair_pool_done(&tree->sites);
	pair_pool_done(&tree->places);
	number_table_done(&tree->children);
	free(tree);
}

int call_tree_new_like(const struct call_tree *from, struct call_tree **ret)
{
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	int err = call_tree_new(&tree);

	if (err < 0)
		return err;
	tree->decimals = from->decimals;
	tree->order = from->order;
	tree->keeps_time = from->keeps_time;
	tree->merges_lines = from->merges_lines;
	if (from->before)
		err = call_tree_make_before(tree);
	if (err < 0)
		return err;
	*ret = TAKE(tree);
	return 0;
}

void call_tree_keep_time(struct call_tree *tree)
{
	assert(tree->count == 1 && tree->nodes[0].total == 0);
	tree->keeps_time = true;
	tree->order = CALL_TREE_BY_INPUT;
}

void call_tree_limit(struct call_tree *tree, size_t nodes_max)
{
	assert(nodes_max >= 1 && nodes_max <= CALL_TREE_NODES_MAX);
	tree->nodes_max = nodes_max;
}

bool call_tree_keeps_time(const struct call_tree *tree)
{
	return tree->keeps_time;
}

static int grow_before(struct call_tree *tree, size_t capacity)
{
	struct call_before *before;

	if (!tree->before)
		return 0;
	before = reallocarray(tree->before, capacity, sizeof(*before));
	if (!before)
		return -ENOMEM;
	memset(before + tree->capacity, 0, (capacity - tree->capacity) * sizeof(*before));
	tree->before = before;
	return 0;
}

static int reserve_node(struct call_tree *tree)
{
	size_t capacity = tree->capacity * 2;
	struct call_node *nodes;
	int err;

	if (tree->count >= tree->nodes_max)
		return -E2BIG;
	if (tree->count < tree->capacity)
		return 0;
	nodes = reallocarray(tree->nodes, capacity, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	tree->nodes = nodes;
	err = grow_before(tree, capacity);
	if (err < 0)
		return err;
	tree->capacity = capacity;
	return 0;
}

int call_tree_find_place(struct call_tree *tree, const struct call_child *child, uint32_t *ret)
{
	if (child->site_id != PAIR_NONE || child->module_id != CALL_TREE_NONE)
		return pair_pool_intern(&tree->places, child->site_id, child->module_id, ret);
	*ret = CALL_TREE_NONE;
	return 0;
}

int call_tree_append(struct call_tree *tree, uint32_t parent, const struct call_child *child,
		     uint32_t *ret)
{
	uint32_t index = (uint32_t)tree->count;
	uint32_t place_id;
	int err = reserve_node(tree);

	if (!err)
		err = call_tree_find_place(tree, child, &place_id);
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
	tree->is_sorted = false;
	*ret = index;
	return 0;
}

/* What the parent of a first child has spent itself so far was before it. */
static int split_gap(struct call_tree *tree, uint32_t parent)
{
	struct call_child child = { .kind = FRAME_GAP,
				    .site_id = PAIR_NONE,
				    .module_id = CALL_TREE_NONE };
	uint32_t gap = 0;
	int err;

	if (tree->nodes[parent].self == 0 && (!tree->before || tree->before[parent].self == 0))
		return 0;
	err = name_pool_intern(&tree->names, "", &child.name_id);
	if (!err)
		err = call_tree_append(tree, parent, &child, &gap);
	if (err < 0)
		return err;
	tree->nodes[gap].self = tree->nodes[gap].total = tree->nodes[parent].self;
	tree->nodes[parent].self = 0;
	if (tree->before) {
		tree->before[gap].self = tree->before[gap].total = tree->before[parent].self;
		tree->before[parent].self = 0;
	}
	return 0;
}

static bool is_child(const struct call_tree *tree, uint32_t index, uint32_t parent,
		     const struct call_child *child)
{
	const struct call_node *node = &tree->nodes[index];

	return node->parent == parent && node->name_id == child->name_id &&
	       node->kind == child->kind &&
	       (tree->merges_lines || call_tree_site(tree, node) == child->site_id);
}

/* The newest child, or a new one. */
static int enter_in_time(struct call_tree *tree, uint32_t parent, const struct call_child *child,
			 uint32_t *ret)
{
	uint32_t newest = tree->nodes[parent].first_child;
	int err;

	assert(!tree->is_sorted);
	if (newest != CALL_TREE_NONE && is_child(tree, newest, parent, child)) {
		*ret = newest;
		return 0;
	}
	if (newest == CALL_TREE_NONE) {
		err = split_gap(tree, parent);
		if (err < 0)
			return err;
	}
	return call_tree_append(tree, parent, child, ret);
}

static uint32_t hash_child(const struct call_tree *tree, uint32_t parent,
			   const struct call_child *child)
{
	uint64_t label = (uint64_t)parent << 32 | child->name_id << KIND_BITS | child->kind;

	if (child->site_id != PAIR_NONE && !tree->merges_lines)
		label = hash_u64(label) + child->site_id;
	return (uint32_t)hash_u64(label ^ tree->seed);
}

/* Makes the table know all nodes, and have room for one more. */
static int index_children(struct call_tree *tree)
{
	for (; tree->indexed < tree->count; tree->indexed++) {
		const struct call_node *node = &tree->nodes[tree->indexed];
		struct call_child child = { .name_id = node->name_id,
					    .kind = node->kind,
					    .site_id = call_tree_site(tree, node) };
		int err = number_table_reserve(&tree->children);

		if (err < 0)
			return err;
		number_table_put(&tree->children, hash_child(tree, node->parent, &child),
				 (uint32_t)tree->indexed);
	}
	return number_table_reserve(&tree->children);
}

int call_tree_enter(struct call_tree *tree, uint32_t parent, const struct call_child *child,
		    uint32_t *ret)
{
	uint32_t hash, found;
	size_t position;
	int err;

	if (tree->keeps_time)
		return enter_in_time(tree, parent, child, ret);
	err = index_children(tree);
	if (err < 0)
		return err;
	position = hash = hash_child(tree, parent, child);
	while ((found = number_table_next(&tree->children, hash, &position)) != 0) {
		if (is_child(tree, found, parent, child)) {
			*ret = found;
			return 0;
		}
	}
	err = call_tree_append(tree, parent, child, &found);
	if (err < 0)
		return err;
	number_table_put(&tree->children, hash, found);
	tree->indexed++;
	*ret = found;
	return 0;
}

static bool is_at_site_of(const struct call_tree *tree, const struct call_node *node,
			  const struct frame *frame)
{
	uint32_t site_id = call_tree_site(tree, node);

	if (tree->merges_lines)
		return true;
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

int call_tree_reach_below(struct call_tree *tree, uint32_t node, const struct frame *frames,
			  size_t n, uint32_t *ret_node)
{
	uint32_t index = node;

	if (n > CALL_TREE_DEPTH_MAX - tree->nodes[node].depth)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		int err = find_or_add_child(tree, index, &frames[i], &index);

		if (err < 0)
			return err;
	}
	*ret_node = index;
	return 0;
}

int call_tree_reach(struct call_tree *tree, const struct frame *frames, size_t n,
		    uint32_t *ret_node)
{
	return call_tree_reach_below(tree, 0, frames, n, ret_node);
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
