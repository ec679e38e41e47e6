/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "symbolize/symbol_list.h"

#define SPACE 64 /* addresses in the random test */

static void add(struct symbol_list *list, uint64_t address, uint32_t size, uint32_t name)
{
	const struct symbol symbol = { .address = address, .size = size, .name = name };

	assert_int_equal(symbol_list_add(list, &symbol), 0);
}

/* The name at an address by definition: of all that cover it, the one that starts last. */
static uint32_t name_by_definition(const struct symbol_list *list, uint64_t address)
{
	uint32_t name = SYMBOL_NAMELESS;

	for (size_t i = 0; i < list->count; i++) {
		const struct symbol *symbol = &list->symbols[i];

		if (symbol->address <= address && address - symbol->address < symbol->size)
			name = symbol->name;
	}
	return name;
}

static void check_against_definition(struct symbol_list *list)
{
	struct symbol_range *ranges;
	size_t count;

	symbol_list_sort(list);
	assert_int_equal(symbol_list_cut(list, NULL, 0, &ranges, &count), 0);
	for (size_t i = 1; i < count; i++)
		assert_true(ranges[i].address >= ranges[i - 1].address + ranges[i - 1].size);
	for (uint64_t address = 0; address < 2 * SPACE; address++) {
		const struct symbol_range *range = symbol_range_find(ranges, count, address);

		assert_int_equal(range ? range->name : SYMBOL_NAMELESS,
				 name_by_definition(list, address));
	}
	free(ranges);
}

static void random_overlaps_are_cut_as_defined(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct symbol_list list = { 0 };
		uint32_t count = 1 + (uint32_t)rand_r(&seed) % 20;

		for (uint32_t i = 0; i < count; i++)
			add(&list, (uint64_t)rand_r(&seed) % SPACE,
			    1 + (uint32_t)rand_r(&seed) % 30, i);
		check_against_definition(&list);
		symbol_list_done(&list);
	}
}

static void nesting_beyond_reason_is_bounded(void **state)
{
	struct symbol_list list = { 0 };
	struct symbol_range *ranges;
	size_t count;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		add(&list, i, 4000 - 2 * i, i);
	symbol_list_sort(&list);
	assert_int_equal(symbol_list_cut(&list, NULL, 0, &ranges, &count), 0);
	assert_true(count <= 1000 + 32);
	assert_int_equal(symbol_range_find(ranges, count, 999)->name, 999);
	assert_int_equal(symbol_range_find(ranges, count, 500)->name, 500);
	free(ranges);
	symbol_list_done(&list);
}

static void code_at_the_end_of_the_address_space_does_not_wrap(void **state)
{
	struct symbol_list list = { 0 };
	struct symbol_range *ranges;
	size_t count;

	(void)state;
	add(&list, UINT64_MAX - 10, UINT32_MAX, 7);
	symbol_list_sort(&list);
	assert_int_equal(symbol_list_cut(&list, NULL, 0, &ranges, &count), 0);
	assert_int_equal(symbol_range_find(ranges, count, UINT64_MAX - 1)->name, 7);
	assert_null(symbol_range_find(ranges, count, 5));
	free(ranges);
	symbol_list_done(&list);
}

static void an_empty_list_is_cut_into_nothing(void **state)
{
	struct symbol_list list = { 0 };
	struct symbol_range *ranges;
	size_t count;

	(void)state;
	symbol_list_sort(&list);
	assert_null(symbol_list_at(&list, 0));
	assert_int_equal(symbol_list_cut(&list, NULL, 0, &ranges, &count), 0);
	assert_null(ranges);
	assert_int_equal(count, 0);
	assert_null(symbol_range_find(ranges, count, 0));
}

static void too_many_symbols_are_refused(void **state)
{
	struct symbol_list list = { .count = SYMBOLS_MAX, .capacity = SYMBOLS_MAX };
	const struct symbol symbol = { 0 };

	(void)state;
	assert_int_equal(symbol_list_add(&list, &symbol), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_overlaps_are_cut_as_defined),
		cmocka_unit_test(nesting_beyond_reason_is_bounded),
		cmocka_unit_test(code_at_the_end_of_the_address_space_does_not_wrap),
		cmocka_unit_test(an_empty_list_is_cut_into_nothing),
		cmocka_unit_test(too_many_symbols_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
