/* SPDX-License-Identifier: Apache-2.0 */
/* What a test asks the client of, and what it gets. */
#ifndef EPROF_TESTS_UNIT_DWARF_CLIENT_ANSWERS_H
#define EPROF_TESTS_UNIT_DWARF_CLIENT_ANSWERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/dwarf_client.h"
#include "tests/unit/dwarf_client_reader.h"

/* For what has to be answered: a test that waits that long fails by its own time limit. */
#define LONG_NS (1000 * NS_PER_SECOND)

/* For what is never answered, and time enough to start a reader. */
#define SHORT_NS (3 * NS_PER_SECOND)

struct answers {
	size_t count; /* calls */
	size_t frames;
	char name[WORD_SIZE];
	uint32_t lines[DWARF_LOOKUP_MAX];
};

static inline void take_answer(void *context, size_t index, const struct dwarf_frame *frames,
			       size_t count)
{
	struct answers *answers = context;

	assert_in_range(index, 0, DWARF_LOOKUP_MAX - 1);
	answers->count++;
	answers->frames += count;
	if (!count)
		return;
	answers->lines[index] = frames[0].line;
	(void)snprintf(answers->name, sizeof(answers->name), "%s", frames[0].name);
}

static inline struct dwarf_client *new_client(uint64_t request_ns_max)
{
	struct dwarf_client *client;

	assert_int_equal(dwarf_client_new(request_ns_max, &client), 0);
	return client;
}

static inline int file_saying(const char *word)
{
	int fd = memfd_create("word", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, word, strlen(word)), strlen(word));
	return fd;
}

static inline uint32_t open_file(struct dwarf_client *client, const char *word)
{
	uint32_t number = UINT32_MAX;

	assert_int_equal(dwarf_client_open(client, file_saying(word), -1, &number), 0);
	return number;
}

static inline int find(struct dwarf_client *client, uint32_t file, uint64_t address)
{
	struct answers answers = { 0 };

	return dwarf_client_find(client, file, &address, 1, take_answer, &answers);
}

static inline struct dwarf_client_stats stats_of(const struct dwarf_client *client)
{
	struct dwarf_client_stats stats;

	dwarf_client_read_stats(client, &stats);
	return stats;
}

/* The file still gives what it says. */
static inline void assert_answers(struct dwarf_client *client, uint32_t file, const char *word)
{
	struct answers answers = { 0 };
	uint64_t addresses[DWARF_LOOKUP_MAX];

	for (size_t i = 0; i < DWARF_LOOKUP_MAX; i++)
		addresses[i] = 100 + i;
	assert_int_equal(
		dwarf_client_find(client, file, addresses, DWARF_LOOKUP_MAX, take_answer, &answers),
		0);
	assert_int_equal(answers.count, DWARF_LOOKUP_MAX);
	assert_string_equal(answers.name, word);
	for (size_t i = 0; i < DWARF_LOOKUP_MAX; i++)
		assert_int_equal(answers.lines[i], 100 + i);
}

#endif
