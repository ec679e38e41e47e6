/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole request, as it comes out of a socket: the first byte chooses how much of it is the input.
 * What keeps profiles keeps nothing here; what it would be handed has to be what it may be handed.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "web/server.h"
#include "web/store_parts.h"

#define BODY_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void close_store(struct store *store)
{
	(void)store;
}

static int put(struct store *store, const struct store_profile *profile)
{
	(void)store;
	if (!profile->id[0] || !profile->service[0] || !profile->host[0] || !profile->kind[0] ||
	    !profile->unit[0] || profile->from_s >= profile->until_s)
		abort();
	return 0;
}

static int merge(struct store *store, const struct store_selector *selector, struct call_tree *tree,
		 struct store_merged *ret)
{
	static const struct frame frames[] = { { .name = "main" }, { .name = "f" } };

	(void)store;
	if (!selector->kind || selector->from_s >= selector->until_s)
		abort();
	*ret = (struct store_merged){ .profiles = 1, .until_s = 60, .unit = "nanoseconds" };
	return call_tree_add(tree, frames, 2, 1000000);
}

static int series(struct store *store, const struct store_selector *selector, uint64_t step_s,
		  const char *by, store_point_handler handler, void *context)
{
	const struct store_point point = {
		.value = by ? by : "", .state = "", .unit = "nanoseconds", .count = step_s
	};

	(void)store;
	(void)selector;
	return handler(context, &point);
}

static int values(struct store *store, const struct store_selector *selector, const char *name,
		  store_text_handler handler, void *context)
{
	(void)store;
	(void)selector;
	return handler(context, name ? name : "name");
}

static int delete_before(struct store *store, uint64_t time_s)
{
	(void)store;
	(void)time_s;
	return 0;
}

static int coarsen(struct store *store, uint64_t before_s, uint64_t step_s)
{
	(void)store;
	(void)before_s;
	(void)step_s;
	return 0;
}

static uint64_t version(struct store *store, uint64_t from_s, uint64_t until_s)
{
	(void)store;
	return from_s < until_s;
}

static int extent(struct store *store, struct store_extent *ret)
{
	(void)store;
	(void)ret;
	return 0;
}

static struct http_server *start(void)
{
	static const struct store_calls calls = {
		.close = close_store,
		.put = put,
		.merge = merge,
		.series = series,
		.values = values,
		.delete_before = delete_before,
		.coarsen = coarsen,
		.version = version,
		.extent = extent,
	};
	static struct store store = { &calls };
	static struct tokens tokens;
	static struct server_metrics metrics;
	static struct server server = { .store = &store, .tokens = &tokens, .is_open = true };
	struct http_options options = {
		.address = "127.0.0.1",
		.body_max = BODY_MAX,
		.bodies_max = 16 * BODY_MAX,
		.connections_max = 64,
		.idle_seconds_max = 5,
		.request_seconds_max = 5,
		.answer_seconds_max = 60,
		.wait_seconds_max = 60,
		.answers_max = 256 * BODY_MAX,
		.writers = 1,
		.readers = 1,
		.find_way = server_find_way,
		.handler = server_answer,
		.context = &server,
	};
	struct http_server *http;

	server_prepare(&server, &metrics);
	if (http_server_start(&options, &http) < 0)
		abort();
	return http;
}

static int connect_to(const struct http_server *http)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(http_server_port(http)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	return fd;
}

/* Ends in what begins with the input: it is the whole, the parameters, or the body. */
static const struct beginning {
	const char *text;
	bool is_body;
} beginnings[] = {
	{ "", false },
	{ "GET /api/v1/merge?kind=on-cpu&", false },
	{ "GET /api/v1/diff?kind=on-cpu&", false },
	{ "GET /api/v1/series?", false },
	{ "GET /api/v1/top?kind=on-cpu&", false },
	{ "GET /api/v1/callers?kind=on-cpu&", false },
	{ "POST /api/v1/profiles?id=1&service=s&host=h&kind=k&from=1&until=2", true },
	{ "POST /ingest?from=1&until=2&name=s.cpu%7Ba%3Db%7D", true },
	{ "POST /ingest?from=1&until=2&format=folded&name=", false },
	{ "POST /push.v1.PusherService/Push", true },
};

static void send_all(int fd, const void *bytes, size_t size)
{
	(void)send(fd, bytes, size, MSG_NOSIGNAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char end[] = " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
	static struct http_server *http;
	const struct beginning *beginning;
	char text[512], answer[4096];
	int fd;

	if (!http)
		http = start();
	if (size == 0 || size > BODY_MAX)
		return 0;
	beginning = &beginnings[data[0] % (sizeof(beginnings) / sizeof(beginnings[0]))];
	fd = connect_to(http);
	send_all(fd, beginning->text, strlen(beginning->text));
	if (beginning->is_body) {
		(void)snprintf(text, sizeof(text),
			       " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
			       "Content-Type: application/proto\r\nContent-Length: %zu\r\n\r\n",
			       size - 1);
		send_all(fd, text, strlen(text));
	}
	send_all(fd, data + 1, size - 1);
	if (!beginning->is_body)
		send_all(fd, end, strlen(end));
	(void)shutdown(fd, SHUT_WR);
	while (read(fd, answer, sizeof(answer)) > 0)
		;
	(void)close(fd);
	return 0;
}
