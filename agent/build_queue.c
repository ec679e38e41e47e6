/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/build_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct build_state {
	uint32_t ticks;           /* that it waits for; 0: it does not wait */
	bool is_ahead, is_urgent; /* in these queues; a large one is ahead in that of the large */
	bool is_large;
	bool is_needed; /* while it waits: it will be urgent */
};

int build_queue_init(struct build_queue *queue, uint32_t capacity)
{
	int err;

	*queue = (struct build_queue){ 0 };
	queue->states = calloc(capacity, sizeof(*queue->states));
	queue->waiting = calloc(capacity, sizeof(*queue->waiting));
	if (!queue->states || !queue->waiting)
		return -ENOMEM;
	err = slot_queue_init(&queue->ahead, capacity);
	if (err < 0)
		return err;
	err = slot_queue_init(&queue->large, capacity);
	return err < 0 ? err : slot_queue_init(&queue->urgent, capacity);
}

void build_queue_done(struct build_queue *queue)
{
	free(queue->states);
	free(queue->waiting);
	slot_queue_done(&queue->ahead);
	slot_queue_done(&queue->large);
	slot_queue_done(&queue->urgent);
	*queue = (struct build_queue){ 0 };
}

void build_queue_set_large(struct build_queue *queue, uint32_t slot)
{
	queue->states[slot].is_large = true;
}

void build_queue_push(struct build_queue *queue, uint32_t slot, bool is_urgent)
{
	struct build_state *state = &queue->states[slot];

	if (state->ticks) {
		state->is_needed |= is_urgent;
		return;
	}
	if (is_urgent && !state->is_urgent) {
		state->is_urgent = true;
		slot_queue_push(&queue->urgent, slot);
	}
	/* It may be in both: who comes second finds it built. */
	if (!state->is_ahead) {
		state->is_ahead = true;
		slot_queue_push(state->is_large ? &queue->large : &queue->ahead, slot);
	}
}

static uint32_t pop_any(struct build_queue *queue, bool *ret_is_urgent)
{
	uint32_t slot = 0;

	*ret_is_urgent = queue->urgent.length > 0;
	if (queue->urgent.length > 0) {
		slot = slot_queue_pop(&queue->urgent);
		queue->states[slot].is_urgent = false;
	} else if (queue->ahead.length + queue->large.length > 0) {
		slot = slot_queue_pop(queue->ahead.length > 0 ? &queue->ahead : &queue->large);
		queue->states[slot].is_ahead = false;
	}
	return slot;
}

uint32_t build_queue_pop(struct build_queue *queue, bool *ret_is_urgent)
{
	uint32_t slot;

	do {
		slot = pop_any(queue, ret_is_urgent);
		/* What waits was in the other queue, too. */
	} while (slot && queue->states[slot].ticks);
	return slot;
}

void build_queue_wait(struct build_queue *queue, uint32_t slot, uint32_t ticks, bool is_urgent)
{
	struct build_state *state = &queue->states[slot];

	assert(slot > 0 && ticks > 0 && !state->ticks);
	state->ticks = ticks;
	state->is_needed = is_urgent || state->is_urgent;
	queue->waiting[queue->waiting_count++] = slot;
}

void build_queue_tick(struct build_queue *queue)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < queue->waiting_count; i++) {
		uint32_t slot = queue->waiting[i];
		struct build_state *state = &queue->states[slot];

		if (--state->ticks)
			queue->waiting[kept++] = slot;
		else
			build_queue_push(queue, slot, state->is_needed);
	}
	queue->waiting_count = kept;
}

bool build_queue_is_empty(const struct build_queue *queue)
{
	return queue->ahead.length + queue->large.length + queue->urgent.length == 0;
}
