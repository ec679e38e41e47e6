/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/day_parts.h"

/* "label IN (?,?,...)" for each name: values are bound, never written into the text. */
static void write_matchers(FILE *out, const struct store_selector *selector)
{
	for (size_t i = 0; i < selector->matcher_count;) {
		const char *name = selector->matchers[i].name;

		(void)fputs(" AND s.id IN (SELECT series FROM label WHERE name = ? AND value IN (?",
			    out);
		while (++i < selector->matcher_count &&
		       strcmp(name, selector->matchers[i].name) == 0)
			(void)fputs(",?", out);
		(void)fputs("))", out);
	}
}

static char *make_text(const struct day_query *query, const struct store_selector *selector)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	(void)fprintf(out,
		      "SELECT %s FROM series s JOIN window w ON w.series = s.id %s"
		      " WHERE w.until_s > ? AND w.from_s < ?",
		      query->columns, query->joins);
	if (selector->kind)
		(void)fputs(" AND s.kind = ?", out);
	write_matchers(out, selector);
	(void)fprintf(out, " %s", query->behind);
	return fclose(out) == 0 ? TAKE(text) : NULL;
}

static void bind(sqlite3_stmt *statement, const struct store_selector *selector)
{
	int index = 1;

	sql_bind_int(statement, index++, selector->from_s);
	sql_bind_int(statement, index++, selector->until_s);
	if (selector->kind)
		sql_bind_text(statement, index++, selector->kind);
	for (size_t i = 0; i < selector->matcher_count;) {
		const char *name = selector->matchers[i].name;

		sql_bind_text(statement, index++, name);
		for (; i < selector->matcher_count && strcmp(name, selector->matchers[i].name) == 0;
		     i++)
			sql_bind_text(statement, index++, selector->matchers[i].value);
	}
}

int day_select(sqlite3 *database, const struct day_query *query,
	       const struct store_selector *selector, sqlite3_stmt **ret)
{
	CLEANUP(cleanup_free) char *text = make_text(query, selector);
	int err;

	if (!text)
		return -ENOMEM;
	err = sql_prepare(database, text, ret);
	if (!err)
		bind(*ret, selector);
	return err;
}
