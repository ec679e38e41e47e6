/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/name_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "flamegraph/fold.h"

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
	number_table_done(&pool->by_hash);
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

static uint32_t hash_name(const struct name_pool *pool, const char *text, size_t length)
{
	return (uint32_t)hash_u64(fold_bytes(pool->seed, text, length));
}

static bool find(const struct name_pool *pool, const char *text, size_t length, uint32_t hash,
		 uint32_t *ret_id)
{
	size_t position = hash;
	uint32_t number;

	while ((number = number_table_next(&pool->by_hash, hash, &position)) != 0) {
		const struct name *name = &pool->names[number - 1];

		if (name->length == length && memcmp(name->text, text, length) == 0) {
			*ret_id = number - 1;
			return true;
		}
	}
	return false;
}

bool name_pool_find(const struct name_pool *pool, const char *bytes, size_t length,
		    uint32_t *ret_id)
{
	return find(pool, bytes, length, hash_name(pool, bytes, length), ret_id);
}

static int add_name(struct name_pool *pool, const char *text, size_t length, uint32_t hash)
{
	char *room;
	int err;

	if (length >= UINT32_MAX || pool->count >= NAMES_MAX)
		return -E2BIG;
	err = reserve_name(pool);
	if (!err)
		err = number_table_reserve(&pool->by_hash);
	if (err < 0)
		return err;
	room = find_room(pool, length + 1);
	if (!room)
		return -ENOMEM;
	memcpy(room, text, length);
	room[length] = '\0';
	pool->blocks->used += length + 1;
	pool->names[pool->count++] = (struct name){ .text = room, .length = (uint32_t)length };
	number_table_put(&pool->by_hash, hash, (uint32_t)pool->count);
	return 0;
}

int name_pool_intern_bytes(struct name_pool *pool, const char *bytes, size_t length,
			   uint32_t *ret_id)
{
	uint32_t hash;
	int err;

	while (pool->seed == 0)
		pool->seed = hash_seed();
	hash = hash_name(pool, bytes, length);
	if (find(pool, bytes, length, hash, ret_id))
		return 0;
	err = add_name(pool, bytes, length, hash);
	if (err < 0)
		return err;
	*ret_id = (uint32_t)(pool->count - 1);
	return 0;
}

int name_pool_intern(struct name_pool *pool, const char *text, uint32_t *ret_id)
{
	return name_pool_intern_bytes(pool, text, strlen(text), ret_id);
}
