/* SPDX-License-Identifier: Apache-2.0 */
#include "web/row_binary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct row_reader reader_of(const struct row_writer *rows)
{
	return (struct row_reader){ .at = rows->bytes, .end = rows->bytes + rows->size };
}

static void what_is_put_is_got(void **state)
{
	struct row_writer rows = { 0 };
	struct row_reader reader;
	char longer[300];
	const char *text;
	size_t length;

	(void)state;
	memset(longer, 'x', sizeof(longer));
	row_put_u8(&rows, 200);
	row_put_u32(&rows, 0x01020304);
	row_put_u64(&rows, UINT64_MAX - 1);
	row_put_text(&rows, longer, sizeof(longer));
	row_put_text(&rows, "", 0);
	row_put_length(&rows, 2);
	row_put_u64(&rows, 7);
	row_put_u64(&rows, 8);
	reader = reader_of(&rows);
	assert_int_equal(row_get_u8(&reader), 200);
	assert_int_equal(row_get_u32(&reader), 0x01020304);
	assert_true(row_get_u64(&reader) == UINT64_MAX - 1);
	text = row_get_text(&reader, &length);
	assert_int_equal(length, sizeof(longer));
	assert_memory_equal(text, longer, sizeof(longer));
	(void)row_get_text(&reader, &length);
	assert_int_equal(length, 0);
	assert_int_equal(row_get_length(&reader, sizeof(uint64_t)), 2);
	assert_true(row_is_left(&reader));
	assert_int_equal(row_get_u64(&reader), 7);
	assert_int_equal(row_get_u64(&reader), 8);
	assert_false(row_is_left(&reader));
	assert_false(reader.is_broken);
	row_writer_done(&rows);
}

/* The bytes of the format's description. */
static void integers_are_little_endian_and_lengths_leb128(void **state)
{
	static const uint8_t expected[] = { 4, 3, 2, 1, 0xac, 0x02 };
	struct row_writer rows = { 0 };

	(void)state;
	row_put_u32(&rows, 0x01020304);
	row_put_length(&rows, 300);
	assert_int_equal(rows.size, sizeof(expected));
	assert_memory_equal(rows.bytes, expected, sizeof(expected));
	row_writer_done(&rows);
}

/* Each beginning of a row is broken, and nothing beyond it is read. */
static void what_is_cut_is_broken(void **state)
{
	struct row_writer rows = { 0 };

	(void)state;
	row_put_u32(&rows, 1);
	row_put_text(&rows, "abc", 3);
	row_put_u64(&rows, 2);
	for (size_t size = 0; size < rows.size; size++) {
		struct row_reader reader = { .at = rows.bytes, .end = rows.bytes + size };
		size_t length;

		(void)row_get_u32(&reader);
		(void)row_get_text(&reader, &length);
		assert_int_equal(row_get_u64(&reader), 0);
		assert_true(reader.is_broken);
		assert_false(row_is_left(&reader));
	}
	row_writer_done(&rows);
}

static void an_array_is_no_longer_than_what_is_there(void **state)
{
	static const uint8_t hostile[][11] = {
		{ 0x05, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		struct row_reader reader = { .at = hostile[i],
					     .end = hostile[i] + sizeof(hostile[i]) };

		assert_int_equal(row_get_length(&reader, sizeof(uint64_t)), 0);
		assert_true(reader.is_broken);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_got),
		cmocka_unit_test(integers_are_little_endian_and_lengths_leb128),
		cmocka_unit_test(what_is_cut_is_broken),
		cmocka_unit_test(an_array_is_no_longer_than_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
