/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slot_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int slot_queue_init(struct slot_queue *queue, uint32_t capacity)
{
	uint32_t *slots = calloc(capacity, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	*queue = (struct slot_queue){ .slots = slots, .capacity = capacity };
	return 0;
}

void slot_queue_done(struct slot_queue *queue)
{
	free(queue->slots);
	*queue = (struct slot_queue){ 0 };
}

void slot_queue_push(struct slot_queue *queue, uint32_t slot)
{
	assert(queue->length < queue->capacity);
	queue->slots[(queue->begin + queue->length++) % queue->capacity] = slot;
}

uint32_t slot_queue_pop(struct slot_queue *queue)
{
	uint32_t slot = queue->slots[queue->begin];

	assert(queue->length > 0);
	queue->begin = (queue->begin + 1) % queue->capacity;
	queue->length--;
	return slot;
}
