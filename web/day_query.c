/* SPDX-License-Identifier: Apache-2.0 */
/* Time series, and the values of labels. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/day_parts.h"
#include "web/store_parts.h"

/*
 * What is asked by is no part of a statement's text. Those of a selection bind by place, and what
 * else they need is in a table of their connection.
 */
static int ask(const char *path, const char *name, uint64_t step_s, sqlite3 **ret)
{
	CLEANUP(cleanup_database) sqlite3 *database = NULL;
	CLEANUP(cleanup_statement) sqlite3_stmt *insert = NULL;
	int err = day_schema_open(path, false, &database);

	if (!err)
		err = sql_run(database, "PRAGMA temp_store = MEMORY;"
					"CREATE TEMP TABLE asked (name TEXT, step INTEGER)");
	if (!err)
		err = sql_prepare(database, "INSERT INTO asked VALUES (?, ?)", &insert);
	if (err < 0)
		return err;
	sql_bind_text(insert, 1, name);
	sql_bind_int(insert, 2, step_s);
	err = sql_do(insert);
	if (err < 0)
		return err;
	*ret = TAKE(database);
	return 0;
}

static const char *column_text(sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text ? text : "";
}

/* Halves are summed up apart: a sum of its own that is too large would end the whole statement. */
#define SUM(count) "sum((" count ") >> 32), sum((" count ") & 4294967295)"

/* Of a window's count, what so many of its seconds have; no product of it leaves 63 bits. */
#define WINDOW_S "(w.until_s - w.from_s)"
#define SHARE_OF(seconds)                                                                          \
	"t.count / " WINDOW_S " * (" seconds ") + t.count % " WINDOW_S " * (" seconds              \
	") / " WINDOW_S

/* Of windows that begin and end in the same steps (struct store_spread); the step is in asked. */
#define STEP        "(SELECT step FROM asked)"
#define FIRST_STEP  "(w.from_s / " STEP ")"
#define LAST_STEP   "((w.until_s - 1) / " STEP ")"
#define FIRST_SHARE SHARE_OF("(" FIRST_STEP " + 1) * " STEP " - w.from_s")
#define LAST_SHARE  SHARE_OF("w.until_s - " LAST_STEP " * " STEP)

static uint64_t column_sum(sqlite3_stmt *rows, int column)
{
	uint64_t high = (uint64_t)sqlite3_column_int64(rows, column), sum;
	uint64_t low = (uint64_t)sqlite3_column_int64(rows, column + 1);

	if (high > UINT32_MAX || __builtin_add_overflow(high << 32, low, &sum))
		return UINT64_MAX;
	return sum;
}

struct asked {
	const struct store_selector *selector;
	uint64_t step_s;
	store_point_handler handler;
	void *context;
};

static int hand_points(sqlite3_stmt *rows, const struct asked *asked)
{
	int err;

	while ((err = sql_next(rows)) > 0) {
		struct store_point point = {
			.value = column_text(rows, 1),
			.state = column_text(rows, 2),
			.unit = column_text(rows, 3),
		};
		const struct store_spread spread = {
			.first_step = (uint64_t)sqlite3_column_int64(rows, 0),
			.last_step = (uint64_t)sqlite3_column_int64(rows, 4),
			.count = column_sum(rows, 5),
			.first = column_sum(rows, 7),
			.last = column_sum(rows, 9),
		};

		err = store_spread(asked->selector, asked->step_s, &spread, &point, asked->handler,
				   asked->context);
		if (err < 0)
			return err;
	}
	return err;
}

#define SERIES_COLUMNS(value)                                                                      \
	FIRST_STEP ", " value ", t.state, s.unit, " LAST_STEP                                      \
		   ", " SUM("t.count") ", " SUM(FIRST_SHARE) ", " SUM(LAST_SHARE)

static bool is_kind(const char *name)
{
	return name && strcmp(name, "kind") == 0;
}

int day_series(const char *path, const struct store_selector *selector, uint64_t step_s,
	       const char *by, store_point_handler handler, void *context)
{
	CLEANUP(cleanup_database) sqlite3 *database = NULL;
	CLEANUP(cleanup_statement) sqlite3_stmt *rows = NULL;
	const struct asked asked = { selector, step_s, handler, context };
	const struct day_query query = {
		.columns = is_kind(by) ? SERIES_COLUMNS("s.kind")
				       : SERIES_COLUMNS("coalesce(l.value, '')"),
		.joins = "JOIN sum t ON t.window = w.id LEFT JOIN label l ON l.series = s.id"
			 " AND l.name = (SELECT name FROM asked)",
		.behind = "GROUP BY 1, 2, 3, 4, 5",
	};
	int err = ask(path, by ? by : "", step_s, &database);

	if (!err)
		err = day_select(database, &query, selector, &rows);
	return err < 0 ? err : hand_points(rows, &asked);
}

int day_values(const char *path, const struct store_selector *selector, const char *name,
	       store_text_handler handler, void *context)
{
	CLEANUP(cleanup_database) sqlite3 *database = NULL;
	CLEANUP(cleanup_statement) sqlite3_stmt *rows = NULL;
	struct day_query query = { .columns = "DISTINCT s.kind",
				   .joins = "",
				   .behind = "ORDER BY 1" };
	int err = ask(path, name ? name : "", 0, &database);

	if (err < 0)
		return err;
	if (!is_kind(name)) {
		query.columns = name ? "DISTINCT l.value" : "DISTINCT l.name";
		query.joins = name ? "JOIN label l ON l.series = s.id"
				     " AND l.name = (SELECT name FROM asked)"
				   : "JOIN label l ON l.series = s.id";
	}
	err = day_select(database, &query, selector, &rows);
	while (!err && (err = sql_next(rows)) > 0)
		err = handler(context, column_text(rows, 0));
	return err;
}
