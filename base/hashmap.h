/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map from 64-bit keys to 64-bit values: open addressing with linear probing, no deletion. Keys
 * are mixed inside, so plain counters and addresses may be used as they are. Not thread-safe.
 */
#ifndef EPROF_BASE_HASHMAP_H
#define EPROF_BASE_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hashmap_slot;

/* The zero value is an empty map. */
struct hashmap {
	struct hashmap_slot *slots;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
	bool has_zero; /* the key 0, which is in none of the slots */
	uint64_t zero_value;
};

#define HASHMAP_SLOT_BYTES 16

/* Of the slots. */
static inline size_t hashmap_bytes(const struct hashmap *map)
{
	return map->capacity * HASHMAP_SLOT_BYTES;
}

/* Frees the slots; the map is empty (and usable) afterwards. */
void hashmap_done(struct hashmap *map);

/* Empties the map, and keeps its memory. */
void hashmap_clear(struct hashmap *map);

/* True, and *ret_value set, when key is present. */
bool hashmap_get(const struct hashmap *map, uint64_t key, uint64_t *ret_value);

/* Inserts key, or overwrites its value. Returns 0 or -ENOMEM (the map is unchanged then). */
int hashmap_put(struct hashmap *map, uint64_t key, uint64_t value);

/* 64 well-mixed bits of length bytes: FNV-1a, finished by a multiply-shift. Not for adversaries. */
uint64_t hash_bytes(const void *bytes, size_t length);

/* The same from another number: one of several hashes of the same bytes. */
uint64_t hash_bytes_seeded(uint64_t seed, const void *bytes, size_t length);

/*
 * SipHash-1-3 (Aumasson and Bernstein, INDOCRYPT 2012) with a key made of a seed that nobody knows:
 * where strangers choose the bytes, and could choose two of one hash.
 */
uint64_t hash_bytes_keyed(uint64_t seed, const void *bytes, size_t length);
uint64_t hash_seed(void); /* another one at each call */

/* Mixes one 64-bit word (the finalizer of splitmix64; Steele, Lea and Flood, OOPSLA 2014). */
static inline uint64_t hash_u64(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

#endif
