/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/clickhouse_parts.h"

void clickhouse_write_label(const char *name, FILE *out)
{
	if (store_is_own_label(name)) {
		(void)fputs(name, out);
		return;
	}
	/* Beyond an array is the empty text. */
	(void)fputs("label_values[indexOf(label_names, ", out);
	clickhouse_quote(name, out);
	(void)fputs(")]", out);
}

static void write_matchers(const struct store_selector *selector, FILE *out)
{
	for (size_t i = 0; i < selector->matcher_count;) {
		const char *name = selector->matchers[i].name, *before = "";

		(void)fputs(" AND ", out);
		clickhouse_write_label(name, out);
		(void)fputs(" IN (", out);
		for (; i < selector->matcher_count && strcmp(name, selector->matchers[i].name) == 0;
		     i++) {
			(void)fputs(before, out);
			clickhouse_quote(selector->matchers[i].value, out);
			before = ",";
		}
		(void)fputc(')', out);
	}
}

void clickhouse_write_condition(const struct store_selector *selector, FILE *out)
{
	uint64_t begin_s =
		selector->from_s > STORE_WINDOW_MAX ? selector->from_s - STORE_WINDOW_MAX : 0;

	(void)fprintf(out,
		      "day >= %" PRIu64 " AND day <= %" PRIu64 " AND until_s > %" PRIu64
		      " AND from_s < %" PRIu64,
		      begin_s / DAY_S, selector->until_s / DAY_S, selector->from_s,
		      selector->until_s);
	if (selector->kind) {
		(void)fputs(" AND kind = ", out);
		clickhouse_quote(selector->kind, out);
	}
	write_matchers(selector, out);
}

/*
 * A sum lasts as long as all that is in it, so whatever selects one of those selects the sum.
 * GLOBAL: where tables are distributed each shard is told of the sums of all of them.
 */
void clickhouse_write_rows(const char *columns, const struct store_selector *selector,
			   const char *more, FILE *out)
{
	(void)fprintf(out, "(SELECT %s FROM profiles WHERE ", columns);
	clickhouse_write_condition(selector, out);
	(void)fprintf(out,
		      "%s AND (day, series, id) GLOBAL NOT IN (SELECT day, series, arrayJoin(ids)"
		      " FROM profiles WHERE ",
		      more);
	clickhouse_write_condition(selector, out);
	(void)fprintf(out, "%s) LIMIT 1 BY day, series, id)", more);
}

int clickhouse_ask(struct clickhouse_client *client, FILE *out, char **text,
		   struct clickhouse_rows *ret)
{
	bool is_whole = fputs(" FORMAT RowBinary", out) >= 0;

	if (fclose(out) != 0 || !is_whole)
		return -ENOMEM;
	return clickhouse_select(client, *text, ret);
}

int clickhouse_read_number(struct clickhouse_client *client, const char *sql, uint64_t *ret)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	int err = clickhouse_select(client, sql, &rows);

	if (err < 0)
		return err;
	*ret = row_get_u64(&rows.reader);
	return rows.reader.is_broken ? -EPROTO : 0;
}

uint64_t clickhouse_get_sum(struct row_reader *rows)
{
	uint64_t high = row_get_u64(rows), low = row_get_u64(rows), sum;

	if (high > UINT32_MAX || __builtin_add_overflow(high << 32, low, &sum))
		return UINT64_MAX;
	return sum;
}
