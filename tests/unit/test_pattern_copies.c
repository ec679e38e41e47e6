/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pattern_copies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_is_not_repeated_has_none(void **state)
{
	char pattern[PATTERN_BYTES_MAX + 1];

	(void)state;
	assert_int_equal(pattern_copies(""), 0);
	assert_int_equal(pattern_copies("^docker-(.*)$"), 0);
	assert_int_equal(pattern_copies("a\\+b\\{9\\}"), 0);
	assert_int_equal(pattern_copies("[a-z+{9}]x"), 0);
	assert_int_equal(pattern_copies("[]+]x"), 0);
	assert_int_equal(pattern_copies("[^]+]x"), 0);
	assert_int_equal(pattern_copies("[[:alpha:]+]x"), 0);
	assert_int_equal(pattern_copies("[[.].]+]x"), 0);
	assert_int_equal(pattern_copies("a*b?"), 0);
	memset(pattern, 'x', PATTERN_BYTES_MAX);
	pattern[PATTERN_BYTES_MAX] = '\0';
	assert_int_equal(pattern_copies(pattern), 0);
}

static void what_is_repeated_is_copied(void **state)
{
	(void)state;
	assert_int_equal(pattern_copies("a+"), 1);
	assert_int_equal(pattern_copies("ba+"), 1);
	assert_int_equal(pattern_copies("a{3}"), 3);
	assert_int_equal(pattern_copies("a{3,255}"), 255);
	assert_int_equal(pattern_copies("a{,5}"), 5);
	assert_int_equal(pattern_copies("[a-f0-9]{64}"), 64);
	/* Two parts and their group. */
	assert_int_equal(pattern_copies("(ab){10}"), 30);
	assert_int_equal(pattern_copies("(ab+)+"), 1 + 4);
}

static void copies_of_copies_are_too_many(void **state)
{
	char pattern[PATTERN_BYTES_MAX + 1];

	(void)state;
	assert_true(pattern_copies("a++++++++++") > PATTERN_COPIES_MAX);
	assert_true(pattern_copies("((a{20}){20}){20}") > PATTERN_COPIES_MAX);
	assert_true(pattern_copies("(a{99999999999999999999})") > PATTERN_COPIES_MAX);
	assert_true(pattern_copies("a{0,501}") > PATTERN_COPIES_MAX);
	memset(pattern, '+', PATTERN_BYTES_MAX);
	pattern[0] = 'a';
	pattern[PATTERN_BYTES_MAX] = '\0';
	assert_true(pattern_copies(pattern) > PATTERN_COPIES_MAX);
}

/* "\0" is a digit between braces, to the C library. */
static void what_is_no_number_is_too_many(void **state)
{
	(void)state;
	assert_true(pattern_copies("a{3\\0\\0}") > PATTERN_COPIES_MAX);
	assert_true(pattern_copies("a{x}") > PATTERN_COPIES_MAX);
}

static void groups_that_stay_open_count(void **state)
{
	(void)state;
	assert_true(pattern_copies("a{400}(a{400}(") > PATTERN_COPIES_MAX);
	assert_true(pattern_copies("(((((a{400}))))){2}") > PATTERN_COPIES_MAX);
}

static void what_is_no_expression_is_read_to_its_end(void **state)
{
	char pattern[PATTERN_BYTES_MAX + 1];

	(void)state;
	assert_int_equal(pattern_copies(")))((("), 0);
	assert_int_equal(pattern_copies("longer)+"), 1);
	assert_int_equal(pattern_copies("["), 0);
	assert_int_equal(pattern_copies("[^"), 0);
	assert_int_equal(pattern_copies("[]"), 0);
	assert_int_equal(pattern_copies("[[:"), 0);
	assert_int_equal(pattern_copies("a{"), 0);
	assert_int_equal(pattern_copies("{"), 0);
	assert_int_equal(pattern_copies("+"), 0);
	assert_int_equal(pattern_copies("a\\"), 0);
	memset(pattern, '(', PATTERN_BYTES_MAX);
	pattern[PATTERN_BYTES_MAX] = '\0';
	assert_int_equal(pattern_copies(pattern), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_repeated_has_none),
		cmocka_unit_test(what_is_repeated_is_copied),
		cmocka_unit_test(copies_of_copies_are_too_many),
		cmocka_unit_test(what_is_no_number_is_too_many),
		cmocka_unit_test(groups_that_stay_open_count),
		cmocka_unit_test(what_is_no_expression_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
