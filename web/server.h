/* SPDX-License-Identifier: Apache-2.0 */
/* Which request goes where, and who may ask for it. */
#ifndef EPROF_WEB_SERVER_H
#define EPROF_WEB_SERVER_H

#include <stdbool.h>

#include "web/answer_cache.h"
#include "web/http_server.h"
#include "web/rate_limit.h"
#include "web/receive.h"
#include "web/server_metrics.h"
#include "web/store.h"
#include "web/tokens.h"

struct server {
	struct store *store;
	const struct tokens *tokens;
	struct server_metrics *metrics; /* server_prepare() */
	struct receive_limits limits;
	struct answer_cache *cache; /* NULL: none */
	struct rate_limit *rate;    /* of each token, or of all; NULL: none */
	/* Without a token: all may be read where there are no tokens at all, and written with
	 * is_open. */
	bool is_open;
};

/* Before the first request; metrics are borrowed. */
void server_prepare(struct server *server, struct server_metrics *metrics);

/* An http_way_finder and an http_handler; the context is a struct server. */
enum http_way server_find_way(void *context, const struct http_request *request,
			      struct http_answer *ret);
void server_answer(void *context, const struct http_request *request, struct http_answer *ret);

#endif
