/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/stack_index.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/hashmap.h"
#include "flamegraph/fold.h"

#define CAPACITY_FIRST 1024

void stack_index_make(struct stack_index *ret)
{
	*ret = (struct stack_index){ .seed = { .low = hash_seed(), .high = hash_seed() } };
}

void stack_index_done(struct stack_index *index)
{
	free(index->slots);
	index->slots = NULL;
	index->capacity = index->count = 0;
}

/* Frames are hashed one by one, without waiting for each other, and then chained. */
struct stack_hash stack_hash_frame(const struct stack_index *index, struct stack_hash hash,
				   const char *text, size_t length)
{
	uint64_t low = fold_bytes(index->seed.low, text, length);
	uint64_t high = fold_bytes(index->seed.high, text, length);

	return (struct stack_hash){ .low = fold(hash.low ^ index->seed.high, low),
				    .high = fold(hash.high ^ index->seed.low, high) };
}

uint32_t stack_index_find(const struct stack_index *index, struct stack_hash hash)
{
	size_t mask = index->capacity - 1;

	if (!index->capacity)
		return 0;
	for (size_t i = hash.low & mask;; i = (i + 1) & mask) {
		const struct stack_slot *slot = &index->slots[i];

		if (slot->node == 0 || (slot->low == hash.low && slot->high == (uint32_t)hash.high))
			return slot->node;
	}
}

static void put(struct stack_slot *slots, size_t capacity, const struct stack_slot *added)
{
	size_t i = added->low & (capacity - 1);

	while (slots[i].node)
		i = (i + 1) & (capacity - 1);
	slots[i] = *added;
}

static int grow(struct stack_index *index)
{
	size_t capacity = index->capacity ? index->capacity * 2 : CAPACITY_FIRST;
	struct stack_slot *slots = calloc(capacity, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->capacity; i++) {
		if (index->slots[i].node)
			put(slots, capacity, &index->slots[i]);
	}
	free(index->slots);
	index->slots = slots;
	index->capacity = capacity;
	return 0;
}

int stack_index_put(struct stack_index *index, struct stack_hash hash, uint32_t node)
{
	struct stack_slot slot = { .low = hash.low, .high = (uint32_t)hash.high, .node = node };

	assert(node > 0);
	/* At most 3/4 full, so that a search always meets an empty slot, and soon. */
	if (4 * (index->count + 1) > 3 * index->capacity) {
		int err = grow(index);

		if (err < 0)
			return err;
	}
	put(index->slots, index->capacity, &slot);
	index->count++;
	return 0;
}
