/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps one copy of each string that was handed out. */
#ifndef EPROF_SYMBOLIZE_STRING_POOL_H
#define EPROF_SYMBOLIZE_STRING_POOL_H

#include "base/hashmap.h"

struct string_block;

/* The zero value is an empty pool without a limit. */
struct string_pool {
	struct hashmap strings; /* hash -> pointer */
	struct string_block *blocks;
	uint64_t seed;      /* of the hashes; drawn with the first string */
	uint64_t bytes;     /* held, about */
	uint64_t bytes_max; /* what they may become; 0: no limit */
	uint64_t refused;   /* strings beyond that */
};

/* The pool's copy of string, which lives as long as the pool; NULL beyond its limit, or without
 * memory. One that the pool has is always had. */
const char *string_pool_keep(struct string_pool *pool, const char *string);
void string_pool_done(struct string_pool *pool);

#endif
