/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/known_stacks.h"

#include <stdlib.h>

/*
 * 11 MB, of which a window takes what its stacks need: of a minute of 64 busy CPUs some 100,000. Of
 * too few that are kept, as many stacks are named in each drain as in the first one.
 */
#define KNOWN_MAX 262144

void known_stacks_done(struct known_stacks *known)
{
	hashmap_done(&known->by_id);
	free(known->items);
	*known = (struct known_stacks){ 0 };
}

void known_stacks_clear(struct known_stacks *known)
{
	hashmap_clear(&known->by_id);
	known->count = 0;
}

bool known_stacks_find(const struct known_stacks *known, uint64_t id, struct known_stack *ret)
{
	uint64_t index;

	if (!hashmap_get(&known->by_id, id, &index))
		return false;
	*ret = known->items[index];
	return true;
}

void known_stacks_add(struct known_stacks *known, uint64_t id, const struct known_stack *stack)
{
	if (known->count == KNOWN_MAX)
		known_stacks_clear(known);
	if (known->count == known->capacity) {
		uint32_t capacity = known->capacity ? 2 * known->capacity : 256;
		struct known_stack *items = realloc(known->items, capacity * sizeof(*items));

		if (!items)
			return;
		known->items = items;
		known->capacity = capacity;
	}
	known->items[known->count] = *stack;
	if (hashmap_put(&known->by_id, id, known->count) == 0)
		known->count++;
}
