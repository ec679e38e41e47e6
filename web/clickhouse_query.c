/* SPDX-License-Identifier: Apache-2.0 */
/* Time series, and the values of labels. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/wait_state.h"
#include "web/clickhouse_parts.h"

static int copy_text(struct row_reader *rows, char *ret, size_t size)
{
	size_t length;
	const char *text = row_get_text(rows, &length);

	if (rows->is_broken || length >= size)
		return -EPROTO;
	memcpy(ret, text, length);
	ret[length] = '\0';
	return 0;
}

struct asked {
	const struct store_selector *selector;
	uint64_t step_s;
	store_point_handler handler;
	void *context;
};

static int hand_points(struct row_reader *rows, const struct asked *asked)
{
	char value[STORE_VALUE_MAX + 1], unit[STORE_NAME_MAX + 1];
	struct store_spread spread = { .first_step = row_get_u64(rows) };
	struct store_point point = { .value = value, .unit = unit };
	int err = copy_text(rows, value, sizeof(value));
	uint8_t state = row_get_u8(rows);

	if (!err)
		err = copy_text(rows, unit, sizeof(unit));
	spread.last_step = row_get_u64(rows);
	spread.count = clickhouse_get_sum(rows);
	spread.first = clickhouse_get_sum(rows);
	spread.last = clickhouse_get_sum(rows);
	if (err < 0 || rows->is_broken)
		return -EPROTO;
	point.state = wait_state_text(state < WAIT_STATE_COUNT ? (enum wait_state)state
							       : WAIT_STATE_OTHER);
	return store_spread(asked->selector, asked->step_s, &spread, &point, asked->handler,
			    asked->context);
}

/* As web/day_query.c has it for SQLite. */
#define SHARE_OF(seconds)                                                                          \
	"toUInt64(intDiv(one, lasts) * (" seconds ") + intDiv(one % lasts * (" seconds "), "       \
	"lasts))"

static void write_series(const struct store_selector *selector, uint64_t step_s, const char *by,
			 FILE *out)
{
	(void)fputs(
		"SELECT first_step, value, state, unit, last_step,"
		" " CLICKHOUSE_SUM("one") ", " CLICKHOUSE_SUM("first_share") ", " CLICKHOUSE_SUM(
			"last_share") " FROM (SELECT first_step, last_step, value, unit, state,"
				      " one, toUInt64(until_s - from_s) AS lasts,"
				      " " SHARE_OF(
					      "begins") " AS first_share,"
							" " SHARE_OF(
								"ends") " AS last_share FROM "
									"(SELECT from_s, until_s,",
		out);
	(void)fprintf(
		out,
		" intDiv(from_s, %" PRIu64 ") AS first_step,"
		" intDiv(until_s - 1, %" PRIu64 ") AS last_step,"
		" toUInt64((intDiv(from_s, %" PRIu64 ") + 1) * %" PRIu64 " - from_s) AS begins,"
		" toUInt64(until_s - intDiv(until_s - 1, %" PRIu64 ") * %" PRIu64 ") AS ends, ",
		step_s, step_s, step_s, step_s, step_s, step_s);
	if (by)
		clickhouse_write_label(by, out);
	else
		(void)fputs("''", out);
	(void)fputs(" AS value, unit, states, sums FROM ", out);
	clickhouse_write_rows("from_s, until_s, kind, service, host, label_names, label_values,"
			      " unit, states, sums",
			      selector, "", out);
	(void)fputs(") ARRAY JOIN states AS state, sums AS one)"
		    " GROUP BY first_step, value, state, unit, last_step",
		    out);
}

int clickhouse_series(struct store *base, const struct store_selector *selector, uint64_t step_s,
		      const char *by, store_point_handler handler, void *context)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	const struct asked asked = { selector, step_s, handler, context };
	struct clickhouse_store *store = (struct clickhouse_store *)base;
	CLEANUP(cleanup_free) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int err;

	if (!out)
		return -ENOMEM;
	write_series(selector, step_s, by, out);
	err = clickhouse_ask(store->client, out, &text, &rows);
	while (!err && row_is_left(&rows.reader))
		err = hand_points(&rows.reader, &asked);
	return !err && rows.reader.is_broken ? -EPROTO : err;
}

int clickhouse_values(struct store *base, const struct store_selector *selector, const char *name,
		      store_text_handler handler, void *context)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	struct clickhouse_store *store = (struct clickhouse_store *)base;
	char value[STORE_VALUE_MAX + 1];
	CLEANUP(cleanup_free) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int err;

	if (!out)
		return -ENOMEM;
	(void)fputs("SELECT DISTINCT value FROM (SELECT ", out);
	if (name)
		clickhouse_write_label(name, out);
	else
		(void)fputs("arrayJoin(arrayConcat(['host', 'service'], label_names))", out);
	(void)fputs(" AS value FROM profiles WHERE ", out);
	clickhouse_write_condition(selector, out);
	(void)fputs(") WHERE value != '' ORDER BY value", out);
	err = clickhouse_ask(store->client, out, &text, &rows);
	while (!err && row_is_left(&rows.reader)) {
		err = copy_text(&rows.reader, value, sizeof(value));
		if (!err)
			err = handler(context, value);
	}
	return !err && rows.reader.is_broken ? -EPROTO : err;
}
