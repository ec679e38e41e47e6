/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/known_stacks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define MANY 600000

/* 12 MB hold no more. */
#define REMEMBERED_MAX 262144

static void add(struct known_stacks *known, uint64_t id, uint32_t node)
{
	known_stacks_add(known, id,
			 &(struct known_stack){ .node = node,
						.stop = node % STOP_REASON_COUNT,
						.is_complete = node % 2 });
}

/* Found, and nothing else than what was added under id. */
static bool is_found(const struct known_stacks *known, uint64_t id, uint32_t node)
{
	struct known_stack found;

	if (!known_stacks_find(known, id, &found))
		return false;
	assert_int_equal(found.node, node);
	assert_int_equal(found.stop, node % STOP_REASON_COUNT);
	assert_int_equal(found.is_complete, node % 2);
	return true;
}

static void a_stack_is_found_after_it_was_added_and_not_before(void **state)
{
	static const uint64_t ids[] = { 0, 1, UINT64_MAX, UINT64_MAX - 1, 1ull << 63 };
	struct known_stacks known = { 0 };
	struct known_stack untouched = { .node = 77 };

	(void)state;
	for (uint32_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		assert_false(known_stacks_find(&known, ids[i], &untouched));
		assert_int_equal(untouched.node, 77);
		add(&known, ids[i], 10 + i);
		for (uint32_t k = 0; k <= i; k++)
			assert_true(is_found(&known, ids[k], 10 + k));
	}
	known_stacks_done(&known);
}

static void adding_again_replaces(void **state)
{
	struct known_stacks known = { 0 };

	(void)state;
	add(&known, 5, 1);
	add(&known, 5, 2);
	assert_true(is_found(&known, 5, 2));
	known_stacks_done(&known);
}

static void nothing_is_known_after_clearing(void **state)
{
	struct known_stacks known = { 0 };

	(void)state;
	known_stacks_clear(&known);
	for (uint32_t i = 0; i < 1000; i++)
		add(&known, i, i);
	known_stacks_clear(&known);
	for (uint32_t i = 0; i < 1000; i++)
		assert_false(is_found(&known, i, i));
	add(&known, 3, 4);
	assert_true(is_found(&known, 3, 4));
	assert_false(is_found(&known, 4, 4));
	known_stacks_done(&known);
	assert_false(is_found(&known, 3, 4));
	known_stacks_done(&known);
}

static void what_is_too_much_is_forgotten_and_never_mixed_up(void **state)
{
	struct known_stacks known = { 0 };
	uint32_t count = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		add(&known, hash_u64(i), i);
		assert_true(known.capacity <= REMEMBERED_MAX);
		assert_true(is_found(&known, hash_u64(i / 2), i / 2) || i > REMEMBERED_MAX / 2);
	}
	for (uint32_t i = 0; i < MANY; i++)
		count += is_found(&known, hash_u64(i), i);
	assert_in_range(count, 1, REMEMBERED_MAX);
	known_stacks_done(&known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stack_is_found_after_it_was_added_and_not_before),
		cmocka_unit_test(adding_again_replaces),
		cmocka_unit_test(nothing_is_known_after_clearing),
		cmocka_unit_test(what_is_too_much_is_forgotten_and_never_mixed_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
