/* SPDX-License-Identifier: Apache-2.0 */
/* The same tree without lines, made in one walk over the one that has them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_parts.h"

struct merging {
	const struct call_tree *from;
	struct call_tree *to;
	bool name_lines;
	uint32_t *names; /* of from -> of to, or CALL_TREE_NONE */
	uint32_t *path;  /* by depth: the node of to that the last one at this depth is in */
};

static void cleanup_merging(struct merging *merging)
{
	call_tree_free(merging->to);
	free(merging->names);
	free(merging->path);
}

static int prepare(struct merging *merging)
{
	size_t size = merging->from->names.count * sizeof(*merging->names);
	int err = call_tree_new(&merging->to);

	if (err < 0)
		return err;
	merging->names = malloc(size + 1);
	merging->path = calloc((size_t)merging->from->depth + 1, sizeof(*merging->path));
	if (!merging->names || !merging->path)
		return -ENOMEM;
	memset(merging->names, 0xff, size); /* CALL_TREE_NONE each */
	return 0;
}

static int copy_name(struct merging *merging, uint32_t name_id, uint32_t *ret)
{
	uint32_t *copy = &merging->names[name_id];
	int err = 0;

	if (*copy == CALL_TREE_NONE)
		err = name_pool_intern(&merging->to->names, call_tree_name(merging->from, name_id),
				       copy);
	if (err < 0)
		return err;
	*ret = *copy;
	return 0;
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
	return copy_name(merging, node->name_id, ret);
}

/* Totals are added as they are: they are sums in the one tree, and so in the other. */
static int merge_node(struct merging *merging, const struct call_node *node)
{
	struct call_child child = { .kind = node->kind,
				    .site_id = PAIR_NONE,
				    .module_id = CALL_TREE_NONE };
	uint32_t index = 0;
	int err = 0;

	if (node->depth > 0)
		err = find_name(merging, node, &child.name_id);
	if (!err && node->depth > 0)
		err = call_tree_enter(merging->to, merging->path[node->depth - 1], &child, &index);
	if (err < 0)
		return err;
	merging->path[node->depth] = index;
	merging->to->nodes[index].self += node->self;
	merging->to->nodes[index].total += node->total;
	return 0;
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
	for (uint32_t i = 0; !err && i != CALL_TREE_NONE; i = call_tree_next(tree, i)) {
		const struct call_node *node = call_tree_node(tree, i);

		/* What was never counted has nothing below that was. */
		if (node->total > 0)
			err = merge_node(&merging, node);
	}
	if (!err)
		err = call_tree_sort(merging.to);
	if (err < 0)
		return err;
	*ret = TAKE(merging.to);
	return 0;
}
