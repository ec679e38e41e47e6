/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/number_table.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY_FIRST 1024

void number_table_done(struct number_table *table)
{
	free(table->slots);
	*table = (struct number_table){ 0 };
}

static void put(struct number_slot *slots, size_t capacity, uint32_t hash, uint32_t number)
{
	size_t i = hash & (capacity - 1);

	while (slots[i].number)
		i = (i + 1) & (capacity - 1);
	slots[i] = (struct number_slot){ .hash = hash, .number = number };
}

int number_table_reserve(struct number_table *table)
{
	size_t capacity = table->capacity ? table->capacity * 2 : CAPACITY_FIRST;
	struct number_slot *slots;

	/* At most 3/4 full, so that a search always meets an empty slot, and soon. */
	if (4 * (table->count + 1) <= 3 * table->capacity)
		return 0;
	slots = calloc(capacity, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < table->capacity; i++) {
		if (table->slots[i].number)
			put(slots, capacity, table->slots[i].hash, table->slots[i].number);
	}
	free(table->slots);
	table->slots = slots;
	table->capacity = capacity;
	return 0;
}

void number_table_put(struct number_table *table, uint32_t hash, uint32_t number)
{
	put(table->slots, table->capacity, hash, number);
	table->count++;
}
