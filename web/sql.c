/* SPDX-License-Identifier: Apache-2.0 */
#include "web/sql.h"

#include <errno.h>
#include <stddef.h>

#include "base/cleanup.h"

int sql_error(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return -EUCLEAN;
	case SQLITE_TOOBIG:
		return -E2BIG;
	default:
		return -EIO;
	}
}

int sql_run(sqlite3 *database, const char *text)
{
	return sql_error(sqlite3_exec(database, text, NULL, NULL, NULL));
}

int sql_prepare(sqlite3 *database, const char *text, sqlite3_stmt **ret)
{
	return sql_error(
		sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL));
}

int sql_prepare_all(sqlite3 *database, const struct sql_text *list, size_t count)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = sql_prepare(database, list[i].text, list[i].statement);
	return err;
}

int sql_get_int(sqlite3 *database, const char *text, int64_t *ret)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	int err = sql_prepare(database, text, &statement);

	if (err < 0)
		return err;
	err = sql_next(statement);
	if (err <= 0)
		return err < 0 ? err : -ENOENT;
	*ret = sqlite3_column_int64(statement, 0);
	return 0;
}

int sql_next(sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 1;
	(void)sqlite3_reset(statement);
	return sql_error(code);
}

int sql_do(sqlite3_stmt *statement)
{
	int err = sql_next(statement);

	if (err > 0) {
		(void)sqlite3_reset(statement);
		err = 0;
	}
	return err;
}

void sql_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	(void)sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

void sql_bind_int(sqlite3_stmt *statement, int index, uint64_t number)
{
	(void)sqlite3_bind_int64(statement, index, (sqlite3_int64)number);
}
