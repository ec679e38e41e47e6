/* SPDX-License-Identifier: Apache-2.0 */
/* The store that needs nothing but a directory: a SQLite file a day (web/day_file.h). */
#ifndef EPROF_WEB_SQLITE_STORE_H
#define EPROF_WEB_SQLITE_STORE_H

#include "web/store.h"

/*
 * The directory is made if it is not there, and belongs to one process at a time (-EBUSY). 0 and
 * the caller's *ret, or -errno.
 */
int store_open_sqlite(const char *directory, struct store **ret);

#endif
