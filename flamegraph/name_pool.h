/* SPDX-License-Identifier: Apache-2.0 */
/* Texts kept once each, numbered from 0 in the order of their arrival. Not thread-safe. */
#ifndef EPROF_FLAMEGRAPH_NAME_POOL_H
#define EPROF_FLAMEGRAPH_NAME_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flamegraph/number_table.h"

struct name_block;

struct name {
	const char *text;
	uint32_t length;
};

#define NAMES_MAX (1u << 29) /* so that an id and a frame's kind share 32 bits */

/* The zero value is an empty pool. */
struct name_pool {
	struct name *names;
	size_t count;
	size_t capacity;
	uint64_t seed;               /* of hashes; 0: there is none yet */
	struct number_table by_hash; /* id + 1 */
	struct name_block *blocks;
};

void name_pool_done(struct name_pool *pool);

/*
 * The id of text, which is copied when it is new. 0, -ENOMEM, or -E2BIG beyond NAMES_MAX names or
 * for a text whose length does not fit 32 bits. Texts stay where they are until name_pool_done().
 */
int name_pool_intern(struct name_pool *pool, const char *text, uint32_t *ret_id);

/* The same of bytes that no NUL ends; there is none in them. */
int name_pool_intern_bytes(struct name_pool *pool, const char *bytes, size_t length,
			   uint32_t *ret_id);

/* Whether these bytes are a name, and then its id. */
bool name_pool_find(const struct name_pool *pool, const char *bytes, size_t length,
		    uint32_t *ret_id);

#endif
