/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP by libmicrohttpd: one handler for all requests, each with its whole body in memory. Bounded
 * in all directions that a stranger has: connections, headers, bodies one by one and together,
 * answers together, and how long a request may take to come, to wait and to be answered.
 */
#ifndef EPROF_WEB_HTTP_SERVER_H
#define EPROF_WEB_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_request;

/* All of them live until the handler returns. */
const char *http_request_method(const struct http_request *request);
const char *http_request_path(const struct http_request *request); /* decoded, from '/' on */
/* NULL: there is none; the first of several. */
const char *http_request_header(const struct http_request *request, const char *name);
const uint8_t *http_request_body(const struct http_request *request, size_t *ret_size);

/* Each "name=value" behind the '?', decoded, in their order; ends at the first that is < 0, and
 * returns it. */
typedef int (*http_parameter_handler)(void *context, const char *name, const char *value);
int http_request_parameters(const struct http_request *request, http_parameter_handler handler,
			    void *context);

/* What a handler fills in; 0 is an empty body. */
struct http_answer {
	unsigned int status;
	const char *type; /* of the content; static */
	char *body;       /* malloc()ed; the server's from then on */
	size_t size;
	unsigned int retry_after_s; /* 0: nothing is said */
	const char *file_extension; /* of a file to be kept, not shown; static; NULL: none */
	const char *allow;          /* methods, where another one was used; NULL: nothing is said */
	bool is_page;               /* that our scripts run in */
	/* Profiles that came with the request: that were kept, and that had been before. */
	unsigned int profiles_new, profiles_known;
};

static inline void http_answer_count(struct http_answer *answer, bool is_new)
{
	if (is_new)
		answer->profiles_new++;
	else
		answer->profiles_known++;
}

/* Called by several threads at once. */
typedef void (*http_handler)(void *context, const struct http_request *request,
			     struct http_answer *ret);

/* Who answers. Writers and readers have threads of their own, so that none waits for the others. */
enum http_way { HTTP_REFUSED, HTTP_AT_ONCE, HTTP_BY_WRITERS, HTTP_BY_READERS };

/*
 * Asked when the headers are there, before there is a body: nothing is kept for who may not send
 * one. HTTP_REFUSED: with the answer, which is sent when the body has come, and was dropped.
 */
typedef enum http_way (*http_way_finder)(void *context, const struct http_request *request,
					 struct http_answer *ret);

/* Bytes of an answer that there is always room for. */
#define HTTP_ANSWER_SMALL 4096

struct http_options {
	const char *address;           /* of IPv4 or IPv6, as digits */
	uint16_t port;                 /* 0: one that is free */
	const char *certificate, *key; /* PEM, as text; NULL: no TLS */
	size_t body_max;               /* bytes of one request */
	size_t bodies_max;             /* of all that are there at once */
	unsigned int connections_max;
	unsigned int address_connections_max; /* of those, of one client; 0: all */
	unsigned int idle_seconds_max;        /* of a connection that says nothing */
	unsigned int request_seconds_max;     /* until a body is there */
	unsigned int answer_seconds_max;      /* until an answer has been taken */
	unsigned int wait_seconds_max;        /* until somebody is free to answer */
	size_t answers_max;                   /* bytes of all larger ones that are being sent */
	unsigned int writers, readers;        /* threads; at most HTTP_WORKERS_MAX each */
	http_way_finder find_way;
	http_handler handler;
	void *context; /* of both */
};

struct http_server;

/*
 * The files of a body that is multipart/form-data: name is that of the field. Each is whole; ends
 * at the first that is < 0, and returns it. -EBADMSG: it is no such body; -ENOMEM.
 */
typedef int (*http_form_handler)(void *context, const char *name, const uint8_t *bytes,
				 size_t size);
int http_request_form(const struct http_request *request, http_form_handler handler, void *context);

/* Strings are borrowed until it stops. 0 and the caller's *ret; -EINVAL: no address; or -errno. */
int http_server_start(const struct http_options *options, struct http_server **ret);
uint16_t http_server_port(const struct http_server *server);
/* The bytes that are set apart for bodies now. */
size_t http_server_body_bytes(const struct http_server *server);
/* What did not get as far as the handler: bodies that are too large; and what the server has no
 * room for, or nobody is free to do. */
struct http_refusals {
	uint64_t too_large, busy;
};
struct http_refusals http_server_refusals(const struct http_server *server);
/* Of those, and all others. */
unsigned int http_server_connections(const struct http_server *server);
/* Of a request: the one that it came to. */
const struct http_server *http_request_server(const struct http_request *request);
/* What has begun is answered; no request is handled after it returns. NULL is fine. */
void http_server_stop(struct http_server *server);

#endif
