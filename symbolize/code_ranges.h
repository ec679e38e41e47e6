/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses of an ELF file are code: its executable segments, as far as the file has bytes.
 */
#ifndef EPROF_SYMBOLIZE_CODE_RANGES_H
#define EPROF_SYMBOLIZE_CODE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolize/elf_reader.h"

/* Instructions reach 2 GiB from where they are: no linked code is longer. */
#define CODE_SPAN_MAX (1ull << 31)

struct code_ranges {
	uint64_t base; /* a multiple of UNWIND_BLOCK_SIZE, at most a block below all code */
	size_t count;
	struct {
		uint64_t start, end;
	} ranges[ELF_SEGMENTS_MAX];
};

/* 0, or -errno with reader->error set: -ENODATA no code, -EFBIG code too far apart. */
int code_ranges_read(struct elf_reader *reader, struct code_ranges *ret);

/* Cuts [start, *end) to the code that start is in; false when it is in none. */
bool code_ranges_clip(const struct code_ranges *code, uint64_t start, uint64_t *end);

#endif
