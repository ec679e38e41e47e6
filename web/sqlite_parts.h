/* SPDX-License-Identifier: Apache-2.0 */
/* What sqlite_store.c and sqlite_keep.c share; nobody else includes it. */
#ifndef EPROF_WEB_SQLITE_PARTS_H
#define EPROF_WEB_SQLITE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "web/day_file.h"
#include "web/store_parts.h"

/* Days that are written to now; each has a connection that stays. */
#define OPEN_DAYS_MAX 8

/* Of both steps of a year. */
#define COARSE_DAYS_MAX 800

struct open_day {
	uint64_t day; /* since 1970 */
	struct day_file *file;
	unsigned int users;
	uint64_t used; /* when last, in no unit */
};

/* A file, as far as it tells whether it has changed. Compared as bytes: no padding. */
struct day_state {
	uint64_t bytes, log_bytes;
	int64_t changed_s, changed_ns, log_ns;
};

/* A day of whose windows nothing is left to be put together. */
struct coarse_day {
	uint64_t day, step_s;
	struct day_state state;
};

/* Days that share a number change together, which does no harm. */
#define VERSIONS 1024

struct sqlite_store {
	struct store store;
	atomic_uint_least64_t versions[VERSIONS]; /* of days: how often they may have changed */
	char *directory;
	int lock_fd;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct open_day open[OPEN_DAYS_MAX]; /* below the lock */
	pthread_rwlock_t reading;            /* files of days; before the lock */
	uint64_t uses;
	struct coarse_day coarse[COARSE_DAYS_MAX]; /* coarsen()'s own */
	size_t coarse_next;
};

/* The caller frees it; NULL without memory. */
char *sqlite_day_path(const struct sqlite_store *store, uint64_t day);

/* All days that there are a file of, in their order; the caller frees *ret. */
int sqlite_list_days(const struct sqlite_store *store, uint64_t **ret, size_t *ret_count);

/* What is kept of the day may be another than before. */
void sqlite_note_change(struct sqlite_store *store, uint64_t day);

/* Closes a day that is open. 0, or -EBUSY: somebody uses it. With the lock. */
int sqlite_close_day(struct sqlite_store *store, uint64_t day);

/* sqlite_keep.c: as the functions of web/store.h. */
int sqlite_delete_before(struct store *base, uint64_t time_s);
int sqlite_coarsen(struct store *base, uint64_t before_s, uint64_t step_s, const atomic_bool *stop);
int sqlite_extent(struct store *base, struct store_extent *ret);

#endif
