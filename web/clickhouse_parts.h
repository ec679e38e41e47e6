/* SPDX-License-Identifier: Apache-2.0 */
/* What the files clickhouse_*.c share; nobody else includes it. */
#ifndef EPROF_WEB_CLICKHOUSE_PARTS_H
#define EPROF_WEB_CLICKHOUSE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/hashmap.h"
#include "web/clickhouse_client.h"
#include "web/store_parts.h"

#define DAY_S UINT64_C(86400)

/* clickhouse_schema.c: makes the tables, or brings them to today's version. */
struct clickhouse_schema {
	uint64_t seed; /* of all hashes of this database */
};
int clickhouse_schema_open(struct clickhouse_client *client, struct clickhouse_schema *ret);

/* What tables are called where they are changed: where there is a cluster, on all of it. */
int clickhouse_alter(struct clickhouse_client *client, const struct clickhouse_options *options,
		     const char *table, const char *command);
/*
 * A number of our rows of a table of the database "system", of one server of each shard. 0 or
 * -errno.
 */
int clickhouse_ask_system(struct clickhouse_client *client,
			  const struct clickhouse_options *options, const char *number,
			  const char *table, const char *condition, uint64_t *ret);
extern const char *const clickhouse_tables[];
#define CLICKHOUSE_TABLES 3

/*
 * clickhouse_ids.c: a profile by numbers, which are hashes of what they stand for, the same on all
 * servers. Of 64 bits, of one service and one day: among ten million stacks two are the same with
 * a chance of some 3 in a million.
 */
struct clickhouse_ids {
	uint64_t series; /* of its kind, service, host, unit and labels */
	uint64_t id;
	uint64_t *frames, *stacks; /* by node; the root's stack is that of nothing */
};
int clickhouse_ids_make(uint64_t seed, const struct store_profile *profile,
			struct clickhouse_ids *ret);
void clickhouse_ids_done(struct clickhouse_ids *ids);
void clickhouse_put_frame(const struct call_tree *tree, const struct call_node *node,
			  struct row_writer *rows);

/* clickhouse_put.c: those that are written together. */
struct clickhouse_request {
	struct clickhouse_request *next;
	const struct store_profile *profile;
	struct clickhouse_ids ids;
	int result;
	bool is_done;
};

struct clickhouse_writer {
	pthread_mutex_t lock;
	pthread_cond_t done, fuller;
	struct clickhouse_request *waiting, **last; /* below the lock */
	size_t waiting_count;
	bool is_writing;
	uint64_t next_ns; /* CLOCK_MONOTONIC: not before, unless there are enough */
	/* Who writes has these: frames and stacks that are in the tables, with their day. */
	struct hashmap frames, stacks;
	uint64_t forgotten; /* since that day's second: see forget_sometimes() */
};

struct clickhouse_store {
	struct store store;
	struct clickhouse_options options;
	struct clickhouse_client *client;
	struct clickhouse_schema schema;
	struct clickhouse_writer writer;
	struct hashmap coarse; /* coarsen()'s own: day and step -> version when all was done */
};

void clickhouse_writer_init(struct clickhouse_writer *writer);
void clickhouse_writer_done(struct clickhouse_writer *writer);
int clickhouse_put(struct store *base, const struct store_profile *profile);

/*
 * clickhouse_select.c: a condition of SQL for a selection, and the rows of it that count: none
 * twice, and none of those that are in others. more: of the condition, " AND ..." or "".
 */
void clickhouse_write_condition(const struct store_selector *selector, FILE *out);
void clickhouse_write_rows(const char *columns, const struct store_selector *selector,
			   const char *more, FILE *out);

/* The one number that it answers, as a UInt64; " FORMAT RowBinary" is in it. 0 or -errno. */
int clickhouse_read_number(struct clickhouse_client *client, const char *sql, uint64_t *ret);

/* Asks for what was written to out, which is closed; text is what it has made. */
int clickhouse_ask(struct clickhouse_client *client, FILE *out, char **text,
		   struct clickhouse_rows *ret);

/* A value of series, by the name of a label; "" where there is none. */
void clickhouse_write_label(const char *name, FILE *out);

/* Sums of two halves, which no sum can overflow: UINT64_MAX if what they are together does. */
uint64_t clickhouse_get_sum(struct row_reader *rows);
#define CLICKHOUSE_SUM(column)                                                                     \
	"sum(bitShiftRight(" column ", 32)), sum(bitAnd(" column ", 4294967295))"

int clickhouse_merge(struct store *base, const struct store_selector *selector,
		     struct call_tree *tree, struct store_merged *ret);
int clickhouse_series(struct store *base, const struct store_selector *selector, uint64_t step_s,
		      const char *by, store_point_handler handler, void *context);
int clickhouse_values(struct store *base, const struct store_selector *selector, const char *name,
		      store_text_handler handler, void *context);
int clickhouse_delete_before(struct store *base, uint64_t time_s);
int clickhouse_coarsen(struct store *base, uint64_t before_s, uint64_t step_s,
		       const atomic_bool *stop);
/*
 * clickhouse_turn.c: of all eprof-servers that share the tables one has the turn. -EBUSY: another
 * one has it, or had it within this hour when it died.
 */
struct clickhouse_turn {
	uint64_t until_ns; /* CLOCK_MONOTONIC: nothing is begun later */
	uint64_t hour, hours;
};
int clickhouse_turn_begin(struct clickhouse_store *store, struct clickhouse_turn *ret);
void clickhouse_turn_end(struct clickhouse_store *store, const struct clickhouse_turn *turn);

/*
 * clickhouse_members.c: deletes what is in sums of a day. ClickHouse does so when it has time: how
 * many times it has been asked to and has not yet is pending.
 */
int clickhouse_count_pending(struct clickhouse_store *store, uint64_t *ret);
int clickhouse_delete_members(struct clickhouse_store *store, uint64_t day);
int clickhouse_extent(struct store *base, struct store_extent *ret);

#endif
