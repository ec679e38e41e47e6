/* SPDX-License-Identifier: Apache-2.0 */
/* The root directories of processes that are not ours: what paths mean in containers. */
#ifndef EPROF_AGENT_PROCESS_ROOTS_H
#define EPROF_AGENT_PROCESS_ROOTS_H

#include <stddef.h>
#include <stdint.h>

struct process_root;

/* The zero value is empty. */
struct process_roots {
	struct process_root *roots;
	size_t count;
};

void process_roots_done(struct process_roots *roots);

/*
 * A descriptor (O_PATH) of pid's root, which stays open until process_roots_done(); -1 when that is
 * our own root, the process has gone, or there are too many.
 */
int process_roots_find(struct process_roots *roots, int32_t pid);

#endif
