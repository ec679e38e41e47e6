/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said to ClickHouse, and what it answers: its HTTP interface
 * (https://clickhouse.com/docs/en/interfaces/http), by libcurl. Thread-safe.
 */
#ifndef EPROF_WEB_CLICKHOUSE_CLIENT_H
#define EPROF_WEB_CLICKHOUSE_CLIENT_H

#include <stdio.h>

#include "web/clickhouse_store.h"
#include "web/row_binary.h"

struct clickhouse_client;

/* 0 and the caller's *ret, or -errno after one line. The options are borrowed. */
int clickhouse_client_new(const struct clickhouse_options *options, struct clickhouse_client **ret);
void clickhouse_client_free(struct clickhouse_client *client); /* NULL is fine */

/* Whether the server is of that year's versions, or later: 18.16 is of 18. */
bool clickhouse_client_is_since(const struct clickhouse_client *client, unsigned int year);

/* The one of the URL. */
const char *clickhouse_client_database(const struct clickhouse_client *client);

/* Runs a statement that has no answer. 0 or -errno, after one line that says what. */
int clickhouse_run(struct clickhouse_client *client, const char *sql);

/* The same of one that makes a table. -EEXIST, without a line: there is one of that name. */
int clickhouse_create(struct clickhouse_client *client, const char *sql);

/* Rows of a table, as INSERT takes them: "INSERT INTO t (columns) FORMAT RowBinary". */
int clickhouse_insert(struct clickhouse_client *client, const char *sql,
		      const struct row_writer *rows);

/* The answer of a SELECT, in memory: all of it is there, or an error. */
struct clickhouse_rows {
	struct row_reader reader;
	uint8_t *bytes;
};
int clickhouse_select(struct clickhouse_client *client, const char *sql,
		      struct clickhouse_rows *ret);
void clickhouse_rows_done(struct clickhouse_rows *rows);

/* A text as a literal of SQL, whatever its bytes are. */
void clickhouse_quote(const char *text, FILE *out);

#endif
