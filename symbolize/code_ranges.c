/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/code_ranges.h"

#include <errno.h>

#include "bpf/abi.h"

int code_ranges_read(struct elf_reader *reader, struct code_ranges *ret)
{
	uint64_t lowest = UINT64_MAX, highest = 0;
	struct code_ranges code = { 0 };

	for (size_t i = 0; i < reader->segment_count; i++) {
		const Elf64_Phdr *segment = &reader->segments[i];
		uint64_t size = segment->p_filesz, start = segment->p_vaddr;

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) ||
		    segment->p_offset >= reader->size)
			continue;
		if (size > reader->size - segment->p_offset)
			size = reader->size - segment->p_offset;
		if (!size || start > UINT64_MAX - size)
			continue;
		code.ranges[code.count].start = start;
		code.ranges[code.count++].end = start + size;
		lowest = start < lowest ? start : lowest;
		highest = start + size > highest ? start + size : highest;
	}
	if (!code.count)
		return elf_reader_fail(reader, -ENODATA, "no code");
	code.base = lowest & ~(uint64_t)(UNWIND_BLOCK_SIZE - 1);
	if (highest - code.base > CODE_SPAN_MAX)
		return elf_reader_fail(reader, -EFBIG, "code in places too far apart");
	*ret = code;
	return 0;
}

bool code_ranges_clip(const struct code_ranges *code, uint64_t start, uint64_t *end)
{
	for (size_t i = 0; i < code->count; i++) {
		if (start < code->ranges[i].start || start >= code->ranges[i].end)
			continue;
		if (*end > code->ranges[i].end)
			*end = code->ranges[i].end;
		return true;
	}
	return false;
}
