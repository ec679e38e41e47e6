/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct pprof_wire wire_of(const char *bytes, size_t size)
{
	return (struct pprof_wire){ (const uint8_t *)bytes, (const uint8_t *)bytes + size };
}

#define WIRE(text) wire_of(text, sizeof(text) - 1)

static void check_number(struct pprof_wire wire, uint64_t expected)
{
	uint64_t value;

	assert_int_equal(pprof_wire_number(&wire, &value), 1);
	assert_true(value == expected);
	assert_int_equal(pprof_wire_number(&wire, &value), 0);
}

static void check_bad_number(struct pprof_wire wire)
{
	uint64_t value;

	assert_int_equal(pprof_wire_number(&wire, &value), -EBADMSG);
}

static void numbers_have_seven_bits_a_byte(void **state)
{
	(void)state;
	check_number(WIRE("\x00"), 0);
	check_number(WIRE("\x7f"), 127);
	check_number(WIRE("\x80\x01"), 128);
	check_number(WIRE("\x80\x00"), 0); /* longer than need be */
	check_number(WIRE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), UINT64_MAX);
}

static void numbers_of_more_than_64_bits_are_bad(void **state)
{
	(void)state;
	check_bad_number(WIRE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
	check_bad_number(WIRE("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"));
}

static void numbers_that_do_not_end_are_bad(void **state)
{
	(void)state;
	check_bad_number(WIRE("\x80"));
	check_bad_number(WIRE("\xff\xff"));
}

static void fields_come_one_by_one(void **state)
{
	struct pprof_wire wire = WIRE("\x08\x05\x12\x02hi\x19\1\2\0\0\0\0\0\0\x25\3\0\0\0");
	struct pprof_field field;

	(void)state;
	assert_int_equal(pprof_wire_next(&wire, &field), 1);
	assert_int_equal(field.number, 1);
	assert_false(field.is_bytes);
	assert_int_equal(field.value, 5);
	check_number(field.bytes, 5);
	assert_int_equal(pprof_wire_next(&wire, &field), 1);
	assert_int_equal(field.number, 2);
	assert_true(field.is_bytes);
	assert_int_equal(field.bytes.end - field.bytes.at, 2);
	assert_memory_equal(field.bytes.at, "hi", 2);
	assert_int_equal(pprof_wire_next(&wire, &field), 1);
	assert_int_equal(field.number, 3);
	assert_int_equal(field.value, 0x201);
	assert_int_equal(pprof_wire_next(&wire, &field), 1);
	assert_int_equal(field.number, 4);
	assert_int_equal(field.value, 3);
	assert_int_equal(pprof_wire_next(&wire, &field), 0);
}

static void fields_that_do_not_fit_are_bad(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} bad[] = {
		{ "\x08", 1 },       /* no number */
		{ "\x12\x03hi", 4 }, /* fewer bytes than it says */
		{ "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 }, /* many more */
		{ "\x19\1\2\3", 4 },                                    /* half of a number */
		{ "\x25\1", 2 },
		{ "\x0b", 1 },                     /* a group */
		{ "\x0e\x00", 2 },                 /* no type at all */
		{ "\x00\x00", 2 },                 /* field 0 */
		{ "\x80\x80\x80\x80\x10\x00", 6 }, /* a field beyond all numbers */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pprof_wire wire = wire_of(bad[i].bytes, bad[i].size);
		struct pprof_field field;

		assert_int_equal(pprof_wire_next(&wire, &field), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_seven_bits_a_byte),
		cmocka_unit_test(numbers_of_more_than_64_bits_are_bad),
		cmocka_unit_test(numbers_that_do_not_end_are_bad),
		cmocka_unit_test(fields_come_one_by_one),
		cmocka_unit_test(fields_that_do_not_fit_are_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
