/* SPDX-License-Identifier: Apache-2.0 */
/* Time series, and the values of labels. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/day_parts.h"

/*
 * What is asked by is no part of a statement's text. Those of a selection bind by place, and what
 * else they need is in a table of their connection.
 */
static int ask(const struct day_file *day, const char *name, sqlite3 **ret)
{
	CLEANUP(cleanup_database) sqlite3 *database = NULL;
	CLEANUP(cleanup_statement) sqlite3_stmt *insert = NULL;
	int err = day_schema_open(day->path, false, &database);

	if (!err)
		err = sql_run(database, "PRAGMA temp_store = MEMORY;"
					"CREATE TEMP TABLE asked (name TEXT)");
	if (!err)
		err = sql_prepare(database, "INSERT INTO asked VALUES (?)", &insert);
	if (err < 0)
		return err;
	sql_bind_text(insert, 1, name);
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
#define SUM_OF_HALVES "sum(t.count >> 32), sum(t.count & 4294967295)"

static uint64_t join(uint64_t high, uint64_t low)
{
	uint64_t sum;

	if (high > UINT32_MAX || __builtin_add_overflow(high << 32, low, &sum))
		return UINT64_MAX;
	return sum;
}

static int hand_points(sqlite3_stmt *rows, store_point_handler handler, void *context)
{
	int err;

	while ((err = sql_next(rows)) > 0) {
		struct store_point point = {
			.at_s = (uint64_t)sqlite3_column_int64(rows, 0),
			.value = column_text(rows, 1),
			.state = column_text(rows, 2),
			.unit = column_text(rows, 3),
			.count = join((uint64_t)sqlite3_column_int64(rows, 4),
				      (uint64_t)sqlite3_column_int64(rows, 5)),
		};

		err = handler(context, &point);
		if (err < 0)
			return err;
	}
	return err;
}

static bool is_kind(const char *name)
{
	return name && strcmp(name, "kind") == 0;
}

int day_file_series(struct day_file *day, const struct store_selector *selector, uint64_t step_s,
		    const char *by, store_point_handler handler, void *context)
{
	CLEANUP(cleanup_database) sqlite3 *database = NULL;
	CLEANUP(cleanup_statement) sqlite3_stmt *rows = NULL;
	char columns[256];
	const struct day_query query = {
		.columns = columns,
		.joins = "JOIN sum t ON t.window = w.id LEFT JOIN label l ON l.series = s.id"
			 " AND l.name = (SELECT name FROM asked)",
		.behind = "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
	};
	int err = ask(day, by ? by : "", &database);

	if (err < 0)
		return err;
	(void)snprintf(columns, sizeof(columns),
		       "w.from_s / %" PRIu64 " * %" PRIu64 ", %s, t.state, s.unit, " SUM_OF_HALVES,
		       step_s, step_s, is_kind(by) ? "s.kind" : "coalesce(l.value, '')");
	err = day_select(database, &query, selector, &rows);
	return err < 0 ? err : hand_points(rows, handler, context);
}

int day_file_values(struct day_file *day, const struct store_selector *selector, const char *name,
		    store_text_handler handler, void *context)
{
	CLEANUP(cleanup_database) sqlite3 *database = NULL;
	CLEANUP(cleanup_statement) sqlite3_stmt *rows = NULL;
	struct day_query query = { .columns = "DISTINCT s.kind",
				   .joins = "",
				   .behind = "ORDER BY 1" };
	int err = ask(day, name ? name : "", &database);

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
