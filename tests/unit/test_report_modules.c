/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/report_modules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/elf_image.h"

static int set_up(void **state)
{
	struct symbolizer *symbolizer;

	if (symbolizer_new(&symbolizer) < 0)
		return -1;
	*state = symbolizer;
	return 0;
}

static int tear_down(void **state)
{
	symbolizer_free(*state);
	return 0;
}

/* A binary in which so many addresses are named, and so many are not. */
static void add(struct symbolizer *symbolizer, const char *path, uint8_t id_byte, size_t named,
		size_t unnamed)
{
	const struct image_symbol symbol = { "foo", TEXT_ADDRESS, 16, FUNCTION(STB_GLOBAL),
					     TEXT_SECTION };
	struct elf_image image;
	struct module *module;
	struct frame frame;

	image_begin(&image, false);
	image.bytes[image.note_offset + image.note_size - 1] = id_byte;
	if (!id_byte)
		memset(image.bytes + image.note_offset, 0, image.note_size);
	image_add_symbols(&image, SHT_SYMTAB, &symbol, 1);
	image_end(&image);
	assert_int_equal(symbolizer_add_file(symbolizer, file_of(image.bytes, image.size), path, -1,
					     &module),
			 0);
	for (size_t i = 0; i < named; i++)
		assert_int_equal(symbolize_user(symbolizer, module, TEXT_OFFSET, &frame, 1), 1);
	for (size_t i = 0; i < unnamed; i++)
		assert_int_equal(symbolize_user(symbolizer, module, TEXT_OFFSET + 16, &frame, 1),
				 0);
}

static void binaries_are_sorted_by_what_was_named_in_them(void **state)
{
	struct stats_module *modules;
	size_t count;

	add(*state, "/lib/little", 1, 1, 0);
	add(*state, "/lib/most", 2, 3, 2);
	add(*state, "/lib/b", 3, 0, 2);
	add(*state, "/lib/a", 0, 2, 0);
	add(*state, "/lib/mapped_only", 5, 0, 0);
	assert_int_equal(report_modules_make(*state, &modules, &count), 0);
	assert_int_equal(count, 4);
	assert_string_equal(modules[0].path, "/lib/most");
	assert_string_equal(modules[0].build_id, "deadbe02");
	assert_string_equal(modules[0].symbols, "file");
	assert_string_equal(modules[0].debug_information, "none");
	assert_null(modules[0].error);
	assert_int_equal(modules[0].frames, 5);
	assert_int_equal(modules[0].unnamed_frames, 2);
	assert_string_equal(modules[1].path, "/lib/a");
	assert_string_equal(modules[1].build_id, "");
	assert_string_equal(modules[2].path, "/lib/b");
	assert_int_equal(modules[2].unnamed_frames, 2);
	assert_string_equal(modules[3].path, "/lib/little");
	free(modules);
}

static void there_may_be_none(void **state)
{
	struct stats_module *modules;
	size_t count;

	assert_int_equal(report_modules_make(*state, &modules, &count), 0);
	assert_int_equal(count, 0);
	free(modules);
	add(*state, "/lib/mapped_only", 5, 0, 0);
	assert_int_equal(report_modules_make(*state, &modules, &count), 0);
	assert_int_equal(count, 0);
	free(modules);
}

static void those_with_least_frames_are_left_out(void **state)
{
	struct stats_module *modules;
	size_t count;
	char path[64];

	for (size_t i = 0; i < REPORT_MODULES_MAX + 2; i++) {
		(void)snprintf(path, sizeof(path), "/lib/%zu", i);
		add(*state, path, 0, i < 2 ? 1 : 2, 0);
	}
	assert_int_equal(report_modules_make(*state, &modules, &count), 0);
	assert_int_equal(count, REPORT_MODULES_MAX);
	assert_int_equal(modules[count - 1].frames, 2);
	free(modules);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(binaries_are_sorted_by_what_was_named_in_them),
		TEST(there_may_be_none),
		TEST(those_with_least_frames_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
