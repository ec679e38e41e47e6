/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/cfi_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Read at one time. */
#define PIECE_SIZE (1u << 20)

/* Section headers are stripped from what has to be small. */
#define SCANNED_SIZE_MAX (64u << 20)

#define RECORD_ALIGN 4
#define LENGTH_SIZE  sizeof(uint32_t)

/* A common entry: its length, an identifier of 0, version 1, "zR" or with more letters between. */
#define COMMON_HEAD_SIZE 16
#define COMMON_SIZE_MAX  256
#define VERSION_OFFSET   8

/* What has to be in memory to decide on one place, so pieces overlap by it. */
#define WINDOW_SIZE (COMMON_HEAD_SIZE + COMMON_SIZE_MAX)

static uint32_t read_u32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* The offset of a common entry, and of the function's entry after it; size when there is none. */
static size_t find_common(const uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at + WINDOW_SIZE < size; at += RECORD_ALIGN) {
		const uint8_t *head = bytes + at;
		uint32_t length = read_u32(head);
		size_t next = at + LENGTH_SIZE + length;

		if (read_u32(head + LENGTH_SIZE) != 0 || head[VERSION_OFFSET] != 1 ||
		    head[VERSION_OFFSET + 1] != 'z')
			continue;
		/* The next entry points back to this one, from its own second word. */
		if (length < COMMON_HEAD_SIZE - LENGTH_SIZE || length > COMMON_SIZE_MAX ||
		    read_u32(bytes + next + LENGTH_SIZE) != next + LENGTH_SIZE - at)
			continue;
		return at;
	}
	return size;
}

static int scan_segment(struct elf_reader *reader, const Elf64_Phdr *segment, uint8_t *piece,
			uint64_t *budget, uint64_t *ret_address)
{
	uint64_t size = segment->p_filesz;

	for (uint64_t at = 0; at < size && *budget; at += PIECE_SIZE - WINDOW_SIZE) {
		size_t length = size - at < PIECE_SIZE ? (size_t)(size - at) : PIECE_SIZE;
		size_t found;
		int err;

		err = elf_reader_read(reader, segment->p_offset + at, piece, length);
		if (err < 0)
			return err;
		found = find_common(piece, length);
		if (found < length) {
			*ret_address = segment->p_vaddr + at + found;
			return 0;
		}
		*budget -= length < *budget ? length : *budget;
	}
	return -ENOENT;
}

int cfi_scan(struct elf_reader *reader, uint64_t *ret_address)
{
	CLEANUP(cleanup_free) uint8_t *piece = malloc(PIECE_SIZE);
	uint64_t budget = SCANNED_SIZE_MAX;
	int err = -ENOENT;

	if (!piece)
		return elf_reader_fail(reader, -ENOMEM, "out of memory");
	for (size_t i = 0; i < reader->segment_count && err == -ENOENT; i++) {
		const Elf64_Phdr *segment = &reader->segments[i];

		/* Call frame information is never written to. */
		if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
			err = scan_segment(reader, segment, piece, &budget, ret_address);
	}
	return err;
}
