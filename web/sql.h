/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite with eprof's errors and clean-ups. https://sqlite.org/rescode.html has the codes. */
#ifndef EPROF_WEB_SQL_H
#define EPROF_WEB_SQL_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

/*
 * 0 for SQLITE_OK, SQLITE_ROW and SQLITE_DONE; otherwise -errno: -ENOSPC, -ENOMEM, -EBUSY (another
 * process holds it for too long), -EROFS, -EIO, -EUCLEAN (it is no database, or a broken one).
 */
int sql_error(int code);

/* Runs text without parameters and without answers. 0 or -errno. */
int sql_run(sqlite3 *database, const char *text);

/* The first column of the first row; -ENOENT: there is no row. */
int sql_get_int(sqlite3 *database, const char *text, int64_t *ret);

/* One statement, for many calls; the caller finalizes it. 0 or -errno. */
int sql_prepare(sqlite3 *database, const char *text, sqlite3_stmt **ret);

/* Several of them; on failure those before are there, too. */
struct sql_text {
	const char *text;
	sqlite3_stmt **statement;
};
int sql_prepare_all(sqlite3 *database, const struct sql_text *list, size_t count);

/* One step of a statement that gives no rows, which can be bound again afterwards. 0 or -errno. */
int sql_do(sqlite3_stmt *statement);

/* 1 a row, 0 none are left, or -errno; in the last two cases it can be bound again. */
int sql_next(sqlite3_stmt *statement);

/* Borrows text until the statement is reset. */
void sql_bind_text(sqlite3_stmt *statement, int index, const char *text);
void sql_bind_int(sqlite3_stmt *statement, int index, uint64_t number);

static inline void cleanup_statement(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
}

static inline void cleanup_database(sqlite3 **database)
{
	(void)sqlite3_close(*database);
}

#endif
