/* SPDX-License-Identifier: Apache-2.0 */
#include "web/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Those that wait for the disk together, or merge. */
#define THREADS 8

/* Of one connection, outside of bodies: the request's line and headers are in it. */
#define CONNECTION_BYTES 32768

#define BODY_FIRST 16384

struct http_server {
	struct http_options options;
	struct MHD_Daemon *daemon;
	atomic_size_t bodies; /* bytes that are set apart for bodies */
};

struct http_request {
	struct http_server *server;
	struct MHD_Connection *connection;
	const char *method, *path;
	uint64_t began_ns;
	uint8_t *body;
	size_t size, capacity;
	unsigned int refused; /* the status, of one whose body is not kept; or 0 */
};

const char *http_request_method(const struct http_request *request)
{
	return request->method;
}

const char *http_request_path(const struct http_request *request)
{
	return request->path;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const uint8_t *http_request_body(const struct http_request *request, size_t *ret_size)
{
	*ret_size = request->size;
	return request->body;
}

struct parameters {
	http_parameter_handler handler;
	void *context;
	int err;
};

static enum MHD_Result take_parameter(void *context, enum MHD_ValueKind kind, const char *name,
				      const char *value)
{
	struct parameters *parameters = context;

	(void)kind;
	parameters->err = parameters->handler(parameters->context, name, value ? value : "");
	return parameters->err < 0 ? MHD_NO : MHD_YES;
}

int http_request_parameters(const struct http_request *request, http_parameter_handler handler,
			    void *context)
{
	struct parameters parameters = { handler, context, 0 };

	(void)MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, take_parameter,
					&parameters);
	return parameters.err;
}

/* Sets memory apart for a body, of what all bodies may have. */
static bool reserve(struct http_request *request, size_t size)
{
	struct http_server *server = request->server;
	size_t capacity = request->capacity ? request->capacity : BODY_FIRST, more;
	uint8_t *body;

	while (capacity < size)
		capacity *= 2;
	more = capacity - request->capacity;
	if (more == 0)
		return true;
	if (atomic_fetch_add(&server->bodies, more) + more > server->options.bodies_max) {
		(void)atomic_fetch_sub(&server->bodies, more);
		return false;
	}
	body = realloc(request->body, capacity);
	if (!body) {
		(void)atomic_fetch_sub(&server->bodies, more);
		return false;
	}
	request->body = body;
	request->capacity = capacity;
	return true;
}

static void forget_body(struct http_request *request)
{
	(void)atomic_fetch_sub(&request->server->bodies, request->capacity);
	free(request->body);
	request->body = NULL;
	request->size = request->capacity = 0;
}

static void refuse(struct http_request *request, unsigned int status)
{
	request->refused = status;
	forget_body(request);
}

/* What is refused is read to its end, or its sender would not hear why; not for ever. */
static enum MHD_Result take_body(struct http_request *request, const char *bytes, size_t size)
{
	const struct http_options *options = &request->server->options;

	if (clock_ns(CLOCK_MONOTONIC) - request->began_ns >
	    options->request_seconds_max * NS_PER_SECOND)
		return MHD_NO;
	if (request->refused)
		return MHD_YES;
	if (size > options->body_max - request->size) {
		refuse(request, MHD_HTTP_CONTENT_TOO_LARGE);
		return MHD_YES;
	}
	if (!reserve(request, request->size + size)) {
		refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE);
		return MHD_YES;
	}
	memcpy(request->body + request->size, bytes, size);
	request->size += size;
	return MHD_YES;
}

static void free_body(void *context)
{
	free(context);
}

static const char *refusal_text(unsigned int status)
{
	return status == MHD_HTTP_CONTENT_TOO_LARGE ? "{\"error\":\"the body is too large\"}\n"
						    : "{\"error\":\"too many bodies at once\"}\n";
}

/* No page of another site has what is answered here, or shows it in a frame. */
static void add_headers(struct MHD_Response *response, const struct http_answer *answer)
{
	static const char *const fixed[][2] = {
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "DENY" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
	};
	char seconds[16];

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		(void)MHD_add_response_header(response, fixed[i][0], fixed[i][1]);
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
	if (!answer->retry_after_s)
		return;
	(void)snprintf(seconds, sizeof(seconds), "%u", answer->retry_after_s);
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
}

static enum MHD_Result send_answer(struct http_request *request, struct http_answer *answer)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	response = MHD_create_response_from_buffer_with_free_callback(
		answer->size, answer->body ? (void *)answer->body : (void *)"",
		answer->body ? free_body : NULL);
	if (!response) {
		free(answer->body);
		return MHD_NO;
	}
	add_headers(response, answer);
	result = MHD_queue_response(request->connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer(struct http_request *request)
{
	const struct http_options *options = &request->server->options;
	struct http_answer answer = { .status = MHD_HTTP_INTERNAL_SERVER_ERROR,
				      .type = "application/json" };

	if (request->refused) {
		answer.status = request->refused;
		answer.body = strdup(refusal_text(request->refused));
		answer.size = answer.body ? strlen(answer.body) : 0;
		answer.retry_after_s = request->refused == MHD_HTTP_SERVICE_UNAVAILABLE ? 1 : 0;
	} else {
		options->handler(options->context, request, &answer);
	}
	/* While it is sent, others may have the room. */
	forget_body(request);
	return send_answer(request, &answer);
}

static struct http_request *new_request(struct http_server *server,
					struct MHD_Connection *connection, const char *path,
					const char *method)
{
	struct http_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	*request = (struct http_request){ .server = server,
					  .connection = connection,
					  .method = method,
					  .path = path,
					  .began_ns = clock_ns(CLOCK_MONOTONIC) };
	return request;
}

/* An MHD_AccessHandlerCallback: once with the headers, then with each part of the body, and at the
 * end without one. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **request_context)
{
	struct http_request *request = *request_context;

	(void)version;
	if (!request) {
		*request_context = new_request(context, connection, path, method);
		return *request_context ? MHD_YES : MHD_NO;
	}
	if (*upload_size) {
		size_t size = *upload_size;

		*upload_size = 0;
		return take_body(request, upload, size);
	}
	return answer(request);
}

/* An MHD_RequestCompletedCallback, also for those that came to no end. */
static void end_request(void *context, struct MHD_Connection *connection, void **request_context,
			enum MHD_RequestTerminationCode why)
{
	struct http_request *request = *request_context;

	(void)context;
	(void)connection;
	(void)why;
	if (!request)
		return;
	forget_body(request);
	free(request);
	*request_context = NULL;
}

static int parse_address(const struct http_options *options, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	*ret = (struct sockaddr_storage){ 0 };
	if (inet_pton(AF_INET, options->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(options->port);
		return 0;
	}
	if (inet_pton(AF_INET6, options->address, &v6->sin6_addr) != 1)
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(options->port);
	return 0;
}

/* What is said of a connection that breaks off is its own business. */
static void say_nothing(void *context, const char *format, va_list arguments)
{
	(void)context;
	(void)format;
	(void)arguments;
}

static int start(struct http_server *server)
{
	const struct http_options *options = &server->options;
	unsigned int flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ERROR_LOG;
	struct sockaddr_storage address;
	int err = parse_address(options, &address);
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)options->certificate },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)options->key },
		{ MHD_OPTION_END, 0, NULL },
	};

	if (err < 0)
		return err;
	if (address.ss_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	if (options->certificate)
		flags |= MHD_USE_TLS;
	else
		tls[0].option = MHD_OPTION_END;
	errno = 0;
	server->daemon = MHD_start_daemon(
		flags, options->port, NULL, NULL, handle, server, MHD_OPTION_EXTERNAL_LOGGER,
		say_nothing, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_ARRAY, tls,
		MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL, MHD_OPTION_THREAD_POOL_SIZE,
		THREADS, MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
		MHD_OPTION_CONNECTION_TIMEOUT, options->idle_seconds_max,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
	if (server->daemon)
		return 0;
	return errno ? -errno : -EIO;
}

int http_server_start(const struct http_options *options, struct http_server **ret)
{
	CLEANUP(cleanup_free) struct http_server *server = calloc(1, sizeof(*server));
	int err;

	if (!server)
		return -ENOMEM;
	server->options = *options;
	err = start(server);
	if (err < 0)
		return err;
	*ret = TAKE(server);
	return 0;
}

uint16_t http_server_port(const struct http_server *server)
{
	return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void http_server_stop(struct http_server *server)
{
	if (!server)
		return;
	MHD_stop_daemon(server->daemon);
	free(server);
}
