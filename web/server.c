/* SPDX-License-Identifier: Apache-2.0 */
#include "web/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "web/answer.h"
#include "web/cached.h"
#include "web/page.h"
#include "web/query.h"

#define METRICS_PATH "/metrics"

static void answer_text(struct http_answer *ret, const char *text)
{
	ret->status = MHD_HTTP_OK;
	ret->type = "text/plain; charset=utf-8";
	ret->body = strdup(text);
	ret->size = ret->body ? strlen(ret->body) : 0;
}

typedef void (*receive_handler)(struct store *store, const struct receive_limits *limits,
				const struct http_request *request, struct http_answer *ret);

/* Of the two handlers one is there, or none: then server_answer() itself knows what to say. */
static const struct route {
	const char *method, *path;
	unsigned int right; /* of a token; 0: none is asked for */
	enum http_way way;
	query_handler query;
	receive_handler receive;
} routes[] = {
	{ "GET", "/healthz", 0, HTTP_AT_ONCE, NULL, NULL },
	{ "GET", METRICS_PATH, TOKEN_READ, HTTP_BY_WRITERS, NULL, NULL },
	{ "POST", "/api/v1/profiles", TOKEN_WRITE, HTTP_BY_WRITERS, NULL, receive_profile },
	{ "POST", "/push.v1.PusherService/Push", TOKEN_WRITE, HTTP_BY_WRITERS, NULL, receive_push },
	{ "POST", "/ingest", TOKEN_WRITE, HTTP_BY_WRITERS, NULL, receive_ingest },
	{ "GET", "/api/v1/merge", TOKEN_READ, HTTP_BY_READERS, query_merge, NULL },
	{ "GET", "/api/v1/diff", TOKEN_READ, HTTP_BY_READERS, query_diff, NULL },
	{ "GET", "/api/v1/top", TOKEN_READ, HTTP_BY_READERS, query_top, NULL },
	{ "GET", "/api/v1/callers", TOKEN_READ, HTTP_BY_READERS, query_callers, NULL },
	{ "GET", "/api/v1/series", TOKEN_READ, HTTP_BY_READERS, query_series, NULL },
	{ "GET", "/api/v1/values", TOKEN_READ, HTTP_BY_READERS, query_values, NULL },
};

/* RFC 9110, 9.3.2: HEAD is GET whose answer has its body left out, which libmicrohttpd sees to. */
static const char *method_of(const struct http_request *request)
{
	const char *method = http_request_method(request);

	return strcmp(method, "HEAD") == 0 ? "GET" : method;
}

/* *ret_allowed: if there is such a path with another method, that one; or NULL. */
static const struct route *find_route(const struct http_request *request, const char **ret_allowed)
{
	const char *method = method_of(request), *path = http_request_path(request);

	*ret_allowed = NULL;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(routes[i].path, path) != 0)
			continue;
		*ret_allowed =
			strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" : routes[i].method;
		if (strcmp(routes[i].method, method) == 0)
			return &routes[i];
	}
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

/*
 * Where no token is needed, a site could have its own name lead to us (DNS rebinding), and its
 * pages would be ours to the browser: but the name stays. Numbers, and this machine's own name, are
 * nobody's.
 */
static bool is_by_a_name(const struct http_request *request)
{
	static const char own[] = "localhost";
	const char *host = http_request_header(request, "Host");
	size_t length;

	if (!host || host[0] == '[')
		return false;
	length = strcspn(host, ":");
	if (length == strlen(own) && strncasecmp(host, own, length) == 0)
		return false;
	return strspn(host, "0123456789.") != length;
}

/* Of a token, or of who has none, who are one together; false: the token is nobody's. */
static bool find_rights(const struct server *server, const struct http_request *request,
			unsigned int *ret, size_t *ret_who)
{
	static const char scheme[] = "Bearer ";
	const char *header = http_request_header(request, "Authorization");

	*ret = 0;
	*ret_who = 0;
	if (header && strncasecmp(header, scheme, strlen(scheme)) == 0)
		*ret = tokens_rights(server->tokens, header + strlen(scheme), ret_who);
	else if (!header && !server->tokens->count)
		*ret = server->is_open ? TOKEN_READ | TOKEN_WRITE : TOKEN_READ;
	return header && *ret;
}

/* Not too often. */
static bool has_turn(const struct server *server, size_t who, unsigned int right,
		     struct http_answer *ret)
{
	unsigned int wait_s;

	if (right != TOKEN_WRITE || !server->rate ||
	    rate_limit_take(server->rate, who, clock_ns(CLOCK_MONOTONIC), &wait_s))
		return true;
	answer_error(ret, MHD_HTTP_TOO_MANY_REQUESTS, "more profiles than one may send");
	ret->retry_after_s = wait_s;
	return false;
}

/* One was counted before it came; the others of one request make the next ones wait. */
static void charge(const struct server *server, const struct http_request *request,
		   const struct http_answer *answer)
{
	unsigned int count = answer->profiles_new + answer->profiles_known, rights;
	size_t who;

	if (!server->rate || count < 2)
		return;
	(void)find_rights(server, request, &rights, &who);
	rate_limit_charge(server->rate, who, clock_ns(CLOCK_MONOTONIC), count - 1);
}

static bool may(const struct server *server, const struct http_request *request, unsigned int right,
		struct http_answer *ret)
{
	unsigned int rights;
	bool is_known;
	size_t who;

	if (!right)
		return true;
	if (is_from_another_site(request)) {
		answer_error(ret, MHD_HTTP_FORBIDDEN, "pages of other sites may not ask");
		return false;
	}
	if (!server->tokens->count && is_by_a_name(request)) {
		answer_error(ret, MHD_HTTP_FORBIDDEN,
			     "without tokens the server is asked by its address, or as localhost");
		return false;
	}
	is_known = find_rights(server, request, &rights, &who);
	if (rights & right)
		return has_turn(server, who, right, ret);
	answer_error(ret, is_known ? MHD_HTTP_FORBIDDEN : MHD_HTTP_UNAUTHORIZED, "%s",
		     is_known ? "the token is not for this" : "a token that is known is needed");
	return false;
}

static void answer_metrics(const struct server *server, const struct http_request *request,
			   struct http_answer *ret)
{
	const struct http_server *http = http_request_server(request);
	struct store_extent extent;
	const struct server_gauges gauges = {
		.extent = store_extent(server->store, &extent) < 0 ? NULL : &extent,
		.body_bytes = http_server_body_bytes(http),
		.connections = http_server_connections(http),
		.refusals = http_server_refusals(http),
	};
	FILE *out = open_memstream(&ret->body, &ret->size);
	int err = out ? server_metrics_write(server->metrics, &gauges, out) : -ENOMEM;

	if (out && fclose(out) != 0 && !err)
		err = -ENOMEM;
	ret->status = MHD_HTTP_OK;
	ret->type = "text/plain; version=0.0.4; charset=utf-8";
	if (!err)
		return;
	free(ret->body);
	ret->body = NULL;
	answer_store_error(ret, err);
}

static void count_profile(struct server_metrics *metrics, const struct http_request *request,
			  const struct http_answer *answer)
{
	size_t size;

	(void)http_request_body(request, &size);
	(void)atomic_fetch_add(&metrics->bytes_received, size);
	if (answer->status >= MHD_HTTP_INTERNAL_SERVER_ERROR)
		(void)atomic_fetch_add(&metrics->profiles_failed, 1);
	else if (answer->status >= MHD_HTTP_BAD_REQUEST)
		(void)atomic_fetch_add(&metrics->profiles_refused, 1);
	(void)atomic_fetch_add(&metrics->profiles_stored, answer->profiles_new);
	(void)atomic_fetch_add(&metrics->profiles_known, answer->profiles_known);
}

static void count(struct server_metrics *metrics, const struct route *route,
		  const struct http_request *request, const struct http_answer *answer, uint64_t ns)
{
	struct route_metrics *of = &metrics->routes[route - routes];
	unsigned int class = answer->status / 100;

	(void)atomic_fetch_add(&of->answers[class < METRICS_CLASSES ? class : 0], 1);
	(void)atomic_fetch_add(&of->ns, ns);
	if (route->right == TOKEN_WRITE)
		count_profile(metrics, request, answer);
}

void server_prepare(struct server *server, struct server_metrics *metrics)
{
	_Static_assert(sizeof(routes) / sizeof(routes[0]) <= METRICS_ROUTES_MAX,
		       "each path has a place");
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		metrics->routes[i].path = routes[i].path;
	server->metrics = metrics;
}

static bool is_page(const struct http_request *request)
{
	return strcmp(method_of(request), "GET") == 0 && page_has(http_request_path(request));
}

enum http_way server_find_way(void *context, const struct http_request *request,
			      struct http_answer *ret)
{
	const struct server *server = context;
	const struct route *route;
	const char *allowed;

	/* Without a token: they say nothing of what is kept. */
	if (is_page(request))
		return HTTP_AT_ONCE;
	route = find_route(request, &allowed);
	if (!route) {
		answer_error(ret, allowed ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
			     allowed ? "there is no such method here" : "there is no such path");
		ret->allow = allowed;
		return HTTP_REFUSED;
	}
	if (may(server, request, route->right, ret))
		return route->way;
	count(server->metrics, route, request, ret, 0);
	return HTTP_REFUSED;
}

void server_answer(void *context, const struct http_request *request, struct http_answer *ret)
{
	const struct server *server = context;
	uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	const struct route *route;
	const char *allowed;

	if (is_page(request)) {
		page_answer(http_request_path(request), ret);
		return;
	}
	/* server_find_way() has found it. */
	route = find_route(request, &allowed);
	if (!route)
		return;
	if (route->query) {
		if (cached_answer(server->cache, server->store, route->query, request, ret))
			(void)atomic_fetch_add(&server->metrics->cached, 1);
	} else if (route->receive) {
		route->receive(server->store, &server->limits, request, ret);
		charge(server, request, ret);
	} else if (route->right) {
		answer_metrics(server, request, ret);
	} else {
		answer_text(ret, "ok\n");
	}
	count(server->metrics, route, request, ret, clock_ns(CLOCK_MONOTONIC) - began_ns);
}
