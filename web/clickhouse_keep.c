/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of old profiles in ClickHouse. There are no transactions: windows that are put
 * together become one row more, with the ids of all that it is the sum of; from when it is there
 * these do not count, and they are deleted at leisure. What comes late joins the next time. One
 * eprof-server does this for all that share the tables: two could make two sums of the same.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "web/clickhouse_parts.h"

struct day_rows {
	uint64_t day, rows;
};

struct days {
	struct day_rows *list;
	size_t count, capacity;
};

static void cleanup_days(struct days *days)
{
	free(days->list);
}

/* Days that begin before a time, and how many rows each has. */
static int list_days(struct clickhouse_store *store, const char *table, uint64_t before_s,
		     struct days *ret)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	CLEANUP(cleanup_free) char *sql = NULL;
	int err;

	if (asprintf(&sql,
		     "SELECT day, count() FROM %s WHERE day < %" PRIu64
		     " GROUP BY day ORDER BY day FORMAT RowBinary",
		     table, (before_s + DAY_S - 1) / DAY_S) < 0)
		return -ENOMEM;
	err = clickhouse_select(store->client, sql, &rows);
	while (!err && row_is_left(&rows.reader)) {
		struct day_rows *list =
			array_reserve(ret->list, ret->count, &ret->capacity, sizeof(*list));

		if (!list)
			return -ENOMEM;
		ret->list = list;
		list[ret->count].day = row_get_u32(&rows.reader);
		list[ret->count++].rows = row_get_u64(&rows.reader);
	}
	return !err && rows.reader.is_broken ? -EPROTO : err;
}

static int delete_from(struct clickhouse_store *store, const char *table, uint64_t time_s)
{
	CLEANUP(cleanup_days) struct days days = { 0 };
	int err = list_days(store, table, time_s, &days);

	for (size_t i = 0; !err && i < days.count; i++) {
		char command[64];

		if ((days.list[i].day + 1) * DAY_S > time_s)
			break;
		(void)snprintf(command, sizeof(command), "DROP PARTITION %" PRIu64,
			       days.list[i].day);
		err = clickhouse_alter(store->client, &store->options, table, command);
	}
	return err;
}

/* Whole days; profiles first, so that none is there whose stacks are not. */
int clickhouse_delete_before(struct store *base, uint64_t time_s)
{
	struct clickhouse_store *store = (struct clickhouse_store *)base;
	int err = 0;

	for (size_t i = 0; !err && i < CLICKHOUSE_TABLES; i++)
		err = delete_from(store, clickhouse_tables[i], time_s);
	return err;
}

/* One day's. A sum that could leave 63 bits is not made. */
static int put_together(struct clickhouse_store *store, uint64_t day, uint64_t before_s,
			uint64_t step_s)
{
	const struct store_selector whole_day = { .from_s = day * DAY_S,
						  .until_s = (day + 1) * DAY_S };
	CLEANUP(cleanup_free) char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);
	char more[64];

	if (!out)
		return -ENOMEM;
	(void)snprintf(more, sizeof(more), " AND day = %" PRIu64, day);
	(void)fputs("INSERT INTO profiles (day, kind, service, host, unit, label_names,"
		    " label_values, series, from_s, until_s, profiles, id, ids, stacks, counts,"
		    " states, sums) SELECT day, kind, service, host, unit, label_names,"
		    " label_values, series, begun, ended, sent, sipHash64(toString(members)),"
		    " members, tupleElement(samples, 1), tupleElement(samples, 2),"
		    " tupleElement(of_states, 1), tupleElement(of_states, 2) FROM (SELECT day,"
		    " any(kind) AS kind, any(service) AS service, any(host) AS host,"
		    " any(unit) AS unit, any(label_names) AS label_names,"
		    " any(label_values) AS label_values, series, min(from_s) AS begun,"
		    " max(until_s) AS ended, sum(profiles) AS sent,"
		    " arraySort(groupArrayArray(arrayPushBack(ids, id))) AS members,"
		    " sumMap(stacks, counts) AS samples, sumMap(states, sums) AS of_states FROM ",
		    out);
	clickhouse_write_rows("day, kind, service, host, unit, label_names, label_values, series,"
			      " from_s, until_s, profiles, id, ids, stacks, counts, states, sums",
			      &whole_day, more, out);
	(void)fprintf(out,
		      " WHERE (intDiv(from_s, %" PRIu64 ") + 1) * %" PRIu64 " <= %" PRIu64
		      " GROUP BY day, series, intDiv(from_s, %" PRIu64
		      ") HAVING count() > 1 AND sum(toFloat64(arraySum(sums))) < 9e18)",
		      step_s, step_s, before_s, step_s);
	return fclose(out) == 0 ? clickhouse_run(store->client, sql) : -ENOMEM;
}

/* How many rows of a day are in a sum. */
static int count_members(struct clickhouse_store *store, uint64_t day, uint64_t *ret)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	CLEANUP(cleanup_free) char *sql = NULL;
	int err;

	if (asprintf(&sql,
		     "SELECT count() FROM profiles WHERE day = %" PRIu64
		     " AND (series, id) GLOBAL IN (SELECT series, arrayJoin(ids) FROM profiles"
		     " WHERE day = %" PRIu64 ") FORMAT RowBinary",
		     day, day) < 0)
		return -ENOMEM;
	err = clickhouse_select(store->client, sql, &rows);
	if (err < 0)
		return err;
	*ret = row_get_u64(&rows.reader);
	return rows.reader.is_broken ? -EPROTO : 0;
}

/* ClickHouse does so when it has time; until then these rows are left out of each answer. */
static int delete_members(struct clickhouse_store *store, uint64_t day)
{
	const char *table = store->options.cluster ? "profiles_local" : "profiles";
	CLEANUP(cleanup_free) char *command = NULL;
	uint64_t members = 0;
	int err = count_members(store, day, &members);

	if (err < 0 || members == 0)
		return err;
	if (asprintf(&command,
		     "DELETE WHERE day = %" PRIu64 " AND (series, id) IN"
		     " (SELECT series, arrayJoin(ids) FROM %s WHERE day = %" PRIu64 ")",
		     day, table, day) < 0)
		return -ENOMEM;
	return clickhouse_alter(store->client, &store->options, "profiles", command);
}

static uint64_t coarse_key(uint64_t day, uint64_t step_s)
{
	return hash_u64(day) ^ step_s;
}

/* What has been put together to its end, and has as many rows since, is left alone. */
int clickhouse_coarsen(struct store *base, uint64_t before_s, uint64_t step_s,
		       const atomic_bool *stop)
{
	struct clickhouse_store *store = (struct clickhouse_store *)base;
	CLEANUP(cleanup_days) struct days days = { 0 }, after = { 0 };
	int err = list_days(store, "profiles", before_s, &days);

	for (size_t i = 0; !err && i < days.count && !atomic_load(stop); i++) {
		uint64_t rows;

		if (hashmap_get(&store->coarse, coarse_key(days.list[i].day, step_s), &rows) &&
		    rows == days.list[i].rows)
			continue;
		err = put_together(store, days.list[i].day, before_s, step_s);
		if (!err)
			err = delete_members(store, days.list[i].day);
	}
	if (!err && !atomic_load(stop))
		err = list_days(store, "profiles", before_s, &after);
	for (size_t i = 0; !err && i < after.count; i++) {
		if ((after.list[i].day + 1) * DAY_S <= before_s)
			err = hashmap_put(&store->coarse, coarse_key(after.list[i].day, step_s),
					  after.list[i].rows);
	}
	return err;
}

static int read_number(struct clickhouse_store *store, const char *sql, uint64_t *ret)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	int err = clickhouse_select(store->client, sql, &rows);

	if (err < 0)
		return err;
	*ret = row_get_u64(&rows.reader);
	return rows.reader.is_broken ? -EPROTO : 0;
}

int clickhouse_extent(struct store *base, struct store_extent *ret)
{
	struct clickhouse_store *store = (struct clickhouse_store *)base;
	CLEANUP(cleanup_free) char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);
	int err;

	if (!out)
		return -ENOMEM;
	(void)fputs("SELECT toUInt64(sum(bytes_on_disk)) FROM ", out);
	if (store->options.cluster) {
		(void)fputs("cluster(", out);
		clickhouse_quote(store->options.cluster, out);
		(void)fputs(", system, parts)", out);
	} else {
		(void)fputs("system.parts", out);
	}
	(void)fprintf(out,
		      " WHERE active AND database = currentDatabase() AND table IN ('profiles',"
		      " 'stacks', 'frames', 'profiles_local', 'stacks_local', 'frames_local')"
		      " FORMAT RowBinary");
	if (fclose(out) != 0)
		return -ENOMEM;
	err = read_number(store, sql, &ret->bytes);
	if (!err)
		err = read_number(store, "SELECT toUInt64(min(day)) FROM profiles FORMAT RowBinary",
				  &ret->oldest_s);
	ret->oldest_s *= DAY_S;
	return err;
}
