/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of debug information that does what the files say which it is handed. */
#ifndef EPROF_TESTS_UNIT_DWARF_CLIENT_READER_H
#define EPROF_TESTS_UNIT_DWARF_CLIENT_READER_H

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "agent/dwarf_protocol.h"
#include "agent/dwarf_server.h"

/* For what takes half of it each time. */
#define SLOW_REQUEST_NS NS_PER_SECOND

#define WORD_SIZE 16

/* What the files say that this reader has been handed. */
struct reader {
	char words[64][WORD_SIZE];
	uint32_t count;
	void *large; /* what it has until it rests */
};

#define LARGE_BYTES (64u << 20)

static inline void send_reply(const struct dwarf_reply *reply, const void *bytes, size_t sent)
{

	(void)dwarf_send(DWARF_SERVER_SOCKET, reply, sizeof(*reply), NULL, 0, NULL);
	if (sent)
		(void)dwarf_send(DWARF_SERVER_SOCKET, bytes, sent, NULL, 0, NULL);
}

static inline void answer_open(struct reader *reader, int fd)
{
	char *word = reader->words[reader->count];

	memset(word, 0, WORD_SIZE);
	(void)pread(fd, word, WORD_SIZE - 1, 0);
	(void)close(fd);
	if (!strcmp(word, "crash open"))
		(void)raise(SIGKILL);
	if (!strcmp(word, "refuse")) {
		send_reply(&(struct dwarf_reply){ .err = -ENOEXEC }, NULL, 0);
		return;
	}
	reader->count++;
	send_reply(&(struct dwarf_reply){ 0 }, NULL, 0);
}

/* One frame for each address: its name is what the file says, its line the address. */
static inline void answer_rightly(const char *word, const uint64_t *addresses, size_t count)
{
	static char bytes[DWARF_ANSWERS_SIZE_MAX];
	struct dwarf_answers answers = { .bytes = bytes, .room = sizeof(bytes) };

	for (size_t i = 0; i < count; i++) {
		struct dwarf_frame frame = { .name = word, .line = (uint32_t)addresses[i] };

		(void)dwarf_answers_put(&answers, &frame, 1);
	}
	send_reply(
		&(struct dwarf_reply){ .size = (uint32_t)answers.size, .count = (uint32_t)count },
		bytes, answers.size);
}

/* A name that finds no room even alone. */
static inline void answer_too_much(void)
{
	char bytes[WORD_SIZE], name[2 * WORD_SIZE];
	struct dwarf_answers answers = { .bytes = bytes, .room = sizeof(bytes) };

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)dwarf_answers_put(&answers, &(struct dwarf_frame){ .name = name }, 1);
	send_reply(&(struct dwarf_reply){ .size = (uint32_t)answers.size, .count = 1 }, bytes,
		   answers.size);
}

static inline void answer_slowly(const char *word, const uint64_t *addresses, size_t count)
{
	const struct timespec time = { .tv_nsec = SLOW_REQUEST_NS / 2 };

	(void)nanosleep(&time, NULL);
	answer_rightly(word, addresses, count);
}

static inline void answer_find(const char *word, const uint64_t *addresses, size_t count)
{
	static const char nonsense[64] = "\xff\xff\xff\xff what is this?";

	if (!strcmp(word, "crash"))
		(void)raise(SIGKILL);
	else if (!strcmp(word, "leave"))
		_exit(0);
	else if (!strcmp(word, "hang"))
		(void)pause();
	else if (!strcmp(word, "nonsense"))
		send_reply(&(struct dwarf_reply){ .size = sizeof(nonsense), .count = 1 }, nonsense,
			   sizeof(nonsense));
	else if (!strcmp(word, "too much"))
		send_reply(&(struct dwarf_reply){ .size = DWARF_ANSWERS_SIZE_MAX + 1, .count = 1 },
			   NULL, 0);
	else if (!strcmp(word, "promise"))
		send_reply(&(struct dwarf_reply){ .size = 1000, .count = 1 }, nonsense, 1);
	else if (!strcmp(word, "too few"))
		answer_rightly(word, addresses, count - 1);
	else if (!strcmp(word, "too many"))
		answer_rightly(word, addresses, count + 1);
	else if (!strcmp(word, "fail"))
		send_reply(&(struct dwarf_reply){ .err = -EIO }, NULL, 0);
	else if (!strcmp(word, "two by two"))
		answer_rightly(word, addresses, count > 2 ? 2 : count);
	else if (!strcmp(word, "left out"))
		answer_too_much();
	else if (!strcmp(word, "slow"))
		answer_slowly(word, addresses, count);
	else
		answer_rightly(word, addresses, count);
}

static inline void take_memory(struct reader *reader)
{
	if (reader->large)
		return;
	reader->large = mmap(NULL, LARGE_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (reader->large == MAP_FAILED)
		abort();
}

static inline void answer_rest(struct reader *reader, const char *word)
{
	if (!strcmp(word, "crash rest"))
		(void)raise(SIGKILL);
	if (!strcmp(word, "hang rest"))
		(void)pause();
	if (reader->large)
		(void)munmap(reader->large, LARGE_BYTES);
	reader->large = NULL;
	send_reply(&(struct dwarf_reply){ 0 }, NULL, 0);
}

static inline int read_for_client(void)
{
	static struct reader reader;
	static uint64_t addresses[DWARF_LOOKUP_MAX + 1];

	for (;;) {
		struct dwarf_request request;
		int fds[2] = { -1, -1 };
		size_t count = 0;

		if (dwarf_receive(DWARF_SERVER_SOCKET, &request, sizeof(request), fds, 2, &count,
				  NULL) < 0)
			return 0;
		if (request.kind == DWARF_OPEN) {
			if (count != 1 || request.file != reader.count)
				return 1;
			answer_open(&reader, fds[0]);
			continue;
		}
		if (request.kind == DWARF_REST && request.file < reader.count) {
			answer_rest(&reader, reader.words[request.file]);
			continue;
		}
		if (request.kind != DWARF_FIND || request.file >= reader.count ||
		    dwarf_receive(DWARF_SERVER_SOCKET, addresses,
				  request.count * sizeof(*addresses), NULL, 0, NULL, NULL) < 0)
			return 1;
		if (!strcmp(reader.words[request.file], "large"))
			take_memory(&reader);
		answer_find(reader.words[request.file], addresses, request.count);
	}
}

#endif
