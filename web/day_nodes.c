/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/day_parts.h"
#include "web/store_parts.h"

/* Of each kind: 32 MB together. A busy machine has some hundred thousand nodes a day. */
#define REMEMBERED_MAX (1u << 20)

int day_nodes_open(struct day_nodes *nodes, sqlite3 *database)
{
	const struct sql_text all[] = {
		{ "SELECT id FROM text WHERE text = ?", &nodes->find_text },
		{ "INSERT INTO text (text) VALUES (?)", &nodes->add_text },
		{ "SELECT id FROM node WHERE parent = ? AND name = ? AND kind = ? AND file = ? AND "
		  "line = ?",
		  &nodes->find_node },
		{ "INSERT INTO node (parent, name, kind, file, line, module) VALUES (?, ?, ?, ?, "
		  "?, ?)",
		  &nodes->add_node },
	};

	*nodes = (struct day_nodes){ .database = database, .seed = hash_seed() };
	return sql_prepare_all(database, all, sizeof(all) / sizeof(all[0]));
}

void day_nodes_done(struct day_nodes *nodes)
{
	cleanup_statement(&nodes->find_text);
	cleanup_statement(&nodes->add_text);
	cleanup_statement(&nodes->find_node);
	cleanup_statement(&nodes->add_node);
	hashmap_done(&nodes->texts);
	hashmap_done(&nodes->nodes);
}

void day_nodes_forget(struct day_nodes *nodes)
{
	hashmap_clear(&nodes->texts);
	hashmap_clear(&nodes->nodes);
}

/* Not to be remembered is no error: it is looked up again. */
static void remember(struct hashmap *map, uint64_t hash, uint64_t number)
{
	if (map->count >= REMEMBERED_MAX)
		hashmap_clear(map);
	(void)hashmap_put(map, hash, number);
}

/* Of what find has found, or else add adds; both are bound. */
static int find_or_add(struct day_nodes *nodes, sqlite3_stmt *find, sqlite3_stmt *add,
		       uint64_t *ret)
{
	int err = sql_next(find);

	if (err > 0) {
		*ret = (uint64_t)sqlite3_column_int64(find, 0);
		(void)sqlite3_reset(find);
		return 0;
	}
	if (!err)
		err = sql_do(add);
	if (!err)
		*ret = (uint64_t)sqlite3_last_insert_rowid(nodes->database);
	return err;
}

static int find_text(struct day_nodes *nodes, const char *text, uint64_t *ret)
{
	size_t length = store_frame_text_length(text);
	uint64_t hash = hash_bytes_keyed(nodes->seed, text, length);
	int err;

	if (hashmap_get(&nodes->texts, hash, ret))
		return 0;
	(void)sqlite3_bind_text(nodes->find_text, 1, text, (int)length, SQLITE_STATIC);
	(void)sqlite3_bind_text(nodes->add_text, 1, text, (int)length, SQLITE_STATIC);
	err = find_or_add(nodes, nodes->find_text, nodes->add_text, ret);
	if (!err)
		remember(&nodes->texts, hash, *ret);
	return err;
}

enum { NODE_PARENT, NODE_NAME, NODE_KIND, NODE_FILE, NODE_LINE, NODE_MODULE, NODE_COLUMNS };
#define NODE_KEY_COLUMNS NODE_MODULE

static int find_node(struct day_nodes *nodes, const uint64_t columns[NODE_COLUMNS], uint64_t *ret)
{
	uint64_t hash = hash_bytes_keyed(nodes->seed, columns, NODE_KEY_COLUMNS * sizeof(*columns));
	int err;

	if (hashmap_get(&nodes->nodes, hash, ret))
		return 0;
	for (int i = 0; i < NODE_COLUMNS; i++) {
		if (i < NODE_KEY_COLUMNS)
			sql_bind_int(nodes->find_node, i + 1, columns[i]);
		sql_bind_int(nodes->add_node, i + 1, columns[i]);
	}
	err = find_or_add(nodes, nodes->find_node, nodes->add_node, ret);
	if (!err)
		remember(&nodes->nodes, hash, *ret);
	return err;
}

/* By the tree's ids: a name of a thousand nodes is looked up once. 0: not yet. */
static int find_name(struct day_nodes *nodes, const struct call_tree *tree, uint64_t *names,
		     uint32_t id, uint64_t *ret)
{
	int err = 0;

	if (id != CALL_TREE_NONE && !names[id])
		err = find_text(nodes, call_tree_name(tree, id), &names[id]);
	*ret = id == CALL_TREE_NONE ? 0 : names[id];
	return err;
}

static int fill_columns(struct day_nodes *nodes, const struct call_tree *tree, uint64_t *names,
			const struct call_node *node, uint64_t ret[NODE_COLUMNS])
{
	struct call_place place = call_tree_place(tree, node->place_id);
	int err = find_name(nodes, tree, names, node->name_id, &ret[NODE_NAME]);

	if (!err)
		err = find_name(nodes, tree, names, place.file_id, &ret[NODE_FILE]);
	if (!err)
		err = find_name(nodes, tree, names, place.module_id, &ret[NODE_MODULE]);
	ret[NODE_KIND] = node->kind;
	ret[NODE_LINE] = place.line;
	return err;
}

int day_nodes_find(struct day_nodes *nodes, const struct call_tree *tree, uint64_t *ret_numbers)
{
	CLEANUP(cleanup_free)
	uint64_t *names = calloc(call_tree_name_count(tree) + 1, sizeof(*names));
	size_t count = call_tree_node_count(tree);

	if (!names)
		return -ENOMEM;
	ret_numbers[0] = 0;
	for (uint32_t i = 1; i < count; i++) {
		const struct call_node *node = call_tree_node(tree, i);
		uint64_t columns[NODE_COLUMNS];
		int err;

		if (node->total == 0)
			continue;
		columns[NODE_PARENT] = ret_numbers[node->parent];
		err = fill_columns(nodes, tree, names, node, columns);
		if (!err)
			err = find_node(nodes, columns, &ret_numbers[i]);
		if (err < 0)
			return err;
	}
	return 0;
}
