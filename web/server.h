/* SPDX-License-Identifier: Apache-2.0 */
/* Which request goes where, and who may ask for it. */
#ifndef EPROF_WEB_SERVER_H
#define EPROF_WEB_SERVER_H

#include <stdbool.h>

#include "web/http_server.h"
#include "web/store.h"
#include "web/tokens.h"

struct server {
	struct store *store;
	const struct tokens *tokens;
	/* Without a token: all may be read where there are no tokens at all, and written with
	 * is_open. */
	bool is_open;
};

/* An http_handler; the context is a struct server. */
void server_answer(void *context, const struct http_request *request, struct http_answer *ret);

#endif
