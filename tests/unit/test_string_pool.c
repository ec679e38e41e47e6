/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "symbolize/string_pool.h"

static void equal_strings_are_kept_once(void **state)
{
	struct string_pool pool = { 0 };
	char changing[] = "name";
	const char *kept = string_pool_keep(&pool, changing);

	(void)state;
	assert_ptr_equal(string_pool_keep(&pool, "name"), kept);
	changing[0] = 'g';
	assert_string_equal(kept, "name");
	assert_string_equal(string_pool_keep(&pool, changing), "game");
	assert_string_equal(string_pool_keep(&pool, ""), "");
	string_pool_done(&pool);
}

static void long_and_many_strings_stay_where_they_are(void **state)
{
	static char large[100001], text[32];
	struct string_pool pool = { 0 };
	const char *first = string_pool_keep(&pool, "number 0");

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	assert_string_equal(string_pool_keep(&pool, large), large);
	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "number %d", i);
		assert_string_equal(string_pool_keep(&pool, text), text);
	}
	assert_ptr_equal(string_pool_keep(&pool, "number 0"), first);
	assert_int_equal(pool.strings.count, 20001);
	string_pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_strings_are_kept_once),
		cmocka_unit_test(long_and_many_strings_stay_where_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
