/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store for a fleet: tables of a ClickHouse server or cluster, over HTTP (docs/clickhouse.md).
 * Several eprof-servers may write to the same tables, and read them, at once; each has nothing of
 * its own. Answers are never kept: whether something has changed only the database knows.
 */
#ifndef EPROF_WEB_CLICKHOUSE_STORE_H
#define EPROF_WEB_CLICKHOUSE_STORE_H

#include <stdint.h>

#include "web/store.h"

/* What texts point to is borrowed until the store is closed. */
struct clickhouse_options {
	const char *url;             /* http://HOST:PORT/DATABASE */
	const char *user, *password; /* NULL: as the database's default user */
	const char *cluster;         /* NULL: the tables are one server's */
	uint64_t batch_ms;           /* profiles are written together, not more often than that */
};

/* Profiles that one insert takes along: as many may wait for it at once. */
#define CLICKHOUSE_BATCH_MAX 256

/*
 * Makes the tables that are not there. 0 and the caller's *ret, or -errno after one line on
 * standard error.
 */
int store_open_clickhouse(const struct clickhouse_options *options, struct store **ret);

#endif
