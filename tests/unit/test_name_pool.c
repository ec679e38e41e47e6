/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/name_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY      20000
#define LONG_NAME (1 << 20)

static void equal_texts_are_one_name(void **state)
{
	struct name_pool pool = { 0 };
	uint32_t first, second, again;

	(void)state;
	assert_int_equal(name_pool_intern(&pool, "", &first), 0);
	assert_int_equal(name_pool_intern(&pool, "a", &second), 0);
	assert_int_equal(name_pool_intern(&pool, "", &again), 0);
	assert_int_equal(first, 0);
	assert_int_equal(second, 1);
	assert_int_equal(again, 0);
	assert_int_equal(pool.count, 2);
	name_pool_done(&pool);
}

static void texts_stay_where_they_are(void **state)
{
	struct name_pool pool = { 0 };
	char *large = malloc(LONG_NAME + 1);
	char text[32];
	const char *first;
	uint32_t id;

	(void)state;
	assert_non_null(large);
	memset(large, 'x', LONG_NAME);
	large[LONG_NAME] = '\0';
	assert_int_equal(name_pool_intern(&pool, "first", &id), 0);
	first = pool.names[id].text;
	assert_int_equal(name_pool_intern(&pool, large, &id), 0);
	assert_int_equal(pool.names[id].length, LONG_NAME);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(text, sizeof(text), "name %d", i);
		assert_int_equal(name_pool_intern(&pool, text, &id), 0);
		assert_int_equal(id, i + 2);
		assert_string_equal(pool.names[id].text, text);
	}
	assert_ptr_equal(pool.names[0].text, first);
	assert_string_equal(first, "first");
	free(large);
	name_pool_done(&pool);
}

/* Forged: "b" is entered under the hash of "a", as if the two had collided. */
static void texts_of_one_hash_are_told_apart(void **state)
{
	struct name_pool pool = { 0 };
	uint32_t a, b, again;

	(void)state;
	assert_int_equal(name_pool_intern(&pool, "b", &b), 0);
	assert_int_equal(hashmap_put(&pool.by_hash, hash_bytes("a", 1), b), 0);
	assert_int_equal(name_pool_intern(&pool, "a", &a), 0);
	assert_int_not_equal(a, b);
	assert_int_equal(pool.names[a].next, b);
	assert_int_equal(name_pool_intern(&pool, "a", &again), 0);
	assert_int_equal(again, a);
	name_pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_texts_are_one_name),
		cmocka_unit_test(texts_stay_where_they_are),
		cmocka_unit_test(texts_of_one_hash_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
