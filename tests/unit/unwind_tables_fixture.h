/* SPDX-License-Identifier: Apache-2.0 */
/* A few slots and chunks, and binaries whose tables are as large as a test wants. */
#ifndef EPROF_TESTS_UNIT_UNWIND_TABLES_FIXTURE_H
#define EPROF_TESTS_UNIT_UNWIND_TABLES_FIXTURE_H

#include <stdbool.h>

#include "agent/unwind_tables.h"
#include "base/cleanup.h"
#include "tests/unit/cfi_bytes.h"
#include "tests/unit/unwind_test_maps.h"

#define SLOTS      12
#define CHUNKS     4
#define PAGE_WORDS (UNWIND_PAGE_SIZE / 4)
#define LONG_MS    20000

struct fixture {
	int slots_fd, chunks_fd;
	struct unwind_slot *slots; /* as the walker has them */
	struct unwind_tables *tables;
};

static inline int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture)
		return -1;
	fixture->slots_fd = test_array(sizeof(struct unwind_slot), SLOTS);
	fixture->chunks_fd = test_chunks_map(CHUNKS);
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	unwind_tables_free(fixture->tables);
	if (fixture->slots)
		(void)munmap(fixture->slots, SLOTS * sizeof(*fixture->slots));
	if (fixture->slots_fd >= 0)
		(void)close(fixture->slots_fd);
	if (fixture->chunks_fd >= 0)
		(void)close(fixture->chunks_fd);
	free(fixture);
	return 0;
}

/* Tables that may take so many chunks. */
static inline struct fixture *fixture_or_skip(void **state, uint32_t chunks)
{
	struct fixture *fixture = *state;
	struct unwind_tables_maps maps = { .slots = SLOTS, .chunks = CHUNKS };

	skip_without(fixture->slots_fd);
	skip_without(fixture->chunks_fd);
	fixture->slots = test_memory(fixture->slots_fd, SLOTS * sizeof(*fixture->slots));
	maps.slots_fd = fixture->slots_fd;
	maps.chunks_fd = fixture->chunks_fd;
	assert_int_equal(
		unwind_tables_new(&maps, (uint64_t)chunks * UNWIND_CHUNK_SIZE, &fixture->tables),
		0);
	return fixture;
}

/* A binary of one function, whose CFA is rsp + distance, and whose table has so many pages. */
static inline int binary(uint32_t pages, uint8_t distance)
{
	uint32_t blocks = pages * PAGE_WORDS / 2 - 16; /* of two words, and there are rules */
	struct cfi_image image = { .code_size = (uint64_t)blocks * UNWIND_BLOCK_SIZE };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	int fd;

	cfi_put_function(&image.eh_frame, common, 0, blocks * UNWIND_BLOCK_SIZE,
			 BYTES(0x0e, distance));
	fd = cfi_image_open(&image);
	cfi_image_done(&image);
	return fd;
}

static inline uint32_t add(struct fixture *fixture, int fd, const char *name)
{
	uint32_t slot = 0;

	assert_true(fd >= 0);
	assert_int_equal(unwind_tables_add(fixture->tables, fd, name, &slot), 0);
	assert_in_range(slot, 1, SLOTS - 1);
	return slot;
}

static inline struct unwind_tables_stats stats_of(struct fixture *fixture)
{
	struct unwind_tables_stats stats;

	unwind_tables_read_stats(fixture->tables, &stats);
	return stats;
}

static inline void wait_for_all(struct fixture *fixture)
{
	unwind_tables_wait(fixture->tables, LONG_MS);
}

static inline void want(struct fixture *fixture, uint32_t slot)
{
	unwind_tables_want(fixture->tables, slot, UNWIND_NOW, false);
	wait_for_all(fixture);
}

static inline void collect(struct fixture *fixture)
{
	unwind_tables_collect(fixture->tables);
	wait_for_all(fixture);
}

static inline uint32_t state_of(const struct fixture *fixture, uint32_t slot)
{
	return __atomic_load_n(&fixture->slots[slot].state, __ATOMIC_ACQUIRE);
}

/* A slot's table as it is in the maps is that of a file. */
static inline void check_table(const struct fixture *fixture, uint32_t slot, int fd)
{
	CLEANUP(unwind_table_done) struct unwind_table expected = { 0 };
	CLEANUP(cleanup_free) uint32_t *words = NULL;
	const struct unwind_slot *found = &fixture->slots[slot];
	const char *error;

	assert_int_equal(unwind_table_build(fd, &expected, &error), 0);
	assert_int_equal(state_of(fixture, slot), TABLE_READY);
	assert_true(found->code_start == expected.code_start);
	assert_int_equal(found->first_block, expected.first_block);
	assert_int_equal(found->block_count, expected.block_count);
	assert_int_equal(found->image % PAGE_WORDS, 0);
	words = read_chunks(fixture->chunks_fd, found->image, expected.word_count);
	assert_memory_equal(words, expected.words, expected.word_count * sizeof(*words));
}

#endif
