/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hashmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MANY 100000

static void an_empty_map_has_no_key(void **state)
{
	struct hashmap map = { 0 };
	uint64_t value = 7;

	(void)state;
	assert_false(hashmap_get(&map, 0, &value));
	assert_int_equal(value, 7);
	hashmap_done(&map);
}

static void what_was_put_is_found_after_growing(void **state)
{
	struct hashmap map = { 0 };
	uint64_t value;

	(void)state;
	for (uint64_t i = 0; i < MANY; i++)
		assert_int_equal(hashmap_put(&map, i << 32, i + 1), 0);
	assert_int_equal(map.count, MANY);
	for (uint64_t i = 0; i < MANY; i++) {
		assert_true(hashmap_get(&map, i << 32, &value));
		assert_int_equal(value, i + 1);
	}
	assert_false(hashmap_get(&map, 1, &value));
	hashmap_done(&map);
	assert_false(hashmap_get(&map, 0, &value));
}

static void putting_a_key_again_overwrites(void **state)
{
	struct hashmap map = { 0 };
	uint64_t value;

	(void)state;
	assert_int_equal(hashmap_put(&map, UINT64_MAX, 1), 0);
	assert_int_equal(hashmap_put(&map, UINT64_MAX, 2), 0);
	assert_int_equal(map.count, 1);
	assert_true(hashmap_get(&map, UINT64_MAX, &value));
	assert_int_equal(value, 2);
	hashmap_done(&map);
}

static void the_key_zero_is_one_like_others(void **state)
{
	struct hashmap map = { 0 };
	uint64_t value = 7;

	(void)state;
	assert_int_equal(hashmap_put(&map, 1, 5), 0);
	assert_false(hashmap_get(&map, 0, &value));
	assert_int_equal(value, 7);
	assert_int_equal(hashmap_put(&map, 0, 0), 0);
	assert_int_equal(hashmap_put(&map, 0, 9), 0);
	assert_int_equal(map.count, 2);
	assert_true(hashmap_get(&map, 0, &value));
	assert_int_equal(value, 9);
	hashmap_done(&map);
	assert_false(hashmap_get(&map, 0, &value));
	/* Alone, where there are no slots. */
	assert_int_equal(hashmap_put(&map, 0, 3), 0);
	assert_int_equal(map.count, 1);
	hashmap_clear(&map);
	assert_int_equal(map.count, 0);
	assert_false(hashmap_get(&map, 0, &value));
	hashmap_done(&map);
}

static void a_cleared_map_has_no_key_and_its_memory(void **state)
{
	struct hashmap map = { 0 };
	size_t capacity;
	uint64_t value;

	(void)state;
	hashmap_clear(&map);
	for (uint64_t i = 0; i < MANY; i++)
		assert_int_equal(hashmap_put(&map, i, i), 0);
	capacity = map.capacity;
	hashmap_clear(&map);
	assert_int_equal(map.count, 0);
	for (uint64_t i = 0; i < MANY; i++)
		assert_false(hashmap_get(&map, i, &value));
	for (uint64_t i = 0; i < MANY; i++)
		assert_int_equal(hashmap_put(&map, i, i + 1), 0);
	assert_int_equal(map.count, MANY);
	assert_int_equal(map.capacity, capacity);
	for (uint64_t i = 0; i < MANY; i++) {
		assert_true(hashmap_get(&map, i, &value));
		assert_int_equal(value, i + 1);
	}
	hashmap_done(&map);
	hashmap_clear(&map);
	assert_false(hashmap_get(&map, 1, &value));
}

static void hashes_depend_on_every_byte_and_on_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(hash_bytes("abc", 3), hash_bytes("abcd", 3));
	assert_int_not_equal(hash_bytes("abc", 3), hash_bytes("abd", 3));
	assert_int_not_equal(hash_bytes("abc", 3), hash_bytes("abc", 2));
	assert_int_not_equal(hash_bytes("ab", 2), hash_bytes("ba", 2));
	assert_true(hash_bytes_seeded(1, "abc", 3) == hash_bytes_seeded(1, "abcd", 3));
	assert_true(hash_bytes_keyed(1, "abc", 3) == hash_bytes_keyed(1, "abcd", 3));
	assert_true(hash_bytes_keyed(1, "abc", 3) != hash_bytes_keyed(2, "abc", 3));
	assert_true(hash_bytes_keyed(1, "abc\0", 4) != hash_bytes_keyed(1, "abc", 3));
	assert_true(hash_bytes_keyed(1, "abcdefgh", 8) != hash_bytes_keyed(1, "abcdefg", 7));
	assert_true(hash_bytes_seeded(1, "abc", 3) != hash_bytes_seeded(2, "abc", 3));
	assert_true(hash_seed() != hash_seed());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_no_key),
		cmocka_unit_test(what_was_put_is_found_after_growing),
		cmocka_unit_test(putting_a_key_again_overwrites),
		cmocka_unit_test(the_key_zero_is_one_like_others),
		cmocka_unit_test(a_cleared_map_has_no_key_and_its_memory),
		cmocka_unit_test(hashes_depend_on_every_byte_and_on_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
