/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging: the counts of all windows are added up by the number of their node first; nodes are
 * looked up once, parents before their children, whose numbers are larger.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/day_parts.h"
#include "web/sample_list.h"

/* A node of a file, and of the tree that is made. */
struct merge_node {
	uint64_t number;
	uint64_t parent;
	uint64_t count;
	uint32_t index; /* in the tree */
};

struct merge {
	sqlite3 *database;
	sqlite3_stmt *find_node;
	struct call_tree *tree;
	struct hashmap by_number; /* -> index in nodes */
	struct merge_node *nodes;
	size_t count, capacity;
};

static void cleanup_merge(struct merge *merge)
{
	cleanup_statement(&merge->find_node);
	hashmap_done(&merge->by_number);
	free(merge->nodes);
}

static int add_node(struct merge *merge, uint64_t number, uint64_t count)
{
	int err;

	if (merge->count == STORE_MERGED_NODES_MAX)
		return -E2BIG;
	if (merge->count == merge->capacity) {
		size_t capacity = merge->capacity ? 2 * merge->capacity : 1024;
		struct merge_node *nodes = realloc(merge->nodes, capacity * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		merge->nodes = nodes;
		merge->capacity = capacity;
	}
	err = hashmap_put(&merge->by_number, number, merge->count);
	if (!err)
		merge->nodes[merge->count++] =
			(struct merge_node){ .number = number, .count = count };
	return err;
}

/* A sample_pair_handler. */
static int add_pair(void *context, const struct sample_pair *pair)
{
	struct merge *merge = context;
	uint64_t index;

	if (!hashmap_get(&merge->by_number, pair->node, &index))
		return add_node(merge, pair->node, pair->count);
	return __builtin_add_overflow(merge->nodes[index].count, pair->count,
				      &merge->nodes[index].count)
		       ? -EOVERFLOW
		       : 0;
}

/* The unit, and the span that the windows have together. */
static int note_window(sqlite3_stmt *statement, struct store_merged *merged)
{
	uint64_t from_s = (uint64_t)sqlite3_column_int64(statement, 1);
	uint64_t until_s = (uint64_t)sqlite3_column_int64(statement, 2);
	const char *unit = (const char *)sqlite3_column_text(statement, 4);

	if (!unit)
		return -ENOMEM;
	if (!merged->unit[0])
		(void)snprintf(merged->unit, sizeof(merged->unit), "%s", unit);
	else if (strcmp(merged->unit, unit) != 0)
		return -EMEDIUMTYPE;
	if (!merged->profiles || from_s < merged->from_s)
		merged->from_s = from_s;
	if (!merged->profiles || until_s > merged->until_s)
		merged->until_s = until_s;
	merged->profiles += (uint64_t)sqlite3_column_int64(statement, 3);
	return 0;
}

static int add_windows(struct merge *merge, const struct store_selector *selector,
		       struct store_merged *merged)
{
	static const struct day_query query = {
		.columns = "w.samples, w.from_s, w.until_s, w.profiles, s.unit",
		.joins = "",
		.behind = "",
	};
	CLEANUP(cleanup_statement) sqlite3_stmt *windows = NULL;
	int err = day_select(merge->database, &query, selector, &windows);

	while (!err) {
		err = sql_next(windows);
		if (err <= 0)
			return err;
		err = note_window(windows, merged);
		if (!err)
			err = sample_list_unpack(sqlite3_column_blob(windows, 0),
						 (size_t)sqlite3_column_bytes(windows, 0), add_pair,
						 merge);
	}
	return err == -EBADMSG ? -EUCLEAN : err;
}

/* Nodes that count nothing themselves: all that are above those that do. */
static int add_parents(struct merge *merge)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *find = NULL;
	int err = sql_prepare(merge->database, "SELECT parent FROM node WHERE id = ?", &find);

	/* The list grows while it is gone through. */
	for (size_t i = 0; !err && i < merge->count; i++) {
		uint64_t known, parent;

		if (merge->nodes[i].number == 0)
			continue;
		sql_bind_int(find, 1, merge->nodes[i].number);
		err = sql_next(find);
		if (err <= 0)
			return err < 0 ? err : -EUCLEAN;
		parent = (uint64_t)sqlite3_column_int64(find, 0);
		(void)sqlite3_reset(find);
		if (parent >= merge->nodes[i].number)
			return -EUCLEAN;
		merge->nodes[i].parent = parent;
		err = hashmap_get(&merge->by_number, parent, &known) ? 0
								     : add_node(merge, parent, 0);
	}
	return err;
}

static int compare_numbers(const void *a, const void *b)
{
	const struct merge_node *left = a, *right = b;

	return (left->number > right->number) - (left->number < right->number);
}

/* Parents are before their children, and where the map says. */
static int order(struct merge *merge)
{
	int err = 0;

	if (merge->count)
		qsort(merge->nodes, merge->count, sizeof(*merge->nodes), compare_numbers);
	for (size_t i = 0; !err && i < merge->count; i++)
		err = hashmap_put(&merge->by_number, merge->nodes[i].number, i);
	return err;
}

static int reach(struct merge *merge, struct merge_node *node)
{
	struct frame frame;
	uint64_t parent;
	int err;

	if (!hashmap_get(&merge->by_number, node->parent, &parent))
		return -EUCLEAN;
	sql_bind_int(merge->find_node, 1, node->number);
	err = sql_next(merge->find_node);
	if (err <= 0)
		return err < 0 ? err : -EUCLEAN;
	frame = (struct frame){
		.name = (const char *)sqlite3_column_text(merge->find_node, 0),
		.file = (const char *)sqlite3_column_text(merge->find_node, 3),
		.module = (const char *)sqlite3_column_text(merge->find_node, 4),
		.line = (uint32_t)sqlite3_column_int64(merge->find_node, 2),
		.kind = (enum frame_kind)sqlite3_column_int(merge->find_node, 1),
	};
	if (!frame.name || (unsigned int)frame.kind >= FRAME_KIND_COUNT)
		err = -EUCLEAN;
	else
		err = call_tree_reach_below(merge->tree, merge->nodes[parent].index, &frame, 1,
					    &node->index);
	(void)sqlite3_reset(merge->find_node);
	return err;
}

static int make_nodes(struct merge *merge)
{
	int err = sql_prepare(merge->database,
			      "SELECT a.text, n.kind, n.line, b.text, c.text FROM node n"
			      " JOIN text a ON a.id = n.name LEFT JOIN text b ON b.id = n.file"
			      " LEFT JOIN text c ON c.id = n.module WHERE n.id = ?",
			      &merge->find_node);

	for (size_t i = 0; !err && i < merge->count; i++) {
		struct merge_node *node = &merge->nodes[i];

		if (node->number)
			err = reach(merge, node);
		if (!err)
			err = call_tree_count(merge->tree, node->index, node->count);
	}
	return err;
}

int day_merge(const char *path, const struct store_selector *selector, struct call_tree *tree,
	      struct store_merged *merged)
{
	CLEANUP(cleanup_database) sqlite3 *database = NULL;
	CLEANUP(cleanup_merge) struct merge merge = { .tree = tree };
	int err = day_schema_open(path, false, &database);

	merge.database = database;
	/* All of it as it is now, whoever writes meanwhile. */
	if (!err)
		err = sql_run(database, "BEGIN");
	if (!err)
		err = add_windows(&merge, selector, merged);
	if (!err)
		err = add_parents(&merge);
	if (!err)
		err = order(&merge);
	return err < 0 ? err : make_nodes(&merge);
}
