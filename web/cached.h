/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about times that are said: their answer is what it was, while nothing comes to them. */
#ifndef EPROF_WEB_CACHED_H
#define EPROF_WEB_CACHED_H

#include "web/answer_cache.h"
#include "web/store.h"

typedef void (*query_handler)(struct store *store, const struct http_request *request,
			      struct http_answer *ret);

/* True: it was answered before. cache NULL: nothing is. */
bool cached_answer(struct answer_cache *cache, struct store *store, query_handler handler,
		   const struct http_request *request, struct http_answer *ret);

#endif
