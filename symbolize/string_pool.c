/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/string_pool.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 16384

/* Of each string, besides its bytes: its slot in the map, which is half empty. */
#define SLOT_BYTES (2 * HASHMAP_SLOT_BYTES)

struct string_block {
	struct string_block *next;
	size_t used, capacity;
	char bytes[];
};

static char *reserve(struct string_pool *pool, size_t size)
{
	struct string_block *block = pool->blocks;

	if (!block || size > block->capacity - block->used) {
		size_t capacity = size > BLOCK_SIZE ? size : BLOCK_SIZE;

		block = malloc(sizeof(*block) + capacity);
		if (!block)
			return NULL;
		block->next = pool->blocks;
		block->used = 0;
		block->capacity = capacity;
		pool->blocks = block;
	}
	block->used += size;
	return block->bytes + block->used - size;
}

const char *string_pool_keep(struct string_pool *pool, const char *string)
{
	size_t size = strlen(string) + 1;
	uint64_t hash, found;
	char *copy;

	/* Strings are strangers': many of one hash would make a list of the map. */
	if (!pool->strings.count)
		pool->seed = hash_seed();
	hash = hash_bytes_seeded(pool->seed, string, size);
	/* Another string with this hash takes the next free number. */
	while (hashmap_get(&pool->strings, hash, &found)) {
		const char *kept = (const char *)(uintptr_t)found;

		if (strcmp(kept, string) == 0)
			return kept;
		hash++;
	}
	if (pool->bytes_max && pool->bytes + size + SLOT_BYTES > pool->bytes_max) {
		pool->refused++;
		return NULL;
	}
	copy = reserve(pool, size);
	if (!copy)
		return NULL;
	memcpy(copy, string, size);
	if (hashmap_put(&pool->strings, hash, (uintptr_t)copy) < 0)
		return NULL;
	pool->bytes += size + SLOT_BYTES;
	return copy;
}

void string_pool_done(struct string_pool *pool)
{
	while (pool->blocks) {
		struct string_block *next = pool->blocks->next;

		free(pool->blocks);
		pool->blocks = next;
	}
	hashmap_done(&pool->strings);
	pool->bytes = 0;
}
