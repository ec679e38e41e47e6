/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in a call tree the beginnings of stacks end, found by a hash of their text: of a stack that
 * is mostly known its last frames are looked up, not all of them. 96 bits are compared, and nobody
 * knows the seed: two texts of one hash will not be met. Not thread-safe.
 */
#ifndef EPROF_FLAMEGRAPH_STACK_INDEX_H
#define EPROF_FLAMEGRAPH_STACK_INDEX_H

#include <stddef.h>
#include <stdint.h>

/* Of the frames from the outermost on. */
struct stack_hash {
	uint64_t low;
	uint64_t high;
};

struct stack_slot {
	uint64_t low;
	uint32_t high;
	uint32_t node; /* 0: empty */
};

struct stack_index {
	struct stack_hash seed; /* the hash of no frames */
	struct stack_slot *slots;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
};

void stack_index_make(struct stack_index *ret);
void stack_index_done(struct stack_index *index); /* the zero value is fine */

/* The hash of one frame more. */
struct stack_hash stack_hash_frame(const struct stack_index *index, struct stack_hash hash,
				   const char *text, size_t length);

/* The node that these frames end in; 0: it is not known. */
uint32_t stack_index_find(const struct stack_index *index, struct stack_hash hash);

/* Says that a search for this one is soon to come: memory is slow. */
static inline void stack_index_expect(const struct stack_index *index, struct stack_hash hash)
{
	if (index->capacity)
		__builtin_prefetch(&index->slots[hash.low & (index->capacity - 1)]);
}

/* Adds what is not known yet. 0 or -ENOMEM. */
int stack_index_put(struct stack_index *index, struct stack_hash hash, uint32_t node);

#endif
