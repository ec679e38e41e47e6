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

#include <stdbool.h>

#include "web/store.h"

#define DAY_S UINT64_C(86400)

struct day_file;

/* Makes the file if it is not there, and may be made. 0 and the caller's *ret, or -errno
 * (sql_error(); -ENOENT: it is not there); -EPROTO: a newer eprof-server has made it. */
int day_file_open(const char *path, bool may_make, struct day_file **ret);
void day_file_close(struct day_file *day); /* NULL is fine; nobody else uses it */

/* As store_put(). */
int day_file_put(struct day_file *day, const struct store_profile *profile);

/* As store_merge(), and *merged has what came from here on top of what it had. */
int day_file_merge(struct day_file *day, const struct store_selector *selector,
		   struct call_tree *tree, struct store_merged *merged);

/* As store_series() and store_values(); the same step or value may come from another day, too. */
int day_file_series(struct day_file *day, const struct store_selector *selector, uint64_t step_s,
		    const char *by, store_point_handler handler, void *context);
int day_file_values(struct day_file *day, const struct store_selector *selector, const char *name,
		    store_text_handler handler, void *context);

/*
 * As store_coarsen(), of the day that is kept there, whether it is open or not: those who write
 * wait for some of it at a time. What does not fit together stays apart.
 */
int day_coarsen(const char *path, uint64_t before_s, uint64_t step_s);

#endif
