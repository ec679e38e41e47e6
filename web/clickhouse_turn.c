/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of many eprof-servers one at a time puts windows together, as two would make two sums of the
 * same. ClickHouse has no locks; but of two that make a table of one name, one fails. Each hour of
 * ClickHouse's clock has a name: whoever has made its table has the turn until it drops it, or
 * until the hour is over, if it has died. On a cluster these tables are replicas of one name, of
 * which ZooKeeper lets one be made.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "web/clickhouse_parts.h"

#define TABLE  "housekeeper_"
#define HOUR_S 3600

/* Before the hour ends nothing is begun that may last longer; and clocks may differ. */
#define MARGIN_S 300

/* Before that version dropping was all there was to wait for, and there was no word for it. */
#define SINCE_SYNC 21

static int read_hour(struct clickhouse_store *store, uint64_t *ret_hour, uint64_t *ret_left_s)
{
	uint64_t now_s;
	int err = clickhouse_read_number(
		store->client, "SELECT toUInt64(toUInt32(now())) FORMAT RowBinary", &now_s);

	if (err < 0)
		return err;
	*ret_hour = now_s / HOUR_S;
	*ret_left_s = HOUR_S - now_s % HOUR_S;
	return 0;
}

/* 0; -EBUSY: another one has made it; or -errno. */
static int make_table(struct clickhouse_store *store, uint64_t hour)
{
	CLEANUP(cleanup_free) char *sql = NULL;
	CLEANUP(cleanup_free) char *path = NULL;
	size_t size;
	FILE *out;
	int err;

	if (asprintf(&path, "/clickhouse/eprof_housekeeper/%s/%" PRIu64,
		     clickhouse_client_database(store->client), hour) < 0)
		return -ENOMEM;
	out = open_memstream(&sql, &size);
	if (!out)
		return -ENOMEM;
	(void)fprintf(out, "CREATE TABLE " TABLE "%" PRIu64 " (day UInt32) ENGINE = ", hour);
	if (store->options.cluster) {
		(void)fputs("ReplicatedMergeTree(", out);
		clickhouse_quote(path, out);
		(void)fputs(", 'one')", out);
	} else {
		(void)fputs("MergeTree()", out);
	}
	(void)fputs(" ORDER BY day", out);
	if (fclose(out) != 0)
		return -ENOMEM;
	err = clickhouse_create(store->client, sql);
	return err == -EEXIST ? -EBUSY : err;
}

static void drop_table(struct clickhouse_store *store, uint64_t hour)
{
	CLEANUP(cleanup_free) char *sql = NULL;

	if (asprintf(&sql, "DROP TABLE IF EXISTS " TABLE "%" PRIu64 "%s", hour,
		     clickhouse_client_is_since(store->client, SINCE_SYNC) ? " SYNC" : "") >= 0)
		(void)clickhouse_run(store->client, sql);
}

/* What those that have died have left on this server. */
static void drop_old_tables(struct clickhouse_store *store, uint64_t hour)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	CLEANUP(cleanup_free) char *sql = NULL;

	if (asprintf(&sql,
		     "SELECT toUInt32OrZero(substring(name, %zu)) AS hour FROM system.tables"
		     " WHERE database = currentDatabase() AND startsWith(name, '" TABLE "')"
		     " AND hour + 1 < %" PRIu64 " FORMAT RowBinary",
		     sizeof(TABLE), hour) < 0 ||
	    clickhouse_select(store->client, sql, &rows) < 0)
		return;
	while (row_is_left(&rows.reader))
		drop_table(store, row_get_u32(&rows.reader));
}

int clickhouse_turn_begin(struct clickhouse_store *store, struct clickhouse_turn *ret)
{
	uint64_t left_s, now_ns = clock_ns(CLOCK_MONOTONIC);
	int err = read_hour(store, &ret->hour, &left_s);

	if (err < 0)
		return err;
	drop_old_tables(store, ret->hour);
	err = make_table(store, ret->hour);
	if (err < 0)
		return err;
	/* Shortly before its end the next hour is needed as well. */
	ret->hours = 1;
	if (left_s <= 2 * MARGIN_S) {
		err = make_table(store, ret->hour + 1);
		if (err < 0) {
			clickhouse_turn_end(store, ret);
			return err;
		}
		ret->hours = 2;
		left_s += HOUR_S;
	}
	ret->until_ns = now_ns + (left_s - MARGIN_S) * NS_PER_SECOND;
	return 0;
}

void clickhouse_turn_end(struct clickhouse_store *store, const struct clickhouse_turn *turn)
{
	for (uint64_t i = turn->hours; i-- > 0;)
		drop_table(store, turn->hour + i);
}
