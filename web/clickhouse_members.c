/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that are in a sum do not count (clickhouse_select.c); here they are deleted. Each statement
 * has the numbers of its rows: on replicas ClickHouse refuses one that asks for them, as each of
 * these would ask for itself, maybe at another state.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "web/clickhouse_parts.h"

/* A server takes 256 KiB by default, and a node of ZooKeeper 1 MiB. */
#define STATEMENT_BYTES 200000

/* Of a day, and a round of the housekeeper. */
#define ROUND_ROWS 160000

int clickhouse_count_pending(struct clickhouse_store *store, uint64_t *ret)
{
	return clickhouse_ask_system(store->client, &store->options, "count()", "mutations",
				     store->options.cluster
					     ? "NOT is_done AND table = 'profiles_local'"
					     : "NOT is_done AND table = 'profiles'",
				     ret);
}

static int select_members(struct clickhouse_store *store, uint64_t day, struct clickhouse_rows *ret)
{
	CLEANUP(cleanup_free) char *sql = NULL;

	if (asprintf(&sql,
		     "SELECT DISTINCT series, id FROM profiles WHERE day = %" PRIu64
		     " AND (series, id) GLOBAL IN (SELECT series, arrayJoin(ids) FROM profiles"
		     " WHERE day = %" PRIu64 ") ORDER BY series, id LIMIT %d FORMAT RowBinary",
		     day, day, ROUND_ROWS) < 0)
		return -ENOMEM;
	return clickhouse_select(store->client, sql, ret);
}

/* As many rows as fit: "series = 1 AND id IN (2,3) OR series = ...". */
static void write_members(struct row_reader *rows, FILE *out)
{
	uint64_t series_before = 0;
	bool is_first = true;

	while (row_is_left(rows) && ftello(out) < STATEMENT_BYTES) {
		uint64_t series = row_get_u64(rows), id = row_get_u64(rows);

		if (!is_first && series == series_before)
			(void)fprintf(out, ",%" PRIu64, id);
		else
			(void)fprintf(out, "%sseries = %" PRIu64 " AND id IN (%" PRIu64,
				      is_first ? "" : ") OR ", series, id);
		series_before = series;
		is_first = false;
	}
	(void)fputc(')', out);
}

int clickhouse_delete_members(struct clickhouse_store *store, uint64_t day)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	int err = select_members(store, day, &rows);

	while (!err && row_is_left(&rows.reader)) {
		CLEANUP(cleanup_free) char *command = NULL;
		size_t size;
		FILE *out = open_memstream(&command, &size);

		if (!out)
			return -ENOMEM;
		(void)fprintf(out, "DELETE WHERE day = %" PRIu64 " AND (", day);
		write_members(&rows.reader, out);
		(void)fputc(')', out);
		if (fclose(out) != 0)
			return -ENOMEM;
		if (rows.reader.is_broken)
			return -EPROTO;
		err = clickhouse_alter(store->client, &store->options, "profiles", command);
	}
	return !err && rows.reader.is_broken ? -EPROTO : err;
}
