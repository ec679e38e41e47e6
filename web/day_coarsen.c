/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several windows of one series become one: what there is of old times takes less room, and is
 * merged in less time. All sums stay what they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/day_parts.h"
#include "web/sample_list.h"

/* Of one transaction: whoever wants to write waits for no more. */
#define GROUPS_AT_ONCE 200

/* That a group has at once, before those of one node are added up: 16 MiB. */
#define PAIRS_MAX   (1u << 20)
#define PAIRS_FIRST 4096

/* Windows of a series that begin in the same step. */
struct group {
	uint64_t series, bucket;
};

struct groups {
	struct group list[GROUPS_AT_ONCE];
	size_t count;
};

/* What the windows of a group have together. */
struct together {
	struct sample_pair *pairs;
	size_t count, capacity;
	uint64_t from_s, until_s, profiles;
};

static void cleanup_together(struct together *together)
{
	free(together->pairs);
}

/* ?1 is the step everywhere. Those that end later are not over yet. */
#define OF_STEP  " from_s / ?1 "
#define OF_GROUP " series = ?2 AND from_s / ?1 = ?3 "

static int find_groups(sqlite3 *database, uint64_t step_s, uint64_t before_s, struct groups *ret)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *find = NULL;
	int err = sql_prepare(database,
			      "SELECT series," OF_STEP "FROM window"
			      " WHERE (" OF_STEP "+ 1) * ?1 <= ?2"
			      " GROUP BY 1, 2 HAVING count(*) > 1 LIMIT ?3",
			      &find);

	ret->count = 0;
	if (err < 0)
		return err;
	sql_bind_int(find, 1, step_s);
	sql_bind_int(find, 2, before_s);
	sql_bind_int(find, 3, GROUPS_AT_ONCE);
	while ((err = sql_next(find)) > 0 && ret->count < GROUPS_AT_ONCE)
		ret->list[ret->count++] = (struct group){
			.series = (uint64_t)sqlite3_column_int64(find, 0),
			.bucket = (uint64_t)sqlite3_column_int64(find, 1),
		};
	return err < 0 ? err : 0;
}

static void bind_group(sqlite3_stmt *statement, uint64_t step_s, const struct group *group)
{
	sql_bind_int(statement, 1, step_s);
	sql_bind_int(statement, 2, group->series);
	sql_bind_int(statement, 3, group->bucket);
}

/* A sample_pair_handler. */
static int add_pair(void *context, const struct sample_pair *pair)
{
	struct together *together = context;

	if (together->count == PAIRS_MAX &&
	    sample_list_merge(together->pairs, &together->count) < 0)
		return -EOVERFLOW;
	if (together->count == PAIRS_MAX)
		return -E2BIG;
	if (together->count == together->capacity) {
		size_t capacity = together->capacity ? 2 * together->capacity : PAIRS_FIRST;
		struct sample_pair *pairs = realloc(together->pairs, capacity * sizeof(*pairs));

		if (!pairs)
			return -ENOMEM;
		together->pairs = pairs;
		together->capacity = capacity;
	}
	together->pairs[together->count++] = *pair;
	return 0;
}

static int add_window(sqlite3_stmt *window, struct together *together)
{
	uint64_t from_s = (uint64_t)sqlite3_column_int64(window, 0);
	uint64_t until_s = (uint64_t)sqlite3_column_int64(window, 1);

	if (!together->profiles || from_s < together->from_s)
		together->from_s = from_s;
	if (until_s > together->until_s)
		together->until_s = until_s;
	together->profiles += (uint64_t)sqlite3_column_int64(window, 2);
	return sample_list_unpack(sqlite3_column_blob(window, 3),
				  (size_t)sqlite3_column_bytes(window, 3), add_pair, together);
}

static int read_group(sqlite3 *database, uint64_t step_s, const struct group *group,
		      struct together *ret)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *windows = NULL;
	int err = sql_prepare(database,
			      "SELECT from_s, until_s, profiles, samples FROM window"
			      " WHERE" OF_GROUP,
			      &windows);

	if (err < 0)
		return err;
	bind_group(windows, step_s, group);
	while ((err = sql_next(windows)) > 0) {
		err = add_window(windows, ret);
		if (err < 0)
			return err == -EBADMSG ? -EUCLEAN : err;
	}
	return err;
}

/* Engines have signed numbers. */
static bool fits(const struct together *together)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < together->count; i++) {
		if (__builtin_add_overflow(sum, together->pairs[i].count, &sum) || sum > INT64_MAX)
			return false;
	}
	return true;
}

static int write_together(sqlite3 *database, const struct group *group, struct together *together)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *insert = NULL;
	CLEANUP(cleanup_free) uint8_t *samples = NULL;
	size_t size = 0;
	int err = sample_list_pack(together->pairs, together->count, &samples, &size);

	if (!err)
		err = sql_prepare(database,
				  "INSERT INTO window (series, from_s, until_s, profiles, samples)"
				  " VALUES (?, ?, ?, ?, ?)",
				  &insert);
	if (err < 0)
		return err;
	sql_bind_int(insert, 1, group->series);
	sql_bind_int(insert, 2, together->from_s);
	sql_bind_int(insert, 3, together->until_s);
	sql_bind_int(insert, 4, together->profiles);
	(void)sqlite3_bind_blob64(insert, 5, samples, size, SQLITE_STATIC);
	return sql_do(insert);
}

/* The group's windows but the last one, ?4, which has what they had. */
#define OTHERS "SELECT id FROM window WHERE" OF_GROUP "AND id <> ?4"

static int exchange(sqlite3 *database, uint64_t step_s, const struct group *group)
{
	static const char *const texts[] = {
		"INSERT INTO sum (window, state, count) SELECT ?4, state, sum(count) FROM sum"
		" WHERE window IN (" OTHERS ") GROUP BY state",
		"DELETE FROM sum WHERE window IN (" OTHERS ")",
		"DELETE FROM window WHERE id IN (" OTHERS ")",
	};
	uint64_t kept = (uint64_t)sqlite3_last_insert_rowid(database);
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(texts) / sizeof(texts[0]); i++) {
		CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;

		err = sql_prepare(database, texts[i], &statement);
		if (err < 0)
			return err;
		bind_group(statement, step_s, group);
		sql_bind_int(statement, 4, kept);
		err = sql_do(statement);
	}
	return err;
}

static int coarsen_group(sqlite3 *database, uint64_t step_s, const struct group *group)
{
	CLEANUP(cleanup_together) struct together together = { 0 };
	int err = read_group(database, step_s, group, &together);

	if (!err && !fits(&together))
		err = -EOVERFLOW;
	if (!err)
		err = write_together(database, group, &together);
	return err < 0 ? err : exchange(database, step_s, group);
}

/* What cannot be done to one of them is undone, and keeps nobody else from it. */
static int try_group(sqlite3 *database, uint64_t step_s, const struct group *group)
{
	int err = sql_run(database, "SAVEPOINT one"), undone;

	if (err < 0)
		return err;
	err = coarsen_group(database, step_s, group);
	undone = sql_run(database, err < 0 ? "ROLLBACK TO one; RELEASE one" : "RELEASE one");
	return undone < 0 ? undone : err;
}

/* Some of the groups, in one transaction; *ret_count: how many became one window each. */
static int coarsen_some(sqlite3 *database, uint64_t step_s, uint64_t before_s, size_t *ret_count)
{
	struct groups groups;
	int err = sql_run(database, "BEGIN IMMEDIATE"), left = 0;

	*ret_count = 0;
	if (err < 0)
		return err;
	err = find_groups(database, step_s, before_s, &groups);
	for (size_t i = 0; !err && i < groups.count; i++) {
		int failed = try_group(database, step_s, &groups.list[i]);

		if (!failed)
			(*ret_count)++;
		else if (failed == -EOVERFLOW || failed == -E2BIG || failed == -EUCLEAN)
			left = failed;
		else
			err = failed;
	}
	if (!err)
		err = sql_run(database, "COMMIT");
	if (err < 0 && !sqlite3_get_autocommit(database))
		(void)sql_run(database, "ROLLBACK");
	return err < 0 || *ret_count ? err : left;
}

int day_coarsen(const char *path, uint64_t before_s, uint64_t step_s)
{
	CLEANUP(cleanup_database) sqlite3 *database = NULL;
	int err = day_schema_open(path, false, &database);
	bool has_changed = false;
	size_t count = 1;

	while (!err && count) {
		err = coarsen_some(database, step_s, before_s, &count);
		has_changed |= !err && count;
	}
	/* The room that it leaves is the system's again; where somebody reads, the next time. */
	if (has_changed)
		(void)sql_run(database, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
	return err;
}
