/* SPDX-License-Identifier: Apache-2.0 */
/* The same tree without lines, made in one walk over the one that has them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_copier.h"

struct merging {
	const struct call_tree *from;
	struct call_tree *to;
	bool name_lines;
	struct call_tree_copier copier;
	uint32_t *path;    /* by depth: the node of to that the last one at this depth is in */
	uint64_t *largest; /* of the totals that a node of to is made of, by its number */
};

static void cleanup_merging(struct merging *merging)
{
	call_tree_free(merging->to);
	call_tree_copier_done(&merging->copier);
	free(merging->path);
	free(merging->largest);
}

static int prepare(struct merging *merging)
{
	int err = call_tree_new_like(merging->from, &merging->to);

	if (err < 0)
		return err;
	merging->to->merges_lines = true;
	merging->largest = calloc(merging->from->count, sizeof(*merging->largest));
	merging->path = calloc((size_t)merging->from->depth + 1, sizeof(*merging->path));
	if (!merging->path || !merging->largest)
		return -ENOMEM;
	return call_tree_copier_make(merging->from, merging->to, &merging->copier);
}

static int make_name(struct merging *merging, const char *name, const struct call_place *place,
		     uint32_t *ret)
{
	const char *file = call_tree_name(merging->from, place->file_id);
	const char *slash = strrchr(file, '/');
	CLEANUP(cleanup_free) char *text = NULL;

	if (asprintf(&text, "%s (%s:%" PRIu32 ")", name, slash ? slash + 1 : file, place->line) <
	    0) {
		text = NULL;
		return -ENOMEM;
	}
	return name_pool_intern(&merging->to->names, text, ret);
}

static int find_name(struct merging *merging, const struct call_node *node, uint32_t *ret)
{
	struct call_place place = call_tree_place(merging->from, node->place_id);

	if (merging->name_lines && place.line)
		return make_name(merging, call_tree_name(merging->from, node->name_id), &place,
				 ret);
	return call_tree_copier_name(&merging->copier, node->name_id, ret);
}

/* The node that this one is part of: a new one is at its place, an old one if it is larger. */
static int enter_merged(struct merging *merging, const struct call_node *node, uint32_t *ret)
{
	struct call_child child = { .kind = node->kind };
	uint32_t parent = merging->path[node->depth - 1];
	int err = find_name(merging, node, &child.name_id);

	if (!err)
		err = call_tree_copier_place(&merging->copier, node, &child);
	if (!err)
		err = call_tree_enter(merging->to, parent, &child, ret);
	if (err < 0 || node->total <= merging->largest[*ret])
		return err;
	merging->largest[*ret] = node->total;
	return call_tree_find_place(merging->to, &child, &merging->to->nodes[*ret].place_id);
}

/* Totals are added as they are: they are sums in the one tree, and so in the other. */
static int merge_node(struct merging *merging, uint32_t from)
{
	const struct call_node *node = call_tree_node(merging->from, from);
	struct call_before before = call_tree_before(merging->from, from);
	uint32_t index = 0;
	int err = 0;

	/* What was never counted has nothing below that was. */
	if (node->total == 0 && before.total == 0)
		return 0;
	if (node->depth > 0)
		err = enter_merged(merging, node, &index);
	if (err < 0)
		return err;
	merging->path[node->depth] = index;
	merging->to->nodes[index].total += node->total;
	if (merging->to->before)
		merging->to->before[index].total += before.total;
	return call_tree_add_self(merging->to, index, &before, node->self);
}

int call_tree_merge_lines(const struct call_tree *tree, bool name_lines, struct call_tree **ret)
{
	CLEANUP(cleanup_merging)
	struct merging merging = { .from = tree, .name_lines = name_lines };
	int err;

	if (tree->sites.count == 0) {
		*ret = NULL;
		return 0;
	}
	err = prepare(&merging);
	for (uint32_t i = 0; !err && i != CALL_TREE_NONE; i = call_tree_next(tree, i))
		err = merge_node(&merging, i);
	if (!err)
		err = call_tree_sort_by(merging.to, tree->order);
	if (err < 0)
		return err;
	call_tree_check(merging.to);
	*ret = TAKE(merging.to);
	return 0;
}
