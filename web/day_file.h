/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profiles whose windows begin on one UTC day, in one SQLite file: what is too old goes with
 * its file, at once and without a trace in others. Stacks are kept once a day: a tree of nodes,
 * each with its parent, which windows refer to by number (day_schema.c has the tables).
 *
 * Thread-safe. One writes at a time, and takes along what others want to write meanwhile, so that
 * they share the wait for the disk; readers have a connection each and wait for nobody.
 */
#ifndef EPROF_WEB_DAY_FILE_H
#define EPROF_WEB_DAY_FILE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "web/store.h"

#define DAY_S UINT64_C(86400)

struct day_file;

/* To write to it; makes the file if it is not there. 0 and the caller's *ret, or -errno
 * (sql_error()); -EPROTO: a newer eprof-server has made it. */
int day_file_open(const char *path, struct day_file **ret);
void day_file_close(struct day_file *day); /* NULL is fine; nobody else uses it */

/* As store_put(). */
int day_file_put(struct day_file *day, const struct store_profile *profile);

/*
 * Of the day that is kept there, by a connection of one's own, whether it is open or not: as
 * store_merge(), and *merged has what came from here on top of what it had. -ENOENT: there is none.
 */
int day_merge(const char *path, const struct store_selector *selector, struct call_tree *tree,
	      struct store_merged *merged);

/* As store_series() and store_values(); the same step or value may come from another day, too. */
int day_series(const char *path, const struct store_selector *selector, uint64_t step_s,
	       const char *by, store_point_handler handler, void *context);
int day_values(const char *path, const struct store_selector *selector, const char *name,
	       store_text_handler handler, void *context);

/*
 * As store_coarsen(), of the day that is kept there, whether it is open or not: those who write
 * wait for some of it at a time, and for the file to become smaller when all of the day is over.
 * What does not fit together stays apart. 1: something has been put together; 0: there was nothing;
 * or -errno.
 */
struct day_coarsening {
	uint64_t before_s, step_s;
	bool is_over;
	const atomic_bool *stop;
};
int day_coarsen(const char *path, const struct day_coarsening *what);

#endif
