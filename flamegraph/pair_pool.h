/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of numbers kept once each, numbered from 0 in the order of their arrival. */
#ifndef EPROF_FLAMEGRAPH_PAIR_POOL_H
#define EPROF_FLAMEGRAPH_PAIR_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/hashmap.h"

struct pair {
	uint32_t first;
	uint32_t second;
};

#define PAIR_NONE UINT32_MAX /* no pair's number */

/* The zero value is an empty pool. */
struct pair_pool {
	struct pair *pairs;
	size_t count;
	size_t capacity;
	uint64_t seed; /* of hashes, as strangers choose lines; 0: there is none yet */
	struct hashmap by_pair;
};

void pair_pool_done(struct pair_pool *pool);

/* The number of a pair, which is added when it is new. 0, -ENOMEM, or -E2BIG when the numbers are
 * used up. */
int pair_pool_intern(struct pair_pool *pool, uint32_t first, uint32_t second, uint32_t *ret_id);

#endif
