/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cpus.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void check_refused(const char *text)
{
	struct cpus cpus = { .count = 77 };

	assert_int_equal(cpus_parse(text, &cpus), -EINVAL);
	assert_null(cpus.ids);
	assert_int_equal(cpus.count, 77);
}

static void ranges_and_single_numbers_are_listed(void **state)
{
	static const int expected[] = { 0, 1, 2, 3, 8, 10, 11 };
	struct cpus cpus = { 0 };

	(void)state;
	assert_int_equal(cpus_parse("0-3,8,10-11\n", &cpus), 0);
	assert_int_equal(cpus.count, 7);
	assert_memory_equal(cpus.ids, expected, sizeof(expected));
	cpus_done(&cpus);
	assert_null(cpus.ids);
	assert_int_equal(cpus.count, 0);
	assert_int_equal(cpus_parse("5", &cpus), 0);
	assert_int_equal(cpus.count, 1);
	assert_int_equal(cpus.ids[0], 5);
	cpus_done(&cpus);
	cpus_done(&cpus); /* the zero value is fine */
}

static void malformed_lists_are_refused(void **state)
{
	(void)state;
	check_refused("");
	check_refused("\n");
	check_refused("x");
	check_refused("0,");
	check_refused(",0");
	check_refused("0-");
	check_refused("0-x");
	check_refused("-1");
	check_refused("3-1");
	check_refused("0--1");
	check_refused("1x");
	check_refused("0;1");
}

static void more_than_a_kernel_can_have_is_refused(void **state)
{
	struct cpus cpus = { 0 };

	(void)state;
	assert_int_equal(cpus_parse("0-8191", &cpus), 0);
	assert_int_equal(cpus.count, CPUS_MAX);
	assert_int_equal(cpus.ids[CPUS_MAX - 1], CPUS_MAX - 1);
	cpus_done(&cpus);
	check_refused("8192");
	check_refused("0-8192");
	check_refused("0-8191,0"); /* twice is one too many */
	check_refused("99999999999999999999999");
	check_refused("0-99999999999999999999999");
}

static void as_many_are_online_as_the_kernel_says(void **state)
{
	struct cpus cpus = { 0 };

	(void)state;
	assert_int_equal(cpus_online(-1, &cpus), 0);
	assert_int_equal(cpus.count, sysconf(_SC_NPROCESSORS_ONLN));
	cpus_done(&cpus);
}

static void one_that_is_online_can_be_picked(void **state)
{
	struct cpus all = { 0 }, one = { 0 };

	(void)state;
	assert_int_equal(cpus_online(-1, &all), 0);
	for (size_t i = 0; i < all.count; i++) {
		assert_int_equal(cpus_online(all.ids[i], &one), 0);
		assert_int_equal(one.count, 1);
		assert_int_equal(one.ids[0], all.ids[i]);
		cpus_done(&one);
	}
	assert_int_equal(cpus_online(all.ids[all.count - 1] + 1, &one), -ENODEV);
	assert_null(one.ids);
	cpus_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_and_single_numbers_are_listed),
		cmocka_unit_test(malformed_lists_are_refused),
		cmocka_unit_test(more_than_a_kernel_can_have_is_refused),
		cmocka_unit_test(as_many_are_online_as_the_kernel_says),
		cmocka_unit_test(one_that_is_online_can_be_picked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
