/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which unwind tables are to be built, by slot: the urgent ones first, large ones last, and
 * otherwise as they came. A library brings ten others along, of which few are large: all would wait
 * for those. Some have to wait before they are tried again. Not thread-safe.
 */
#ifndef EPROF_AGENT_BUILD_QUEUE_H
#define EPROF_AGENT_BUILD_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/slot_queue.h"

struct build_queue {
	struct build_state *states; /* by slot */
	struct slot_queue ahead, large, urgent;
	uint32_t *waiting; /* slots, in any order */
	uint32_t waiting_count;
};

/* For the slots from 1 on and below capacity. 0 or -ENOMEM: build_queue_done() is needed then, too.
 */
int build_queue_init(struct build_queue *queue, uint32_t capacity);
void build_queue_done(struct build_queue *queue); /* the zero value is fine */

/* From now on it comes after those that are not large, unless it is urgent. */
void build_queue_set_large(struct build_queue *queue, uint32_t slot);

/* Adds a slot; one that is there already may become urgent. */
void build_queue_push(struct build_queue *queue, uint32_t slot, bool is_urgent);

/* The next slot, or 0. An urgent one may come again as one that is not. */
uint32_t build_queue_pop(struct build_queue *queue, bool *ret_is_urgent);

/*
 * A slot, which is not waiting, is to come again after some ticks, at least one: until then it does
 * not, whoever pushes it. It will be urgent if it is now, or if it is pushed so meanwhile.
 */
void build_queue_wait(struct build_queue *queue, uint32_t slot, uint32_t ticks, bool is_urgent);
void build_queue_tick(struct build_queue *queue);

/* Whether there is anything but what waits for a tick. */
bool build_queue_is_empty(const struct build_queue *queue);

#endif
