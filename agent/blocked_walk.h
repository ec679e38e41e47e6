/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the user stack of a thread that is blocked, from here: where the kernel half cannot read
 * its memory. By the same source and the same tables.
 */
#ifndef EPROF_AGENT_BLOCKED_WALK_H
#define EPROF_AGENT_BLOCKED_WALK_H

#include "agent/unwinder.h"
#include "bpf/abi.h"

struct blocked_walk;

/* On success the caller owns *ret. The descriptors in maps stay the caller's. 0 or -errno. */
int blocked_walk_new(const struct unwind_maps *maps, struct blocked_walk **ret);
void blocked_walk_free(struct blocked_walk *walk); /* NULL is fine */

/*
 * From the registers of seed outwards. The addresses are as in struct stack, innermost first, and
 * live until the next call. Whether the thread has slept all the while is for the caller to see.
 */
enum stop_reason blocked_walk(struct blocked_walk *walk, const struct off_seed *seed,
			      const uint64_t **ret, size_t *ret_depth);

/* Slots of tables that walks have ended for want of, and that nobody has asked for. */
size_t blocked_walk_wants(const struct blocked_walk *walk, uint32_t ret[OFF_WANTS_MAX]);

#endif
