/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pair_pool.h"

#include <errno.h>
#include <stdlib.h>

#define PAIRS_FIRST 64

void pair_pool_done(struct pair_pool *pool)
{
	free(pool->pairs);
	hashmap_done(&pool->by_pair);
	*pool = (struct pair_pool){ 0 };
}

static int reserve_pair(struct pair_pool *pool)
{
	size_t capacity = pool->capacity ? pool->capacity * 2 : PAIRS_FIRST;
	struct pair *pairs;

	if (pool->count < pool->capacity)
		return 0;
	if (pool->count >= PAIR_NONE)
		return -E2BIG;
	pairs = reallocarray(pool->pairs, capacity, sizeof(*pairs));
	if (!pairs)
		return -ENOMEM;
	pool->pairs = pairs;
	pool->capacity = capacity;
	return 0;
}

int pair_pool_intern(struct pair_pool *pool, uint32_t first, uint32_t second, uint32_t *ret_id)
{
	uint64_t key, found;
	int err;

	while (pool->seed == 0)
		pool->seed = hash_seed();
	key = ((uint64_t)first << 32 | second) ^ pool->seed;
	if (hashmap_get(&pool->by_pair, key, &found)) {
		*ret_id = (uint32_t)found;
		return 0;
	}
	err = reserve_pair(pool);
	if (err < 0)
		return err;
	err = hashmap_put(&pool->by_pair, key, pool->count);
	if (err < 0)
		return err;
	*ret_id = (uint32_t)pool->count;
	pool->pairs[pool->count++] = (struct pair){ .first = first, .second = second };
	return 0;
}
