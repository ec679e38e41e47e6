/* SPDX-License-Identifier: Apache-2.0 */
/* The server by what comes out of a socket: what is sent is not always what a client would send. */
#include "web/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define BODY_MAX        1000
#define BODIES_MAX      65536
#define CONNECTIONS_MAX 64
#define IDLE_SECONDS    2
#define REQUEST_SECONDS 1
#define ANSWER_SECONDS  60
#define WAIT_SECONDS    60
#define ANSWERS_MAX     (24 << 20)
#define LARGE           (16 << 20) /* more than sockets have room for; one at a time */
#define ANSWER_SIZE     4096
#define SLICE_MS        50
#define READERS         2

static int take_parameter(void *context, const char *name, const char *value)
{
	(void)fprintf(context, " %s=%s", name, value);
	return strcmp(name, "stop") == 0 ? -1 : 0;
}

/* Says what it was asked. */
static void echo(void *context, const struct http_request *request, struct http_answer *ret)
{
	const char *header = http_request_header(request, "authorization");
	FILE *out = open_memstream(&ret->body, &ret->size);
	size_t size;

	(void)context;
	assert_non_null(out);
	(void)http_request_body(request, &size);
	(void)fprintf(out, "%s %s", http_request_method(request), http_request_path(request));
	(void)http_request_parameters(request, take_parameter, out);
	(void)fprintf(out, " %zu bytes, %s", size, header ? header : "no header");
	assert_int_equal(fclose(out), 0);
	ret->status = 200;
	ret->type = "text/plain";
}

/* Where the handler of "/wait" waits. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned int waiting;
static bool may_go_on;

static void wait_for_all(void)
{
	(void)pthread_mutex_lock(&lock);
	waiting++;
	(void)pthread_cond_broadcast(&changed);
	while (!may_go_on)
		(void)pthread_cond_wait(&changed, &lock);
	waiting--;
	(void)pthread_mutex_unlock(&lock);
}

static void handle(void *context, const struct http_request *request, struct http_answer *ret)
{
	if (strcmp(http_request_path(request), "/large") == 0) {
		*ret = (struct http_answer){
			.status = 200, .type = "text/plain", .body = calloc(1, LARGE), .size = LARGE
		};
		assert_non_null(ret->body);
		return;
	}
	if (strcmp(http_request_path(request), "/wait") == 0)
		wait_for_all();
	echo(context, request, ret);
}

static enum http_way find_way(void *context, const struct http_request *request,
			      struct http_answer *ret)
{
	(void)context;
	if (strcmp(http_request_path(request), "/now") == 0)
		return HTTP_AT_ONCE;
	if (strcmp(http_request_path(request), "/closed") != 0)
		return strcmp(http_request_method(request), "GET") == 0 ? HTTP_BY_READERS
									: HTTP_BY_WRITERS;
	ret->status = 403;
	ret->type = "text/plain";
	return HTTP_REFUSED;
}

static int start(void **state)
{
	struct http_options options = {
		.address = "127.0.0.1",
		.body_max = BODY_MAX,
		.bodies_max = BODIES_MAX,
		.connections_max = CONNECTIONS_MAX,
		.idle_seconds_max = IDLE_SECONDS,
		.request_seconds_max = REQUEST_SECONDS,
		.answer_seconds_max = ANSWER_SECONDS,
		.wait_seconds_max = WAIT_SECONDS,
		.answers_max = ANSWERS_MAX,
		.writers = 2,
		.readers = READERS,
		.find_way = find_way,
		.handler = handle,
	};

	may_go_on = false;

	return http_server_start(&options, (struct http_server **)state);
}

static int stop(void **state)
{
	http_server_stop(*state);
	return 0;
}

static int connect_to(const struct http_server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(http_server_port(server)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool send_text(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* All that comes until the other side closes. */
static const char *read_answer(int fd, char ret[ANSWER_SIZE])
{
	size_t size = 0;
	ssize_t n;

	while (size < ANSWER_SIZE - 1 && (n = read(fd, ret + size, ANSWER_SIZE - 1 - size)) > 0)
		size += (size_t)n;
	ret[size] = '\0';
	return ret;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

/* One request on a connection of its own; the answer has to have this. */
static void check(const struct http_server *server, const char *request, const char *expected)
{
	CLEANUP(cleanup_fd) int fd = connect_to(server);
	char answer[ANSWER_SIZE];

	assert_true(send_text(fd, request));
	assert_has(read_answer(fd, answer), expected);
}

/* True: the other side closed, or sent something, before so long was over. */
static bool has_ended(int fd, int milliseconds)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	return poll(&entry, 1, milliseconds) == 1;
}

#define CLOSE "Host: a\r\nConnection: close\r\n"

static void what_is_asked_reaches_the_handler(void **state)
{
	check(*state, "GET /api/x?b=2&a=%41%26&c HTTP/1.1\r\n" CLOSE "\r\n",
	      "\r\n\r\nGET /api/x b=2 a=A& c= 0 bytes, no header");
	check(*state,
	      "POST /a%2Fb?a=1&stop=&b=2 HTTP/1.1\r\nAuthorization: Bearer x\r\n" CLOSE
	      "Content-Length: 3\r\n\r\nabc",
	      "POST /a/b a=1 stop= 3 bytes, Bearer x");
	check(*state,
	      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" CLOSE
	      "\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
	      "5 bytes");
}

static void answers_are_for_nobody_elses_pages(void **state)
{
	check(*state, "GET / HTTP/1.1\r\n" CLOSE "\r\n", "X-Content-Type-Options: nosniff");
	check(*state, "GET / HTTP/1.1\r\n" CLOSE "\r\n", "X-Frame-Options: DENY");
	check(*state, "GET / HTTP/1.1\r\n" CLOSE "\r\n",
	      "Cross-Origin-Resource-Policy: same-origin");
}

static void a_body_has_a_limit(void **state)
{
	char request[ANSWER_SIZE];
	int length = snprintf(request, sizeof(request),
			      "POST / HTTP/1.1\r\n" CLOSE "Content-Length: %d\r\n\r\n", BODY_MAX);

	memset(request + length, 'x', BODY_MAX);
	request[length + BODY_MAX] = '\0';
	check(*state, request, "1000 bytes");
	length = snprintf(request, sizeof(request),
			  "POST / HTTP/1.1\r\n" CLOSE "Content-Length: %d\r\n\r\n", BODY_MAX + 1);
	memset(request + length, 'x', BODY_MAX + 1);
	request[length + BODY_MAX + 1] = '\0';
	check(*state, request, "HTTP/1.1 413");
}

/* Each that is not there yet holds a part of the room, which is for four. */
static void all_bodies_together_have_one(void **state)
{
	const char *whole = "POST / HTTP/1.1\r\n" CLOSE "Content-Length: 1\r\n\r\nx";
	CLEANUP(cleanup_fd) int refused = -1;
	char answer[ANSWER_SIZE];
	int fds[4];

	for (int i = 0; i < 4; i++) {
		fds[i] = connect_to(*state);
		assert_true(send_text(fds[i],
				      "POST / HTTP/1.1\r\n" CLOSE "Content-Length: 2\r\n\r\nx"));
	}
	/* They are in several threads' hands, and cut off if the room never fills. */
	while (http_server_body_bytes(*state) < BODIES_MAX)
		for (int i = 0; i < 4; i++)
			assert_false(has_ended(fds[i], 1));
	refused = connect_to(*state);
	assert_true(send_text(refused, whole));
	assert_has(read_answer(refused, answer), "HTTP/1.1 503");
	assert_has(answer, "Retry-After: 1");
	for (int i = 0; i < 4; i++) {
		assert_true(send_text(fds[i], "y"));
		assert_has(read_answer(fds[i], answer), "2 bytes");
		(void)close(fds[i]);
	}
	check(*state, whole, "1 bytes");
}

static void nothing_is_kept_of_who_is_refused(void **state)
{
	CLEANUP(cleanup_fd) int fd = connect_to(*state);
	char answer[ANSWER_SIZE];

	assert_true(
		send_text(fd, "POST /closed HTTP/1.1\r\n" CLOSE "Content-Length: 900\r\n\r\nabc"));
	for (int i = 0; i < 10; i++) {
		assert_int_equal(http_server_body_bytes(*state), 0);
		assert_false(has_ended(fd, 1));
	}
	for (int i = 3; i < 900; i++)
		assert_true(send_text(fd, "x"));
	assert_has(read_answer(fd, answer), "HTTP/1.1 403");
	assert_int_equal(http_server_body_bytes(*state), 0);
}

/* As many as there are readers, and one more. */
static void who_takes_long_keeps_only_its_like_waiting(void **state)
{
	const char *slow = "GET /wait HTTP/1.1\r\n" CLOSE "\r\n";
	char answer[ANSWER_SIZE];
	int fds[READERS + 1];

	for (int i = 0; i <= READERS; i++) {
		fds[i] = connect_to(*state);
		assert_true(send_text(fds[i], slow));
	}
	(void)pthread_mutex_lock(&lock);
	while (waiting < READERS)
		(void)pthread_cond_wait(&changed, &lock);
	(void)pthread_mutex_unlock(&lock);
	check(*state, "POST / HTTP/1.1\r\n" CLOSE "Content-Length: 1\r\n\r\nx", "1 bytes");
	check(*state, "GET /now HTTP/1.1\r\n" CLOSE "\r\n", "GET /now");
	(void)pthread_mutex_lock(&lock);
	assert_int_equal(waiting, READERS);
	may_go_on = true;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
	for (int i = 0; i <= READERS; i++) {
		assert_has(read_answer(fds[i], answer), "GET /wait");
		(void)close(fds[i]);
	}
}

/* Who takes a large one slowly is in the way of other large ones, and of nothing else. */
static void answers_together_have_a_limit(void **state)
{
	static const char large[] = "GET /large HTTP/1.1\r\n" CLOSE "\r\n";
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(http_server_port(*state)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), room = 4096;
	char byte;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(send_text(fd, large));
	assert_int_equal(read(fd, &byte, 1), 1);
	check(*state, large, "HTTP/1.1 503");
	check(*state, "GET /x HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 200");
	check(*state, "POST /x HTTP/1.1\r\n" CLOSE "Content-Length: 3\r\n\r\nabc", "3 bytes");
	(void)close(fd);
}

/* One that is at work is answered, one that waits is told to come again. */
static void what_has_begun_is_answered_at_the_end(void **state)
{
	CLEANUP(cleanup_fd) int fd = connect_to(*state);
	char answer[ANSWER_SIZE];

	assert_true(send_text(fd, "GET /wait HTTP/1.1\r\n" CLOSE "\r\n"));
	(void)pthread_mutex_lock(&lock);
	while (waiting < 1)
		(void)pthread_cond_wait(&changed, &lock);
	may_go_on = true;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
	http_server_stop(*state);
	*state = NULL;
	assert_has(read_answer(fd, answer), "GET /wait");
}

static void headers_that_drip_are_cut_off(void **state)
{
	CLEANUP(cleanup_fd) int fd = connect_to(*state);
	int drops = 0;

	assert_true(send_text(fd, "GET / HTTP/1.1\r\nX: "));
	while (drops < 800 && !has_ended(fd, SLICE_MS) && send_text(fd, "x"))
		drops++;
	assert_in_range(drops, 1, 799);
}

static void half_a_request_harms_nobody(void **state)
{
	static const char *const halves[] = {
		"",
		"G",
		"GET / HTTP/1.1\r\nHost:",
		"POST / HTTP/1.1\r\n" CLOSE "Content-Length: 100\r\n\r\nabc",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" CLOSE "\r\nffffff\r\nabc",
	};

	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
		int fd = connect_to(*state);

		(void)send_text(fd, halves[i]);
		(void)close(fd);
	}
	check(*state, "GET /x HTTP/1.1\r\n" CLOSE "\r\n", "GET /x");
}

static void what_is_no_http_is_refused(void **state)
{
	char request[40000] = "GET / HTTP/1.1\r\nX: ";

	memset(request + strlen(request), 'x', 35000);
	(void)strcat(request, "\r\n\r\n");
	check(*state, request, "HTTP/1.1 431");
	check(*state, "GET / HTTP/1.1\r\nContent-Length: -1\r\n" CLOSE "\r\n", "HTTP/1.1 400");
	check(*state, "GET /x HTTP/1.1\r\n" CLOSE "\r\n", "GET /x");
}

static void a_body_that_drips_is_cut_off(void **state)
{
	CLEANUP(cleanup_fd) int fd = connect_to(*state);
	int drops = 0;

	assert_true(send_text(fd, "POST / HTTP/1.1\r\n" CLOSE "Content-Length: 900\r\n\r\n"));
	/* Never idle for long, and never there. */
	while (drops < 800 && !has_ended(fd, SLICE_MS) && send_text(fd, "x"))
		drops++;
	assert_in_range(drops, 1, 799);
}

static void who_says_nothing_is_cut_off(void **state)
{
	CLEANUP(cleanup_fd) int fd = connect_to(*state);
	char answer[ANSWER_SIZE];

	/* It ends by the server, or never. */
	(void)read_answer(fd, answer);
}

static void many_that_say_nothing_do_not_stay_in_the_way(void **state)
{
	int fds[2 * CONNECTIONS_MAX];

	for (int i = 0; i < 2 * CONNECTIONS_MAX; i++)
		fds[i] = connect_to(*state);
	for (int i = 0; i < 2 * CONNECTIONS_MAX; i++)
		(void)close(fds[i]);
	check(*state, "GET /x HTTP/1.1\r\n" CLOSE "\r\n", "GET /x");
}

static void an_address_has_to_be_one(void **state)
{
	struct http_options options = { .address = "localhost",
					.find_way = find_way,
					.handler = echo };
	struct http_server *server;

	(void)state;
	assert_int_equal(http_server_start(&options, &server), -EINVAL);
	options.address = "127.0.0.256";
	assert_int_equal(http_server_start(&options, &server), -EINVAL);
}

static void a_port_that_is_taken_is_told(void **state)
{
	struct http_options options = { .address = "127.0.0.1",
					.port = http_server_port(*state),
					.connections_max = CONNECTIONS_MAX,
					.find_way = find_way,
					.handler = echo };
	struct http_server *server;

	assert_int_equal(http_server_start(&options, &server), -EADDRINUSE);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(what_is_asked_reaches_the_handler),
		WITH_SERVER(answers_are_for_nobody_elses_pages),
		WITH_SERVER(a_body_has_a_limit),
		WITH_SERVER(all_bodies_together_have_one),
		WITH_SERVER(nothing_is_kept_of_who_is_refused),
		WITH_SERVER(who_takes_long_keeps_only_its_like_waiting),
		WITH_SERVER(answers_together_have_a_limit),
		WITH_SERVER(what_has_begun_is_answered_at_the_end),
		WITH_SERVER(headers_that_drip_are_cut_off),
		WITH_SERVER(half_a_request_harms_nobody),
		WITH_SERVER(what_is_no_http_is_refused),
		WITH_SERVER(a_body_that_drips_is_cut_off),
		WITH_SERVER(who_says_nothing_is_cut_off),
		WITH_SERVER(many_that_say_nothing_do_not_stay_in_the_way),
		cmocka_unit_test(an_address_has_to_be_one),
		WITH_SERVER(a_port_that_is_taken_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
