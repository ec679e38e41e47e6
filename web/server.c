/* SPDX-License-Identifier: Apache-2.0 */
#include "web/server.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "web/answer.h"
#include "web/query.h"
#include "web/receive.h"

typedef void (*route_handler)(struct store *store, const struct http_request *request,
			      struct http_answer *ret);

static void answer_health(struct store *store, const struct http_request *request,
			  struct http_answer *ret)
{
	(void)store;
	(void)request;
	ret->status = MHD_HTTP_OK;
	ret->type = "text/plain; charset=utf-8";
	ret->body = strdup("ok\n");
	ret->size = ret->body ? strlen(ret->body) : 0;
}

static const struct route {
	const char *method, *path;
	unsigned int right; /* of a token; 0: none is asked for */
	route_handler handler;
} routes[] = {
	{ "GET", "/healthz", 0, answer_health },
	{ "POST", "/api/v1/profiles", TOKEN_WRITE, receive_profile },
	{ "GET", "/api/v1/merge", TOKEN_READ, query_merge },
	{ "GET", "/api/v1/series", TOKEN_READ, query_series },
	{ "GET", "/api/v1/values", TOKEN_READ, query_values },
};

/* NULL after an answer that says so. */
static const struct route *find_route(const struct http_request *request, struct http_answer *ret)
{
	const char *method = http_request_method(request), *path = http_request_path(request);
	bool is_path = false;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(routes[i].path, path) != 0)
			continue;
		is_path = true;
		if (strcmp(routes[i].method, method) == 0)
			return &routes[i];
	}
	answer_error(ret, is_path ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
		     is_path ? "there is no such method here" : "there is no such path");
	return NULL;
}

/*
 * A page of another site can make a browser ask, from a network that can reach us, and without a
 * token: it says where the page is from.
 */
static bool is_from_another_site(const struct http_request *request)
{
	const char *origin = http_request_header(request, "Origin");
	const char *host = http_request_header(request, "Host"), *behind;

	if (!origin)
		return false;
	behind = strstr(origin, "://");
	return !host || !behind || strcasecmp(behind + 3, host) != 0;
}

/* Of a token, or of who has none; false: the token is nobody's. */
static bool find_rights(const struct server *server, const struct http_request *request,
			unsigned int *ret)
{
	static const char scheme[] = "Bearer ";
	const char *header = http_request_header(request, "Authorization");

	*ret = 0;
	if (header && strncasecmp(header, scheme, strlen(scheme)) == 0)
		*ret = tokens_rights(server->tokens, header + strlen(scheme));
	else if (!header && !server->tokens->count)
		*ret = server->is_open ? TOKEN_READ | TOKEN_WRITE : TOKEN_READ;
	return header && *ret;
}

static bool may(const struct server *server, const struct http_request *request, unsigned int right,
		struct http_answer *ret)
{
	unsigned int rights;
	bool is_known;

	if (!right)
		return true;
	if (is_from_another_site(request)) {
		answer_error(ret, MHD_HTTP_FORBIDDEN, "pages of other sites may not ask");
		return false;
	}
	is_known = find_rights(server, request, &rights);
	if (rights & right)
		return true;
	answer_error(ret, is_known ? MHD_HTTP_FORBIDDEN : MHD_HTTP_UNAUTHORIZED, "%s",
		     is_known ? "the token is not for this" : "a token that is known is needed");
	return false;
}

void server_answer(void *context, const struct http_request *request, struct http_answer *ret)
{
	const struct server *server = context;
	const struct route *route = find_route(request, ret);

	if (route && may(server, request, route->right, ret))
		route->handler(server->store, request, ret);
}
