/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "symbolize/dwarf_reader.h"
#include "tests/unit/cfi_bytes.h"

#define ADDRESS 0x1001

static const struct dwarf_bases no_bases;

static uint64_t uleb(const uint8_t *bytes, size_t size, bool *ret_failed)
{
	struct dwarf_reader reader = dwarf_reader_of(bytes, size, ADDRESS);
	uint64_t value = dwarf_uleb128(&reader);

	*ret_failed = reader.failed;
	if (!reader.failed)
		assert_int_equal(dwarf_left(&reader), 0);
	return value;
}

static int64_t sleb(const uint8_t *bytes, size_t size, bool *ret_failed)
{
	struct dwarf_reader reader = dwarf_reader_of(bytes, size, ADDRESS);
	int64_t value = dwarf_sleb128(&reader);

	*ret_failed = reader.failed;
	if (!reader.failed)
		assert_int_equal(dwarf_left(&reader), 0);
	return value;
}

static void unsigned_numbers_have_seven_bits_in_each_byte(void **state)
{
	bool failed;

	(void)state;
	assert_int_equal(uleb(BYTES(0), &failed), 0);
	assert_int_equal(uleb(BYTES(0x7f), &failed), 127);
	assert_int_equal(uleb(BYTES(0x80, 1), &failed), 128);
	assert_int_equal(uleb(BYTES(0xe5, 0x8e, 0x26), &failed), 624485);
	assert_false(failed);
	/* Padding is a way to write numbers, too. */
	assert_int_equal(uleb(BYTES(0x83, 0x80, 0x00), &failed), 3);
	assert_false(failed);
	assert_true(uleb(BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), &failed) ==
		    UINT64_MAX);
	assert_false(failed);
}

static void signed_numbers_extend_their_sign(void **state)
{
	bool failed;

	(void)state;
	assert_int_equal(sleb(BYTES(0x3f), &failed), 63);
	assert_int_equal(sleb(BYTES(0x40), &failed), -64);
	assert_int_equal(sleb(BYTES(0x78), &failed), -8);
	assert_int_equal(sleb(BYTES(0xc0, 0), &failed), 64);
	assert_int_equal(sleb(BYTES(0x80, 0x7f), &failed), -128);
	assert_int_equal(sleb(BYTES(0xff, 0xff, 0x7f), &failed), -1);
	assert_false(failed);
	assert_true(sleb(BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f),
			 &failed) == INT64_MIN);
	assert_false(failed);
}

static void numbers_beyond_64_bits_fail(void **state)
{
	bool failed;

	(void)state;
	(void)uleb(BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2), &failed);
	assert_true(failed);
	(void)uleb(BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0), &failed);
	assert_true(failed);
	(void)sleb(BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1), &failed);
	assert_true(failed);
}

static void what_is_cut_fails_and_leaves_nothing(void **state)
{
	static const uint8_t bytes[] = { 0x80, 0x80, 0x80 };
	struct dwarf_reader reader;
	bool failed;

	(void)state;
	assert_int_equal(uleb(BYTES(0x80), &failed), 0);
	assert_true(failed);
	assert_int_equal(sleb(BYTES(0xff, 0xff), &failed), 0);
	assert_true(failed);
	(void)uleb(NOTHING, &failed);
	assert_true(failed);
	reader = dwarf_reader_of(bytes, sizeof(bytes), ADDRESS);
	assert_int_equal(dwarf_u32(&reader), 0);
	assert_true(reader.failed);
	assert_int_equal(dwarf_left(&reader), 0);
	assert_int_equal(dwarf_u8(&reader), 0);
	reader = dwarf_reader_of(bytes, sizeof(bytes), ADDRESS);
	assert_null(dwarf_bytes(&reader, UINT64_MAX));
	assert_true(reader.failed);
}

static void fixed_numbers_are_little_endian(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct dwarf_reader reader = dwarf_reader_of(bytes, sizeof(bytes), ADDRESS);

	(void)state;
	assert_int_equal(dwarf_u8(&reader), 1);
	assert_int_equal(dwarf_u16(&reader), 0x0302);
	assert_int_equal(dwarf_u32(&reader), 0x07060504);
	assert_int_equal(dwarf_address(&reader), ADDRESS + 7);
	assert_int_equal(dwarf_u64(&reader), 0x0f0e0d0c0b0a0908);
	assert_false(reader.failed);
}

static uint64_t pointer(uint8_t encoding, const struct dwarf_bases *bases, const uint8_t *bytes,
			size_t size, bool *ret_failed)
{
	struct dwarf_reader reader = dwarf_reader_of(bytes, size, ADDRESS);
	struct dwarf_reader skipped = reader;
	uint64_t value = dwarf_pointer(&reader, encoding, bases);

	*ret_failed = reader.failed;
	if (!reader.failed) {
		dwarf_skip_pointer(&skipped, encoding);
		assert_ptr_equal(skipped.at, reader.at);
		assert_int_equal(dwarf_left(&reader), 0);
	}
	return value;
}

static void pointers_come_in_every_format(void **state)
{
	static const struct {
		uint8_t encoding;
		uint64_t value;
		size_t size;
	} cases[] = {
		{ DW_EH_PE_absptr, 0xfefdfcfbfaf9f8f7, 8 },
		{ DW_EH_PE_udata2, 0xf8f7, 2 },
		{ DW_EH_PE_udata4, 0xfaf9f8f7, 4 },
		{ DW_EH_PE_udata8, 0xfefdfcfbfaf9f8f7, 8 },
		{ DW_EH_PE_sdata2, 0xfffffffffffff8f7, 2 },
		{ DW_EH_PE_sdata4, 0xfffffffffaf9f8f7, 4 },
		{ DW_EH_PE_sdata8, 0xfefdfcfbfaf9f8f7, 8 },
	};
	static const uint8_t bytes[] = { 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe };
	bool failed;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t encoding = cases[i].encoding;

		assert_true(pointer(encoding, &no_bases, bytes, cases[i].size, &failed) ==
			    cases[i].value);
		assert_false(failed);
		assert_true(pointer(encoding | DW_EH_PE_pcrel, &no_bases, bytes, cases[i].size,
				    &failed) == ADDRESS + cases[i].value);
		assert_false(failed);
		(void)pointer(encoding, &no_bases, bytes, cases[i].size - 1, &failed);
		assert_true(failed);
	}
	assert_int_equal(pointer(DW_EH_PE_uleb128, &no_bases, BYTES(0x80, 1), &failed), 128);
	assert_false(failed);
	assert_int_equal(
		pointer(DW_EH_PE_sleb128 | DW_EH_PE_pcrel, &no_bases, BYTES(0x7f), &failed),
		ADDRESS - 1);
	assert_false(failed);
	assert_int_equal(pointer(DW_EH_PE_aligned, &no_bases,
				 BYTES(9, 9, 9, 9, 9, 9, 9, 7, 0, 0, 0, 0, 0, 0, 0), &failed),
			 7);
	assert_false(failed);
}

static void pointers_are_relative_to_bases_that_are_known(void **state)
{
	const struct dwarf_bases bases = {
		.has_data = true, .has_function = true, .data = 0x5000, .function = 0x7000
	};
	bool failed;

	(void)state;
	assert_int_equal(pointer(DW_EH_PE_datarel | DW_EH_PE_udata2, &bases, BYTES(4, 0), &failed),
			 0x5004);
	assert_false(failed);
	assert_int_equal(pointer(DW_EH_PE_funcrel | DW_EH_PE_udata2, &bases, BYTES(4, 0), &failed),
			 0x7004);
	assert_false(failed);
	(void)pointer(DW_EH_PE_datarel | DW_EH_PE_udata2, &no_bases, BYTES(4, 0), &failed);
	assert_true(failed);
	(void)pointer(DW_EH_PE_funcrel | DW_EH_PE_udata2, &no_bases, BYTES(4, 0), &failed);
	assert_true(failed);
	(void)pointer(DW_EH_PE_textrel | DW_EH_PE_udata2, &bases, BYTES(4, 0), &failed);
	assert_true(failed);
}

static void pointers_without_a_value_fail(void **state)
{
	static const uint8_t bytes[16];
	struct dwarf_reader reader = dwarf_reader_of(bytes, sizeof(bytes), ADDRESS);
	bool failed;

	(void)state;
	(void)pointer(DW_EH_PE_omit, &no_bases, bytes, sizeof(bytes), &failed);
	assert_true(failed);
	(void)pointer(DW_EH_PE_indirect | DW_EH_PE_pcrel, &no_bases, bytes, 8, &failed);
	assert_true(failed);
	(void)pointer(0x05, &no_bases, bytes, 8, &failed);
	assert_true(failed);
	/* They can be skipped all the same. */
	dwarf_skip_pointer(&reader, DW_EH_PE_omit);
	assert_int_equal(dwarf_left(&reader), 16);
	dwarf_skip_pointer(&reader, DW_EH_PE_indirect | DW_EH_PE_pcrel | DW_EH_PE_sdata4);
	assert_int_equal(dwarf_left(&reader), 12);
	assert_false(reader.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unsigned_numbers_have_seven_bits_in_each_byte),
		cmocka_unit_test(signed_numbers_extend_their_sign),
		cmocka_unit_test(numbers_beyond_64_bits_fail),
		cmocka_unit_test(what_is_cut_fails_and_leaves_nothing),
		cmocka_unit_test(fixed_numbers_are_little_endian),
		cmocka_unit_test(pointers_come_in_every_format),
		cmocka_unit_test(pointers_are_relative_to_bases_that_are_known),
		cmocka_unit_test(pointers_without_a_value_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
