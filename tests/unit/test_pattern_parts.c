/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pattern_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_is_written_is_counted(void **state)
{
	(void)state;
	assert_int_equal(pattern_parts(""), 0);
	assert_int_equal(pattern_parts("abc"), 3);
	assert_int_equal(pattern_parts("a\\+b"), 3);
	assert_int_equal(pattern_parts("[a-z+{9}]x"), 2);
	assert_int_equal(pattern_parts("[]+]x"), 2);
	assert_int_equal(pattern_parts("[^]+]x"), 2);
	assert_int_equal(pattern_parts("[[:alpha:]+]x"), 2);
	assert_int_equal(pattern_parts("a*b?"), 2);
	assert_in_range(pattern_parts("^docker-(.*)$"), 10, 12);
}

static void what_is_repeated_is_copied(void **state)
{
	(void)state;
	assert_int_equal(pattern_parts("a+"), 2);
	assert_int_equal(pattern_parts("a{3}"), 4);
	assert_int_equal(pattern_parts("a{3,255}"), 256);
	assert_int_equal(pattern_parts("ba+"), 3);
	assert_in_range(pattern_parts("(ab+){100}"), 300, 500);
}

static void copies_of_copies_are_too_many(void **state)
{
	char pattern[PATTERN_BYTES_MAX + 1];

	(void)state;
	assert_true(pattern_parts("a++++++++++++++++") > PATTERN_PARTS_MAX);
	assert_true(pattern_parts("((a{255}){255}){255}") > PATTERN_PARTS_MAX);
	assert_true(pattern_parts("(a{99999999999999999999})") > PATTERN_PARTS_MAX);
	memset(pattern, '+', PATTERN_BYTES_MAX);
	pattern[0] = 'a';
	pattern[PATTERN_BYTES_MAX] = '\0';
	assert_true(pattern_parts(pattern) > PATTERN_PARTS_MAX);
}

static void what_is_no_expression_is_read_to_its_end(void **state)
{
	char pattern[PATTERN_BYTES_MAX + 1];

	(void)state;
	(void)pattern_parts(")))(((");
	(void)pattern_parts("[");
	(void)pattern_parts("[^");
	(void)pattern_parts("[]");
	(void)pattern_parts("[[:");
	(void)pattern_parts("a{");
	(void)pattern_parts("{");
	(void)pattern_parts("a\\");
	memset(pattern, '(', PATTERN_BYTES_MAX);
	pattern[PATTERN_BYTES_MAX] = '\0';
	(void)pattern_parts(pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_counted),
		cmocka_unit_test(what_is_repeated_is_copied),
		cmocka_unit_test(copies_of_copies_are_too_many),
		cmocka_unit_test(what_is_no_expression_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
