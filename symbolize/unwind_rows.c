/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/unwind_rows.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Most binaries have some hundreds of rules. Doubled, it comes to the maximum. */
#define RULES_MIN 512
#define ROWS_MIN  4096

/* Odd, with their bits at random: 2^64 divided by the golden ratio, and by the square root of 2. */
#define HASH_FACTOR_0 0x9e3779b97f4a7c15ull
#define HASH_FACTOR_1 0xb504f333f9de6485ull

/*
 * Rules of compilers are found at the first or second slot. Somebody who chooses rules that share
 * one gets no table, rather than all the time in the world.
 */
#define PROBES_MAX 64

static bool is_same(const struct unwind_rule *a, const struct unwind_rule *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The upper bits of a sum of products (Dietzfelbinger's multiply-shift): rules differ in few bits.
 */
static size_t hash_rule(const struct unwind_rows *rows, const struct unwind_rule *rule)
{
	uint64_t words[2];

	_Static_assert(sizeof(words) == sizeof(*rule), "all of it is hashed");
	memcpy(words, rule, sizeof(words));
	return (words[0] * HASH_FACTOR_0 + words[1] * HASH_FACTOR_1) >> rows->hash_shift;
}

/* The slot that has the rule, or the free one where it belongs; NULL when that is too far away. */
static uint16_t *find_slot(const struct unwind_rows *rows, const struct unwind_rule *rule)
{
	size_t mask = ((size_t)1 << (64 - rows->hash_shift)) - 1;
	size_t at = hash_rule(rows, rule);

	for (int i = 0; i < PROBES_MAX; i++) {
		uint16_t *slot = &rows->slots[(at + (size_t)i) & mask];

		if (!*slot || is_same(&rows->rules[*slot], rule))
			return slot;
	}
	return NULL;
}

/* Makes room for twice as many rules. */
static int grow_rules(struct unwind_rows *rows)
{
	size_t rule_capacity = rows->rule_capacity ? 2 * rows->rule_capacity : RULES_MIN;
	CLEANUP(cleanup_free) uint16_t *slots = NULL;
	struct unwind_rule *rules;

	rules = reallocarray(rows->rules, rule_capacity, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	rows->rules = rules;
	/* Half of the slots stay free. */
	slots = calloc(2 * rule_capacity, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(rows->slots);
	rows->slots = TAKE(slots);
	rows->rule_capacity = rule_capacity;
	rows->hash_shift = (unsigned int)__builtin_clzll(2 * rule_capacity) + 1;
	for (size_t i = 1; i < rows->rule_count; i++) {
		uint16_t *slot = find_slot(rows, &rules[i]);

		if (!slot)
			return -EFBIG;
		*slot = (uint16_t)i;
	}
	return 0;
}

/* The number of a rule that is not number 0, new or known. */
static int intern(struct unwind_rows *rows, const struct unwind_rule *rule, uint16_t *ret)
{
	uint16_t *slot = find_slot(rows, rule);
	int err;

	if (slot && !*slot && rows->rule_count == rows->rule_capacity) {
		if (rows->rule_count == UNWIND_RULES_MAX)
			return -EFBIG;
		err = grow_rules(rows);
		if (err < 0)
			return err;
		slot = find_slot(rows, rule);
	}
	if (!slot)
		return -EFBIG;
	if (!*slot) {
		*slot = (uint16_t)rows->rule_count;
		rows->rules[rows->rule_count++] = *rule;
	}
	*ret = *slot;
	return 0;
}

static void begin_blocks(struct unwind_rows *rows, size_t count)
{
	assert(count <= rows->block_capacity);
	while (rows->block_count < count)
		rows->blocks[rows->block_count++] = (struct unwind_block){
			.first_row = (uint32_t)rows->row_count,
			.rule = rows->last_rule,
		};
}

static int add_row(struct unwind_rows *rows, struct unwind_row row)
{
	if (rows->row_count == rows->row_capacity) {
		struct unwind_row *grown;

		if (rows->row_count == UNWIND_ROWS_MAX)
			return -EFBIG;
		grown = reallocarray(rows->rows, 2 * rows->row_capacity, sizeof(row));
		if (!grown)
			return -ENOMEM;
		rows->rows = grown;
		rows->row_capacity *= 2;
	}
	rows->rows[rows->row_count++] = row;
	return 0;
}

int unwind_rows_put(struct unwind_rows *rows, uint32_t offset, const struct unwind_rule *rule)
{
	size_t block = offset >> UNWIND_BLOCK_SHIFT;
	uint16_t in_block = offset & (UNWIND_BLOCK_SIZE - 1);
	uint16_t number;
	int err;

	if (is_same(rule, &rows->rules[rows->last_rule]))
		return 0;
	if (rule->cfa == CFA_NO_RULE) {
		number = 0;
	} else {
		err = intern(rows, rule, &number);
		if (err < 0)
			return err;
	}
	begin_blocks(rows, block + 1);
	rows->last_rule = number;
	if (in_block == 0) {
		rows->blocks[block].rule = number;
		return 0;
	}
	err = add_row(rows, (struct unwind_row){ in_block, number });
	if (err < 0)
		return err;
	rows->blocks[block].row_count++;
	return 0;
}

void unwind_rows_end(struct unwind_rows *rows)
{
	begin_blocks(rows, rows->block_capacity);
}

int unwind_rows_init(struct unwind_rows *ret, uint64_t span)
{
	CLEANUP(unwind_rows_done) struct unwind_rows rows = { 0 };
	int err;

	rows.block_capacity = (span + UNWIND_BLOCK_SIZE - 1) >> UNWIND_BLOCK_SHIFT;
	rows.blocks = malloc(rows.block_capacity * sizeof(*rows.blocks));
	rows.row_capacity = ROWS_MIN;
	rows.rows = malloc(rows.row_capacity * sizeof(*rows.rows));
	if (!rows.blocks || !rows.rows)
		return -ENOMEM;
	err = grow_rules(&rows);
	if (err < 0)
		return err;
	rows.rules[rows.rule_count++] = (struct unwind_rule){ .cfa = CFA_NO_RULE };
	*ret = rows;
	rows = (struct unwind_rows){ 0 };
	return 0;
}

void unwind_rows_done(struct unwind_rows *rows)
{
	free(rows->rules);
	free(rows->slots);
	free(rows->blocks);
	free(rows->rows);
	*rows = (struct unwind_rows){ 0 };
}
