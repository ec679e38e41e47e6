/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of cgroups (of the unified hierarchy, version 2) by the ids that the kernel half tells. Who
 * comes is told by the kernel when it comes (bpf/cgroups.bpf.c), so that those which are gone when
 * their samples are named have a path all the same.
 */
#ifndef EPROF_AGENT_CGROUP_PATHS_H
#define EPROF_AGENT_CGROUP_PATHS_H

#include <stdint.h>

/*
 * So many are known, with paths of so many bytes in all; those that went longest ago are forgotten
 * first, and all of them some minutes after they went.
 */
#define CGROUP_PATHS_MAX       65536
#define CGROUP_PATHS_BYTES_MAX (16u << 20)

struct cgroup_paths;

/*
 * Walks the hierarchy where there is one, and begins to listen. Where it cannot listen it goes on
 * without, after a warning. 0 or -errno; on success the caller owns *ret.
 */
int cgroup_paths_new(struct cgroup_paths **ret);
void cgroup_paths_free(struct cgroup_paths *paths); /* NULL is fine */

/*
 * Takes in what was told since. Before looking up what was sampled until now, and every some 10
 * seconds: the kernel keeps so much for us, and what it had to drop is found by another walk, if it
 * is still there. 0 or -errno.
 */
int cgroup_paths_catch_up(struct cgroup_paths *paths);

/*
 * "/system.slice/x.service", until the next catch_up(); NULL: not known. Bytes as the kernel tells
 * them, the first CGROUP_PATH_SIZE (bpf/abi.h). By the thread that calls catch_up().
 */
const char *cgroup_paths_find(struct cgroup_paths *paths, uint64_t id);

/*
 * Times that an id was asked for which has no path, cgroups for which there was no room, and
 * records the kernel could not tell.
 */
uint64_t cgroup_paths_lost(const struct cgroup_paths *paths);

#endif
