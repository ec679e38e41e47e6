/* SPDX-License-Identifier: Apache-2.0 */
/* What http_server.c and http_request.c share; nobody else includes it. */
#ifndef EPROF_WEB_HTTP_PARTS_H
#define EPROF_WEB_HTTP_PARTS_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "web/http_connections.h"
#include "web/http_server.h"
#include "web/http_workers.h"

struct http_server {
	struct http_options options;
	struct MHD_Daemon *daemon;
	struct http_connections connections;
	struct http_workers writers, readers;
	bool has_connections, has_writers, has_readers; /* that are to be stopped */
	atomic_size_t bodies;                           /* bytes that are set apart for bodies */
	atomic_size_t answers;                          /* and that are being sent */
	atomic_uint_least64_t too_large, busy;          /* struct http_refusals */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t requests; /* below the lock: those that have not ended */
};

struct http_request {
	struct http_job job;        /* the first member: a worker knows it by that */
	struct http_server *server; /* outlives it */
	struct MHD_Connection *connection;
	const char *method, *path;
	uint64_t began_ns, waits_ns; /* since when, for a worker */
	uint8_t *body;
	size_t size, capacity;
	enum http_way way;
	struct http_answer answer;
	size_t answer_bytes;     /* of the server's answers */
	atomic_bool is_answered; /* the answer is there; what still comes of the body is dropped */
};

/* All that an answer says of itself. */
void http_add_headers(struct MHD_Response *response, const struct http_answer *answer);

#endif
