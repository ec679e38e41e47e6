/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of old profiles in ClickHouse. There are no transactions: windows that are put
 * together become one row more, with the ids of all that it is the sum of; from when it is there
 * these do not count, and they are deleted at leisure. What comes late joins the next time. Of all
 * eprof-servers that share the tables one at a time does so (clickhouse_turn.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "web/clickhouse_parts.h"

struct day_rows {
	uint64_t day, version;
};

struct days {
	struct day_rows *list;
	size_t count, capacity;
};

static void cleanup_days(struct days *days)
{
	free(days->list);
}

/* Another number for whatever rows of profiles there are of a day. */
#define VERSION_OF_ROWS "sum(bitXor(series, id))"

/* Days that begin before a time; version: an expression for each. */
static int list_days(struct clickhouse_store *store, const char *table, const char *version,
		     uint64_t before_s, struct days *ret)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	CLEANUP(cleanup_free) char *sql = NULL;
	int err;

	if (asprintf(&sql,
		     "SELECT day, toUInt64(%s) FROM %s WHERE day < %" PRIu64
		     " GROUP BY day ORDER BY day FORMAT RowBinary",
		     version, table, (before_s + DAY_S - 1) / DAY_S) < 0)
		return -ENOMEM;
	err = clickhouse_select(store->client, sql, &rows);
	while (!err && row_is_left(&rows.reader)) {
		struct day_rows *list =
			array_reserve(ret->list, ret->count, &ret->capacity, sizeof(*list));

		if (!list)
			return -ENOMEM;
		ret->list = list;
		list[ret->count].day = row_get_u32(&rows.reader);
		list[ret->count++].version = row_get_u64(&rows.reader);
	}
	return !err && rows.reader.is_broken ? -EPROTO : err;
}

static int delete_from(struct clickhouse_store *store, const char *table, uint64_t time_s)
{
	CLEANUP(cleanup_days) struct days days = { 0 };
	int err = list_days(store, table, "0", time_s, &days);

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

/* One day's. A sum that could leave 63 bits is not made, nor one that lasts too long. */
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
		      ") HAVING count() > 1 AND ended - begun <= %d"
		      " AND sum(toFloat64(arraySum(sums))) < 9e18)",
		      step_s, step_s, before_s, step_s, STORE_WINDOW_MAX);
	return fclose(out) == 0 ? clickhouse_run(store->client, sql) : -ENOMEM;
}

/* When what has been begun is left for another time. */
struct until {
	const atomic_bool *stop;
	uint64_t ns; /* CLOCK_MONOTONIC */
};

static bool is_over(const struct until *until)
{
	return atomic_load(until->stop) || clock_ns(CLOCK_MONOTONIC) >= until->ns;
}

static int first_error(int before, int err)
{
	return before ? before : err;
}

static uint64_t coarse_key(uint64_t day, uint64_t step_s)
{
	return hash_u64(day) ^ step_s;
}

/* It has been put together to its end, and has the same rows since. */
static bool is_coarse(const struct clickhouse_store *store, const struct day_rows *day,
		      uint64_t step_s)
{
	uint64_t version;

	return hashmap_get(&store->coarse, coarse_key(day->day, step_s), &version) &&
	       version == day->version;
}

/*
 * It comes last, as it may have to wait for a replica. Nothing is asked for twice: -EBUSY, until
 * what has been asked for is done.
 */
static int delete_members(struct clickhouse_store *store, const struct days *days, uint64_t step_s,
			  const struct until *until)
{
	uint64_t pending = 0;
	int err = clickhouse_count_pending(store, &pending);

	if (err < 0)
		return err;
	for (size_t i = 0; i < days->count && !is_over(until); i++) {
		if (is_coarse(store, &days->list[i], step_s))
			continue;
		if (pending)
			return -EBUSY;
		err = first_error(err, clickhouse_delete_members(store, days->list[i].day));
	}
	return err;
}

/* Days that have ended, and for which nothing was to be done: all is as it was before. */
static int remember_coarse(struct clickhouse_store *store, const struct days *before,
			   uint64_t before_s, uint64_t step_s)
{
	CLEANUP(cleanup_days) struct days days = { 0 };
	int err = list_days(store, "profiles", VERSION_OF_ROWS, before_s, &days);

	for (size_t i = 0, k = 0; !err && i < days.count; i++) {
		const struct day_rows *day = &days.list[i];

		while (k < before->count && before->list[k].day < day->day)
			k++;
		if (k < before->count && before->list[k].day == day->day &&
		    before->list[k].version == day->version && (day->day + 1) * DAY_S <= before_s)
			err = hashmap_put(&store->coarse, coarse_key(day->day, step_s),
					  day->version);
	}
	return err;
}

static int coarsen_in_turn(struct clickhouse_store *store, uint64_t before_s, uint64_t step_s,
			   const struct until *until)
{
	CLEANUP(cleanup_days) struct days days = { 0 };
	int err = list_days(store, "profiles", VERSION_OF_ROWS, before_s, &days);

	if (err < 0)
		return err;
	for (size_t i = 0; i < days.count && !is_over(until); i++) {
		if (!is_coarse(store, &days.list[i], step_s))
			err = first_error(err,
					  put_together(store, days.list[i].day, before_s, step_s));
	}
	err = first_error(err, delete_members(store, &days, step_s, until));
	/* What has failed, or waits, is looked at again. */
	if (!err && !is_over(until))
		err = remember_coarse(store, &days, before_s, step_s);
	return err;
}

int clickhouse_coarsen(struct store *base, uint64_t before_s, uint64_t step_s,
		       const atomic_bool *stop)
{
	struct clickhouse_store *store = (struct clickhouse_store *)base;
	struct clickhouse_turn turn;
	int err = clickhouse_turn_begin(store, &turn);

	if (err < 0)
		return err;
	err = coarsen_in_turn(store, before_s, step_s, &(struct until){ stop, turn.until_ns });
	clickhouse_turn_end(store, &turn);
	return err;
}

int clickhouse_extent(struct store *base, struct store_extent *ret)
{
	struct clickhouse_store *store = (struct clickhouse_store *)base;
	int err =
		clickhouse_ask_system(store->client, &store->options, "sum(bytes_on_disk)", "parts",
				      "active AND table IN ('profiles', 'stacks', 'frames',"
				      " 'profiles_local', 'stacks_local', 'frames_local')",
				      &ret->bytes);

	if (!err)
		err = clickhouse_read_number(store->client,
					     "SELECT toUInt64(min(day)) FROM profiles"
					     " FORMAT RowBinary",
					     &ret->oldest_s);
	ret->oldest_s *= DAY_S;
	return err;
}
