/* SPDX-License-Identifier: Apache-2.0 */
/* All cgroups that are there now: the directories of the unified hierarchy. */
#ifndef EPROF_AGENT_CGROUP_WALK_H
#define EPROF_AGENT_CGROUP_WALK_H

#include <stdint.h>

/* Those that are deeper are left out; a descriptor is open for each level. */
#define CGROUP_WALK_DEPTH_MAX 32

/* Of a cgroup: its id, and its path from the mount on, which is "/" for that itself. 0 or -errno.
 */
typedef int (*cgroup_handler)(void *context, uint64_t id, const char *path);

/*
 * Hands out every cgroup, parents first. One that goes meanwhile is left out, or handed out
 * nevertheless. 0, the handler's error, or -errno: then some were not seen.
 */
int cgroup_walk(const char *mount, cgroup_handler handler, void *context);

#endif
