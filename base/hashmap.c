/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hashmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct hashmap_slot {
	uint64_t key;
	uint64_t value;
	bool used;
};

#define CAPACITY_FIRST 64

static struct hashmap_slot *find_slot(struct hashmap_slot *slots, size_t capacity, uint64_t key)
{
	size_t i = hash_u64(key) & (capacity - 1);

	while (slots[i].used && slots[i].key != key)
		i = (i + 1) & (capacity - 1);
	return &slots[i];
}

static int grow(struct hashmap *map)
{
	size_t capacity = map->capacity ? map->capacity * 2 : CAPACITY_FIRST;
	struct hashmap_slot *slots = calloc(capacity, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < map->capacity; i++) {
		if (map->slots[i].used)
			*find_slot(slots, capacity, map->slots[i].key) = map->slots[i];
	}
	free(map->slots);
	map->slots = slots;
	map->capacity = capacity;
	return 0;
}

void hashmap_done(struct hashmap *map)
{
	free(map->slots);
	*map = (struct hashmap){ 0 };
}

void hashmap_clear(struct hashmap *map)
{
	if (map->count)
		memset(map->slots, 0, map->capacity * sizeof(*map->slots));
	map->count = 0;
}

bool hashmap_get(const struct hashmap *map, uint64_t key, uint64_t *ret_value)
{
	const struct hashmap_slot *slot;

	if (!map->capacity)
		return false;
	slot = find_slot(map->slots, map->capacity, key);
	if (!slot->used)
		return false;
	*ret_value = slot->value;
	return true;
}

int hashmap_put(struct hashmap *map, uint64_t key, uint64_t value)
{
	struct hashmap_slot *slot;

	/* At most 3/4 full, so that a probe always meets an unused slot. */
	if (4 * (map->count + 1) > 3 * map->capacity) {
		int err = grow(map);

		if (err < 0)
			return err;
	}
	slot = find_slot(map->slots, map->capacity, key);
	if (!slot->used)
		map->count++;
	*slot = (struct hashmap_slot){ .key = key, .value = value, .used = true };
	return 0;
}

uint64_t hash_bytes_seeded(uint64_t seed, const void *bytes, size_t length)
{
	const unsigned char *p = bytes;
	uint64_t hash = 0xcbf29ce484222325ULL ^ seed;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ULL;
	return hash_u64(hash);
}

uint64_t hash_bytes(const void *bytes, size_t length)
{
	return hash_bytes_seeded(0, bytes, length);
}

uint64_t hash_seed(void)
{
	struct timespec now;
	uint64_t seed;

	if (getentropy(&seed, sizeof(seed)) == 0)
		return seed;
	/* A sandbox: there is nothing better. */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return hash_u64((uint64_t)now.tv_nsec + (uintptr_t)&now);
}
