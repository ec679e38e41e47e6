/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long each connection has been at what it does: libmicrohttpd cuts off who says nothing, and
 * here is cut off who says a letter now and then, or takes an answer that slowly.
 */
#ifndef EPROF_WEB_HTTP_CONNECTIONS_H
#define EPROF_WEB_HTTP_CONNECTIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum http_phase {
	HTTP_ASKING,    /* a request is awaited, or comes */
	HTTP_WORKING,   /* it is ours to go on */
	HTTP_ANSWERING, /* the answer is taken */
	HTTP_PHASES,
};

struct http_connection;

struct http_connections {
	uint64_t seconds_max[HTTP_PHASES]; /* 0: no limit */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	struct http_connection *first; /* below the lock */
	bool is_ended;
};

/* 0 or -errno: then there is nothing to stop. */
int http_connections_start(struct http_connections *connections,
			   const uint64_t seconds_max[HTTP_PHASES]);
void http_connections_stop(struct http_connections *connections);

/* fd stays the caller's, who says when it is closed, before it is. NULL without memory. */
struct http_connection *http_connections_add(struct http_connections *connections, int fd);
void http_connections_remove(struct http_connections *connections,
			     struct http_connection *connection); /* NULL is fine */

/* A phase begins. NULL is fine. */
void http_connection_enter(struct http_connections *connections, struct http_connection *connection,
			   enum http_phase phase);

#endif
