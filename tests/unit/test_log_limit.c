/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/log_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char first[] = "first", second[] = "second";

static bool may_say(struct log_limit *limit, uint64_t now_ns, const char *format)
{
	struct log_held held;
	bool may = log_limit_may_say(limit, now_ns, LOG_LEVEL_WARNING, format, format, &held);

	assert_int_equal(held.count, 0);
	return may;
}

static void say_burst(struct log_limit *limit, uint64_t now_ns, const char *format)
{
	for (int i = 0; i < LOG_LIMIT_BURST; i++)
		assert_true(may_say(limit, now_ns, format));
}

static void a_burst_is_said_and_the_rest_is_held(void **state)
{
	struct log_limit limit = { 0 };
	struct log_held held;

	(void)state;
	say_burst(&limit, 1000, first);
	assert_false(may_say(&limit, 1000, first));
	assert_false(may_say(&limit, 1000 + LOG_LIMIT_NS - 1, first));
	assert_true(may_say(&limit, 1000, second));
	assert_true(log_limit_may_say(&limit, 1000 + LOG_LIMIT_NS, LOG_LEVEL_WARNING, first,
				      "again", &held));
	assert_int_equal(held.count, 2);
	assert_string_equal(held.text, first);
}

static void what_is_held_is_told_once_and_only_when_its_time_is_over(void **state)
{
	struct log_limit limit = { 0 };
	struct log_held held;

	(void)state;
	say_burst(&limit, 0, first);
	assert_false(log_limit_may_say(&limit, 5, LOG_LEVEL_ERROR, first, "newest", &held));
	assert_false(log_limit_take(&limit, LOG_LIMIT_NS - 1, false, &held));
	assert_true(log_limit_take(&limit, LOG_LIMIT_NS, false, &held));
	assert_int_equal(held.count, 1);
	assert_int_equal(held.level, LOG_LEVEL_ERROR);
	assert_string_equal(held.text, "newest");
	assert_false(log_limit_take(&limit, LOG_LIMIT_NS, false, &held));
	assert_false(may_say(&limit, 6, first));
	assert_true(log_limit_take(&limit, 6, true, &held));
}

static void the_oldest_format_gives_way_and_says_what_was_held(void **state)
{
	static const char formats[LOG_LIMIT_FORMATS] = { 0 };
	struct log_limit limit = { 0 };
	struct log_held held;

	(void)state;
	say_burst(&limit, 0, first);
	assert_false(may_say(&limit, 0, first));
	for (size_t i = 0; i + 1 < LOG_LIMIT_FORMATS; i++)
		assert_true(may_say(&limit, 1 + i, &formats[i]));
	assert_true(log_limit_may_say(&limit, 100, LOG_LEVEL_ERROR, second, second, &held));
	assert_int_equal(held.count, 1);
	assert_string_equal(held.text, first);
	/* The others have kept their places. */
	assert_true(may_say(&limit, 100, &formats[LOG_LIMIT_FORMATS - 2]));
	assert_int_equal(limit.formats[LOG_LIMIT_FORMATS - 1].said, 2);
}

static void a_long_text_is_cut(void **state)
{
	struct log_limit limit = { 0 };
	struct log_held held;
	char text[2 * LOG_LIMIT_TEXT] = "";

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	say_burst(&limit, 0, first);
	assert_false(log_limit_may_say(&limit, 0, LOG_LEVEL_ERROR, first, text, &held));
	assert_true(log_limit_take(&limit, 0, true, &held));
	assert_int_equal(strlen(held.text), LOG_LIMIT_TEXT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_said_and_the_rest_is_held),
		cmocka_unit_test(what_is_held_is_told_once_and_only_when_its_time_is_over),
		cmocka_unit_test(the_oldest_format_gives_way_and_says_what_was_held),
		cmocka_unit_test(a_long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
