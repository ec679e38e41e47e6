/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "symbolize/cfi_program.h"
#include "tests/unit/cfi_bytes.h"

/* Where the function of each test is. */
#define START 0x1000
#define END   0x2000

/* What every function of gcc begins with: CFA = rsp + 8, return address below the CFA. */
#define USUAL 0x0c, 7, 8, 0x90, 1

/* Appends to a text that has room for what tests make. */
__attribute__((format(printf, 2, 3))) static void append(char *text, const char *format, ...)
{
	size_t length = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text + length, 4096 - length, format, arguments);
	va_end(arguments);
}

static void describe_cfa(char *text, const struct unwind_rule *rule)
{
	static const char *const formats[] = {
		[CFA_NO_RULE] = "-",          [CFA_UNSUPPORTED] = "?",    [CFA_REGISTER] = "r%d%+d",
		[CFA_DEREF] = "*(r%d%+d)%+d", [CFA_PLT] = "r%d%+d plt%d",
	};

	assert_in_range(rule->cfa, CFA_NO_RULE, CFA_PLT);
	assert_true(rule->cfa_add == 0 || rule->cfa >= CFA_DEREF);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	append(text, formats[rule->cfa], rule->cfa_register, rule->cfa_offset, rule->cfa_add);
#pragma GCC diagnostic pop
}

/* Nothing is said of a return address at CFA-8, and of an rbp that is not touched. */
static void describe(char *text, uint64_t row, const struct cfi_state *state)
{
	static const char *const rbp[] = {
		[RBP_SAME] = "",           [RBP_AT_CFA] = " rbp@cfa",   [RBP_AT_RBP] = " rbp@rbp",
		[RBP_AT_RSP] = " rbp@rsp", [RBP_CFA_PLUS] = " rbp=cfa", [RBP_REGISTER] = " rbp=r",
		[RBP_UNDEFINED] = " rbp-",
	};
	const struct unwind_rule *rule = &state->rule;

	append(text, "%" PRIx64 ":", row - START);
	describe_cfa(text, rule);
	if (rule->ra_kind == RA_END)
		append(text, " end");
	else if (rule->ra_kind == RA_REGISTER)
		append(text, " ra=r%d", rule->ra);
	else if (rule->ra != -8)
		append(text, " ra%+d", rule->ra);
	append(text, "%s", rbp[rule->rbp_kind]);
	if (rule->rbp_offset)
		append(text, "%+d", rule->rbp_offset);
	for (int i = 0; i < UNWIND_UNSUPPORTED_KINDS; i++)
		if (state->unsupported >> i & 1)
			append(text, " !%d", i);
	append(text, "; ");
}

static struct dwarf_reader reader_of(const uint8_t *bytes, size_t size)
{
	return dwarf_reader_of(bytes, size, 0x9000);
}

/* The rows of a function with a common entry, as text. */
static const char *rows_of(const struct cfi_common *common, const uint8_t *bytes, size_t size)
{
	static char text[4096];
	struct cfi_program program;

	text[0] = '\0';
	cfi_program_init(&program, common, reader_of(bytes, size), START, END);
	while (cfi_program_next(&program))
		describe(text, program.row, &program.state);
	if (program.is_malformed)
		append(text, "%" PRIx64 ":malformed", program.location - START);
	return text;
}

static struct cfi_common common_of(const uint8_t *bytes, size_t size)
{
	struct cfi_common common = { .code_factor = 1, .data_factor = -8 };

	assert_true(cfi_common_init(&common, reader_of(bytes, size)));
	return common;
}

#define assert_rows(expected, ...)                                                                 \
	do {                                                                                       \
		struct cfi_common common_ = common_of(BYTES(USUAL));                               \
		assert_string_equal(rows_of(&common_, BYTES(__VA_ARGS__)), expected);              \
	} while (0)

static void no_instructions_make_one_row(void **state)
{
	struct cfi_common usual = common_of(BYTES(USUAL));

	(void)state;
	assert_string_equal(rows_of(&usual, NOTHING), "0:r7+8; ");
	assert_rows("0:r7+8; ", 0, 0, 0);
}

static void a_push_and_a_frame_make_rows(void **state)
{
	(void)state;
	/* push rbp; mov rbp, rsp; ...; leave */
	assert_rows("0:r7+8; 1:r7+16 rbp@cfa-16; 4:r6+16 rbp@cfa-16; 34:r7+8 rbp@cfa-16; ", 0x41,
		    0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x02, 0x30, 0x0c, 7, 8);
}

static void locations_advance_in_every_width(void **state)
{
	(void)state;
	assert_rows("0:r7+8; 3f:r7+9; 11f:r7+10; 22f:r7+11; 333:r7+12; 433:r7+13; ", 0x7f, 0x0e, 9,
		    0x02, 0xe0, 0x0e, 10, 0x03, 0x10, 0x01, 0x0e, 11, 0x04, 0x04, 0x01, 0, 0, 0x0e,
		    12, 0x1d, 0, 1, 0, 0, 0, 0, 0, 0, 0x0e, 13);
	/* Steps of nothing make no row. */
	assert_rows("0:r7+9; ", 0x40, 0x02, 0, 0x03, 0, 0, 0x0e, 9);
}

static void locations_are_set_by_encoded_pointers(void **state)
{
	static const uint8_t forwards[] = { 0x01, 0x20, 0x10, 0, 0, 0, 0, 0, 0, 0x0e, 16 };
	static const uint8_t backwards[] = { 0x48, 0x01, 0x07, 0x10, 0, 0, 0, 0, 0, 0 };
	static const uint8_t relative[] = { 0x01, 0x30, 0, 0x0e, 16 };
	struct cfi_common common = common_of(BYTES(USUAL));

	(void)state;
	assert_string_equal(rows_of(&common, forwards, sizeof(forwards)), "0:r7+8; 20:r7+16; ");
	assert_string_equal(rows_of(&common, backwards, sizeof(backwards)), "0:r7+8; 8:malformed");
	common.pointer_encoding = DW_EH_PE_funcrel | DW_EH_PE_udata2;
	assert_string_equal(rows_of(&common, relative, sizeof(relative)), "0:r7+8; 30:r7+16; ");
}

static void steps_are_in_units_of_the_code_factor(void **state)
{
	struct cfi_common common = common_of(BYTES(USUAL));

	(void)state;
	common.code_factor = 4;
	assert_string_equal(rows_of(&common, BYTES(0x43, 0x0e, 16)), "0:r7+8; c:r7+16; ");
	/* No step at all: never another row. */
	common.code_factor = 0;
	assert_string_equal(rows_of(&common, BYTES(0x43, 0x0e, 16)), "0:r7+16; ");
}

static void rows_end_where_the_function_does(void **state)
{
	(void)state;
	assert_rows("0:r7+8; fff:r7+16; ", 0x03, 0xff, 0x0f, 0x0e, 16, 0x41, 0x0e, 24);
	assert_rows("0:r7+8; ", 0x03, 0x00, 0x10, 0x0e, 16);
	assert_rows("0:r7+8; ", 0x04, 0xff, 0xff, 0xff, 0xff, 0x0e, 16);
	assert_rows("0:r7+8; ", 0x1d, 0, 0, 0, 0, 0, 1, 0, 0, 0x0e, 16);
}

static void the_cfa_is_any_register_and_a_number(void **state)
{
	(void)state;
	assert_rows("0:r10+0; 1:r10+5; 2:r15+5; 3:r3+16; 4:r3-8; ", 0x0c, 10, 0, 0x41, 0x0e, 5,
		    0x41, 0x0d, 15, 0x41, 0x12, 3, 0x7e, 0x41, 0x13, 1);
	/* Registers that hold no addresses; offsets that no stack has. */
	assert_rows("0:r0+8 !2; 1:r7+8; ", 0x0c, 17, 8, 0x41, 0x0d, 7);
	assert_rows("0:r7+0 !3; 1:r7+8; ", 0x0e, 0x80, 0x80, 0x80, 0x80, 0x8, 0x41, 0x0e, 8);
}

static void the_cfa_is_found_by_the_expressions_that_occur(void **state)
{
	(void)state;
	assert_rows("0:*(r6-8)+0; ", 0x0f, 3, 0x76, 0x78, 0x06);
	assert_rows("0:*(r7+88)+8; ", 0x0f, 6, 0x77, 0xd8, 0, 0x06, 0x23, 8);
	assert_rows("0:r7+8 plt11; ", 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33,
		    0x24, 0x22);
	assert_rows("0:r10+24; ", 0x0f, 4, 0x7a, 16, 0x23, 8);
	/* Any other. */
	assert_rows("0:? !1; ", 0x0f, 0);
	assert_rows("0:? !1; ", 0x0f, 4, 0x76, 0x78, 0x06, 0x06);
	/* A sum is what a register can be replaced in; a new definition forgets the expression. */
	assert_rows("0:*(r6-8)+0 !1; ", 0x0f, 3, 0x76, 0x78, 0x06, 0x0d, 7);
	assert_rows("0:*(r6-8)+0 !1; ", 0x0f, 3, 0x76, 0x78, 0x06, 0x0e, 8);
	assert_rows("0:*(r7+0)+8; 1:r7+16; ", 0x0f, 5, 0x77, 0, 0x06, 0x23, 8, 0x41, 0x0c, 7, 16);
}

static void the_frame_pointer_is_found_in_every_place(void **state)
{
	(void)state;
	assert_rows("0:r7+8 rbp@cfa-16; ", 0x86, 2);
	assert_rows("0:r7+8 rbp@cfa-16; ", 0x05, 6, 2);
	assert_rows("0:r7+8 rbp@cfa+8; ", 0x11, 6, 0x7f);
	assert_rows("0:r7+8 rbp@cfa+16; ", 0x2f, 6, 2);
	assert_rows("0:r7+8 rbp=cfa-24; ", 0x14, 6, 3);
	assert_rows("0:r7+8 rbp=cfa+24; ", 0x15, 6, 0x7d);
	assert_rows("0:r7+8 rbp=r+9; ", 0x09, 6, 9);
	assert_rows("0:r7+8; ", 0x86, 2, 0x09, 6, 6);
	assert_rows("0:r7+8; ", 0x86, 2, 0x08, 6);
	assert_rows("0:r7+8 rbp-; ", 0x07, 6);
	assert_rows("0:r7+8 rbp@rbp-16; ", 0x10, 6, 2, 0x76, 0x70);
	assert_rows("0:r7+8 rbp@rsp; ", 0x10, 6, 2, 0x77, 0);
	/* It is lost where no rule can say where it is. */
	assert_rows("0:r7+8 rbp- !6; ", 0x10, 6, 2, 0x70, 0);
	assert_rows("0:r7+8 rbp- !6; ", 0x10, 6, 3, 0x76, 0, 0x06);
	assert_rows("0:r7+8 rbp- !6; ", 0x16, 6, 2, 0x76, 0);
	assert_rows("0:r7+8 rbp- !6; ", 0x09, 6, 17);
	assert_rows("0:r7+8 rbp- !6; ", 0x86, 0x80, 0x80, 0x80, 0x80, 2);
	assert_rows("0:r7+8 rbp- !6; 1:r7+8 rbp@cfa-16; ", 0x16, 6, 0, 0x41, 0x86, 2);
}

static void the_return_address_is_found_in_every_place(void **state)
{
	(void)state;
	assert_rows("0:r7+8 ra-16; ", 0x90, 2);
	assert_rows("0:r7+8 ra+8; ", 0x11, 16, 0x7f);
	assert_rows("0:r7+8 ra=r5; ", 0x09, 16, 5);
	assert_rows("0:r7+8 end; ", 0x07, 16);
	/* A rule for another one. */
	assert_rows("0:r7+8; ", 0x83, 2, 0x05, 15, 3, 0x07, 12, 0x08, 13, 0x09, 3, 8, 0x14, 0, 0);
	assert_rows("0:r7+8 ra+0 !4; ", 0x08, 16);
	assert_rows("0:r7+8 ra+0 !4; ", 0x14, 16, 0);
	assert_rows("0:r7+8 ra+0 !4; ", 0x10, 16, 2, 0x77, 0);
	assert_rows("0:r7+8 ra+0 !4; ", 0x09, 16, 16);
	assert_rows("0:r7+8 ra+0 !4; 1:r7+8; ", 0x90, 0x80, 0x80, 2, 0x41, 0x90, 1);
}

static void a_stack_pointer_beside_the_cfa_is_not_supported(void **state)
{
	(void)state;
	assert_rows("0:r7+8; ", 0x14, 7, 0);
	assert_rows("0:r7+8 !5; 1:r7+8; ", 0x09, 7, 8, 0x41, 0xc7);
	assert_rows("0:r7+8 !5; ", 0x87, 2);
	assert_rows("0:r7+8 !5; ", 0x14, 7, 1);
	assert_rows("0:r7+8 !5; ", 0x10, 7, 2, 0x77, 0x20);
	assert_rows("0:r7+8 !5; ", 0x16, 7, 2, 0x77, 0x20);
}

static void restoring_goes_back_to_the_common_entry(void **state)
{
	struct cfi_common common = common_of(BYTES(USUAL, 0x86, 2));

	(void)state;
	assert_rows("0:r7+8 rbp@cfa-16; 1:r7+8; ", 0x86, 2, 0x41, 0xc6);
	assert_rows("0:r7+8 end; 1:r7+8; ", 0x07, 16, 0x41, 0x06, 16);
	assert_rows("0:r7+8; ", 0x08, 16, 0xd0);
	assert_rows("0:r7+8; ", 0xc3, 0x06, 12);
	assert_string_equal(rows_of(&common, BYTES(0x86, 4, 0x41, 0xc6)),
			    "0:r7+8 rbp@cfa-32; 1:r7+8 rbp@cfa-16; ");
}

static void states_are_remembered_and_restored(void **state)
{
	(void)state;
	assert_rows("0:r7+8; 1:r7+16 rbp@cfa-16; 2:r7+8; 3:r7+16 rbp@cfa-16; ", 0x41, 0x0e, 16,
		    0x86, 2, 0x0a, 0x41, 0x0e, 8, 0xc6, 0x41, 0x0b);
	assert_rows("0:r7+10; 1:r7+9; 2:r7+8; ", 0x0a, 0x0e, 9, 0x0a, 0x0e, 10, 0x41, 0x0b, 0x41,
		    0x0b);
	/* As many as fit, and one more; one that was never remembered. */
	assert_rows("0:r7+8; ", 10, 10, 10, 10, 10, 10, 10, 10);
	assert_rows("0:malformed", 10, 10, 10, 10, 10, 10, 10, 10, 10);
	assert_rows("0:r7+8; 1:malformed", 0x41, 0x0b);
	assert_rows("0:malformed", 0x0a, 0x0b, 0x0b);
}

static void sizes_of_arguments_are_skipped(void **state)
{
	(void)state;
	assert_rows("0:r7+8; 1:r7+16; ", 0x41, 0x2e, 0x90, 1, 0x0e, 16);
}

static void malformed_instructions_end_what_is_known(void **state)
{
	(void)state;
	assert_rows("0:r7+8; 4:malformed", 0x44, 0x3f);
	assert_rows("0:r7+8; 4:malformed", 0x44, 0x1c, 0);
	assert_rows("0:malformed", 0x0e);
	assert_rows("0:malformed", 0x0c, 7);
	assert_rows("0:malformed", 0x0f, 5, 0x77, 0);
	assert_rows("0:malformed", 0x10, 6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		    1);
	assert_rows("0:malformed", 0x16, 6, 9, 0);
	assert_rows("0:malformed", 0x04, 1, 0, 0);
	assert_rows("0:malformed", 0x0e, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
		    0x80, 0);
}

static void offsets_that_overflow_are_malformed_or_too_far(void **state)
{
	struct cfi_common common = common_of(BYTES(USUAL));

	(void)state;
	common.data_factor = INT64_MIN;
	assert_string_equal(rows_of(&common, BYTES(0x86, 2)), "0:malformed");
	assert_string_equal(rows_of(&common, BYTES(0x86, 1)), "0:r7+8 rbp- !6; ");
	assert_string_equal(rows_of(&common, BYTES(0x2f, 6, 1)), "0:malformed");
	common.code_factor = UINT64_MAX;
	assert_string_equal(rows_of(&common, BYTES(0x42, 0x0e, 9)), "0:r7+8; ");
	/* A register whose number does not fit is no general one. */
	assert_rows("0:r7+8 rbp- !6; ", 0x09, 6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		    0xff, 1);
}

static void a_common_entry_has_no_rows_of_its_own(void **state)
{
	struct cfi_common common = { .code_factor = 1, .data_factor = -8 };

	(void)state;
	assert_false(cfi_common_init(&common, reader_of(BYTES(USUAL, 0x41))));
	assert_false(cfi_common_init(&common, reader_of(BYTES(USUAL, 0x1d, 255, 255, 255, 255, 255,
							      255, 255, 255, 0x0e, 16))));
	assert_false(cfi_common_init(&common, reader_of(BYTES(USUAL, 0x3f))));
	assert_false(cfi_common_init(&common, reader_of(BYTES(USUAL, 0x0b))));
	assert_true(cfi_common_init(&common, reader_of(NOTHING)));
	/* It did not say where anything is. */
	assert_string_equal(rows_of(&common, NOTHING), "0:- ra+0 !2 !4; ");
	assert_string_equal(rows_of(&common, BYTES(0x0d, 7)), "0:- ra+0 !1 !2 !4; ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_instructions_make_one_row),
		cmocka_unit_test(a_push_and_a_frame_make_rows),
		cmocka_unit_test(locations_advance_in_every_width),
		cmocka_unit_test(locations_are_set_by_encoded_pointers),
		cmocka_unit_test(steps_are_in_units_of_the_code_factor),
		cmocka_unit_test(rows_end_where_the_function_does),
		cmocka_unit_test(the_cfa_is_any_register_and_a_number),
		cmocka_unit_test(the_cfa_is_found_by_the_expressions_that_occur),
		cmocka_unit_test(the_frame_pointer_is_found_in_every_place),
		cmocka_unit_test(the_return_address_is_found_in_every_place),
		cmocka_unit_test(a_stack_pointer_beside_the_cfa_is_not_supported),
		cmocka_unit_test(restoring_goes_back_to_the_common_entry),
		cmocka_unit_test(states_are_remembered_and_restored),
		cmocka_unit_test(sizes_of_arguments_are_skipped),
		cmocka_unit_test(malformed_instructions_end_what_is_known),
		cmocka_unit_test(offsets_that_overflow_are_malformed_or_too_far),
		cmocka_unit_test(a_common_entry_has_no_rows_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
