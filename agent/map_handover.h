/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts maps into a BPF array of maps. Programs see a map as soon as it is there; but the system
 * call returns only when all programs have ended that may have seen what was there before, which
 * takes the kernel ten to thirty milliseconds. Where nothing was there before nobody need wait for
 * that: threads of this module do. Not thread-safe.
 */
#ifndef EPROF_AGENT_MAP_HANDOVER_H
#define EPROF_AGENT_MAP_HANDOVER_H

#include <stdint.h>

struct map_handover;

/* outer_fd stays the caller's. 0 or -ENOMEM. */
int map_handover_new(int outer_fd, struct map_handover **ret);
/* Waits for the kernel. NULL is fine. */
void map_handover_free(struct map_handover *handover);

/*
 * Makes the maps fds those with these numbers, where none are yet: on return every program sees
 * them. The descriptors stay the caller's, and open. On failure none is there: -errno of the
 * kernel, -ENOMEM, -EAGAIN (no thread).
 */
int map_handover_give(struct map_handover *handover, const uint32_t *numbers, const uint32_t *fds,
		      uint32_t count);

#endif
