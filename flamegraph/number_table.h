/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers found by a hash: open addressing with linear probing, no deletion. What they stand for,
 * and whether it is what is looked for, its owner knows: a slot is eight bytes, as there are
 * millions. Hashes come with a seed where strangers choose what is hashed. Not thread-safe.
 */
#ifndef EPROF_FLAMEGRAPH_NUMBER_TABLE_H
#define EPROF_FLAMEGRAPH_NUMBER_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct number_slot {
	uint32_t hash;
	uint32_t number; /* 0: empty */
};

/* The zero value is an empty table. */
struct number_table {
	struct number_slot *slots;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
};

void number_table_done(struct number_table *table);

/* Makes room for one more. 0 or -ENOMEM. */
int number_table_reserve(struct number_table *table);

/* Adds a number, from 1 on; room has been made for it. */
void number_table_put(struct number_table *table, uint32_t hash, uint32_t number);

/*
 * The numbers of a hash, one by one: *position is the hash at first, and belongs to this function
 * then. 0: there is no other.
 */
static inline uint32_t number_table_next(const struct number_table *table, uint32_t hash,
					 size_t *position)
{
	size_t mask = table->capacity - 1;

	if (!table->capacity)
		return 0;
	for (;;) {
		const struct number_slot *slot = &table->slots[(*position)++ & mask];

		if (slot->number == 0 || slot->hash == hash)
			return slot->number;
	}
}

#endif
