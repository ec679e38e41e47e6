/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walker of bpf/unwind.bpf.h compiled for this machine: what it finds in maps and in the memory
 * of a process is arrays here, filled by a test. Its hooks have no context, so there is one of it.
 */
#ifndef EPROF_TESTS_UNIT_UNWIND_HOST_H
#define EPROF_TESTS_UNIT_UNWIND_HOST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/cdefs.h>

#include "bpf/abi.h"

#define HOST_REGIONS_MAX  64
#define HOST_SLOTS_MAX    16
#define HOST_CHUNKS_MAX   16
#define HOST_CHUNK_WORDS  (UNWIND_CHUNK_SIZE / 4)
#define HOST_PAGE_WORDS   (UNWIND_PAGE_SIZE / 4)
#define HOST_MAPPINGS_MAX (1u << UNWIND_MAPPINGS_SHIFT)
#define HOST_NUMBER       7 /* of the process that is walked */

/* Memory that can be read: from start on, and nothing behind its end. */
struct host_region {
	uint64_t start;
	const void *bytes;
	size_t size;
};

struct host {
	struct host_region regions[HOST_REGIONS_MAX];
	size_t region_count;
	struct unwind_mapping *mappings;
	uint32_t mapping_count;
	struct unwind_slot slots[HOST_SLOTS_MAX]; /* number 0 is for code without a file */
	uint32_t slot_count;
	char *chunks[HOST_CHUNKS_MAX]; /* each an allocation of its own: NULL there is none */
	uint32_t clock;
	uint32_t wanted[HOST_SLOTS_MAX];
	size_t wanted_count;
	size_t reads, mapping_reads; /* how often the hooks were asked */
	bool keeps_rules;            /* from walk to walk; else each test may change them */
};

static struct host host;

static inline long unwind_read_user(void *to, __u32 size, __u64 address)
{
	host.reads++;
	for (size_t i = 0; i < host.region_count; i++) {
		const struct host_region *region = &host.regions[i];
		uint64_t offset = address - region->start;

		if (offset > region->size || region->size - offset < size)
			continue;
		memcpy(to, (const char *)region->bytes + offset, size);
		return 0;
	}
	memset(to, 0, size); /* as the kernel does */
	return -14;
}

static inline const struct unwind_mapping *unwind_mapping_at(__u32 index)
{
	host.mapping_reads++;
	return index < host.mapping_count ? &host.mappings[index] : NULL;
}

static inline struct unwind_slot *unwind_slot_at(__u32 number)
{
	return number < host.slot_count ? &host.slots[number] : NULL;
}

static inline const char *unwind_chunk_at(__u32 number)
{
	return number < HOST_CHUNKS_MAX ? host.chunks[number] : NULL;
}

static inline void unwind_want(__u32 number, struct unwind_slot *slot)
{
	if (slot->wanted)
		return;
	slot->wanted = 1;
	host.wanted[host.wanted_count++] = number;
}

static inline __u32 unwind_clock(void)
{
	return host.clock;
}

#include "bpf/unwind.bpf.h"

/* What one walk found, its addresses in one piece. */
struct host_walk {
	struct unwind_state state;
	const uint64_t *addresses;
	size_t depth;
	int stop;
};

static inline void host_reset(void)
{
	for (size_t i = 0; i < HOST_CHUNKS_MAX; i++)
		free(host.chunks[i]);
	free(host.mappings);
	host = (struct host){
		.slots = { { .state = TABLE_FRAME_POINTERS } },
		.slot_count = 1,
		.clock = 1,
	};
	host.mappings = calloc(HOST_MAPPINGS_MAX, sizeof(*host.mappings));
	assert(host.mappings);
}

static inline void host_add_region(uint64_t start, const void *bytes, size_t size)
{
	assert(host.region_count < HOST_REGIONS_MAX);
	host.regions[host.region_count++] = (struct host_region){ start, bytes, size };
}

/* In the order of their starts, without overlap. */
static inline void host_add_mapping(uint64_t start, uint64_t size, uint64_t address, uint32_t slot)
{
	assert(host.mapping_count < HOST_MAPPINGS_MAX);
	host.mappings[host.mapping_count++] = (struct unwind_mapping){ .start = start,
								       .end = start + size,
								       .address = address,
								       .slot = slot,
								       .number = HOST_NUMBER };
}

/* Copies an image to a word offset of the chunks, which are made as they are needed. */
static inline void host_put_image(uint32_t place, const uint32_t *words, size_t count)
{
	assert(place % HOST_PAGE_WORDS == 0);
	for (size_t i = 0; i < count; i++) {
		size_t number = (place + i) / HOST_CHUNK_WORDS;

		assert(number < HOST_CHUNKS_MAX);
		if (!host.chunks[number])
			host.chunks[number] = calloc(1, UNWIND_CHUNK_SIZE);
		assert(host.chunks[number]);
		((uint32_t *)host.chunks[number])[(place + i) % HOST_CHUNK_WORDS] = words[i];
	}
}

static inline uint32_t host_add_slot(const struct unwind_slot *slot)
{
	assert(host.slot_count < HOST_SLOTS_MAX);
	host.slots[host.slot_count] = *slot;
	return host.slot_count++;
}

/* From offset on, counted from the first byte of the code, rule number .rule holds. */
struct host_row {
	uint32_t offset, rule;
};

/* The parts of a table, for host_add_table(). */
struct host_table {
	const struct unwind_rule *rules; /* number 0 is "no rule" */
	size_t rule_count;
	const struct host_row *rows; /* ascending */
	size_t row_count;
	uint64_t code_start;
	uint32_t block_count;
	uint32_t place; /* word offset in the chunks */
};

static inline size_t host_next_page(size_t word)
{
	return (word + HOST_PAGE_WORDS - 1) / HOST_PAGE_WORDS * HOST_PAGE_WORDS;
}

/* Writes the rows of one block from word *at on, and returns the block; *row is the next row. */
static inline struct unwind_block host_make_block(const struct host_table *table, uint32_t number,
						  uint32_t *words, size_t *at, size_t *row,
						  uint16_t *rule)
{
	uint32_t start = number * UNWIND_BLOCK_SIZE;
	struct unwind_row rows[UNWIND_BLOCK_SIZE];
	struct unwind_block block = { 0 };

	for (; *row < table->row_count; ++*row) {
		const struct host_row *from = &table->rows[*row];

		if (from->offset >= start + UNWIND_BLOCK_SIZE)
			break;
		if (from->offset > start)
			rows[block.row_count++] =
				(struct unwind_row){ (uint16_t)(from->offset - start),
						     (uint16_t)from->rule };
		else
			*rule = (uint16_t)from->rule;
	}
	block.rule = *rule;
	if (*at / HOST_PAGE_WORDS != (*at + block.row_count) / HOST_PAGE_WORDS)
		*at = host_next_page(*at);
	block.first_row = (uint32_t)*at;
	memcpy(words + *at, rows, block.row_count * sizeof(rows[0]));
	*at += block.row_count;
	if (block.row_count)
		*rule = rows[block.row_count - 1].rule;
	return block;
}

/* Makes the image, each part beginning on a page of its own, and a slot for it; its number. */
static inline uint32_t host_add_table(const struct host_table *table)
{
	size_t first_block = host_next_page(table->rule_count * sizeof(struct unwind_rule) / 4);
	size_t at = host_next_page(first_block + 2 * table->block_count);
	size_t size = at + (size_t)table->block_count * UNWIND_BLOCK_SIZE;
	uint32_t *words = calloc(size, sizeof(*words));
	uint16_t rule = 0;
	size_t row = 0;

	assert(words);
	memcpy(words, table->rules, table->rule_count * sizeof(*table->rules));
	for (uint32_t i = 0; i < table->block_count; i++) {
		struct unwind_block block = host_make_block(table, i, words, &at, &row, &rule);

		memcpy(words + first_block + 2 * (size_t)i, &block, sizeof(block));
	}
	host_put_image(table->place, words, at);
	free(words);
	return host_add_slot(&(struct unwind_slot){ .code_start = table->code_start,
						    .image = table->place,
						    .first_block = (uint32_t)first_block,
						    .block_count = table->block_count,
						    .state = TABLE_READY });
}

/* Walks from walk->state.pc and its registers; the process has all mappings of the host. */
static inline void host_walk(struct host_walk *walk)
{
	walk->state.process =
		(struct unwind_process){ .count = host.mapping_count, .number = HOST_NUMBER };
	if (!host.keeps_rules)
		memset(walk->state.known, 0, sizeof(walk->state.known));
	walk->stop = unwind_walk(&walk->state);
	walk->depth = walk->state.stack.depth;
	walk->addresses = (const uint64_t *)walk->state.stack.pc;
}

#endif
