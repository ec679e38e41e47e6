/* SPDX-License-Identifier: Apache-2.0 */
#include "web/rate_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)
#define RATE   5

static unsigned int take_all(struct rate_limit *limit, size_t who, uint64_t now_ns)
{
	unsigned int taken = 0, wait_s;

	while (rate_limit_take(limit, who, now_ns, &wait_s))
		taken++;
	assert_in_range(wait_s, 1, 2);
	return taken;
}

static void a_burst_and_then_the_rate(void **state)
{
	struct rate_limit *limit;

	(void)state;
	assert_int_equal(rate_limit_new(2, RATE, &limit), 0);
	assert_int_equal(take_all(limit, 0, 100 * SECOND), RATE * RATE_BURST_S);
	assert_int_equal(take_all(limit, 0, 100 * SECOND), 0);
	assert_int_equal(take_all(limit, 0, 103 * SECOND), 3 * RATE);
	/* What was not taken is not saved beyond a burst. */
	assert_int_equal(take_all(limit, 0, 1000 * SECOND), RATE * RATE_BURST_S);
	rate_limit_free(limit);
}

static void each_has_its_own(void **state)
{
	struct rate_limit *limit;
	unsigned int wait_s;

	(void)state;
	assert_int_equal(rate_limit_new(2, 1, &limit), 0);
	assert_int_equal(take_all(limit, 0, SECOND), RATE_BURST_S);
	assert_true(rate_limit_take(limit, 1, SECOND, &wait_s));
	assert_int_equal(wait_s, 0);
	rate_limit_free(limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_and_then_the_rate),
		cmocka_unit_test(each_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
