/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of a day. A new version is a new entry of steps[], which makes it of the one before:
 * files of all versions that were ever released can be opened.
 */
#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "web/day_parts.h"

/* What somebody else holds for so long hangs. */
#define BUSY_MS 10000

static const char *const steps[] = {
	/* 1 */
	"CREATE TABLE text (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
	/* A frame below its parent; 0 is the root's number. Texts are 0 where nothing is known. */
	"CREATE TABLE node (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, name INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, file INTEGER NOT NULL, line INTEGER NOT NULL,"
	" module INTEGER NOT NULL);"
	"CREATE UNIQUE INDEX node_place ON node (parent, name, kind, file, line);"
	/* Labels are JSON: [[\"name\",\"value\"],...] in the order of their names. */
	"CREATE TABLE series (id INTEGER PRIMARY KEY, service TEXT NOT NULL, host TEXT NOT NULL,"
	" kind TEXT NOT NULL, unit TEXT NOT NULL, labels TEXT NOT NULL,"
	" UNIQUE (service, host, kind, unit, labels));"
	"CREATE TABLE label (name TEXT NOT NULL, value TEXT NOT NULL, series INTEGER NOT NULL,"
	" PRIMARY KEY (name, value, series)) WITHOUT ROWID;"
	/* Samples: web/sample_list.h. Profiles: how many were sent of which this is the sum. */
	"CREATE TABLE window (id INTEGER PRIMARY KEY, series INTEGER NOT NULL,"
	" from_s INTEGER NOT NULL, until_s INTEGER NOT NULL, profiles INTEGER NOT NULL,"
	" samples BLOB NOT NULL);"
	"CREATE INDEX window_time ON window (series, from_s);"
	/* What a window counts, by the state of who waits. */
	"CREATE TABLE sum (window INTEGER NOT NULL, state TEXT NOT NULL, count INTEGER NOT NULL,"
	" PRIMARY KEY (window, state)) WITHOUT ROWID;"
	/* Of all profiles that were sent: whoever makes up an id makes it up for a series. */
	"CREATE TABLE received (series INTEGER NOT NULL, id TEXT NOT NULL,"
	" PRIMARY KEY (series, id)) WITHOUT ROWID;",
	/* 2: time series are of windows, whose samples lie between them: an index has all of it. */
	"DROP INDEX window_time;"
	"CREATE INDEX window_span ON window (series, from_s, until_s);",
};
#define VERSION ((int64_t)(sizeof(steps) / sizeof(steps[0])))

static int set_version(sqlite3 *database, int64_t version)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "PRAGMA user_version = %d", (int)version);
	return sql_run(database, text);
}

/* In one transaction: another process may be at it, too. */
static int bring_up_to_date(sqlite3 *database)
{
	int64_t version;
	int err = sql_run(database, "BEGIN IMMEDIATE");

	if (err < 0)
		return err;
	err = sql_get_int(database, "PRAGMA user_version", &version);
	for (; !err && version < VERSION; version++)
		err = sql_run(database, steps[version]);
	if (!err)
		err = set_version(database, VERSION);
	if (!err)
		return sql_run(database, "COMMIT");
	(void)sql_run(database, "ROLLBACK");
	return err;
}

int day_schema_open(const char *path, bool may_make, sqlite3 **ret)
{
	CLEANUP(cleanup_database) sqlite3 *database = NULL;
	int flags =
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (may_make ? SQLITE_OPEN_CREATE : 0);
	int err = sql_error(sqlite3_open_v2(path, &database, flags, NULL));
	int64_t version;

	if (err == -EROFS && !may_make && access(path, F_OK) < 0 && errno == ENOENT)
		err = -ENOENT;
	if (err < 0)
		return err;
	(void)sqlite3_extended_result_codes(database, 1);
	(void)sqlite3_busy_timeout(database, BUSY_MS);
	err = sql_get_int(database, "PRAGMA user_version", &version);
	if (!err && version > VERSION)
		return -EPROTO;
	/* What was answered is on the disk (synchronous); readers and a writer do not wait for each
	 * other (WAL). What a file says of itself is not trusted. */
	if (!err)
		err = sql_run(database,
			      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			      "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;");
	if (!err && version < VERSION)
		err = bring_up_to_date(database);
	if (err < 0)
		return err;
	*ret = TAKE(database);
	return 0;
}
