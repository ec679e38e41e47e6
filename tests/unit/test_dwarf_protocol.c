/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/dwarf_protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define BUFFER_SIZE 4096

/* Where the fields of one answer of one frame are: its count of frames, then the frame. */
#define COUNT_AT       0
#define INLINED_AT     8
#define NAME_LENGTH_AT 12
#define FILE_LENGTH_AT 14
#define NAME_AT        16

static const struct dwarf_frame chain[] = {
	{ .name = "inner", .file = "/src/a.h", .line = 7, .is_inlined = true },
	{ .name = "middle", .line = 0, .is_inlined = true },
	{ .name = NULL, .file = "/src/a.c", .line = 4000000000U },
};

#define CHAIN_LENGTH (sizeof(chain) / sizeof(chain[0]))

/* Freed at its size, so that reading beyond it is found out. */
static char *exactly(const char *bytes, size_t size)
{
	char *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	return copy;
}

static bool take(const char *bytes, size_t size, struct dwarf_answer *ret)
{
	size_t position = 0;

	return dwarf_answers_take(bytes, size, &position, ret) && position == size;
}

static void assert_same_text(const char *a, const char *b)
{
	if (a && b)
		assert_string_equal(a, b);
	else
		assert_true(!a && !b);
}

static void what_is_put_is_taken(void **state)
{
	char bytes[BUFFER_SIZE];
	struct dwarf_answers answers = { .bytes = bytes, .room = sizeof(bytes) };
	struct dwarf_answer answer;
	size_t position = 0;

	(void)state;
	assert_true(dwarf_answers_put(&answers, chain, CHAIN_LENGTH));
	assert_true(dwarf_answers_put(&answers, NULL, 0));
	assert_true(dwarf_answers_put(&answers, chain + 2, 1));
	assert_true(dwarf_answers_take(bytes, answers.size, &position, &answer));
	assert_int_equal(answer.count, CHAIN_LENGTH);
	for (size_t i = 0; i < answer.count; i++) {
		assert_same_text(answer.frames[i].name, chain[i].name);
		assert_same_text(answer.frames[i].file, chain[i].file);
		assert_int_equal(answer.frames[i].line, chain[i].line);
		assert_int_equal(answer.frames[i].is_inlined, chain[i].is_inlined);
	}
	assert_true(dwarf_answers_take(bytes, answers.size, &position, &answer));
	assert_int_equal(answer.count, 0);
	assert_false(answer.is_left_out);
	assert_true(dwarf_answers_take(bytes, answers.size, &position, &answer));
	assert_int_equal(answer.count, 1);
	assert_int_equal(position, answers.size);
	assert_false(dwarf_answers_take(bytes, answers.size, &position, &answer));
}

/* The other end may say more than ours would. */
static void frames_beyond_the_most_are_skipped(void **state)
{
	struct dwarf_frame frames[DWARF_FRAMES_MAX + 1];
	char bytes[BUFFER_SIZE];
	struct dwarf_answers answers = { .bytes = bytes, .room = sizeof(bytes) };
	struct dwarf_answer answer;

	(void)state;
	for (size_t i = 0; i <= DWARF_FRAMES_MAX; i++)
		frames[i] = chain[0];
	assert_true(dwarf_answers_put(&answers, frames, DWARF_FRAMES_MAX + 1));
	assert_true(take(bytes, answers.size, &answer));
	assert_int_equal(answer.count, DWARF_FRAMES_MAX);
	assert_string_equal(answer.frames[DWARF_FRAMES_MAX - 1].name, "inner");
}

static void every_truncation_is_refused(void **state)
{
	char bytes[BUFFER_SIZE];
	struct dwarf_answers answers = { .bytes = bytes, .room = sizeof(bytes) };
	struct dwarf_answer answer;

	(void)state;
	assert_true(dwarf_answers_put(&answers, chain, CHAIN_LENGTH));
	for (size_t size = 0; size < answers.size; size++) {
		CLEANUP(cleanup_free) char *cut = exactly(bytes, size);

		assert_false(take(cut, size, &answer));
	}
}

static bool takes_with(const struct dwarf_answers *answers, size_t at, const void *field,
		       size_t size)
{
	CLEANUP(cleanup_free) char *changed = exactly(answers->bytes, answers->size);
	struct dwarf_answer answer;

	memcpy(changed + at, field, size);
	return take(changed, answers->size, &answer);
}

static void every_lie_is_refused(void **state)
{
	static const uint32_t two = 2, most = UINT32_MAX - 1, left_out = UINT32_MAX, yes = 1;
	static const uint16_t lengths[] = { 0, 3, 5, 100, UINT16_MAX };
	char bytes[BUFFER_SIZE];
	struct dwarf_answers answers = { .bytes = bytes, .room = sizeof(bytes) };
	const struct dwarf_frame frame = { .name = "name", .file = "file", .line = 1 };
	const struct dwarf_frame nameless = { .file = "file" };

	(void)state;
	dwarf_answers_put(&answers, &frame, 1);
	assert_true(takes_with(&answers, NAME_AT, "NAME", 4));
	/* More frames than there are. */
	assert_false(takes_with(&answers, COUNT_AT, &two, sizeof(two)));
	assert_false(takes_with(&answers, COUNT_AT, &most, sizeof(most)));
	assert_false(takes_with(&answers, COUNT_AT, &left_out, sizeof(left_out)));
	assert_false(takes_with(&answers, INLINED_AT, &two, sizeof(two)));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_false(takes_with(&answers, NAME_LENGTH_AT, &lengths[i], 2));
		assert_false(takes_with(&answers, FILE_LENGTH_AT, &lengths[i], 2));
	}
	/* A name that ends before it ends, and one that does not end. */
	assert_false(takes_with(&answers, NAME_AT + 1, "", 1));
	assert_false(takes_with(&answers, NAME_AT + 4, "x", 1));
	/* Who is inlined has a name. */
	answers.size = 0;
	dwarf_answers_put(&answers, &nameless, 1);
	assert_false(takes_with(&answers, INLINED_AT, &yes, sizeof(yes)));
}

static void names_that_are_too_long_are_left_out(void **state)
{
	size_t room = 4 * (DWARF_TEXT_MAX + 1);
	CLEANUP(cleanup_free) char *bytes = malloc(room), *longest = malloc(DWARF_TEXT_MAX + 2);
	struct dwarf_answers answers = { .bytes = bytes, .room = room };
	struct dwarf_frame frame, frames[] = { { .is_inlined = true }, { .name = "outer" } };
	struct dwarf_answer answer;

	(void)state;
	assert_true(bytes && longest);
	memset(longest, 'x', DWARF_TEXT_MAX + 1);
	longest[DWARF_TEXT_MAX + 1] = '\0';
	frame = (struct dwarf_frame){ .name = longest, .file = longest, .line = 3 };
	assert_true(dwarf_answers_put(&answers, &frame, 1));
	assert_true(take(bytes, answers.size, &answer));
	assert_int_equal(answer.count, 1);
	assert_false(answer.is_left_out);
	assert_true(!answer.frames[0].name && !answer.frames[0].file && answer.frames[0].line == 3);
	/* Without the name of who is inlined, the chain is of no use. */
	answers.size = 0;
	frames[0].name = longest;
	assert_true(dwarf_answers_put(&answers, frames, 2));
	assert_true(take(bytes, answers.size, &answer));
	assert_int_equal(answer.count, 0);
	assert_true(answer.is_left_out);
	longest[DWARF_TEXT_MAX] = '\0';
	answers.size = 0;
	assert_true(dwarf_answers_put(&answers, frames, 2));
	assert_true(take(bytes, answers.size, &answer));
	assert_int_equal(answer.count, 2);
	assert_false(answer.is_left_out);
	assert_int_equal(strlen(answer.frames[0].name), DWARF_TEXT_MAX);
}

/* What follows it finds room in the next reply. */
static void what_finds_no_room_is_not_put(void **state)
{
	enum { SIZE = 1000 };
	CLEANUP(cleanup_free) char *bytes = malloc(SIZE);
	struct dwarf_answers answers = { .bytes = bytes, .room = SIZE };
	size_t position = 0, put = 0, size;
	struct dwarf_answer answer;

	(void)state;
	assert_non_null(bytes);
	while (dwarf_answers_put(&answers, chain, CHAIN_LENGTH))
		put++;
	assert_in_range(put, 2, SIZE);
	size = answers.size;
	assert_false(dwarf_answers_put(&answers, chain, CHAIN_LENGTH));
	assert_int_equal(answers.size, size);
	for (size_t i = 0; i < put; i++) {
		assert_true(dwarf_answers_take(bytes, size, &position, &answer));
		assert_int_equal(answer.count, CHAIN_LENGTH);
	}
	assert_int_equal(position, size);
	answers.size = 0;
	assert_true(dwarf_answers_put(&answers, chain, CHAIN_LENGTH));
}

static void what_would_find_no_room_alone_is_left_out(void **state)
{
	char bytes[100], text[sizeof(bytes)];
	struct dwarf_answers answers = { .bytes = bytes, .room = sizeof(bytes) };
	const struct dwarf_frame large = { .name = text };
	struct dwarf_answer answer;
	size_t position = 0;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_true(dwarf_answers_put(&answers, chain + 1, 1));
	assert_true(dwarf_answers_put(&answers, &large, 1));
	assert_true(dwarf_answers_put(&answers, chain + 1, 1));
	assert_true(dwarf_answers_take(bytes, answers.size, &position, &answer));
	assert_int_equal(answer.count, 1);
	assert_false(answer.is_left_out);
	assert_true(dwarf_answers_take(bytes, answers.size, &position, &answer));
	assert_int_equal(answer.count, 0);
	assert_true(answer.is_left_out);
	assert_true(dwarf_answers_take(bytes, answers.size, &position, &answer));
	assert_string_equal(answer.frames[0].name, "middle");
	assert_int_equal(position, answers.size);
}

static void descriptors_come_with_the_bytes(void **state)
{
	int sockets[2], pipes[2], fds[2] = { -1, -1 };
	char bytes[4] = "";
	size_t count = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(dwarf_send(sockets[0], "abcd", 4, pipes, 2, NULL), 0);
	assert_int_equal(dwarf_receive(sockets[1], bytes, 4, fds, 2, &count, NULL), 0);
	assert_memory_equal(bytes, "abcd", 4);
	assert_int_equal(count, 2);
	/* They are the ends of the same pipe, and not inherited. */
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(read(pipes[0], bytes, 1), 1);
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	(void)close(fds[0]);
	(void)close(fds[1]);
	/* Who wants none keeps none. */
	assert_int_equal(dwarf_send(sockets[0], "abcd", 4, pipes + 1, 1, NULL), 0);
	(void)close(pipes[1]);
	assert_int_equal(dwarf_receive(sockets[1], bytes, 4, NULL, 0, NULL, NULL), 0);
	assert_int_equal(read(pipes[0], bytes, 1), 0); /* nobody else holds the other end */
	(void)close(pipes[0]);
	(void)close(sockets[0]);
	assert_int_equal(dwarf_receive(sockets[1], bytes, 4, NULL, 0, NULL, NULL), -EPIPE);
	assert_int_equal(dwarf_send(sockets[1], bytes, 4, NULL, 0, NULL), -EPIPE);
	(void)close(sockets[1]);
}

static void neither_side_waits_beyond_the_deadline(void **state)
{
	CLEANUP(cleanup_free) char *bytes = calloc(1, DWARF_ANSWERS_SIZE_MAX);
	struct dwarf_wait wait = { clock_ns(CLOCK_MONOTONIC) + 1000000, -1 };
	int sockets[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	/* More than the socket takes, and nobody reads. */
	assert_int_equal(dwarf_send(sockets[0], bytes, DWARF_ANSWERS_SIZE_MAX, NULL, 0, &wait),
			 -ETIMEDOUT);
	assert_int_equal(dwarf_receive(sockets[0], bytes, 1, NULL, 0, NULL, &wait), -ETIMEDOUT);
	(void)close(sockets[0]);
	(void)close(sockets[1]);
}

static void descriptors_do_not_stay_open_where_bytes_are_missing(void **state)
{
	int sockets[2], pipes[2], fds[2];
	struct dwarf_wait wait = { .interrupt_fd = -1 };
	char bytes[8];
	size_t count = 7;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(dwarf_send(sockets[0], "abcd", 4, &pipes[1], 1, NULL), NULL);
	(void)close(pipes[1]);
	wait.deadline_ns = clock_ns(CLOCK_MONOTONIC) + 1000000;
	assert_int_equal(dwarf_receive(sockets[1], bytes, 8, fds, 2, &count, &wait), -ETIMEDOUT);
	assert_int_equal(count, 7);
	assert_int_equal(read(pipes[0], bytes, 1), 0); /* nobody else holds the other end */
	(void)close(pipes[0]);
	(void)close(sockets[0]);
	(void)close(sockets[1]);
}

static void waiting_can_be_interrupted(void **state)
{
	struct dwarf_wait wait = { 0 };
	int sockets[2], pipes[2];
	char bytes[4];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	wait.interrupt_fd = pipes[0];
	assert_int_equal(dwarf_receive(sockets[1], bytes, 4, NULL, 0, NULL, &wait), -EINTR);
	/* What is there is taken all the same. */
	assert_int_equal(dwarf_send(sockets[0], "abcd", 4, NULL, 0, &wait), NULL);
	assert_int_equal(dwarf_receive(sockets[1], bytes, 4, NULL, 0, NULL, &wait), NULL);
	assert_memory_equal(bytes, "abcd", 4);
	for (int i = 0; i < 2; i++) {
		(void)close(sockets[i]);
		(void)close(pipes[i]);
	}
}

/* Answers after somebody else has read what came on the other descriptor. */
static void an_interrupt_that_somebody_reads_is_not_for_us(void **state)
{
	struct dwarf_wait wait = { 0 };
	int sockets[2], pipes[2];
	char bytes[4];
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct dwarf_wait longer = { clock_ns(CLOCK_MONOTONIC) + 2 * DWARF_INTERRUPT_NS,
					     -1 };

		(void)read(pipes[0], bytes, 1);
		(void)dwarf_receive(sockets[0], bytes, 1, NULL, 0, NULL, &longer);
		(void)dwarf_send(sockets[0], "abcd", 4, NULL, 0, NULL);
		_exit(0);
	}
	wait.interrupt_fd = pipes[0];
	assert_int_equal(dwarf_receive(sockets[1], bytes, 4, NULL, 0, NULL, &wait), NULL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 2; i++) {
		(void)close(sockets[i]);
		(void)close(pipes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_taken),
		cmocka_unit_test(frames_beyond_the_most_are_skipped),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_lie_is_refused),
		cmocka_unit_test(names_that_are_too_long_are_left_out),
		cmocka_unit_test(what_finds_no_room_is_not_put),
		cmocka_unit_test(what_would_find_no_room_alone_is_left_out),
		cmocka_unit_test(descriptors_come_with_the_bytes),
		cmocka_unit_test(neither_side_waits_beyond_the_deadline),
		cmocka_unit_test(descriptors_do_not_stay_open_where_bytes_are_missing),
		cmocka_unit_test(waiting_can_be_interrupted),
		cmocka_unit_test(an_interrupt_that_somebody_reads_is_not_for_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
