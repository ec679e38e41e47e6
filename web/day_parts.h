/* SPDX-License-Identifier: Apache-2.0 */
/* What the files day_*.c share; nobody else includes it. */
#ifndef EPROF_WEB_DAY_PARTS_H
#define EPROF_WEB_DAY_PARTS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/hashmap.h"
#include "web/day_file.h"
#include "web/sql.h"

/* day_schema.c: a new connection to a file of today's schema, which is made or brought there. */
int day_schema_open(const char *path, bool may_make, sqlite3 **ret);

/*
 * day_nodes.c: numbers for texts and stacks. What was looked up is remembered by a hash of 64 bits
 * that strangers cannot aim at (hash_bytes_keyed()).
 */
struct day_nodes {
	sqlite3 *database; /* borrowed */
	sqlite3_stmt *find_text, *add_text, *find_node, *add_node;
	struct hashmap texts, nodes;
	uint64_t seed;
};
int day_nodes_open(struct day_nodes *nodes, sqlite3 *database);
void day_nodes_done(struct day_nodes *nodes);

/* What was added is taken back: nothing is remembered. */
void day_nodes_forget(struct day_nodes *nodes);

/* ret_numbers: of each node of the tree that has a total, by its index. 0 or -errno. */
int day_nodes_find(struct day_nodes *nodes, const struct call_tree *tree, uint64_t *ret_numbers);

/* day_put.c: who writes. Not thread-safe. */
struct day_writer {
	sqlite3 *database;
	struct day_nodes nodes;
	sqlite3_stmt *receive, *find_series, *add_series, *add_label, *add_window, *add_sum;
};
int day_writer_open(struct day_writer *writer, const char *path);
void day_writer_close(struct day_writer *writer);

/* One of those that are written together, each with its own result. */
struct day_request {
	struct day_request *next;
	const struct store_profile *profile;
	int result;
	bool is_done;
};
void day_writer_write(struct day_writer *writer, struct day_request *requests);

struct day_file {
	pthread_mutex_t lock;
	pthread_cond_t done;
	struct day_request *waiting, **last; /* below the lock */
	bool is_writing;                     /* somebody has the writer */
	struct day_writer writer;
};

/*
 * day_select.c: "SELECT columns FROM the windows (w) and series (s) of the selection, with joins,
 * behind". The statement is the caller's; what the selector has stays until it is finalized.
 */
struct day_query {
	const char *columns, *joins, *behind;
};
int day_select(sqlite3 *database, const struct day_query *query,
	       const struct store_selector *selector, sqlite3_stmt **ret);

#endif
