/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of unwind slots, first in first out. Each is in it at most once: its owner sees to that.
 */
#ifndef EPROF_AGENT_SLOT_QUEUE_H
#define EPROF_AGENT_SLOT_QUEUE_H

#include <stdint.h>

struct slot_queue {
	uint32_t *slots; /* a ring */
	uint32_t capacity, begin, length;
};

/* For the slots below capacity. 0 or -ENOMEM. */
int slot_queue_init(struct slot_queue *queue, uint32_t capacity);
void slot_queue_done(struct slot_queue *queue); /* the zero value is fine */

void slot_queue_push(struct slot_queue *queue, uint32_t slot);
uint32_t slot_queue_pop(struct slot_queue *queue); /* of one that is not empty */

#endif
