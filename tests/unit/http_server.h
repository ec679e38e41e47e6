/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of a debuginfod server as it takes to test a client, on the loopback. What it answers
 * goes by the first byte of the build id that is asked for.
 */
#ifndef EPROF_TESTS_UNIT_HTTP_SERVER_H
#define EPROF_TESTS_UNIT_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Their first bytes; everything else is not found. */
#define HTTP_HAS_FILE  0xaa /* HTTP_FILE */
#define HTTP_IS_SILENT 0xcc /* never answers */
#define HTTP_IS_STUCK  0xdd /* begins to, and stops */

#define HTTP_FILE "what was asked for"

#define HTTP_REQUESTS_MAX 256

struct http_server {
	int listener;
	unsigned int port;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock. */
	int silent[HTTP_REQUESTS_MAX]; /* connections that wait for an answer */
	size_t silent_count, requests;
};

/* Also where assert() is compiled out. */
static inline void http_must(bool works)
{
	if (!works)
		abort();
}

/* Before http_server_start(), so that who forks knows the port, and has no thread yet. */
static inline void http_server_listen(struct http_server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);

	*server = (struct http_server){ .listener = -1 };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	http_must(server->listener >= 0);
	http_must(bind(server->listener, (struct sockaddr *)&address, size) == 0);
	http_must(listen(server->listener, HTTP_REQUESTS_MAX) == 0);
	http_must(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0);
	server->port = ntohs(address.sin_port);
	(void)pthread_mutex_init(&server->lock, NULL);
	(void)pthread_cond_init(&server->changed, NULL);
}

static inline void http_send(int connection, const char *text)
{
	(void)send(connection, text, strlen(text), MSG_NOSIGNAL);
}

/* True: the connection is to stay open. */
static inline bool http_answer(int connection, const char *request)
{
	static const char path[] = "GET /buildid/";
	unsigned int first = 0;

	if (strncmp(request, path, sizeof(path) - 1) == 0)
		(void)sscanf(request + sizeof(path) - 1, "%2x", &first);
	if (first == HTTP_IS_SILENT)
		return true;
	if (first == HTTP_IS_STUCK)
		http_send(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc");
	else if (first == HTTP_HAS_FILE)
		http_send(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" HTTP_FILE);
	else
		http_send(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
				      "Connection: close\r\n\r\n");
	return first == HTTP_IS_STUCK;
}

static inline void http_serve(struct http_server *server, int connection)
{
	char request[4096] = "";
	size_t size = 0;
	bool stays;

	while (size < sizeof(request) - 1 && !strstr(request, "\r\n\r\n")) {
		ssize_t n = recv(connection, request + size, sizeof(request) - 1 - size, 0);

		if (n <= 0)
			break;
		size += (size_t)n;
		request[size] = '\0';
	}
	/* Counted first: who has the answer may ask how many there were. */
	(void)pthread_mutex_lock(&server->lock);
	server->requests++;
	(void)pthread_mutex_unlock(&server->lock);
	stays = http_answer(connection, request);
	(void)pthread_mutex_lock(&server->lock);
	if (stays && server->silent_count < HTTP_REQUESTS_MAX)
		server->silent[server->silent_count++] = connection;
	(void)pthread_cond_broadcast(&server->changed);
	(void)pthread_mutex_unlock(&server->lock);
	if (!stays)
		(void)close(connection);
}

static inline void *http_run(void *context)
{
	struct http_server *server = context;
	int connection;

	while ((connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		http_serve(server, connection);
	return NULL;
}

static inline void http_server_start(struct http_server *server)
{
	http_must(pthread_create(&server->thread, NULL, http_run, server) == 0);
}

static inline size_t http_server_requests(struct http_server *server)
{
	size_t count;

	(void)pthread_mutex_lock(&server->lock);
	count = server->requests;
	(void)pthread_mutex_unlock(&server->lock);
	return count;
}

/* Waits until a client waits for an answer; which does not come. The connection stays ours. */
static inline int http_server_wait(struct http_server *server)
{
	int connection;

	(void)pthread_mutex_lock(&server->lock);
	while (!server->silent_count)
		(void)pthread_cond_wait(&server->changed, &server->lock);
	connection = server->silent[0];
	(void)pthread_mutex_unlock(&server->lock);
	return connection;
}

/* Waits until the client has given up. */
static inline void http_wait_for_end(int connection)
{
	char byte;

	while (recv(connection, &byte, 1, 0) > 0)
		;
}

static inline void http_server_stop(struct http_server *server)
{
	(void)shutdown(server->listener, SHUT_RDWR);
	(void)pthread_join(server->thread, NULL);
	(void)close(server->listener);
	for (size_t i = 0; i < server->silent_count; i++)
		(void)close(server->silent[i]);
	(void)pthread_mutex_destroy(&server->lock);
	(void)pthread_cond_destroy(&server->changed);
}

#endif
