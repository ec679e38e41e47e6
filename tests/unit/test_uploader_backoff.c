/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uploader_backoff.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static const struct uploader_backoff backoff = {
	.first_ns = SECOND,
	.most_ns = 300 * SECOND,
	.retry_after_most_ns = 3600 * SECOND,
};

static void the_ceiling_doubles_up_to_its_limit(void **state)
{
	static const uint64_t seconds[] = { 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };

	(void)state;
	for (unsigned int i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
		assert_int_equal(uploader_backoff_ceiling_ns(&backoff, i), seconds[i] * SECOND);
	assert_int_equal(uploader_backoff_ceiling_ns(&backoff, UINT_MAX), 300 * SECOND);
}

static void a_limit_that_is_nearly_all_does_not_overflow(void **state)
{
	const struct uploader_backoff wide = { .first_ns = 3, .most_ns = UINT64_MAX - 1 };

	(void)state;
	assert_int_equal(uploader_backoff_ceiling_ns(&wide, UINT_MAX), UINT64_MAX - 1);
}

static void the_wait_is_anything_up_to_the_ceiling(void **state)
{
	(void)state;
	assert_int_equal(uploader_backoff_ns(&backoff, 3, 0, 0), 0);
	assert_int_equal(uploader_backoff_ns(&backoff, 3, 0, 4 * SECOND), 4 * SECOND);
	assert_int_equal(uploader_backoff_ns(&backoff, 3, 0, 4 * SECOND + 1), 0);
	for (uint64_t bits = UINT64_MAX; bits; bits >>= 1)
		assert_in_range(uploader_backoff_ns(&backoff, 20, 0, bits), 0, 300 * SECOND);
}

static void what_the_target_asks_for_is_the_least(void **state)
{
	(void)state;
	assert_int_equal(uploader_backoff_ns(&backoff, 1, 7, 0), 7 * SECOND);
	assert_int_equal(uploader_backoff_ns(&backoff, 1, 7, SECOND / 2), 15 * SECOND / 2);
}

static void a_target_cannot_ask_for_more_than_the_limit(void **state)
{
	(void)state;
	assert_int_equal(uploader_backoff_ns(&backoff, 1, 3600, 0), 3600 * SECOND);
	assert_int_equal(uploader_backoff_ns(&backoff, 1, 3601, 0), 3600 * SECOND);
	assert_int_equal(uploader_backoff_ns(&backoff, 1, UINT64_MAX, 0), 3600 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ceiling_doubles_up_to_its_limit),
		cmocka_unit_test(a_limit_that_is_nearly_all_does_not_overflow),
		cmocka_unit_test(the_wait_is_anything_up_to_the_ceiling),
		cmocka_unit_test(what_the_target_asks_for_is_the_least),
		cmocka_unit_test(a_target_cannot_ask_for_more_than_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
