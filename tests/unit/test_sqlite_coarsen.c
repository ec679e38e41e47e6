/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "tests/unit/sqlite_fixture.h"

static const atomic_bool is_stopped;

/* Three minutes of ten, one of the next ten, and one of another host. */
static void put_minutes(struct fixture *fixture)
{
	struct store_profile other = profile_of("b", NOON);

	assert_int_equal(put(fixture, "0", "a;f 1\na;g 2\n", NULL), 0);
	for (uint64_t minute = 1; minute < 3; minute++) {
		struct store_profile profile = profile_of("a", NOON + minute * MINUTE);
		char id[] = { (char)('0' + minute), '\0' };

		assert_int_equal(put(fixture, id, "a;f 10\nb 20\n", &profile), 0);
	}
	assert_int_equal(put(fixture, "other", "a;f 100\n", &other), 0);
	other = profile_of("a", NOON + 10 * MINUTE);
	assert_int_equal(put(fixture, "later", "a;f 1000\n", &other), 0);
}

static void windows_that_are_old_become_one(void **state)
{
	static const char all[] = "a;f 1121\na;g 2\nb 40\n";
	static const struct store_label of_a[] = { { "host", "a" } };
	struct fixture *fixture = *state;
	struct store_selector selector = that_day;
	struct points points = { 0 };

	put_minutes(fixture);
	assert_int_equal(store_coarsen(fixture->store, NOON + 9 * MINUTE, 7, &is_stopped), -EINVAL);
	/* The ten minutes are not over. */
	assert_int_equal(store_coarsen(fixture->store, NOON + 9 * MINUTE, 10 * MINUTE, &is_stopped),
			 0);
	assert_int_equal(store_series(fixture->store, &selector, MINUTE, NULL, take_point, &points),
			 0);
	assert_string_equal(points.text, "0   103\n60   30\n120   30\n600   1000\n");
	assert_int_equal(
		store_coarsen(fixture->store, NOON + 10 * MINUTE, 10 * MINUTE, &is_stopped), 0);
	points.text[0] = '\0';
	assert_int_equal(store_series(fixture->store, &selector, MINUTE, NULL, take_point, &points),
			 0);
	assert_string_equal(points.text, "0   100\n0   21\n60   21\n120   21\n600   1000\n");
	check_merged(fixture, &that_day, 5, all);
	selector.matchers = of_a;
	selector.matcher_count = 1;
	selector.until_s = NOON + 1;
	check_merged(fixture, &selector, 3, "a;f 21\na;g 2\nb 40\n");
	/* Those that it was made of are known. */
	assert_int_equal(put(fixture, "0", "a;f 1\n", NULL), -EEXIST);
	assert_int_equal(store_coarsen(fixture->store, NOON + DAY, 3600, &is_stopped), 0);
	check_merged(fixture, &that_day, 5, all);
}

/* A sum of its own that leaves 63 bits keeps nobody else from it. */
static void what_does_not_fit_together_stays_apart(void **state)
{
	struct fixture *fixture = *state;
	struct store_profile profile = profile_of("a", NOON);
	struct points points = { 0 };

	profile.host = "b";
	for (int i = 0; i < 70; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "%d", i);
		assert_int_equal(put(fixture, id, "a 144115188075855872\n", NULL), 0);
	}
	assert_int_equal(put(fixture, "1", "b 1\n", &profile), 0);
	assert_int_equal(put(fixture, "2", "b 2\n", &profile), 0);
	(void)store_coarsen(fixture->store, NOON + DAY, 3600, &is_stopped);
	assert_int_equal(store_series(fixture->store, &that_day, DAY, "host", take_count, &points),
			 0);
	assert_string_equal(points.text, "a 10088063165309911040 b 3 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(windows_that_are_old_become_one),
		WITH_STORE(what_does_not_fit_together_stays_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
