/* SPDX-License-Identifier: Apache-2.0 */
/* One request by HTTP, by libcurl. Connections are kept from one to the next. */
#ifndef EPROF_AGENT_UPLOAD_HTTP_H
#define EPROF_AGENT_UPLOAD_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/agent_config.h"
#include "agent/upload_secrets.h"

struct upload_result;
struct http;

#define HTTP_HEADERS_MAX 8

struct http_request {
	const char *method; /* PUT, POST or HEAD */
	const char *url;
	const char *headers[HTTP_HEADERS_MAX]; /* "Name: value"; NULL ends */
	const char *sigv4;                     /* NULL, or what is to sign it: CURLOPT_AWS_SIGV4 */
	struct upload_secrets secrets;
	const void *bytes; /* the body; NULL: it is in the file */
	int fd;
	uint64_t offset, size;
};

void http_request_done(struct http_request *request); /* wipes its secrets */

/* -ENOMEM, or -ELIBACC: there is no libcurl; on success the caller owns *ret. Not for two threads.
 */
int http_new(struct http **ret);
void http_free(struct http *http); /* NULL is fine */

/*
 * Redirects are not followed: a body and a secret are for the target that was configured. Ends when
 * *stop becomes true, which is seen once a second at least.
 */
void http_send(struct http *http, const struct upload_config *config,
	       const struct http_request *request, const _Atomic bool *stop,
	       struct upload_result *ret);

#endif
