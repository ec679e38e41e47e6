/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of cgroups by id, of which there is room for so many: those that are there, and those that
 * went lately. Ids are never used again. Times are of any one clock, and do not go back.
 */
#ifndef EPROF_AGENT_CGROUP_TABLE_H
#define EPROF_AGENT_CGROUP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup_table;

/* bytes_max: of all paths. 0 or -ENOMEM; on success the caller owns *ret. */
int cgroup_table_new(size_t count_max, size_t bytes_max, struct cgroup_table **ret);
void cgroup_table_free(struct cgroup_table *table); /* NULL is fine */

/*
 * The path is copied; that of an id that is known stays. Those that went first give their places.
 * 1: it is there now; 0: there is no room; or -ENOMEM.
 */
int cgroup_table_add(struct cgroup_table *table, uint64_t id, const char *path);
/* It is found still, but not for ever. */
void cgroup_table_gone(struct cgroup_table *table, uint64_t id, uint64_t now_ns);

/* Of a walk over all that are there: what was not added in between has gone. */
void cgroup_table_begin_walk(struct cgroup_table *table);
void cgroup_table_end_walk(struct cgroup_table *table, uint64_t now_ns);

/* Those that went before. 0 or -ENOMEM. */
int cgroup_table_forget(struct cgroup_table *table, uint64_t before_ns);

/* NULL: not known. Until the next add() or forget(). */
const char *cgroup_table_find(const struct cgroup_table *table, uint64_t id);

#endif
