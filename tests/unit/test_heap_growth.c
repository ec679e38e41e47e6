/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/heap_growth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#define MIB UINT64_C(1048576)

static bool is_too_much(struct heap_growth *growth, uint64_t mib, uint64_t seconds)
{
	return heap_growth_is_too_much(growth, mib * MIB, seconds * NS_PER_SECOND);
}

static void what_a_machine_has_from_the_beginning_is_not_growth(void **state)
{
	struct heap_growth growth = { 0 };

	(void)state;
	assert_false(is_too_much(&growth, 1000, 60));
	assert_false(is_too_much(&growth, 1019, 100000));
	assert_false(is_too_much(&growth, 10, 200000));
}

static void a_session_that_has_learned_much_lasts_ten_minutes(void **state)
{
	struct heap_growth growth = { 0 };

	(void)state;
	assert_false(is_too_much(&growth, 10, 60));
	assert_false(is_too_much(&growth, 31, 540));
	assert_true(is_too_much(&growth, 31, 660));
	assert_false(is_too_much(&growth, 30, 660));
}

static void one_that_would_not_last_is_ended_after_a_minute(void **state)
{
	struct heap_growth growth = { 0 };

	(void)state;
	assert_false(is_too_much(&growth, 10, 5));
	assert_false(is_too_much(&growth, 500, 59));
	assert_true(is_too_much(&growth, 75, 61));
	assert_false(is_too_much(&growth, 74, 61));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_machine_has_from_the_beginning_is_not_growth),
		cmocka_unit_test(a_session_that_has_learned_much_lasts_ten_minutes),
		cmocka_unit_test(one_that_would_not_last_is_ended_after_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
