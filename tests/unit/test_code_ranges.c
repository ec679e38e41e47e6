/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/abi.h"
#include "symbolize/code_ranges.h"

#define FILE_SIZE 0x100000

static Elf64_Phdr code(uint64_t address, uint64_t offset, uint64_t size)
{
	return (Elf64_Phdr){ .p_type = PT_LOAD,
			     .p_flags = PF_R | PF_X,
			     .p_offset = offset,
			     .p_vaddr = address,
			     .p_filesz = size,
			     .p_memsz = size };
}

static int read_ranges(Elf64_Phdr *segments, size_t count, struct code_ranges *ret)
{
	struct elf_reader reader = {
		.fd = -1, .size = FILE_SIZE, .segments = segments, .segment_count = count
	};

	return code_ranges_read(&reader, ret);
}

static void executable_segments_are_code(void **state)
{
	Elf64_Phdr segments[] = { code(0x10000, 0, 0x1000), code(0x20123, 0x1000, 0x100),
				  code(0x40000, 0x2000, 0x1000), code(0x50000, 0x3000, 0) };
	struct code_ranges ranges;
	uint64_t end = 0x30000;

	(void)state;
	segments[0].p_flags = PF_R;
	segments[2].p_type = PT_NOTE;
	assert_int_equal(read_ranges(segments, 4, &ranges), 0);
	assert_int_equal(ranges.count, 1);
	assert_int_equal(ranges.base, 0x20000);
	assert_int_equal(ranges.base % UNWIND_BLOCK_SIZE, 0);
	assert_true(code_ranges_clip(&ranges, 0x20123, &end));
	assert_int_equal(end, 0x20223);
	end = 0x20200;
	assert_true(code_ranges_clip(&ranges, 0x20123, &end));
	assert_int_equal(end, 0x20200);
	assert_false(code_ranges_clip(&ranges, 0x20122, &end));
	assert_false(code_ranges_clip(&ranges, 0x20223, &end));
	assert_false(code_ranges_clip(&ranges, 0x10000, &end));
	assert_false(code_ranges_clip(&ranges, 0x40000, &end));
}

static void code_is_what_the_file_has_of_it(void **state)
{
	Elf64_Phdr segments[] = { code(0x10000, FILE_SIZE - 0x10, 1ull << 60),
				  code(0x20000, FILE_SIZE, 0x1000),
				  code(0x30000, UINT64_MAX, 0x1000) };
	struct code_ranges ranges;

	(void)state;
	assert_int_equal(read_ranges(segments, 3, &ranges), 0);
	assert_int_equal(ranges.count, 1);
	assert_int_equal(ranges.ranges[0].end, 0x10010);
}

static void code_around_the_end_of_memory_is_none(void **state)
{
	Elf64_Phdr segment = code(UINT64_MAX - 0xfff, 0, 0x1001);
	struct code_ranges ranges;

	(void)state;
	assert_int_equal(read_ranges(&segment, 1, &ranges), -ENODATA);
	assert_int_equal(read_ranges(NULL, 0, &ranges), -ENODATA);
}

static void code_has_a_limited_span(void **state)
{
	Elf64_Phdr segments[] = { code(CODE_SPAN_MAX, 0, 0x1000), code(0x1000, 0x1000, 0x1000) };
	struct code_ranges ranges;

	(void)state;
	assert_int_equal(read_ranges(segments, 2, &ranges), 0);
	segments[0].p_vaddr++;
	assert_int_equal(read_ranges(segments, 2, &ranges), -EFBIG);
	segments[0].p_vaddr = 1ull << 40;
	assert_int_equal(read_ranges(segments, 2, &ranges), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(executable_segments_are_code),
		cmocka_unit_test(code_is_what_the_file_has_of_it),
		cmocka_unit_test(code_around_the_end_of_memory_is_none),
		cmocka_unit_test(code_has_a_limited_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
