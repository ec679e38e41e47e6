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

static void what_is_beyond_the_limit_is_refused_and_what_is_known_stays(void **state)
{
	struct string_pool pool = { .bytes_max = 1000 };
	const char *first = string_pool_keep(&pool, "first");
	char text[32], large[2000];
	uint64_t bytes;
	int kept = 1;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "number %d", i);
		kept += string_pool_keep(&pool, text) != NULL;
	}
	assert_in_range(kept, 5, 100);
	assert_int_equal(pool.refused, 1001 - kept);
	assert_in_range(pool.bytes, 900, 1000);
	/* Again and again, for nothing more. */
	bytes = pool.bytes;
	for (int i = 0; i < 1000; i++)
		assert_ptr_equal(string_pool_keep(&pool, "first"), first);
	assert_int_equal(pool.bytes, bytes);
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_null(string_pool_keep(&pool, large));
	string_pool_done(&pool);
	assert_int_equal(pool.bytes, 0);
}

static void hashes_are_different_in_each_pool(void **state)
{
	struct string_pool pools[2] = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_string_equal(string_pool_keep(&pools[i], "name"), "name");
	assert_true(pools[0].seed != pools[1].seed);
	for (int i = 0; i < 2; i++) {
		uint64_t found;

		assert_true(hashmap_get(&pools[i].strings,
					hash_bytes_seeded(pools[i].seed, "name", 5), &found));
		string_pool_done(&pools[i]);
	}
}

static void beyond_its_limit_nothing_is_kept(void **state)
{
	struct string_pool pool = { .bytes_max = 10000 };
	static char large[10000];
	char text[32];
	const char *first = string_pool_keep(&pool, "first");
	size_t count = 1;

	(void)state;
	do {
		(void)snprintf(text, sizeof(text), "number %zu", count++);
	} while (string_pool_keep(&pool, text));
	assert_in_range(count, 10, 1000);
	assert_in_range(pool.bytes, 9000, 10000);
	/* What is there already takes no room. */
	assert_ptr_equal(string_pool_keep(&pool, "first"), first);
	string_pool_done(&pool);
	pool = (struct string_pool){ .bytes_max = 10000 };
	memset(large, 'x', sizeof(large) - 1);
	assert_null(string_pool_keep(&pool, large));
	assert_non_null(string_pool_keep(&pool, "small"));
	string_pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_strings_are_kept_once),
		cmocka_unit_test(long_and_many_strings_stay_where_they_are),
		cmocka_unit_test(beyond_its_limit_nothing_is_kept),
		cmocka_unit_test(what_is_beyond_the_limit_is_refused_and_what_is_known_stays),
		cmocka_unit_test(hashes_are_different_in_each_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
