/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash of texts that takes sixteen bytes a step, by a long multiplication whose halves are put
 * together. Both factors depend on the seed: who does not know it cannot make texts of one hash.
 */
#ifndef EPROF_FLAMEGRAPH_FOLD_H
#define EPROF_FLAMEGRAPH_FOLD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t fold_load(const char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Of fewer than eight bytes, in pieces that overlap. */
static inline uint64_t fold_load_short(const char *bytes, size_t length)
{
	uint32_t first, last;

	if (length >= sizeof(first)) {
		memcpy(&first, bytes, sizeof(first));
		memcpy(&last, bytes + length - sizeof(last), sizeof(last));
		return (uint64_t)first << 32 | last;
	}
	if (length == 0)
		return 0;
	return (uint64_t)(unsigned char)bytes[0] << 16 |
	       (uint64_t)(unsigned char)bytes[length / 2] << 8 | (unsigned char)bytes[length - 1];
}

static inline uint64_t fold_bytes(uint64_t seed, const char *bytes, size_t length)
{
	const size_t word = sizeof(uint64_t);
	uint64_t mask = ~seed, hash = seed ^ length;

	for (; length > 2 * word; length -= 2 * word, bytes += 2 * word)
		hash = fold(fold_load(bytes) ^ mask, fold_load(bytes + word) ^ hash);
	if (length >= word)
		return fold(fold_load(bytes) ^ mask, fold_load(bytes + length - word) ^ hash);
	return fold(fold_load_short(bytes, length) ^ mask, hash);
}

#endif
