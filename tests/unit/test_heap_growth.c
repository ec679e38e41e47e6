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

/* Three whole minutes, of which the first is a part. */
static void learn(struct heap_growth *growth, uint64_t mib)
{
	assert_false(is_too_much(growth, mib / 3, 6));
	assert_false(is_too_much(growth, mib, 66));
	assert_false(is_too_much(growth, mib - 1, 126));
	assert_false(is_too_much(growth, mib, 186));
}

static void what_a_machine_has_all_along_is_not_growth(void **state)
{
	struct heap_growth growth = { 0 };

	(void)state;
	learn(&growth, 200);
	assert_false(is_too_much(&growth, 249, 100000));
	assert_true(is_too_much(&growth, 251, 100000));
	assert_false(is_too_much(&growth, 10, 200000));
}

static void a_session_that_has_learned_more_lasts_ten_minutes(void **state)
{
	struct heap_growth growth = { 0 };

	(void)state;
	learn(&growth, 30);
	assert_false(is_too_much(&growth, 43, 540));
	assert_true(is_too_much(&growth, 43, 660));
	assert_false(is_too_much(&growth, 42, 660));
}

static void one_that_would_not_last_ends_at_once(void **state)
{
	struct heap_growth growth = { 0 };

	(void)state;
	learn(&growth, 30);
	assert_false(is_too_much(&growth, 94, 246));
	assert_true(is_too_much(&growth, 95, 306));
}

static void short_windows_learn_for_three_minutes(void **state)
{
	struct heap_growth growth = { 0 };

	(void)state;
	for (uint64_t second = 1; second < 180; second++)
		assert_false(is_too_much(&growth, second, second));
	assert_false(is_too_much(&growth, 180, 700));
	assert_true(is_too_much(&growth, 230, 701));
}

static void a_long_window_is_learned_from_once(void **state)
{
	struct heap_growth growth = { 0 };

	(void)state;
	assert_false(is_too_much(&growth, 30, 3600));
	assert_true(is_too_much(&growth, 43, 7200));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_machine_has_all_along_is_not_growth),
		cmocka_unit_test(a_session_that_has_learned_more_lasts_ten_minutes),
		cmocka_unit_test(one_that_would_not_last_ends_at_once),
		cmocka_unit_test(short_windows_learn_for_three_minutes),
		cmocka_unit_test(a_long_window_is_learned_from_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
