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

/* Forged: "b" is found under whatever hash, as if all had collided. */
static void texts_of_one_hash_are_told_apart(void **state)
{
	struct name_pool pool = { 0 };
	uint32_t a, b, again;

	(void)state;
	assert_int_equal(name_pool_intern(&pool, "b", &b), 0);
	assert_int_equal(name_pool_intern(&pool, "a", &a), 0);
	assert_int_equal(b, 0);
	for (size_t i = 0; i < pool.by_hash.capacity; i++) {
		struct number_slot *slot = &pool.by_hash.slots[i];

		/* Of a search for "a", which meets "b" first. */
		if (slot->number == a + 1)
			slot->number = b + 1;
		else if (slot->number == b + 1)
			slot->number = a + 1;
	}
	assert_false(name_pool_find(&pool, "a", 1, &again));
	assert_int_equal(name_pool_intern(&pool, "a", &again), 0);
	assert_int_equal(again, 2);
	assert_true(name_pool_find(&pool, "a", 1, &again));
	assert_int_equal(again, 2);
	name_pool_done(&pool);
}

static void parts_of_texts_are_names(void **state)
{
	static const char text[] = "a name of more than sixteen bytes;another";
	struct name_pool pool = { 0 };
	uint32_t id, found;

	(void)state;
	for (size_t length = 0; length < sizeof(text); length++) {
		assert_false(name_pool_find(&pool, text, length, &found));
		assert_int_equal(name_pool_intern_bytes(&pool, text, length, &id), 0);
		assert_int_equal(id, length);
		assert_int_equal(strlen(pool.names[id].text), length);
		assert_memory_equal(pool.names[id].text, text, length);
	}
	for (size_t length = 0; length < sizeof(text); length++) {
		assert_true(name_pool_find(&pool, text, length, &found));
		assert_int_equal(found, length);
	}
	name_pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_texts_are_one_name),
		cmocka_unit_test(texts_stay_where_they_are),
		cmocka_unit_test(texts_of_one_hash_are_told_apart),
		cmocka_unit_test(parts_of_texts_are_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
