/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/unwind_check.h"

/* A function whose CFA is rsp + distance all the way. */
static void add_function(struct cfi_image *image, size_t common, uint64_t offset, uint32_t length,
			 uint8_t distance)
{
	cfi_put_function(&image->eh_frame, common, offset, length, BYTES(0x0e, distance));
}

static void rules_hold_from_where_the_entry_says(void **state)
{
	struct cfi_image image = { .code_size = 0x2000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct unwind_table table;

	(void)state;
	cfi_put_function(&image.eh_frame, common, 0x1010, 0x100,
			 BYTES(0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6));
	table = table_of(&image);
	assert_int_equal(table.code_start, CODE_ADDRESS + 0x1000);
	assert_int_equal(table.block_count, 1);
	assert_int_equal(table.function_count, 1);
	assert_int_equal(table.skipped_count, 0);
	assert_int_equal(table.read_row_count, 3);
	assert_int_equal(table.row_count, 4);
	assert_int_equal(cfa_at(&table, 0x100f), NO_RULE);
	assert_int_equal(cfa_at(&table, 0x1010), 8);
	assert_int_equal(rule_at(&table, 0x1010)->ra_kind, RA_AT_CFA);
	assert_int_equal(rule_at(&table, 0x1010)->ra, -8);
	assert_int_equal(rule_at(&table, 0x1010)->rbp_kind, RBP_SAME);
	assert_int_equal(cfa_at(&table, 0x1011), 16);
	assert_int_equal(rule_at(&table, 0x1013)->rbp_kind, RBP_AT_CFA);
	assert_int_equal(rule_at(&table, 0x1013)->rbp_offset, -16);
	assert_int_equal(rule_at(&table, 0x1014)->cfa_register, UNWIND_RBP);
	assert_int_equal(rule_at(&table, 0x110f)->cfa_register, UNWIND_RBP);
	assert_int_equal(cfa_at(&table, 0x1110), NO_RULE);
	unwind_table_done(&table);
}

static void addresses_outside_of_the_table_have_no_rule(void **state)
{
	struct cfi_image image = { .code_size = 0x10000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct unwind_table table;

	(void)state;
	add_function(&image, common, 0x2000, 0x400, 8);
	table = table_of(&image);
	assert_int_equal(cfa_at(&table, 0x23ff), 8);
	assert_int_equal(cfa_at(&table, 0x2400), NO_RULE);
	assert_int_equal(cfa_at(&table, 0x1fff), NO_RULE);
	assert_int_equal(cfa_at(&table, 0xffff), NO_RULE);
	assert_int_equal(unwind_table_find(&table, 0)->cfa, CFA_NO_RULE);
	assert_int_equal(unwind_table_find(&table, UINT64_MAX)->cfa, CFA_NO_RULE);
	unwind_table_done(&table);
}

static void an_image_that_is_not_one_is_not_looked_up(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct unwind_table table;
	struct unwind_block *block;

	(void)state;
	add_function(&image, common, 0, 0x100, 8);
	table = table_of(&image);
	block = (struct unwind_block *)(table.words + table.first_block);
	block->first_row += 1;
	assert_null(unwind_table_find(&table, CODE_ADDRESS));
	block->first_row -= 1;
	block->rule = 77;
	assert_null(unwind_table_find(&table, CODE_ADDRESS));
	unwind_table_done(&table);
}

static void holes_have_no_rule_however_small_they_are(void **state)
{
	struct cfi_image image = { .code_size = 0x2000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct unwind_table table;

	(void)state;
	add_function(&image, common, 0x000, 0x101, 16);
	add_function(&image, common, 0x110, 0x100, 24);
	add_function(&image, common, 0x220, 0x100, 32);
	add_function(&image, common, 0x321, 0x0f, 40);
	add_function(&image, common, 0x330, 0x10, 40);
	table = table_of(&image);
	assert_int_equal(cfa_at(&table, 0x100), 16);
	assert_int_equal(cfa_at(&table, 0x101), NO_RULE);
	assert_int_equal(cfa_at(&table, 0x10f), NO_RULE);
	assert_int_equal(cfa_at(&table, 0x110), 24);
	assert_int_equal(cfa_at(&table, 0x20f), 24);
	assert_int_equal(cfa_at(&table, 0x210), NO_RULE);
	assert_int_equal(cfa_at(&table, 0x21f), NO_RULE);
	assert_int_equal(cfa_at(&table, 0x220), 32);
	assert_int_equal(cfa_at(&table, 0x31f), 32);
	assert_int_equal(cfa_at(&table, 0x320), NO_RULE);
	assert_int_equal(cfa_at(&table, 0x321), 40);
	assert_int_equal(cfa_at(&table, 0x330), 40);
	assert_int_equal(cfa_at(&table, 0x340), NO_RULE);
	unwind_table_done(&table);
}

static void functions_come_in_any_order(void **state)
{
	static const uint32_t places[] = { 9, 2, 7, 0, 63, 1, 8, 3, 40, 6, 5, 4, 62, 41 };
	struct cfi_image image = { .code_size = 64ul * 0x10000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct unwind_table table;

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		add_function(&image, common, places[i] * 0x10000ul, 0x10000,
			     (uint8_t)(8 + places[i]));
	table = table_of(&image);
	assert_int_equal(table.function_count, 14);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		assert_int_equal(cfa_at(&table, places[i] * 0x10000ul), 8 + places[i]);
		assert_int_equal(cfa_at(&table, places[i] * 0x10000ul + 0xffff), 8 + places[i]);
	}
	assert_int_equal(cfa_at(&table, 0xa0000), NO_RULE);
	unwind_table_done(&table);
}

static void a_later_function_cuts_the_one_it_overlaps(void **state)
{
	struct cfi_image image = { .code_size = 0x2000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct unwind_table table;

	(void)state;
	cfi_put_function(&image.eh_frame, common, 0, 0x1000,
			 BYTES(0x03, 0x80, 0, 0x0e, 16, 0x03, 0, 1, 0x0e, 24));
	add_function(&image, common, 0x100, 0x40, 48);
	table = table_of(&image);
	assert_int_equal(cfa_at(&table, 0x7f), 8);
	assert_int_equal(cfa_at(&table, 0xff), 16);
	assert_int_equal(cfa_at(&table, 0x100), 48);
	assert_int_equal(cfa_at(&table, 0x13f), 48);
	assert_int_equal(cfa_at(&table, 0x140), NO_RULE);
	assert_int_equal(cfa_at(&table, 0x180), NO_RULE);
	assert_int_equal(table.read_row_count, 3);
	unwind_table_done(&table);
}

static void of_two_entries_for_one_function_the_first_counts(void **state)
{
	struct cfi_image image = { .code_size = 0x2000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct unwind_table table;

	(void)state;
	add_function(&image, common, 0x200, 0x10, 16);
	add_function(&image, common, 0x100, 0x10, 24);
	add_function(&image, common, 0x100, 0x80, 32);
	table = table_of(&image);
	assert_int_equal(table.function_count, 2);
	assert_int_equal(cfa_at(&table, 0x100), 24);
	assert_int_equal(cfa_at(&table, 0x110), NO_RULE);
	assert_int_equal(cfa_at(&table, 0x200), 16);
	unwind_table_done(&table);
}

static void signal_frames_are_one_rule_whatever_they_say(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	size_t common = cfi_put_common(&image.eh_frame, "zRS",
				       BYTES(DW_EH_PE_pcrel | DW_EH_PE_sdata4), BYTES(0x0f, 0));
	struct unwind_table table;

	(void)state;
	cfi_put_function(&image.eh_frame, common, 0x100, 0x10, BYTES(0x41, 0x3f));
	table = table_of(&image);
	assert_int_equal(table.rule_count, 2);
	assert_int_equal(rule_at(&table, 0x100)->ra_kind, RA_SIGNAL);
	assert_int_equal(rule_at(&table, 0x10f)->ra_kind, RA_SIGNAL);
	assert_int_equal(rule_at(&table, 0x10f)->cfa, CFA_REGISTER);
	assert_int_equal(table.unsupported[UNWIND_UNSUPPORTED_MALFORMED], 0);
	unwind_table_done(&table);
}

static void the_outermost_frame_is_one_rule(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct unwind_table table;

	(void)state;
	cfi_put_function(&image.eh_frame, common, 0x100, 0x10,
			 BYTES(0x07, 16, 0x41, 0x0e, 16, 0x41, 0x0f, 0));
	table = table_of(&image);
	assert_int_equal(table.rule_count, 2);
	assert_int_equal(table.row_count, 2);
	assert_int_equal(rule_at(&table, 0x100)->ra_kind, RA_END);
	assert_int_equal(rule_at(&table, 0x10f)->ra_kind, RA_END);
	unwind_table_done(&table);
}

static void what_is_not_supported_is_counted_by_kind(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct unwind_table table;

	(void)state;
	cfi_put_function(&image.eh_frame, common, 0x100, 0x40,
			 BYTES(0x0f, 0, 0x41, 0x0c, 17, 8, 0x41, 0x0c, 7, 0x80, 0x80, 0x80, 0x80, 8,
			       0x41, 0x0c, 7, 8, 0x08, 16, 0x41, 0xd0, 0x87, 3, 0x41, 0xc7, 0x16, 6,
			       0, 0x41, 0x3f));
	table = table_of(&image);
	for (int i = 0; i < UNWIND_UNSUPPORTED_KINDS; i++)
		assert_int_equal(table.unsupported[i], 1);
	assert_int_equal(table.read_row_count, 7);
	for (uint64_t at = 0x100; at < 0x105; at++)
		assert_int_equal(cfa_at(&table, at), UNSUPPORTED);
	/* Only rbp is lost here. */
	assert_int_equal(cfa_at(&table, 0x105), 8);
	assert_int_equal(rule_at(&table, 0x105)->rbp_kind, RBP_UNDEFINED);
	assert_int_equal(cfa_at(&table, 0x106), UNSUPPORTED);
	assert_int_equal(cfa_at(&table, 0x13f), UNSUPPORTED);
	assert_int_equal(cfa_at(&table, 0x140), NO_RULE);
	unwind_table_done(&table);
}

static void every_kind_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < UNWIND_UNSUPPORTED_KINDS; i++)
		assert_true(strlen(unwind_unsupported_name((enum unwind_unsupported)i)) > 0);
}

/* Three blocks with a row for each byte: each takes nearly all of a page. */
static void rows_of_a_block_are_in_one_page(void **state)
{
	struct cfi_image image = { .code_size = 0x2000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct bytes instructions = { 0 };
	struct unwind_table table;

	(void)state;
	for (uint32_t i = 0; i < 3 * UNWIND_BLOCK_SIZE; i++) {
		bytes_put_u8(&instructions, 0x0e);
		bytes_put_u8(&instructions, (uint8_t)(8 + i % 7));
		bytes_put_u8(&instructions, 0x41);
	}
	cfi_put_function(&image.eh_frame, common, 0, 3 * UNWIND_BLOCK_SIZE, instructions.data,
			 instructions.size);
	table = table_of(&image);
	assert_int_equal(table.row_count, 3 * (UNWIND_BLOCK_SIZE - 1));
	assert_true(table.word_count > 3ul * UNWIND_PAGE_SIZE / sizeof(uint32_t));
	for (uint32_t i = 0; i < 3 * UNWIND_BLOCK_SIZE; i++)
		assert_int_equal(cfa_at(&table, i), 8 + i % 7);
	assert_int_equal(cfa_at(&table, 3ul * UNWIND_BLOCK_SIZE), NO_RULE);
	unwind_table_done(&table);
	free(instructions.data);
}

static void only_code_in_executable_segments_counts(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct unwind_table table;

	(void)state;
	add_function(&image, common, 0x1000, 0x10, 8);
	add_function(&image, common, (uint64_t)-0x10, 0x20, 8);
	add_function(&image, common, (uint64_t)-CODE_ADDRESS, 0x10, 8);
	add_function(&image, common, 0x100, 0, 8);
	add_function(&image, common, 0xff0, 0x100, 16);
	table = table_of(&image);
	assert_int_equal(table.function_count, 1);
	assert_int_equal(table.block_count, 2);
	assert_int_equal(cfa_at(&table, 0xfff), 16);
	assert_int_equal(cfa_at(&table, 0x1000), NO_RULE);
	unwind_table_done(&table);
}

static void a_real_program_has_a_table(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct unwind_table table;
	const char *error;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(unwind_table_build(fd, &table, &error), 0);
	check_image(&table);
	assert_true(table.function_count > 10);
	assert_int_equal(table.skipped_count, 0);
	assert_int_equal(table.unsupported[UNWIND_UNSUPPORTED_MALFORMED], 0);
	unwind_table_done(&table);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_hold_from_where_the_entry_says),
		cmocka_unit_test(addresses_outside_of_the_table_have_no_rule),
		cmocka_unit_test(an_image_that_is_not_one_is_not_looked_up),
		cmocka_unit_test(holes_have_no_rule_however_small_they_are),
		cmocka_unit_test(functions_come_in_any_order),
		cmocka_unit_test(a_later_function_cuts_the_one_it_overlaps),
		cmocka_unit_test(of_two_entries_for_one_function_the_first_counts),
		cmocka_unit_test(signal_frames_are_one_rule_whatever_they_say),
		cmocka_unit_test(the_outermost_frame_is_one_rule),
		cmocka_unit_test(what_is_not_supported_is_counted_by_kind),
		cmocka_unit_test(every_kind_has_a_name),
		cmocka_unit_test(rows_of_a_block_are_in_one_page),
		cmocka_unit_test(only_code_in_executable_segments_counts),
		cmocka_unit_test(a_real_program_has_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
