/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbolize/elf_names.h"
#include "tests/unit/elf_image.h"

#define FILE_SIZE 1000000

struct names_test {
	struct elf_reader reader;
	struct symbol_list list;
	char *text, *names;
	size_t names_size;
};

static void set_up(struct names_test *test)
{
	*test = (struct names_test){ .text = calloc(1, FILE_SIZE) };
	assert_non_null(test->text);
}

static void add(struct names_test *test, uint32_t offset, uint8_t strings, bool is_plt)
{
	const struct symbol symbol = { .name = offset, .strings = strings, .is_plt = is_plt };

	assert_int_equal(symbol_list_add(&test->list, &symbol), 0);
}

/* Reads names out of text, which is one table, and again from byte 100 as a second one. */
static void read_names(struct names_test *test)
{
	const struct string_table tables[] = { { 0, FILE_SIZE }, { 100, FILE_SIZE - 100 } };

	test->reader.fd = file_of(test->text, FILE_SIZE);
	test->reader.size = FILE_SIZE;
	assert_int_equal(elf_names_read(&test->reader, tables, 2, &test->list, &test->names,
					&test->names_size),
			 0);
}

static const char *name(const struct names_test *test, size_t i)
{
	uint32_t offset = test->list.symbols[i].name;

	return offset == SYMBOL_NAMELESS ? "-" : test->names + offset;
}

static void tear_down(struct names_test *test)
{
	close(test->reader.fd);
	symbol_list_done(&test->list);
	free(test->text);
	free(test->names);
}

static void names_come_back_in_the_lists_order(void **state)
{
	struct names_test test;

	(void)state;
	set_up(&test);
	strcpy(test.text + 1, "__write");
	strcpy(test.text + 101, "second");
	strcpy(test.text + 900000, "far@@V1");
	add(&test, 900000, 0, false);
	add(&test, 3, 0, false);
	add(&test, 1, 0, false);
	add(&test, 1, 1, false);
	add(&test, 3, 0, true);
	add(&test, 1, 7, false);
	add(&test, FILE_SIZE, 0, false);
	add(&test, 0, 0, false);
	read_names(&test);
	assert_string_equal(name(&test, 0), "far");
	assert_string_equal(name(&test, 1), "write");
	assert_string_equal(name(&test, 2), "__write");
	assert_string_equal(name(&test, 3), "second");
	assert_string_equal(name(&test, 4), "write@plt");
	assert_string_equal(name(&test, 5), "-");
	assert_string_equal(name(&test, 6), "-");
	assert_string_equal(name(&test, 7), "-");
	tear_down(&test);
}

static void endless_names_are_left_out(void **state)
{
	struct names_test test;

	(void)state;
	set_up(&test);
	memset(test.text + 10, 'x', ELF_NAME_SIZE_MAX);
	strcpy(test.text + 200000, "after");
	memset(test.text + FILE_SIZE - 10, 'x', 10);
	add(&test, 10, 0, false);
	add(&test, 11, 0, false);
	add(&test, 200000, 0, false);
	add(&test, FILE_SIZE - 10, 0, false);
	read_names(&test);
	assert_string_equal(name(&test, 0), "-");
	assert_string_equal(name(&test, 1), "-");
	assert_string_equal(name(&test, 2), "after");
	assert_string_equal(name(&test, 3), "-");
	tear_down(&test);
}

static void names_that_share_an_end_share_memory(void **state)
{
	struct names_test test;

	(void)state;
	set_up(&test);
	memset(test.text, 'x', 60000);
	for (uint32_t i = 0; i < 60000; i++)
		add(&test, i, 0, false);
	read_names(&test);
	assert_int_equal(strlen(name(&test, 0)), 60000);
	assert_string_equal(name(&test, 59999), "x");
	assert_ptr_equal(name(&test, 59999), test.names + 59999);
	tear_down(&test);
}

static void what_marks_data_in_code_is_no_name(void **state)
{
	struct names_test test;

	(void)state;
	set_up(&test);
	memcpy(test.text + 1, "$d\0$x.12\0$\0$dollar", 19);
	add(&test, 1, 0, false);
	add(&test, 4, 0, false);
	add(&test, 10, 0, false);
	add(&test, 12, 0, false);
	read_names(&test);
	assert_string_equal(name(&test, 0), "-");
	assert_string_equal(name(&test, 1), "-");
	assert_string_equal(name(&test, 2), "$");
	assert_string_equal(name(&test, 3), "$dollar");
	tear_down(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_come_back_in_the_lists_order),
		cmocka_unit_test(endless_names_are_left_out),
		cmocka_unit_test(names_that_share_an_end_share_memory),
		cmocka_unit_test(what_marks_data_in_code_is_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
