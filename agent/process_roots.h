/* SPDX-License-Identifier: Apache-2.0 */
/* The root directories of processes that are not ours: what paths mean in containers. */
#ifndef EPROF_AGENT_PROCESS_ROOTS_H
#define EPROF_AGENT_PROCESS_ROOTS_H

#include <stddef.h>
#include <stdint.h>

struct process_root;

/* In place of a descriptor. */
#define PROCESS_ROOT_OURS    (-1)
#define PROCESS_ROOT_UNKNOWN (-2) /* what paths mean there cannot be told */

/* The zero value is empty. */
struct process_roots {
	struct process_root *roots;
	size_t count;
	uint64_t no_room; /* processes whose root is one too many, or cannot be kept open */
};

void process_roots_done(struct process_roots *roots);

/*
 * A descriptor (O_PATH) of pid's root, which stays open until process_roots_done();
 * PROCESS_ROOT_OURS; or PROCESS_ROOT_UNKNOWN when the process has gone, or there is no room.
 */
int process_roots_find(struct process_roots *roots, int32_t pid);

#endif
