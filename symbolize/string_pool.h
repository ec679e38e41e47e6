/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps one copy of each string that was handed out. */
#ifndef EPROF_SYMBOLIZE_STRING_POOL_H
#define EPROF_SYMBOLIZE_STRING_POOL_H

#include "base/hashmap.h"

struct string_block;

/* The zero value is an empty pool. */
struct string_pool {
	struct hashmap strings; /* hash -> pointer */
	struct string_block *blocks;
};

/* The pool's copy of string, which lives as long as the pool; NULL without memory. */
const char *string_pool_keep(struct string_pool *pool, const char *string);
void string_pool_done(struct string_pool *pool);

#endif
