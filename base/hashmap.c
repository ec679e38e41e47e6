/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hashmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Of 16 bytes, as there are many: no flag says whether it is used. */
struct hashmap_slot {
	uint64_t key; /* 0: unused. The value of that key is in the map itself. */
	uint64_t value;
};

_Static_assert(sizeof(struct hashmap_slot) == HASHMAP_SLOT_BYTES, "what is said of its size");

#define CAPACITY_FIRST 64

static struct hashmap_slot *find_slot(struct hashmap_slot *slots, size_t capacity, uint64_t key)
{
	size_t i = hash_u64(key) & (capacity - 1);

	while (slots[i].key && slots[i].key != key)
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
		if (map->slots[i].key)
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
	if (map->count && map->capacity)
		memset(map->slots, 0, map->capacity * sizeof(*map->slots));
	map->count = 0;
	map->has_zero = false;
}

bool hashmap_get(const struct hashmap *map, uint64_t key, uint64_t *ret_value)
{
	const struct hashmap_slot *slot;

	if (!key && map->has_zero)
		*ret_value = map->zero_value;
	if (!key)
		return map->has_zero;
	if (!map->capacity)
		return false;
	slot = find_slot(map->slots, map->capacity, key);
	if (!slot->key)
		return false;
	*ret_value = slot->value;
	return true;
}

int hashmap_put(struct hashmap *map, uint64_t key, uint64_t value)
{
	struct hashmap_slot *slot;

	if (!key) {
		map->count += !map->has_zero;
		map->has_zero = true;
		map->zero_value = value;
		return 0;
	}
	/* At most 3/4 full, so that a probe always meets an unused slot. */
	if (4 * (map->count + 1) > 3 * map->capacity) {
		int err = grow(map);

		if (err < 0)
			return err;
	}
	slot = find_slot(map->slots, map->capacity, key);
	if (!slot->key)
		map->count++;
	*slot = (struct hashmap_slot){ .key = key, .value = value };
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

struct sip {
	uint64_t v[4];
};

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(struct sip *sip)
{
	uint64_t *v = sip->v;

	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void sip_take(struct sip *sip, uint64_t word)
{
	sip->v[3] ^= word;
	sip_round(sip);
	sip->v[0] ^= word;
}

/* SipHash-1-3, whose key is made of the seed: one round a word, three at the end. */
uint64_t hash_bytes_keyed(uint64_t seed, const void *bytes, size_t length)
{
	uint64_t keys[2] = { seed, hash_u64(seed ^ 0x9e3779b97f4a7c15ULL) };
	struct sip sip = { { keys[0] ^ 0x736f6d6570736575ULL, keys[1] ^ 0x646f72616e646f6dULL,
			     keys[0] ^ 0x6c7967656e657261ULL, keys[1] ^ 0x7465646279746573ULL } };
	const unsigned char *p = bytes;
	uint64_t word = 0, last = (uint64_t)length << 56;
	size_t i = 0;

	for (; i + sizeof(word) <= length; i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		sip_take(&sip, word);
	}
	for (unsigned int shift = 0; i < length; i++, shift += 8)
		last |= (uint64_t)p[i] << shift;
	sip_take(&sip, last);
	sip.v[2] ^= 0xff;
	for (int round = 0; round < 3; round++)
		sip_round(&sip);
	return sip.v[0] ^ sip.v[1] ^ sip.v[2] ^ sip.v[3];
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
