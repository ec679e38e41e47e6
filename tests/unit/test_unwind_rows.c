/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "symbolize/unwind_rows.h"

static struct unwind_rule rule_at(int32_t offset)
{
	return (struct unwind_rule){
		.cfa = CFA_REGISTER, .cfa_register = UNWIND_RSP, .cfa_offset = offset, .ra = -8
	};
}

static void put(struct unwind_rows *rows, uint32_t at, int32_t offset)
{
	struct unwind_rule rule = rule_at(offset);

	assert_int_equal(unwind_rows_put(rows, at, &rule), 0);
}

static void code_without_rules_has_rule_0(void **state)
{
	struct unwind_rows rows;

	(void)state;
	assert_int_equal(unwind_rows_init(&rows, 2 * UNWIND_BLOCK_SIZE + 1), 0);
	unwind_rows_end(&rows);
	assert_int_equal(rows.rule_count, 1);
	assert_int_equal(rows.rules[0].cfa, CFA_NO_RULE);
	assert_int_equal(rows.block_count, 3);
	assert_int_equal(rows.row_count, 0);
	for (size_t i = 0; i < rows.block_count; i++)
		assert_int_equal(rows.blocks[i].rule, 0);
	unwind_rows_done(&rows);
}

static void equal_neighbours_are_one_row(void **state)
{
	struct unwind_rows rows;

	(void)state;
	assert_int_equal(unwind_rows_init(&rows, UNWIND_BLOCK_SIZE), 0);
	put(&rows, 1, 8);
	put(&rows, 2, 8);
	put(&rows, 3, 16);
	put(&rows, 4, 8);
	unwind_rows_end(&rows);
	assert_int_equal(rows.rule_count, 3);
	assert_int_equal(rows.row_count, 3);
	assert_int_equal(rows.rows[0].offset, 1);
	assert_int_equal(rows.rows[1].offset, 3);
	assert_int_equal(rows.rows[2].offset, 4);
	assert_int_equal(rows.rows[0].rule, rows.rows[2].rule);
	unwind_rows_done(&rows);
}

static void a_rule_holds_in_the_blocks_behind_it(void **state)
{
	struct unwind_rows rows;

	(void)state;
	assert_int_equal(unwind_rows_init(&rows, 4 * UNWIND_BLOCK_SIZE), 0);
	put(&rows, 10, 8);
	put(&rows, 2 * UNWIND_BLOCK_SIZE, 16);
	put(&rows, 2 * UNWIND_BLOCK_SIZE + 5, 8);
	unwind_rows_end(&rows);
	assert_int_equal(rows.block_count, 4);
	assert_int_equal(rows.blocks[0].rule, 0);
	assert_int_equal(rows.blocks[0].row_count, 1);
	assert_int_equal(rows.blocks[1].rule, 1);
	assert_int_equal(rows.blocks[1].row_count, 0);
	/* At the first byte of a block there is no need for a row. */
	assert_int_equal(rows.blocks[2].rule, 2);
	assert_int_equal(rows.blocks[2].row_count, 1);
	assert_int_equal(rows.blocks[2].first_row, 1);
	assert_int_equal(rows.blocks[3].rule, 1);
	unwind_rows_done(&rows);
}

static void there_are_as_many_rules_as_numbers(void **state)
{
	struct unwind_rule one_more = rule_at(-1);
	struct unwind_rows rows;

	(void)state;
	assert_int_equal(unwind_rows_init(&rows, UNWIND_RULES_MAX + 2), 0);
	for (uint32_t i = 1; i < UNWIND_RULES_MAX; i++)
		put(&rows, i, (int32_t)i * 8);
	assert_int_equal(rows.rule_count, UNWIND_RULES_MAX);
	/* All are found again, after the hash table has grown. */
	for (uint32_t i = 1; i < UNWIND_RULES_MAX; i++)
		assert_int_equal(rows.rules[i].cfa_offset, (int32_t)i * 8);
	assert_int_equal(rows.rows[rows.row_count - 1].rule, UNWIND_RULES_MAX - 1);
	assert_int_equal(unwind_rows_put(&rows, UNWIND_RULES_MAX, &one_more), -EFBIG);
	put(&rows, UNWIND_RULES_MAX + 1, 8);
	assert_int_equal(rows.rule_count, UNWIND_RULES_MAX);
	assert_int_equal(rows.rows[rows.row_count - 1].rule, 1);
	unwind_rows_done(&rows);
}

/* What times an odd number is 1, modulo 2^64: each step of Newton's doubles the bits that are
 * right. */
static uint64_t inverse_of(uint64_t odd)
{
	uint64_t inverse = odd;

	for (int i = 0; i < 6; i++)
		inverse *= 2 - odd * inverse;
	return inverse;
}

static void rules_chosen_to_share_a_slot_are_refused(void **state)
{
	/* The second factor of the hash: its multiples by the inverse have only lower bits. */
	const uint64_t inverse = inverse_of(0xb504f333f9de6485);
	struct unwind_rows rows;
	uint32_t at = 1;
	int err = 0;

	(void)state;
	assert_int_equal(unwind_rows_init(&rows, UNWIND_BLOCK_SIZE), 0);
	while (at < UNWIND_BLOCK_SIZE && err == 0) {
		uint64_t words[2] = { CFA_REGISTER, inverse * at };
		struct unwind_rule rule;

		memcpy(&rule, words, sizeof(rule));
		err = unwind_rows_put(&rows, at++, &rule);
	}
	assert_int_equal(err, -EFBIG);
	assert_in_range(at, 50, 100);
	unwind_rows_done(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_without_rules_has_rule_0),
		cmocka_unit_test(equal_neighbours_are_one_row),
		cmocka_unit_test(a_rule_holds_in_the_blocks_behind_it),
		cmocka_unit_test(there_are_as_many_rules_as_numbers),
		cmocka_unit_test(rules_chosen_to_share_a_slot_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
