/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "symbolize/cfi_expression.h"
#include "tests/unit/cfi_bytes.h"

/* What linkers say of a stub that pushes before its offset 10 or 11. */
#define STUB(literal) 0x77, 8, 0x80, 0, 0x3f, 0x1a, literal, 0x2a, 0x33, 0x24, 0x22

static void check_cfa(const uint8_t *bytes, size_t size, struct unwind_rule expected)
{
	struct unwind_rule rule = { .rbp_offset = -16, .ra = -8 };

	expected.rbp_offset = -16;
	expected.ra = -8;
	assert_true(cfi_expression_cfa(bytes, size, &rule));
	assert_memory_equal(&rule, &expected, sizeof(rule));
}

static void refuse_cfa(const uint8_t *bytes, size_t size)
{
	const struct unwind_rule untouched = { .cfa = CFA_REGISTER, .cfa_offset = 77 };
	struct unwind_rule rule = untouched;

	assert_false(cfi_expression_cfa(bytes, size, &rule));
	assert_memory_equal(&rule, &untouched, sizeof(rule));
}

#define assert_cfa(bytes, ...) check_cfa(bytes, (struct unwind_rule){ __VA_ARGS__ })

static void sums_are_recognised(void **state)
{
	(void)state;
	assert_cfa(BYTES(0x77, 8), .cfa = CFA_REGISTER, .cfa_register = 7, .cfa_offset = 8);
	assert_cfa(BYTES(0x7f, 0x78), .cfa = CFA_REGISTER, .cfa_register = 15, .cfa_offset = -8);
	assert_cfa(BYTES(0x70, 16, 0x23, 0x80, 1), .cfa = CFA_REGISTER, .cfa_offset = 144);
	assert_cfa(BYTES(0x77, 0xff, 0xff, 0xff, 0xff, 7), .cfa = CFA_REGISTER, .cfa_register = 7,
		   .cfa_offset = INT32_MAX);
}

static void reading_memory_is_recognised(void **state)
{
	(void)state;
	assert_cfa(BYTES(0x76, 0x78, 0x06), .cfa = CFA_DEREF, .cfa_register = 6, .cfa_offset = -8);
	assert_cfa(BYTES(0x77, 0x98, 1, 0x06, 0x23, 8), .cfa = CFA_DEREF, .cfa_register = 7,
		   .cfa_offset = 152, .cfa_add = 8);
	assert_cfa(BYTES(0x77, 0, 0x06, 0x23, 0xff, 0xff, 1), .cfa = CFA_DEREF, .cfa_register = 7,
		   .cfa_add = INT16_MAX);
}

/* *(rsp + 8 + 8 * r9) + 8, of hand-written multiplication. */
static void an_indexed_word_is_recognised(void **state)
{
	(void)state;
	assert_cfa(BYTES(0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 8), .cfa = CFA_INDEXED,
		   .cfa_register = 9 << 4 | 7, .cfa_offset = 8, .cfa_add = 8);
}

static void stubs_are_recognised(void **state)
{
	(void)state;
	assert_cfa(BYTES(STUB(0x3b)), .cfa = CFA_PLT, .cfa_register = 7, .cfa_offset = 8,
		   .cfa_add = 11);
	assert_cfa(BYTES(STUB(0x3a)), .cfa = CFA_PLT, .cfa_register = 7, .cfa_offset = 8,
		   .cfa_add = 10);
	/* Any byte that differs makes it another expression, as does one more or less. */
	for (size_t i = 0; i < 11; i++) {
		uint8_t bytes[] = { STUB(0x3b) };

		if (i == 1 || i == 6)
			continue;
		bytes[i] ^= 1;
		refuse_cfa(bytes, sizeof(bytes));
		/* The first operation alone is a sum. */
		if (i != 2)
			refuse_cfa(bytes, i);
	}
	refuse_cfa(BYTES(STUB(0x50)));
	refuse_cfa(BYTES(STUB(0x2f)));
	refuse_cfa(BYTES(STUB(0x3b), 0x22));
}

static void what_does_not_fit_a_rule_is_refused(void **state)
{
	(void)state;
	refuse_cfa(BYTES(0x77, 0x80, 0x80, 0x80, 0x80, 8));
	refuse_cfa(BYTES(0x77, 0xff, 0xff, 0xff, 0xff, 7, 0x23, 1));
	refuse_cfa(BYTES(0x77, 0, 0x23, 0x80, 0x80, 0x80, 0x80, 0x10));
	refuse_cfa(BYTES(0x77, 0, 0x23, 0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1));
	refuse_cfa(BYTES(0x77, 0, 0x06, 0x23, 0x80, 0x80, 2));
	refuse_cfa(BYTES(0x80, 0));
	refuse_cfa(BYTES(0x80, 0, 0x06));
}

static void other_expressions_are_refused(void **state)
{
	(void)state;
	refuse_cfa(NOTHING);
	refuse_cfa(BYTES(0x77));
	refuse_cfa(BYTES(0x57));
	refuse_cfa(BYTES(0x77, 0x80));
	refuse_cfa(BYTES(0x77, 8, 0x06, 0x06));
	refuse_cfa(BYTES(0x77, 8, 0x06, 0x23));
	refuse_cfa(BYTES(0x77, 8, 0x22));
	refuse_cfa(BYTES(0x77, 8, 0x23, 8, 0x06));
	/* An index that is offset, not scaled by 8, or never read. */
	refuse_cfa(BYTES(0x77, 8, 0x79, 1, 0x38, 0x1e, 0x22, 0x06, 0x23, 8));
	refuse_cfa(BYTES(0x77, 8, 0x79, 0, 0x34, 0x1e, 0x22, 0x06, 0x23, 8));
	refuse_cfa(BYTES(0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22));
}

static void sums_alone_are_told_from_longer_expressions(void **state)
{
	uint8_t number;
	int32_t offset;

	(void)state;
	assert_true(cfi_expression_sum(BYTES(0x76, 0x70), &number, &offset));
	assert_int_equal(number, 6);
	assert_int_equal(offset, -16);
	assert_false(cfi_expression_sum(BYTES(0x76, 0x70, 0x06), &number, &offset));
	assert_false(cfi_expression_sum(BYTES(0x80, 0), &number, &offset));
	assert_false(cfi_expression_sum(NOTHING, &number, &offset));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_recognised),
		cmocka_unit_test(reading_memory_is_recognised),
		cmocka_unit_test(an_indexed_word_is_recognised),
		cmocka_unit_test(stubs_are_recognised),
		cmocka_unit_test(what_does_not_fit_a_rule_is_refused),
		cmocka_unit_test(other_expressions_are_refused),
		cmocka_unit_test(sums_alone_are_told_from_longer_expressions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
