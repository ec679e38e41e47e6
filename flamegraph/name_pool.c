/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/name_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Texts lie in blocks that never move, newest block first. */
struct name_block {
	struct name_block *next;
	size_t used;
	size_t size;
	char bytes[];
};

#define BLOCK_SIZE  65536
#define NAMES_FIRST 256

void name_pool_done(struct name_pool *pool)
{
	struct name_block *block = pool->blocks;

	while (block) {
		struct name_block *next = block->next;

		free(block);
		block = next;
	}
	free(pool->names);
	hashmap_done(&pool->by_hash);
	*pool = (struct name_pool){ 0 };
}

/* Room for size bytes, or NULL. The caller counts it as used. */
static char *find_room(struct name_pool *pool, size_t size)
{
	struct name_block *block = pool->blocks;
	size_t block_size = size > BLOCK_SIZE ? size : BLOCK_SIZE;

	if (block && block->size - block->used >= size)
		return block->bytes + block->used;
	block = malloc(sizeof(*block) + block_size);
	if (!block)
		return NULL;
	*block = (struct name_block){ .next = pool->blocks, .size = block_size };
	pool->blocks = block;
	return block->bytes;
}

static int reserve_name(struct name_pool *pool)
{
	size_t capacity = pool->capacity ? pool->capacity * 2 : NAMES_FIRST;
	struct name *names;

	if (pool->count < pool->capacity)
		return 0;
	names = reallocarray(pool->names, capacity, sizeof(*names));
	if (!names)
		return -ENOMEM;
	pool->names = names;
	pool->capacity = capacity;
	return 0;
}

static int add_name(struct name_pool *pool, const char *text, size_t length, uint64_t hash,
		    uint32_t next)
{
	char *room;
	int err;

	if (length >= UINT32_MAX || pool->count >= NAMES_MAX)
		return -E2BIG;
	err = reserve_name(pool);
	if (err < 0)
		return err;
	room = find_room(pool, length + 1);
	if (!room)
		return -ENOMEM;
	err = hashmap_put(&pool->by_hash, hash, pool->count);
	if (err < 0)
		return err;
	memcpy(room, text, length + 1);
	pool->blocks->used += length + 1;
	pool->names[pool->count++] =
		(struct name){ .text = room, .length = (uint32_t)length, .next = next };
	return 0;
}

int name_pool_intern(struct name_pool *pool, const char *text, uint32_t *ret_id)
{
	size_t length = strlen(text);
	uint64_t hash = hash_bytes(text, length);
	uint32_t first = NAME_NONE;
	uint64_t found;
	int err;

	if (hashmap_get(&pool->by_hash, hash, &found))
		first = (uint32_t)found;
	for (uint32_t id = first; id != NAME_NONE; id = pool->names[id].next) {
		const struct name *name = &pool->names[id];

		if (name->length == length && memcmp(name->text, text, length) == 0) {
			*ret_id = id;
			return 0;
		}
	}
	err = add_name(pool, text, length, hash, first);
	if (err < 0)
		return err;
	*ret_id = (uint32_t)(pool->count - 1);
	return 0;
}
