/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/descriptor_passing.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	int sockets[2];
	int pipes[2]; /* what is passed is the end that writes */
};

static int set_up(void **state)
{
	static struct fixture fixture;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fixture.sockets), 0);
	assert_int_equal(pipe2(fixture.pipes, O_NONBLOCK), 0);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	(void)close(fixture->sockets[0]);
	(void)close(fixture->sockets[1]);
	(void)close(fixture->pipes[0]);
	return 0;
}

/* Sends copies of the pipe's end, and then has none itself. */
static void send_copies(struct fixture *fixture, size_t count)
{
	const int fds[DESCRIPTORS_MAX] = { fixture->pipes[1], fixture->pipes[1] };

	assert_int_equal(descriptors_send(fixture->sockets[0], "abc", 3, fds, count, 0), 3);
	(void)close(fixture->pipes[1]);
}

static bool is_open_somewhere(const struct fixture *fixture)
{
	char byte;

	return read(fixture->pipes[0], &byte, 1) < 0 && errno == EAGAIN;
}

static void descriptors_come_with_the_message(void **state)
{
	struct fixture *fixture = *state;
	int fds[DESCRIPTORS_MAX];
	char bytes[8];
	size_t count;

	send_copies(fixture, 2);
	assert_int_equal(
		descriptors_receive(fixture->sockets[1], bytes, sizeof(bytes), fds, 2, &count, 0),
		3);
	assert_memory_equal(bytes, "abc", 3);
	assert_int_equal(count, 2);
	assert_true(is_open_somewhere(fixture));
	for (size_t i = 0; i < count; i++) {
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		(void)close(fds[i]);
	}
	assert_false(is_open_somewhere(fixture));
}

static void those_without_room_are_closed(void **state)
{
	struct fixture *fixture = *state;
	char bytes[8];
	size_t count;
	int fd;

	send_copies(fixture, 2);
	assert_int_equal(
		descriptors_receive(fixture->sockets[1], bytes, sizeof(bytes), &fd, 1, &count, 0),
		3);
	assert_int_equal(count, 1);
	(void)close(fd);
	assert_false(is_open_somewhere(fixture));
}

static void who_wants_none_keeps_none(void **state)
{
	struct fixture *fixture = *state;
	char bytes[8];
	size_t count = 7;

	send_copies(fixture, 2);
	assert_int_equal(
		descriptors_receive(fixture->sockets[1], bytes, sizeof(bytes), NULL, 0, &count, 0),
		3);
	assert_int_equal(count, 0);
	assert_false(is_open_somewhere(fixture));
}

static void errors_are_told(void **state)
{
	struct fixture *fixture = *state;
	char bytes[8];
	size_t count;

	(void)close(fixture->pipes[1]);
	assert_int_equal(descriptors_receive(fixture->sockets[1], bytes, sizeof(bytes), NULL, 0,
					     &count, MSG_DONTWAIT),
			 -EAGAIN);
	(void)shutdown(fixture->sockets[1], SHUT_RDWR);
	assert_int_equal(descriptors_send(fixture->sockets[0], "abc", 3, NULL, 0, 0), -EPIPE);
	assert_int_equal(
		descriptors_receive(fixture->sockets[0], bytes, sizeof(bytes), NULL, 0, &count, 0),
		0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(descriptors_come_with_the_message),
		TEST(those_without_room_are_closed),
		TEST(who_wants_none_keeps_none),
		TEST(errors_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
