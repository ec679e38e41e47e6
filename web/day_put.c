/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/cleanup.h"
#include "web/day_parts.h"
#include "web/sample_list.h"
#include "web/state_sums.h"

static void cleanup_json_text(char **text)
{
	cJSON_free(*text);
}

static void cleanup_json(cJSON **json)
{
	cJSON_Delete(*json);
}

int day_writer_open(struct day_writer *writer, const char *path)
{
	const struct sql_text all[] = {
		{ "INSERT OR IGNORE INTO received (series, id) VALUES (?, ?)", &writer->receive },
		{ "SELECT id FROM series WHERE service = ? AND host = ? AND kind = ? AND unit = ?"
		  " AND labels = ?",
		  &writer->find_series },
		{ "INSERT INTO series (service, host, kind, unit, labels) VALUES (?, ?, ?, ?, ?)",
		  &writer->add_series },
		{ "INSERT OR IGNORE INTO label (name, value, series) VALUES (?, ?, ?)",
		  &writer->add_label },
		{ "INSERT INTO window (series, from_s, until_s, profiles, samples)"
		  " VALUES (?, ?, ?, 1, ?)",
		  &writer->add_window },
		{ "INSERT INTO sum (window, state, count) VALUES (?, ?, ?)", &writer->add_sum },
	};
	int err;

	*writer = (struct day_writer){ 0 };
	err = day_schema_open(path, true, &writer->database);
	if (!err)
		err = day_nodes_open(&writer->nodes, writer->database);
	if (!err)
		err = sql_prepare_all(writer->database, all, sizeof(all) / sizeof(all[0]));
	if (err < 0)
		day_writer_close(writer);
	return err;
}

void day_writer_close(struct day_writer *writer)
{
	day_nodes_done(&writer->nodes);
	cleanup_statement(&writer->receive);
	cleanup_statement(&writer->find_series);
	cleanup_statement(&writer->add_series);
	cleanup_statement(&writer->add_label);
	cleanup_statement(&writer->add_window);
	cleanup_statement(&writer->add_sum);
	cleanup_database(&writer->database);
	*writer = (struct day_writer){ 0 };
}

/* [["name","value"],...]: one text for one set of labels. NULL without memory. */
static char *labels_text(const struct store_profile *profile)
{
	CLEANUP(cleanup_json) cJSON *labels = cJSON_CreateArray();

	for (size_t i = 0; labels && i < profile->label_count; i++) {
		const char *pair[] = { profile->labels[i].name, profile->labels[i].value };
		cJSON *item = cJSON_CreateStringArray(pair, 2);

		if (!item)
			return NULL;
		(void)cJSON_AddItemToArray(labels, item);
	}
	return labels ? cJSON_PrintUnformatted(labels) : NULL;
}

static void bind_series(sqlite3_stmt *statement, const struct store_profile *profile,
			const char *labels)
{
	sql_bind_text(statement, 1, profile->service);
	sql_bind_text(statement, 2, profile->host);
	sql_bind_text(statement, 3, profile->kind);
	sql_bind_text(statement, 4, profile->unit);
	sql_bind_text(statement, 5, labels);
}

static int add_label(struct day_writer *writer, const char *name, const char *value,
		     uint64_t series)
{
	sql_bind_text(writer->add_label, 1, name);
	sql_bind_text(writer->add_label, 2, value);
	sql_bind_int(writer->add_label, 3, series);
	return sql_do(writer->add_label);
}

/* The label table has all that can be asked for; what every series has, too. */
static int add_series(struct day_writer *writer, const struct store_profile *profile,
		      const char *labels, uint64_t *ret)
{
	int err;

	bind_series(writer->add_series, profile, labels);
	err = sql_do(writer->add_series);
	if (err < 0)
		return err;
	*ret = (uint64_t)sqlite3_last_insert_rowid(writer->database);
	err = add_label(writer, "service", profile->service, *ret);
	if (!err)
		err = add_label(writer, "host", profile->host, *ret);
	for (size_t i = 0; !err && i < profile->label_count; i++)
		err = add_label(writer, profile->labels[i].name, profile->labels[i].value, *ret);
	return err;
}

static int find_series(struct day_writer *writer, const struct store_profile *profile,
		       uint64_t *ret)
{
	CLEANUP(cleanup_json_text) char *labels = labels_text(profile);
	int err;

	if (!labels)
		return -ENOMEM;
	bind_series(writer->find_series, profile, labels);
	err = sql_next(writer->find_series);
	if (err > 0) {
		*ret = (uint64_t)sqlite3_column_int64(writer->find_series, 0);
		(void)sqlite3_reset(writer->find_series);
		return 0;
	}
	return err < 0 ? err : add_series(writer, profile, labels, ret);
}

static int pack_samples(struct day_writer *writer, const struct call_tree *tree, uint8_t **ret,
			size_t *ret_size)
{
	size_t count = call_tree_node_count(tree), used = 0;
	CLEANUP(cleanup_free) uint64_t *numbers = calloc(count, sizeof(*numbers));
	CLEANUP(cleanup_free) struct sample_pair *pairs = calloc(count, sizeof(*pairs));
	int err;

	if (!numbers || !pairs)
		return -ENOMEM;
	err = day_nodes_find(&writer->nodes, tree, numbers);
	for (uint32_t i = 0; !err && i < count; i++) {
		uint64_t self = call_tree_node(tree, i)->self;

		if (self)
			pairs[used++] = (struct sample_pair){ numbers[i], self };
	}
	return err < 0 ? err : sample_list_pack(pairs, used, ret, ret_size);
}

static int add_sums(struct day_writer *writer, const struct store_profile *profile, uint64_t window)
{
	struct state_sums sums;
	int err = state_sums_make(profile->tree, profile->kind, &sums);

	for (size_t i = 0; !err && i < sums.count; i++) {
		sql_bind_int(writer->add_sum, 1, window);
		sql_bind_text(writer->add_sum, 2, sums.list[i].state);
		sql_bind_int(writer->add_sum, 3, sums.list[i].count);
		err = sql_do(writer->add_sum);
	}
	return err;
}

static int add_window(struct day_writer *writer, const struct store_profile *profile,
		      uint64_t series)
{
	CLEANUP(cleanup_free) uint8_t *samples = NULL;
	size_t size = 0;
	int err = pack_samples(writer, profile->tree, &samples, &size);

	if (err < 0)
		return err;
	sql_bind_int(writer->add_window, 1, series);
	sql_bind_int(writer->add_window, 2, profile->from_s);
	sql_bind_int(writer->add_window, 3, profile->until_s);
	(void)sqlite3_bind_blob64(writer->add_window, 4, samples, size, SQLITE_STATIC);
	err = sql_do(writer->add_window);
	return err < 0 ? err
		       : add_sums(writer, profile,
				  (uint64_t)sqlite3_last_insert_rowid(writer->database));
}

static int put_one(struct day_writer *writer, const struct store_profile *profile)
{
	uint64_t series = 0;
	int err = find_series(writer, profile, &series);

	if (err < 0)
		return err;
	sql_bind_int(writer->receive, 1, series);
	sql_bind_text(writer->receive, 2, profile->id);
	err = sql_do(writer->receive);
	if (err < 0)
		return err;
	return sqlite3_changes(writer->database) ? add_window(writer, profile, series) : -EEXIST;
}

/* What fails alone takes nothing else along; what it had added goes. */
static int put_in_savepoint(struct day_writer *writer, const struct store_profile *profile)
{
	int err = sql_run(writer->database, "SAVEPOINT one"), undone;

	if (err < 0)
		return err;
	err = put_one(writer, profile);
	if (!err || err == -EEXIST) {
		undone = sql_run(writer->database, "RELEASE one");
		return undone < 0 ? undone : err;
	}
	day_nodes_forget(&writer->nodes);
	/* A full disk has ended all of it by itself: that is why, and what to tell. */
	if (sqlite3_get_autocommit(writer->database))
		return err;
	undone = sql_run(writer->database, "ROLLBACK TO one; RELEASE one");
	return undone < 0 ? undone : err;
}

/* A full disk, or a broken one, may have ended the transaction by itself: why, one of them knows.
 */
static int why_it_ended(const struct day_request *requests)
{
	for (const struct day_request *one = requests; one; one = one->next) {
		if (one->result < 0 && one->result != -EEXIST)
			return one->result;
	}
	return -EIO;
}

void day_writer_write(struct day_writer *writer, struct day_request *requests)
{
	int err = sql_run(writer->database, "BEGIN IMMEDIATE");

	for (struct day_request *one = requests;
	     !err && one && !sqlite3_get_autocommit(writer->database); one = one->next)
		one->result = put_in_savepoint(writer, one->profile);
	if (!err)
		err = sqlite3_get_autocommit(writer->database)
			      ? why_it_ended(requests)
			      : sql_run(writer->database, "COMMIT");
	if (!err)
		return;
	day_nodes_forget(&writer->nodes);
	if (!sqlite3_get_autocommit(writer->database))
		(void)sql_run(writer->database, "ROLLBACK");
	/* What was there already may have come with this transaction. */
	for (struct day_request *one = requests; one; one = one->next) {
		if (one->result >= 0 || one->result == -EEXIST)
			one->result = err;
	}
}
