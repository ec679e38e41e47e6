/* SPDX-License-Identifier: Apache-2.0 */
#include "web/points.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "web/store_parts.h"

static void assert_written(struct points *points, const char *expected)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(points_write(points, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
	free(text);
}

static int add(struct points *points, uint64_t at_s, const char *state, uint64_t count)
{
	return points_add(points, &(struct store_point){ at_s, "v", state, "u", count });
}

static void parts_of_a_point_are_one(void **state)
{
	struct points points = { 0 };

	(void)state;
	assert_int_equal(add(&points, 60, "sleep", 5), 0);
	assert_int_equal(add(&points, 0, "runqueue", 1), 0);
	assert_int_equal(add(&points, 60, "sleep", 7), 0);
	assert_int_equal(add(&points, 60, "runqueue", 2), 0);
	assert_written(
		&points,
		"[{\"at\":0,\"value\":\"v\",\"state\":\"runqueue\",\"unit\":\"u\",\"count\":\"1\"},"
		"\n"
		"{\"at\":60,\"value\":\"v\",\"state\":\"runqueue\",\"unit\":\"u\",\"count\":\"2\"},"
		"\n"
		"{\"at\":60,\"value\":\"v\",\"state\":\"sleep\",\"unit\":\"u\",\"count\":\"12\"}]");
	points_done(&points);
}

static void states_can_be_joined(void **state)
{
	struct points points = { .joins_states = true };

	(void)state;
	assert_int_equal(add(&points, 0, "sleep", 5), 0);
	assert_int_equal(add(&points, 0, "runqueue", 1), 0);
	assert_written(&points, "[{\"at\":0,\"value\":\"v\",\"state\":\"\",\"unit\":\"u\","
				"\"count\":\"6\"}]");
	points_done(&points);
}

static void sums_do_not_wrap(void **state)
{
	struct points points = { 0 };
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(add(&points, 0, "", UINT64_MAX), 0);
	assert_int_equal(add(&points, 0, "", 1), 0);
	assert_int_equal(points_write(&points, out), -EOVERFLOW);
	assert_int_equal(fclose(out), 0);
	free(text);
	points_done(&points);
}

/* Many parts are not many points. */
static void only_what_differs_is_limited(void **state)
{
	struct points points = { 0 };
	int err = 0;

	(void)state;
	for (uint64_t i = 0; i < 3000000 && !err; i++)
		err = add(&points, i % 1000, "", 1);
	assert_int_equal(err, 0);
	for (uint64_t i = 0; i < 3000000 && !err; i++)
		err = add(&points, i, "", 1);
	assert_int_equal(err, -E2BIG);
	points_done(&points);
}

/* --- what a window has in each step --- */

struct shares {
	uint64_t at[16], counts[16];
	size_t count;
};

static int take(void *context, const struct store_point *point)
{
	struct shares *shares = context;

	shares->at[shares->count] = point->at_s;
	shares->counts[shares->count++] = point->count;
	return 0;
}

static struct shares spread(uint64_t from_s, uint64_t until_s, const struct store_spread *what)
{
	const struct store_selector selector = { .from_s = from_s, .until_s = until_s };
	struct store_point point = { .value = "", .state = "", .unit = "" };
	struct shares shares = { 0 };

	assert_int_equal(store_spread(&selector, 10, what, &point, take, &shares), 0);
	return shares;
}

static void a_count_is_shared_and_its_sum_stays(void **state)
{
	const struct store_spread one = { 3, 3, 100, 9, 9 };
	const struct store_spread two = { 3, 4, 100, 30, 69 };
	const struct store_spread five = { 3, 7, 100, 5, 6 };
	struct shares shares = spread(0, 1000, &one);

	(void)state;
	assert_int_equal(shares.count, 1);
	assert_int_equal(shares.counts[0], 100);
	shares = spread(0, 1000, &two);
	assert_int_equal(shares.count, 2);
	assert_int_equal(shares.counts[0], 30);
	assert_int_equal(shares.counts[1], 70);
	shares = spread(0, 1000, &five);
	assert_int_equal(shares.count, 5);
	assert_int_equal(shares.at[0], 30);
	assert_int_equal(shares.counts[0], 5);
	assert_int_equal(shares.counts[1] + shares.counts[2] + shares.counts[3], 89);
	assert_int_equal(shares.counts[3], 29);
	assert_int_equal(shares.counts[4], 6);
}

static void what_is_outside_of_the_selection_is_left_out(void **state)
{
	const struct store_spread five = { 3, 7, 100, 5, 6 };
	struct shares shares = spread(45, 60, &five);

	(void)state;
	assert_int_equal(shares.count, 2);
	assert_int_equal(shares.at[0], 40);
	assert_int_equal(shares.at[1], 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_a_point_are_one),
		cmocka_unit_test(states_can_be_joined),
		cmocka_unit_test(sums_do_not_wrap),
		cmocka_unit_test(only_what_differs_is_limited),
		cmocka_unit_test(a_count_is_shared_and_its_sum_stays),
		cmocka_unit_test(what_is_outside_of_the_selection_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
