/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <cmocka.h>

#include "bpf/off_length.bpf.h"

#define NS_PER_US UINT64_C(1000)

static void below_two_microseconds_is_the_first_class(void **state)
{
	(void)state;
	assert_int_equal(off_length_class(0), 0);
	assert_int_equal(off_length_class(1), 0);
	assert_int_equal(off_length_class(999), 0);
	assert_int_equal(off_length_class(NS_PER_US), 0);
	assert_int_equal(off_length_class(2 * NS_PER_US - 1), 0);
	assert_int_equal(off_length_class(2 * NS_PER_US), 1);
}

static void each_class_begins_at_its_power_of_two_of_microseconds(void **state)
{
	(void)state;
	for (uint32_t class = 1; class < OFF_LENGTHS; class ++) {
		uint64_t least = (UINT64_C(1) << class) * NS_PER_US;

		assert_int_equal(off_length_class(least - 1), class - 1);
		assert_int_equal(off_length_class(least), class);
		assert_int_equal(off_length_class(least + least / 2), class);
	}
}

static void what_is_longer_than_all_is_in_the_last_class(void **state)
{
	(void)state;
	for (uint32_t bit = OFF_LENGTHS; bit < 54; bit++)
		assert_int_equal(off_length_class((UINT64_C(1) << bit) * NS_PER_US),
				 OFF_LENGTHS - 1);
	assert_int_equal(off_length_class(UINT64_MAX), OFF_LENGTHS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(below_two_microseconds_is_the_first_class),
		cmocka_unit_test(each_class_begins_at_its_power_of_two_of_microseconds),
		cmocka_unit_test(what_is_longer_than_all_is_in_the_last_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
