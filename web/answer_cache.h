/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that were given before. Each is of a version of what is kept (store_version()): of
 * another one it is not the answer any more. The one that was asked for longest ago makes room.
 * Thread-safe.
 */
#ifndef EPROF_WEB_ANSWER_CACHE_H
#define EPROF_WEB_ANSWER_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "web/http_server.h"

struct answer_cache;

/* 0 and the caller's *ret, or -ENOMEM. */
int answer_cache_new(size_t bytes_max, struct answer_cache **ret);
void answer_cache_free(struct answer_cache *cache); /* NULL is fine */

/* True: *ret is a copy. */
bool answer_cache_get(struct answer_cache *cache, const char *key, uint64_t version,
		      struct http_answer *ret);

/* Keeps a copy, if there is room; the strings that an answer has besides its body are static. */
void answer_cache_put(struct answer_cache *cache, const char *key, uint64_t version,
		      const struct http_answer *answer);

#endif
