/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbolize/kernel_names.h"
#include "tests/unit/elf_image.h"

static int read_text(const char *text, struct kernel_names_table **ret)
{
	int fd = file_of(text, strlen(text));
	int err = kernel_names_read(fd, ret);

	close(fd);
	return err;
}

static struct kernel_names_table *table_of(const char *text)
{
	struct kernel_names_table *table;

	assert_int_equal(read_text(text, &table), 0);
	return table;
}

/* "name module" of address, or "-". */
static const char *find(const struct kernel_names_table *table, uint64_t address)
{
	static char found[128];
	const char *module, *name = kernel_names_find(table, address, &module);

	if (!name)
		return "-";
	snprintf(found, sizeof(found), "%s %s", name, module);
	return found;
}

static const char TEXT[] = "0000000000000000 A fixed_percpu_data\n"
			   "ffffffff81000000 T _stext\n"
			   "ffffffff81000000 t startup\n"
			   "ffffffff81000100 T first\n"
			   "ffffffff81000180 D data_in_between\n"
			   "ffffffff81000200 t second\n"
			   "ffffffff81900000 T _etext\n"
			   "ffffffff82000000 T init_code\n"
			   "ffffffffc0000000 t nvme_probe\t[nvme]\n"
			   "ffffffffc0000100 t nvme_last\t[nvme]\n"
			   "ffffffffc0010000 t ext4_first\t[ext4]\n"
			   "ffffffffc0010100 t nvme_more\t[nvme]\n"
			   "ffffffffe0000000 t bpf_prog_1234_x\t[bpf]\n";

static void a_function_reaches_to_the_next_one(void **state)
{
	struct kernel_names_table *table = table_of(TEXT);

	(void)state;
	assert_false(kernel_names_hidden(table));
	assert_string_equal(find(table, 0xffffffff80ffffff), "-");
	assert_string_equal(find(table, 0xffffffff81000000), "_stext kernel");
	assert_string_equal(find(table, 0xffffffff810001ff), "first kernel");
	assert_string_equal(find(table, 0xffffffff818fffff), "second kernel");
	kernel_names_free(table);
}

static void nothing_is_stretched_over_gaps(void **state)
{
	struct kernel_names_table *table = table_of(TEXT);

	(void)state;
	assert_string_equal(find(table, 0xffffffff81900000), "-");
	assert_string_equal(find(table, 0xffffffff82000001), "init_code kernel");
	assert_string_equal(find(table, 0xffffffff82010000), "-");
	assert_string_equal(find(table, 0xffffffffe000ffff), "bpf_prog_1234_x bpf");
	assert_string_equal(find(table, 0xffffffffe0010000), "-");
	assert_string_equal(find(table, UINT64_MAX), "-");
	assert_string_equal(find(table, 0), "-");
	kernel_names_free(table);
}

static void modules_are_named_without_brackets(void **state)
{
	struct kernel_names_table *table = table_of(TEXT);

	(void)state;
	assert_string_equal(find(table, 0xffffffffc0000050), "nvme_probe nvme");
	assert_string_equal(find(table, 0xffffffffc0010000), "ext4_first ext4");
	assert_string_equal(find(table, 0xffffffffc0010100), "nvme_more nvme");
	kernel_names_free(table);
}

static void order_and_a_missing_newline_do_not_matter(void **state)
{
	struct kernel_names_table *table = table_of("ffffffff81000200 t c\t[m]\n"
						    "ffffffff81000000 t a\n"
						    "ffffffff81000100 t b");

	(void)state;
	assert_string_equal(find(table, 0xffffffff81000050), "a kernel");
	assert_string_equal(find(table, 0xffffffff81000150), "b kernel");
	assert_string_equal(find(table, 0xffffffff81000250), "c m");
	kernel_names_free(table);
}

static void the_best_alias_is_shown(void **state)
{
	struct kernel_names_table *table = table_of("ffffffff81000000 W weak\n"
						    "ffffffff81000000 T __global\n"
						    "ffffffff81000000 T global\n"
						    "ffffffff81000000 t local\n");

	(void)state;
	assert_string_equal(find(table, 0xffffffff81000000), "global kernel");
	kernel_names_free(table);
}

static void hidden_addresses_are_told(void **state)
{
	struct kernel_names_table *table = table_of("0000000000000000 T _stext\n"
						    "0000000000000000 t a\t[m]\n");

	(void)state;
	assert_true(kernel_names_hidden(table));
	assert_string_equal(find(table, 0), "-");
	kernel_names_free(table);
}

/* 1 hidden, 0 not, or -errno; *ret_read is how much was read to tell. */
static int peek(const char *text, long *ret_read)
{
	int fd = file_of(text, strlen(text)), err;
	bool hidden;

	err = kernel_names_peek(fd, &hidden);
	*ret_read = (long)lseek(fd, 0, SEEK_CUR);
	close(fd);
	return err < 0 ? err : hidden;
}

static void the_beginning_tells_whether_addresses_are_hidden(void **state)
{
	const char line[] = "0000000000000000 A per_cpu\n";
	const size_t size = strlen(line), lines = 10000, last = size * (lines - 1);
	char *text = malloc(size * lines + 1);
	long bytes;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < lines; i++)
		memcpy(text + size * i, line, size + 1);
	assert_int_equal(peek(text, &bytes), 1);
	assert_int_equal(bytes, 65536);
	text[last + 15] = '1';
	assert_int_equal(peek(text, &bytes), 1); /* too far away */
	assert_int_equal(peek(text + last - 60000 / size * size, &bytes), 0);
	assert_true(bytes > 60000);
	text[size * 100 + 15] = '1';
	assert_int_equal(peek(text, &bytes), 0);
	assert_int_equal(bytes, 4096);
	free(text);
}

static void the_beginning_of_something_else_is_refused(void **state)
{
	bool hidden;
	long bytes;

	(void)state;
	assert_int_equal(peek("", &bytes), -EINVAL);
	assert_int_equal(peek("garbage\n\n \n", &bytes), -EINVAL);
	assert_int_equal(peek("0000000000000000 A per_cpu\n1", &bytes), 1);
	assert_int_equal(kernel_names_peek(-1, &hidden), -EBADF);
}

static void lines_without_sense_are_passed_over(void **state)
{
	struct kernel_names_table *table = table_of("\n \nx\nffffffff81000000\n"
						    "ffffffff81000000 T\n"
						    "ffffffff81000000 T \n"
						    "ffffffff81000000 Tx\n"
						    "00ffffffff81000000 T too_long\n"
						    "ffffffff81000300 t $x\n"
						    "ffffffff81000200 t brackets\t[]\n"
						    "ffffffff81000100 t good\t[m]\n"
						    " T nothing\n");

	(void)state;
	assert_string_equal(find(table, 0xffffffff81000000), "-");
	assert_string_equal(find(table, 0xffffffff81000100), "good m");
	assert_string_equal(find(table, 0xffffffff81000350), "brackets kernel");
	kernel_names_free(table);
}

static void what_is_near_is_found_without_the_rest(void **state)
{
	static const uint64_t addresses[] = {
		0xffffffff81000000, 0xffffffff81000001, 0xffffffff810001ff, 0xffffffff81000250,
		0xffffffff82000001, 0xffffffffc0000100, 0xffffffffc001ffff, 0xffffffffe000ffff,
	};
	struct kernel_names_table *table = table_of(TEXT);

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		int fd = file_of(TEXT, strlen(TEXT));
		struct kernel_names_table *near = NULL;
		char expected[128];

		snprintf(expected, sizeof(expected), "%s", find(table, addresses[i]));
		assert_int_equal(kernel_names_read_near(fd, addresses[i], &near), 0);
		assert_string_equal(find(near, addresses[i]), expected);
		/* What is far from it is not there. */
		assert_string_equal(find(near, addresses[i] ^ 0x20000000), "-");
		kernel_names_free(near);
		close(fd);
	}
	kernel_names_free(table);
}

static void where_nothing_is_near_there_is_no_table(void **state)
{
	static const uint64_t addresses[] = { 0, 0xffffffff80ffffff, 0xffffffff82010000,
					      UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		int fd = file_of(TEXT, strlen(TEXT));
		struct kernel_names_table *near = NULL;

		assert_int_equal(kernel_names_read_near(fd, addresses[i], &near), -EINVAL);
		assert_null(near);
		close(fd);
	}
}

static void what_lists_no_function_is_refused(void **state)
{
	struct kernel_names_table *table = NULL;

	(void)state;
	assert_int_equal(read_text("", &table), -EINVAL);
	assert_int_equal(read_text("garbage\n", &table), -EINVAL);
	assert_int_equal(read_text("ffffffff81000000 D jiffies\n", &table), -EINVAL);
	assert_int_equal(kernel_names_read(-1, &table), -EBADF);
	assert_null(table);
}

/* Lines longer than any buffer, then many more lines than fit one. */
static void long_text_is_read_in_pieces(void **state)
{
	const size_t long_line = 200000, lines = 20000;
	char *text = malloc(long_line + 1 + lines * 64 + 1);
	size_t at = long_line;
	struct kernel_names_table *table;

	(void)state;
	assert_non_null(text);
	memset(text, 'f', long_line);
	text[at++] = '\n';
	for (size_t i = 0; i < lines; i++)
		at += (size_t)sprintf(text + at, "%016lx t function_%zu\t[module_%zu]\n",
				      0xffffffff81000000 + 16 * i, i, i % 300);
	table = table_of(text);
	assert_string_equal(find(table, 0xffffffff81000000), "function_0 module_0");
	assert_string_equal(find(table, 0xffffffff81000000 + 16 * 12345 + 15),
			    "function_12345 module_45");
	assert_string_equal(find(table, 0xffffffff81000000 + 16 * 19999),
			    "function_19999 module_199");
	kernel_names_free(table);
	free(text);
}

static void endless_input_ends(void **state)
{
	struct kernel_names_table *table = NULL;
	FILE *zeros = fopen("/dev/zero", "re");

	(void)state;
	assert_non_null(zeros);
	assert_int_equal(kernel_names_read(fileno(zeros), &table), -EFBIG);
	assert_null(table);
	fclose(zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_reaches_to_the_next_one),
		cmocka_unit_test(nothing_is_stretched_over_gaps),
		cmocka_unit_test(modules_are_named_without_brackets),
		cmocka_unit_test(order_and_a_missing_newline_do_not_matter),
		cmocka_unit_test(the_best_alias_is_shown),
		cmocka_unit_test(hidden_addresses_are_told),
		cmocka_unit_test(the_beginning_tells_whether_addresses_are_hidden),
		cmocka_unit_test(the_beginning_of_something_else_is_refused),
		cmocka_unit_test(lines_without_sense_are_passed_over),
		cmocka_unit_test(what_is_near_is_found_without_the_rest),
		cmocka_unit_test(where_nothing_is_near_there_is_no_table),
		cmocka_unit_test(what_lists_no_function_is_refused),
		cmocka_unit_test(long_text_is_read_in_pieces),
		cmocka_unit_test(endless_input_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
