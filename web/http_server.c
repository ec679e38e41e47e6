/* SPDX-License-Identifier: Apache-2.0 */
#include "web/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "web/http_parts.h"

/* Of connections; none of them waits for anything else. */
#define THREADS 2

/* What has been answered when the server ends is sent for so long. */
#define LINGER_SECONDS 2

/* Of one connection, outside of bodies: the request's line and headers are in it. */
#define CONNECTION_BYTES 32768

#define BODY_FIRST 16384

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

static const char *refusal_text(unsigned int status)
{
	return status == MHD_HTTP_CONTENT_TOO_LARGE ? "{\"error\":\"the body is too large\"}\n"
						    : "{\"error\":\"too much at once\"}\n";
}

static void refuse(struct http_request *request, unsigned int status)
{
	struct http_answer *answer = &request->answer;

	answer->status = status;
	answer->type = "application/json";
	answer->body = strdup(refusal_text(status));
	answer->size = answer->body ? strlen(answer->body) : 0;
	answer->retry_after_s = status == MHD_HTTP_SERVICE_UNAVAILABLE ? 1 : 0;
	(void)atomic_fetch_add(status == MHD_HTTP_CONTENT_TOO_LARGE ? &request->server->too_large
								    : &request->server->busy,
			       1);
	request->is_answered = true;
	forget_body(request);
}

/* What is refused is read to its end, or its sender would not hear why; not for ever. */
static enum MHD_Result take_body(struct http_request *request, const char *bytes, size_t size)
{
	const struct http_options *options = &request->server->options;

	if (clock_ns(CLOCK_MONOTONIC) - request->began_ns >
	    options->request_seconds_max * NS_PER_SECOND)
		return MHD_NO;
	if (request->is_answered)
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

static struct http_connection *connection_of(const struct http_request *request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void enter(const struct http_request *request, enum http_phase phase)
{
	http_connection_enter(&request->server->connections, connection_of(request), phase);
}

/*
 * Whoever takes them slowly holds their memory. What is small does not count, so that a profile
 * that has been kept is acknowledged whoever reads beside.
 */
static void reserve_answer(struct http_request *request)
{
	struct http_server *server = request->server;
	size_t size = request->answer.size;

	if (size <= HTTP_ANSWER_SMALL)
		return;
	if (atomic_fetch_add(&server->answers, size) + size <= server->options.answers_max) {
		request->answer_bytes = size;
		return;
	}
	(void)atomic_fetch_sub(&server->answers, size);
	free(request->answer.body);
	request->answer = (struct http_answer){ 0 };
	refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE);
}

static enum MHD_Result send_answer(struct http_request *request)
{
	struct http_answer *answer = &request->answer;
	struct MHD_Response *response;
	enum MHD_Result result;

	reserve_answer(request);
	response = MHD_create_response_from_buffer_with_free_callback(
		answer->size, answer->body ? (void *)answer->body : (void *)"",
		answer->body ? free_body : NULL);
	if (!response)
		return MHD_NO;
	answer->body = NULL;
	http_add_headers(response, answer);
	enter(request, HTTP_ANSWERING);
	result = MHD_queue_response(request->connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

static void make_answer(struct http_request *request)
{
	const struct http_options *options = &request->server->options;

	request->answer = (struct http_answer){ .status = MHD_HTTP_INTERNAL_SERVER_ERROR,
						.type = "application/json" };
	options->handler(options->context, request, &request->answer);
	/* While it is sent, others may have the room. */
	forget_body(request);
}

/* Whether nobody waits for the answer to a question, as far as the connection tells. */
static bool is_abandoned(const struct http_request *request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char byte;

	return request->way == HTTP_BY_READERS && info &&
	       recv(info->connect_fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* An http_job_handler. */
static void do_job(struct http_job *job, bool is_late)
{
	struct http_request *request = (struct http_request *)job;
	struct MHD_Connection *connection = request->connection;
	uint64_t waited_ns = clock_ns(CLOCK_MONOTONIC) - request->waits_ns;

	if (is_late || is_abandoned(request) ||
	    waited_ns > request->server->options.wait_seconds_max * NS_PER_SECOND)
		refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE);
	else
		make_answer(request);
	/* From here on it is the connection's thread's. */
	request->is_answered = true;
	MHD_resume_connection(connection);
}

/* Whoever is not refused, or can be answered at once, is left alone until a worker is done. */
static enum MHD_Result go_on(struct http_request *request)
{
	struct http_server *server = request->server;
	struct http_workers *workers;

	if (!request->is_answered && request->way == HTTP_AT_ONCE) {
		make_answer(request);
		request->is_answered = true;
	}
	if (request->is_answered)
		return send_answer(request);
	enter(request, HTTP_WORKING);
	request->waits_ns = clock_ns(CLOCK_MONOTONIC);
	MHD_suspend_connection(request->connection);
	workers = request->way == HTTP_BY_WRITERS ? &server->writers : &server->readers;
	if (!http_workers_give(workers, &request->job))
		do_job(&request->job, true);
	return MHD_YES;
}

static struct http_request *new_request(struct http_server *server,
					struct MHD_Connection *connection, const char *path,
					const char *method)
{
	const struct http_options *options = &server->options;
	struct http_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	*request = (struct http_request){ .server = server,
					  .connection = connection,
					  .method = method,
					  .path = path,
					  .began_ns = clock_ns(CLOCK_MONOTONIC) };
	request->way = options->find_way(options->context, request, &request->answer);
	request->is_answered = request->way == HTTP_REFUSED;
	(void)pthread_mutex_lock(&server->lock);
	server->requests++;
	(void)pthread_mutex_unlock(&server->lock);
	return request;
}

/* An MHD_AccessHandlerCallback: once with the headers, then with each part of the body, at the end
 * without one, and again when a worker has answered. */
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
	return go_on(request);
}

/* An MHD_RequestCompletedCallback, also for those that came to no end. */
static void end_request(void *context, struct MHD_Connection *connection, void **request_context,
			enum MHD_RequestTerminationCode why)
{
	struct http_request *request = *request_context;
	struct http_server *server = context;

	(void)connection;
	(void)why;
	if (!request)
		return;
	enter(request, HTTP_ASKING);
	(void)atomic_fetch_sub(&server->answers, request->answer_bytes);
	forget_body(request);
	free(request->answer.body);
	free(request);
	*request_context = NULL;
	(void)pthread_mutex_lock(&server->lock);
	if (--server->requests == 0)
		(void)pthread_cond_signal(&server->changed);
	(void)pthread_mutex_unlock(&server->lock);
}

/* An MHD_NotifyConnectionCallback. */
static void note_connection(void *context, struct MHD_Connection *connection,
			    void **connection_context, enum MHD_ConnectionNotificationCode what)
{
	struct http_server *server = context;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*connection_context =
			info ? http_connections_add(&server->connections, info->connect_fd) : NULL;
		return;
	}
	http_connections_remove(&server->connections, *connection_context);
	*connection_context = NULL;
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

static int start_daemon(struct http_server *server)
{
	const struct http_options *options = &server->options;
	unsigned int flags =
		MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME;
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
		MHD_OPTION_NOTIFY_COMPLETED, end_request, server, MHD_OPTION_NOTIFY_CONNECTION,
		note_connection, server, MHD_OPTION_THREAD_POOL_SIZE, (unsigned int)THREADS,
		MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->address_connections_max,
		MHD_OPTION_CONNECTION_TIMEOUT, options->idle_seconds_max,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
	if (server->daemon)
		return 0;
	return errno ? -errno : -EIO;
}

static int start_threads(struct http_server *server)
{
	const struct http_options *options = &server->options;
	const uint64_t seconds_max[HTTP_PHASES] = {
		/* What goes before the request may be idle. */
		[HTTP_ASKING] = (uint64_t)options->idle_seconds_max + options->request_seconds_max,
		[HTTP_ANSWERING] = options->answer_seconds_max,
	};
	int err = http_connections_start(&server->connections, seconds_max);

	server->has_connections = !err;
	if (!err) {
		server->has_writers = true;
		err = http_workers_start(&server->writers, options->writers, do_job);
	}
	if (!err) {
		server->has_readers = true;
		err = http_workers_start(&server->readers, options->readers, do_job);
	}
	return err;
}

static void cleanup_server(struct http_server **server)
{
	http_server_stop(*server);
}

int http_server_start(const struct http_options *options, struct http_server **ret)
{
	CLEANUP(cleanup_server) struct http_server *server = calloc(1, sizeof(*server));
	pthread_condattr_t attributes;
	int err;

	if (!server)
		return -ENOMEM;
	server->options = *options;
	(void)pthread_mutex_init(&server->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&server->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	err = start_threads(server);
	if (!err)
		err = start_daemon(server);
	if (err < 0)
		return err;
	*ret = TAKE(server);
	return 0;
}

uint16_t http_server_port(const struct http_server *server)
{
	return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

unsigned int http_server_connections(const struct http_server *server)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	return info ? info->num_connections : 0;
}

size_t http_server_body_bytes(const struct http_server *server)
{
	return atomic_load(&server->bodies);
}

struct http_refusals http_server_refusals(const struct http_server *server)
{
	return (struct http_refusals){ .too_large = atomic_load(&server->too_large),
				       .busy = atomic_load(&server->busy) };
}

/* What is answered by now is on its way. */
static void wait_for_answers(struct http_server *server)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LINGER_SECONDS;
	(void)pthread_mutex_lock(&server->lock);
	while (server->requests > 0 &&
	       pthread_cond_timedwait(&server->changed, &server->lock, &until) == 0)
		;
	(void)pthread_mutex_unlock(&server->lock);
}

void http_server_stop(struct http_server *server)
{
	if (!server)
		return;
	if (server->daemon) {
		int fd = MHD_quiesce_daemon(server->daemon);

		cleanup_fd(&fd);
	}
	/* No connection may be in their hands when the daemon ends. */
	if (server->has_writers)
		http_workers_stop(&server->writers);
	if (server->has_readers)
		http_workers_stop(&server->readers);
	if (server->daemon) {
		wait_for_answers(server);
		MHD_stop_daemon(server->daemon);
	}
	if (server->has_writers)
		http_workers_done(&server->writers);
	if (server->has_readers)
		http_workers_done(&server->readers);
	if (server->has_connections)
		http_connections_stop(&server->connections);
	(void)pthread_cond_destroy(&server->changed);
	(void)pthread_mutex_destroy(&server->lock);
	free(server);
}
