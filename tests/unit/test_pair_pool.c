/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pair_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MANY      20000u
#define COLLIDING 300000u

static uint32_t id_of(struct pair_pool *pool, uint32_t first, uint32_t second)
{
	uint32_t id = PAIR_NONE;

	assert_int_equal(pair_pool_intern(pool, first, second, &id), 0);
	return id;
}

static void equal_pairs_have_one_number(void **state)
{
	struct pair_pool pool = { 0 };

	(void)state;
	assert_int_equal(id_of(&pool, 7, PAIR_NONE), 0);
	assert_int_equal(id_of(&pool, PAIR_NONE, 7), 1);
	assert_int_equal(id_of(&pool, 0, 0), 2);
	assert_int_equal(id_of(&pool, PAIR_NONE, PAIR_NONE), 3);
	assert_int_equal(id_of(&pool, 7, PAIR_NONE), 0);
	assert_int_equal(id_of(&pool, PAIR_NONE, 7), 1);
	assert_int_equal(pool.count, 4);
	assert_int_equal(pool.pairs[0].first, 7);
	assert_int_equal(pool.pairs[0].second, PAIR_NONE);
	pair_pool_done(&pool);
}

static void many_pairs_keep_their_numbers(void **state)
{
	struct pair_pool pool = { 0 };

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < MANY; i++)
			assert_int_equal(id_of(&pool, i / 3, i % 3), i);
	}
	assert_int_equal(pool.count, MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(pool.pairs[i].first, i / 3);
		assert_int_equal(pool.pairs[i].second, i % 3);
	}
	pair_pool_done(&pool);
	assert_int_equal(id_of(&pool, 5, 5), 0); /* and is empty afterwards */
	pair_pool_done(&pool);
}

/* The number whose hash_u64() is this one: each of its steps, the other way round. */
static uint64_t number_of_hash(uint64_t hash)
{
	const uint64_t inverse_first = UINT64_C(0x96de1b173f119089);
	const uint64_t inverse_second = UINT64_C(0x319642b2d24d8ec3);

	hash = (hash ^ hash >> 31 ^ hash >> 62) * inverse_second;
	hash = (hash ^ hash >> 27 ^ hash >> 54) * inverse_first;
	return hash ^ hash >> 30 ^ hash >> 60;
}

/* Without a seed each would be compared with all those before. */
static void pairs_chosen_for_equal_hashes_are_kept_in_bounded_time(void **state)
{
	struct pair_pool pool = { 0 };

	(void)state;
	assert_int_equal(hash_u64(number_of_hash(12345)), 12345);
	for (uint32_t i = 0; i < COLLIDING; i++) {
		uint64_t key = number_of_hash((uint64_t)i << 32);

		assert_int_equal(id_of(&pool, (uint32_t)(key >> 32), (uint32_t)key), i);
	}
	pair_pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_pairs_have_one_number),
		cmocka_unit_test(many_pairs_keep_their_numbers),
		cmocka_unit_test(pairs_chosen_for_equal_hashes_are_kept_in_bounded_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
