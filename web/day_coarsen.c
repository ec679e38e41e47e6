/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several windows of one series become one: what there is of old times takes less room, and is
 * merged in less time. All sums stay what they are.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/day_parts.h"
#include "web/sample_list.h"

/* Of one transaction: whoever wants to write waits for no more. */
#define GROUPS_AT_ONCE 200

/* Of SQLite's machine, after which it looks whether it is to end. */
#define STEPS_OF_A_LOOK 100000

/* That a group has at once, before those of one node are added up: 16 MiB. Most of them have to be
 * of few nodes, or they would be added up again and again. */
#define PAIRS_MAX   (1u << 20)
#define PAIRS_KEPT  (3 * (PAIRS_MAX / 4))
#define PAIRS_FIRST 4096

/* Windows of a series that begin in the same step. */
struct group {
	uint64_t series, bucket;
};

struct groups {
	struct group list[GROUPS_AT_ONCE];
	size_t count;
	struct group last; /* that was looked at: the next ones are behind it */
	bool has_last;
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
			      " AND (?4 = 0 OR (series," OF_STEP ") > (?5, ?6))"
			      " GROUP BY 1, 2 HAVING count(*) > 1"
			      " AND max(until_s) - min(from_s) <= ?7 ORDER BY 1, 2 LIMIT ?3",
			      &find);

	ret->count = 0;
	if (err < 0)
		return err;
	sql_bind_int(find, 1, step_s);
	sql_bind_int(find, 2, before_s);
	sql_bind_int(find, 3, GROUPS_AT_ONCE);
	sql_bind_int(find, 4, ret->has_last);
	sql_bind_int(find, 5, ret->last.series);
	sql_bind_int(find, 6, ret->last.bucket);
	sql_bind_int(find, 7, STORE_WINDOW_MAX);
	while ((err = sql_next(find)) > 0 && ret->count < GROUPS_AT_ONCE)
		ret->list[ret->count++] = (struct group){
			.series = (uint64_t)sqlite3_column_int64(find, 0),
			.bucket = (uint64_t)sqlite3_column_int64(find, 1),
		};
	if (ret->count)
		ret->last = ret->list[ret->count - 1];
	ret->has_last |= ret->count != 0;
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

	if (together->count == PAIRS_MAX) {
		if (sample_list_merge(together->pairs, &together->count) < 0)
			return -EOVERFLOW;
		if (together->count > PAIRS_KEPT)
			return -E2BIG;
	}
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

/* Some of the groups, in one transaction; *ret_done: how many became one window each. What stays
 * apart is told at the end, and keeps nobody behind it from it. */
static int coarsen_some(sqlite3 *database, uint64_t step_s, uint64_t before_s,
			struct groups *groups, size_t *ret_done, int *ret_left)
{
	int err = sql_run(database, "BEGIN IMMEDIATE");

	if (err < 0)
		return err;
	err = find_groups(database, step_s, before_s, groups);
	for (size_t i = 0; !err && i < groups->count; i++) {
		int failed = try_group(database, step_s, &groups->list[i]);

		if (!failed)
			(*ret_done)++;
		else if (failed == -EOVERFLOW || failed == -E2BIG || failed == -EUCLEAN)
			*ret_left = failed;
		else
			err = failed;
	}
	if (!err)
		err = sql_run(database, "COMMIT");
	if (err < 0 && !sqlite3_get_autocommit(database))
		(void)sql_run(database, "ROLLBACK");
	return err;
}

/* A callback of sqlite3_progress_handler(): whether it is to end. */
static int is_stopped(void *context)
{
	return atomic_load((const atomic_bool *)context);
}

int day_coarsen(const char *path, const struct day_coarsening *what)
{
	CLEANUP(cleanup_database) sqlite3 *database = NULL;
	CLEANUP(cleanup_free) struct groups *groups = calloc(1, sizeof(*groups));
	int err = groups ? day_schema_open(path, false, &database) : -ENOMEM, left = 0;
	size_t done = 0;

	if (err < 0)
		return err;
	sqlite3_progress_handler(database, STEPS_OF_A_LOOK, is_stopped, (void *)what->stop);
	do
		err = coarsen_some(database, what->step_s, what->before_s, groups, &done, &left);
	while (!err && groups->count && !atomic_load(what->stop));
	/* The room that it leaves is the system's again; whoever writes waits for that, once. */
	if (done && what->is_over)
		(void)sql_run(database, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
	if (err < 0 || left < 0)
		return err < 0 ? err : left;
	return done ? 1 : 0;
}
