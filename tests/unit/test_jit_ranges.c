/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/jit_ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW UINT64_MAX

/* The bytes of a small memory, and what the last insertions were. */
#define MEMORY 4096

static int tear_down(void **state)
{
	jit_ranges_done(*state);
	free(*state);
	return 0;
}

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct jit_ranges));
	return *state ? 0 : -1;
}

/* Whether something was replaced. */
static bool insert_at(struct jit_ranges *ranges, uint64_t start, uint64_t end, uint64_t since_ns,
		      uint32_t code)
{
	bool is_replaced = false;

	assert_int_equal(jit_ranges_insert(ranges,
					   &(struct jit_range){ start, end, since_ns, code, 0 },
					   &is_replaced),
			 0);
	return is_replaced;
}

static bool insert(struct jit_ranges *ranges, uint64_t start, uint64_t end, uint32_t code)
{
	return insert_at(ranges, start, end, 0, code);
}

/* -1: nothing. */
static int64_t code_at(const struct jit_ranges *ranges, uint64_t address, uint64_t time_ns)
{
	const struct jit_range *range = jit_ranges_find(ranges, address, time_ns);

	return range ? (int64_t)range->code : -1;
}

static void check(const struct jit_ranges *ranges, uint64_t address, int64_t code)
{
	assert_int_equal(code_at(ranges, address, NOW), code);
}

static void nothing_is_found_where_nothing_is(void **state)
{
	check(*state, 0, -1);
	assert_false(insert(*state, 100, 200, 1));
	check(*state, 99, -1);
	check(*state, 100, 1);
	check(*state, 199, 1);
	check(*state, 200, -1);
	check(*state, UINT64_MAX, -1);
}

static void neighbours_do_not_replace_each_other(void **state)
{
	assert_false(insert(*state, 200, 300, 2));
	assert_false(insert(*state, 100, 200, 1));
	assert_false(insert(*state, 300, 400, 3));
	check(*state, 199, 1);
	check(*state, 200, 2);
	check(*state, 299, 2);
	check(*state, 300, 3);
}

static void the_newest_wins_and_leaves_what_sticks_out(void **state)
{
	struct jit_ranges *ranges = *state;

	insert(ranges, 100, 200, 1);
	assert_true(insert(ranges, 150, 160, 2)); /* a hole */
	check(ranges, 149, 1);
	check(ranges, 150, 2);
	check(ranges, 159, 2);
	check(ranges, 160, 1);
	assert_int_equal(jit_ranges_find(ranges, 160, NOW)->skipped, 60);
	assert_int_equal(jit_ranges_find(ranges, 149, NOW)->skipped, 0);
	assert_true(insert(ranges, 90, 110, 3)); /* the front */
	check(ranges, 109, 3);
	check(ranges, 110, 1);
	assert_int_equal(jit_ranges_find(ranges, 110, NOW)->skipped, 10);
	assert_true(insert(ranges, 190, 210, 4)); /* the back */
	check(ranges, 189, 1);
	check(ranges, 190, 4);
	assert_int_equal(jit_ranges_find(ranges, 189, NOW)->skipped, 60);
	assert_true(insert(ranges, 0, 1000, 5)); /* all */
	assert_int_equal(ranges->count, 1);
	check(ranges, 150, 5);
}

static void the_whole_address_space_can_be_used(void **state)
{
	insert(*state, UINT64_MAX - 16, UINT64_MAX, 1);
	insert(*state, 0, 16, 2);
	check(*state, UINT64_MAX - 1, 1);
	check(*state, 0, 2);
}

static void a_time_before_has_what_was_there_then(void **state)
{
	struct jit_ranges *ranges = *state;

	insert_at(ranges, 100, 200, 10, 1);
	insert_at(ranges, 150, 250, 20, 2);
	insert_at(ranges, 100, 300, 30, 3);
	assert_int_equal(code_at(ranges, 160, 10), 1);
	assert_int_equal(code_at(ranges, 160, 19), 1);
	assert_int_equal(code_at(ranges, 160, 20), 2);
	assert_int_equal(code_at(ranges, 160, 29), 2);
	assert_int_equal(code_at(ranges, 160, 30), 3);
	assert_int_equal(code_at(ranges, 120, 25), 1);
	assert_int_equal(code_at(ranges, 220, 25), 2);
	assert_int_equal(jit_ranges_find(ranges, 160, 10)->skipped, 50);
	assert_int_equal(jit_ranges_find(ranges, 220, 25)->skipped, 0);
}

static void before_all_times_the_first_one_is_taken(void **state)
{
	struct jit_ranges *ranges = *state;

	insert_at(ranges, 100, 200, 10, 1);
	assert_int_equal(code_at(ranges, 160, 5), 1);
	insert_at(ranges, 100, 200, 20, 2);
	insert_at(ranges, 100, 200, 30, 3);
	assert_int_equal(code_at(ranges, 160, 5), 1);
	/* There was nothing yet at 150 when this ran. */
	insert_at(ranges, 500, 600, 40, 4);
	assert_int_equal(code_at(ranges, 550, 35), 4);
}

static void without_times_the_newest_is_right_at_any_time(void **state)
{
	insert_at(*state, 100, 200, 0, 1);
	insert_at(*state, 100, 200, 0, 2);
	assert_int_equal(code_at(*state, 160, 0), 2);
	/* A clock that goes backwards: order of arrival. */
	insert_at(*state, 100, 200, 50, 3);
	insert_at(*state, 100, 200, 40, 4);
	assert_int_equal(code_at(*state, 160, 60), 4);
}

static void what_nobody_asks_for_is_forgotten(void **state)
{
	struct jit_ranges *ranges = *state;

	insert_at(ranges, 100, 200, 10, 1);
	insert_at(ranges, 100, 200, 20, 2);
	insert_at(ranges, 100, 200, 30, 3);
	jit_ranges_forget(ranges, 21);
	assert_int_equal(ranges->past_count, 1);
	assert_int_equal(code_at(ranges, 160, 22), 2);
	jit_ranges_forget(ranges, 40);
	assert_int_equal(ranges->past_count, 0);
	insert_at(ranges, 100, 200, 35, 4); /* its time has passed already */
	assert_int_equal(ranges->past_count, 0);
}

static void memory_of_the_past_is_bounded(void **state)
{
	struct jit_ranges *ranges = *state;

	for (uint32_t i = 0; i < 100000; i++)
		insert_at(ranges, 100, 200, 1 + i, i);
	assert_int_equal(ranges->count, 1);
	assert_in_range(ranges->past_count, 1000, 16384);
	assert_int_equal(code_at(ranges, 150, 99990), 99989);
	assert_in_range(jit_ranges_bytes(ranges), 1, 2 << 20);
}

static uint64_t random_below(uint64_t *seed, uint64_t limit)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (*seed >> 33) % limit;
}

/* Against an array with a cell for each byte, so small that everything overlaps. */
static void it_agrees_with_a_model(void **state)
{
	static int64_t model[MEMORY];
	static uint64_t starts[MEMORY];
	struct jit_ranges *ranges = *state;
	uint64_t seed = 1;

	memset(model, 0xff, sizeof(model));
	for (uint32_t code = 0; code < 20000; code++) {
		uint64_t start = random_below(&seed, MEMORY - 1);
		uint64_t most = code % 100 ? 8 : MEMORY;
		uint64_t end = start + 1 + random_below(&seed, most);

		if (end > MEMORY)
			end = MEMORY;
		insert(ranges, start, end, code);
		for (uint64_t i = start; i < end; i++) {
			model[i] = code;
			starts[i] = start;
		}
		for (int i = 0; i < 20; i++) {
			uint64_t address = random_below(&seed, MEMORY);
			const struct jit_range *found = jit_ranges_find(ranges, address, NOW);

			assert_int_equal(found ? (int64_t)found->code : -1, model[address]);
			if (found)
				assert_int_equal(found->start - found->skipped, starts[address]);
		}
	}
	for (uint64_t i = 0; i < MEMORY; i++)
		check(ranges, i, model[i]);
}

static void in_any_order_many_are_found(void **state)
{
	enum { MANY = 50000 };
	struct jit_ranges *ranges = *state;

	/* 7919 is prime and no divisor of MANY: each once, in no order. */
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t k = i * 7919 % MANY;

		insert(ranges, 16 * k, 16 * k + 10, (uint32_t)k);
	}
	assert_int_equal(ranges->count, MANY);
	for (uint64_t k = 0; k < MANY; k++) {
		check(ranges, 16 * k + 9, (int64_t)k);
		check(ranges, 16 * k + 10, -1);
	}
	/* Downwards, and then one that takes the place of all. */
	for (uint64_t k = MANY; k > 0; k--)
		insert(ranges, 16 * k, 16 * k + 16, (uint32_t)k);
	check(ranges, 16, 1);
	insert(ranges, 0, 32 * MANY, 7);
	assert_int_equal(ranges->count, 1);
}

/* As most runtimes fill their memory. */
static void in_order_many_need_little_memory(void **state)
{
	enum { MANY = 50000 };

	for (uint64_t i = 0; i < MANY; i++)
		insert(*state, 16 * i, 16 * i + 16, (uint32_t)i);
	assert_in_range(jit_ranges_bytes(*state), 1, MANY * sizeof(struct jit_range) * 5 / 4);
}

static void count_codes(void *context, struct jit_range *range)
{
	uint64_t *sum = context;

	*sum += range->code;
	range->code = 0;
}

static void every_piece_is_visited(void **state)
{
	uint64_t sum = 0;

	insert_at(*state, 0, 10, 1, 1);
	insert_at(*state, 0, 10, 2, 10);
	insert_at(*state, 20, 30, 3, 100);
	jit_ranges_visit(*state, count_codes, &sum);
	assert_int_equal(sum, 111);
	check(*state, 25, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_found_where_nothing_is, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(neighbours_do_not_replace_each_other, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_newest_wins_and_leaves_what_sticks_out, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_whole_address_space_can_be_used, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_time_before_has_what_was_there_then, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(before_all_times_the_first_one_is_taken, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(without_times_the_newest_is_right_at_any_time,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_nobody_asks_for_is_forgotten, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(memory_of_the_past_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_agrees_with_a_model, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_any_order_many_are_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_order_many_need_little_memory, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(every_piece_is_visited, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
