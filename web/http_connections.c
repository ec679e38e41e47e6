/* SPDX-License-Identifier: Apache-2.0 */
#include "web/http_connections.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"

struct http_connection {
	struct http_connection *next, **link;
	int fd;
	enum http_phase phase;
	uint64_t since_ns;
};

static void cut_off(const struct http_connections *connections)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	for (const struct http_connection *one = connections->first; one; one = one->next) {
		uint64_t seconds_max = connections->seconds_max[one->phase];

		/* Whoever serves it finds it ended, and closes it. */
		if (seconds_max && now_ns - one->since_ns > seconds_max * NS_PER_SECOND)
			(void)shutdown(one->fd, SHUT_RDWR);
	}
}

static void *watch(void *context)
{
	struct http_connections *connections = context;
	struct timespec until;

	(void)pthread_mutex_lock(&connections->lock);
	while (!connections->is_ended) {
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		(void)pthread_cond_timedwait(&connections->ended, &connections->lock, &until);
		cut_off(connections);
	}
	(void)pthread_mutex_unlock(&connections->lock);
	return NULL;
}

int http_connections_start(struct http_connections *connections,
			   const uint64_t seconds_max[HTTP_PHASES])
{
	pthread_condattr_t attributes;
	int err;

	*connections = (struct http_connections){ 0 };
	memcpy(connections->seconds_max, seconds_max, sizeof(connections->seconds_max));
	(void)pthread_mutex_init(&connections->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&connections->ended, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	err = pthread_create(&connections->thread, NULL, watch, connections);
	if (!err)
		return 0;
	(void)pthread_cond_destroy(&connections->ended);
	(void)pthread_mutex_destroy(&connections->lock);
	return -err;
}

void http_connections_stop(struct http_connections *connections)
{
	(void)pthread_mutex_lock(&connections->lock);
	connections->is_ended = true;
	(void)pthread_cond_signal(&connections->ended);
	(void)pthread_mutex_unlock(&connections->lock);
	(void)pthread_join(connections->thread, NULL);
	(void)pthread_cond_destroy(&connections->ended);
	(void)pthread_mutex_destroy(&connections->lock);
}

struct http_connection *http_connections_add(struct http_connections *connections, int fd)
{
	struct http_connection *connection = malloc(sizeof(*connection));

	if (!connection)
		return NULL;
	*connection = (struct http_connection){ .fd = fd,
						.since_ns = clock_ns(CLOCK_MONOTONIC),
						.link = &connections->first };
	(void)pthread_mutex_lock(&connections->lock);
	connection->next = connections->first;
	if (connection->next)
		connection->next->link = &connection->next;
	connections->first = connection;
	(void)pthread_mutex_unlock(&connections->lock);
	return connection;
}

void http_connections_remove(struct http_connections *connections,
			     struct http_connection *connection)
{
	if (!connection)
		return;
	(void)pthread_mutex_lock(&connections->lock);
	*connection->link = connection->next;
	if (connection->next)
		connection->next->link = connection->link;
	(void)pthread_mutex_unlock(&connections->lock);
	free(connection);
}

void http_connection_enter(struct http_connections *connections, struct http_connection *connection,
			   enum http_phase phase)
{
	if (!connection)
		return;
	(void)pthread_mutex_lock(&connections->lock);
	connection->phase = phase;
	connection->since_ns = clock_ns(CLOCK_MONOTONIC);
	(void)pthread_mutex_unlock(&connections->lock);
}
