/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/stack_index.h"

#include "tests/unit/tree.h"

#define MANY 5000

static struct stack_hash hash_of(const struct stack_index *index, const char *stack)
{
	struct stack_hash hash = index->seed;

	for (;;) {
		size_t length = strcspn(stack, ";");

		hash = stack_hash_frame(index, hash, stack, length);
		if (!stack[length])
			return hash;
		stack += length + 1;
	}
}

static void stacks_are_told_apart(void **state)
{
	static const char *const stacks[] = {
		"",
		";",
		";;",
		"a",
		"a;",
		";a",
		"a;b",
		"b;a",
		"ab",
		"ab;c",
		"a;bc",
		"a;b;c",
		"12345678",
		"1234567;8",
		"1234567890123456",
		"12345678;90123456",
		"12345678901234567",
		"1234567890123456;7",
		"aaa",
		"aa;a",
		"aab",
		"aba",
		"abcdefg",
		"abcdeg",
	};
	struct stack_index index;

	(void)state;
	stack_index_make(&index);
	for (uint32_t i = 0; i < sizeof(stacks) / sizeof(*stacks); i++) {
		struct stack_hash hash = hash_of(&index, stacks[i]);

		assert_int_equal(stack_index_find(&index, hash), 0);
		assert_int_equal(stack_index_put(&index, hash, i + 1), 0);
	}
	for (uint32_t i = 0; i < sizeof(stacks) / sizeof(*stacks); i++)
		assert_int_equal(stack_index_find(&index, hash_of(&index, stacks[i])), i + 1);
	stack_index_done(&index);
}

static void nodes_are_found_when_the_index_has_grown(void **state)
{
	struct stack_index index;
	char stack[32];

	(void)state;
	stack_index_make(&index);
	for (uint32_t i = 1; i <= MANY; i++) {
		(void)snprintf(stack, sizeof(stack), "main;f%u", i);
		assert_int_equal(stack_index_put(&index, hash_of(&index, stack), i), 0);
	}
	for (uint32_t i = 1; i <= MANY; i++) {
		(void)snprintf(stack, sizeof(stack), "main;f%u", i);
		assert_int_equal(stack_index_find(&index, hash_of(&index, stack)), i);
	}
	stack_index_done(&index);
}

/* What one knows of it is of no use for another one. */
static void every_index_has_its_own_hashes(void **state)
{
	struct stack_index first, second;

	(void)state;
	stack_index_make(&first);
	stack_index_make(&second);
	assert_true(hash_of(&first, "a").low != hash_of(&second, "a").low);
	assert_true(hash_of(&first, "a").high != hash_of(&second, "a").high);
	assert_true(hash_of(&first, "a").high != hash_of(&first, "a").low);
}

/* The half that picks the slot is not all that counts. */
static void both_halves_of_a_hash_are_compared(void **state)
{
	struct stack_index index;

	(void)state;
	stack_index_make(&index);
	assert_int_equal(stack_index_put(&index, (struct stack_hash){ 1, 1 }, 5), 0);
	assert_int_equal(stack_index_put(&index, (struct stack_hash){ 1, 2 }, 6), 0);
	assert_int_equal(stack_index_find(&index, (struct stack_hash){ 1, 1 }), 5);
	assert_int_equal(stack_index_find(&index, (struct stack_hash){ 1, 2 }), 6);
	assert_int_equal(stack_index_find(&index, (struct stack_hash){ 1, 3 }), 0);
	assert_int_equal(stack_index_find(&index, (struct stack_hash){ 2, 1 }), 0);
	stack_index_done(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_are_told_apart),
		cmocka_unit_test(nodes_are_found_when_the_index_has_grown),
		cmocka_unit_test(every_index_has_its_own_hashes),
		cmocka_unit_test(both_halves_of_a_hash_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
