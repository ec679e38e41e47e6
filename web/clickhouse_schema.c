/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of ClickHouse. A new version is a new entry of steps[]; each can be run again, as
 * several servers may begin at once. Who has a cluster makes tables of the same names first
 * (docs/clickhouse.md), which then stay as they are.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/clickhouse_parts.h"

/* When it learned to wait until a part is on the disk. */
#define SINCE_FSYNC 21

const char *const clickhouse_tables[CLICKHOUSE_TABLES] = { "profiles", "stacks", "frames" };

/* One version: statements, each of which gets the settings of a table. */
#define STATEMENTS_MAX 4
struct step {
	const char *statements[STATEMENTS_MAX];
};

/*
 * day: since 1970, of when a window begins. What is old goes with its partition.
 * Rows of one key are one: the engine sees to that at some time, and each question by LIMIT 1 BY.
 */
static const struct step steps[] = {
	/* 1 */
	{ {
		/* A row of `ids` is the sum of those that have these ids: they do not count any
		 * more. States are numbers of enum wait_state. */
		"CREATE TABLE IF NOT EXISTS profiles (day UInt32, kind String, service String,"
		" host String, unit String, label_names Array(String), label_values Array(String),"
		" series UInt64, from_s UInt64, until_s UInt64, profiles UInt64, id UInt64,"
		" ids Array(UInt64), stacks Array(UInt64), counts Array(UInt64),"
		" states Array(UInt8), sums Array(UInt64))"
		" ENGINE = ReplacingMergeTree() PARTITION BY day"
		" ORDER BY (service, kind, series, from_s, id)",
		/* Frames from the outermost to the leaf. */
		"CREATE TABLE IF NOT EXISTS stacks (day UInt32, service String, stack UInt64,"
		" frames Array(UInt64))"
		" ENGINE = ReplacingMergeTree() PARTITION BY day ORDER BY (service, stack)",
		"CREATE TABLE IF NOT EXISTS frames (day UInt32, frame UInt64, name String,"
		" kind UInt8, file String, line UInt32, module String)"
		" ENGINE = ReplacingMergeTree() PARTITION BY day ORDER BY frame",
	} },
};
#define VERSION (sizeof(steps) / sizeof(steps[0]))

/*
 * What all servers have to agree on is a default of a table without rows: of several that make it
 * at once, one does.
 */
static int make_seed(struct clickhouse_client *client)
{
	CLEANUP(cleanup_free) char *sql = NULL;

	if (asprintf(&sql,
		     "CREATE TABLE IF NOT EXISTS eprof (name String, version UInt32 DEFAULT 0,"
		     " seed UInt64 DEFAULT %" PRIu64 ") ENGINE = MergeTree() ORDER BY name",
		     hash_seed()) < 0)
		return -ENOMEM;
	return clickhouse_run(client, sql);
}

/* The number in a default such as "CAST(12 AS UInt64)", "'12'" or "12". */
static uint64_t number_of(const char *text, size_t length)
{
	uint64_t number = 0;
	size_t i = 0;

	while (i < length && (text[i] < '0' || text[i] > '9'))
		i++;
	for (; i < length && text[i] >= '0' && text[i] <= '9'; i++)
		number = 10 * number + (uint64_t)(text[i] - '0');
	return number;
}

static int read_default(struct clickhouse_client *client, const char *column, uint64_t *ret)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	CLEANUP(cleanup_free) char *sql = NULL;
	const char *text;
	size_t length;
	int err;

	if (asprintf(&sql,
		     "SELECT default_expression FROM system.columns WHERE database ="
		     " currentDatabase() AND table = 'eprof' AND name = '%s' FORMAT RowBinary",
		     column) < 0)
		return -ENOMEM;
	err = clickhouse_select(client, sql, &rows);
	if (err < 0)
		return err;
	text = row_get_text(&rows.reader, &length);
	*ret = number_of(text, length);
	return rows.reader.is_broken ? -EPROTO : 0;
}

static int run_step(struct clickhouse_client *client, const struct step *step)
{
	/* What is acknowledged is on the disk; before that version the kernel has it. */
	const char *settings = clickhouse_client_is_since(client, SINCE_FSYNC)
				       ? " SETTINGS fsync_after_insert = 1,"
					 " fsync_part_directory = 1"
				       : "";
	int err = 0;

	for (size_t i = 0; !err && i < STATEMENTS_MAX && step->statements[i]; i++) {
		CLEANUP(cleanup_free) char *sql = NULL;
		bool is_table = strncmp(step->statements[i], "CREATE", strlen("CREATE")) == 0;

		if (asprintf(&sql, "%s%s", step->statements[i], is_table ? settings : "") < 0)
			return -ENOMEM;
		err = clickhouse_run(client, sql);
	}
	return err;
}

static int set_version(struct clickhouse_client *client, uint64_t version)
{
	CLEANUP(cleanup_free) char *sql = NULL;

	if (asprintf(&sql, "ALTER TABLE eprof MODIFY COLUMN version UInt32 DEFAULT %" PRIu64,
		     version) < 0)
		return -ENOMEM;
	return clickhouse_run(client, sql);
}

int clickhouse_schema_open(struct clickhouse_client *client, struct clickhouse_schema *ret)
{
	uint64_t version = 0, before;
	int err = make_seed(client);

	if (!err)
		err = read_default(client, "seed", &ret->seed);
	if (!err)
		err = read_default(client, "version", &version);
	if (err < 0)
		return err;
	if (version > VERSION) {
		(void)fprintf(stderr, "eprof-server: the tables were made by a newer one\n");
		return -EPROTO;
	}
	before = version;
	for (; !err && version < VERSION; version++)
		err = run_step(client, &steps[version]);
	return !err && before < VERSION ? set_version(client, VERSION) : err;
}

int clickhouse_ask_system(struct clickhouse_client *client,
			  const struct clickhouse_options *options, const char *number,
			  const char *table, const char *condition, uint64_t *ret)
{
	CLEANUP(cleanup_free) char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);

	if (!out)
		return -ENOMEM;
	(void)fprintf(out, "SELECT toUInt64(%s) FROM ", number);
	if (options->cluster) {
		(void)fputs("cluster(", out);
		clickhouse_quote(options->cluster, out);
		(void)fprintf(out, ", system, %s)", table);
	} else {
		(void)fprintf(out, "system.%s", table);
	}
	(void)fputs(" WHERE database = ", out);
	clickhouse_quote(clickhouse_client_database(client), out);
	(void)fprintf(out, " AND %s FORMAT RowBinary", condition);
	return fclose(out) == 0 ? clickhouse_read_number(client, sql, ret) : -ENOMEM;
}

int clickhouse_alter(struct clickhouse_client *client, const struct clickhouse_options *options,
		     const char *table, const char *command)
{
	CLEANUP(cleanup_free) char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);

	if (!out)
		return -ENOMEM;
	(void)fprintf(out, "ALTER TABLE %s%s", table, options->cluster ? "_local ON CLUSTER " : "");
	if (options->cluster)
		clickhouse_quote(options->cluster, out);
	(void)fprintf(out, " %s", command);
	return fclose(out) == 0 ? clickhouse_run(client, sql) : -ENOMEM;
}
