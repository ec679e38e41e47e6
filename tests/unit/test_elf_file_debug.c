/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a file and its debug file names what, and what both may take. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "symbolize/elf_file.h"
#include "tests/unit/elf_image.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is found at an offset of the code; "-" for nothing. */
static const char *find(const struct elf_file *file, uint64_t offset)
{
	const char *name = elf_file_find(file, TEXT_OFFSET + offset);

	return name ? name : "-";
}

/* Of its functions, .dynsym has one without a size, and what it calls. */
static void make_exported(struct elf_image *image)
{
	static const struct image_symbol dynsym[] = {
		{ "exported", TEXT_ADDRESS, 0, FUNCTION(STB_GLOBAL), TEXT_SECTION },
		{ "stub", TEXT_ADDRESS + 0x100, 16, FUNCTION(STB_GLOBAL), TEXT_SECTION },
	};

	image_begin(image, false);
	image_add_symbols(image, SHT_DYNSYM, dynsym, COUNT(dynsym));
	image_end(image);
}

static struct elf_file *load_exported(void)
{
	struct elf_image image;
	struct elf_file *file;

	make_exported(&image);
	assert_int_equal(elf_file_open(file_of(image.bytes, image.size), &file), 0);
	assert_int_equal(elf_file_load(file, UINT64_MAX, false), 0);
	return file;
}

static int make_debug_file(void)
{
	static const struct image_symbol symtab[] = {
		{ "exported", TEXT_ADDRESS, 0, FUNCTION(STB_GLOBAL), TEXT_SECTION },
		{ "static", TEXT_ADDRESS + 0x20, 0x20, FUNCTION(STB_LOCAL), TEXT_SECTION },
		{ "static2", TEXT_ADDRESS + 0x40, 0, FUNCTION(STB_LOCAL), TEXT_SECTION },
	};
	struct elf_image image;

	image_begin(&image, false);
	image_add_symbols(&image, SHT_SYMTAB, symtab, COUNT(symtab));
	image_end(&image);
	return file_of(image.bytes, image.size);
}

static void what_is_exported_does_not_hide_static_functions_of_the_debug_file(void **state)
{
	struct elf_file *file = load_exported();

	(void)state;
	assert_string_equal(find(file, 0x20), "exported");
	assert_int_equal(elf_file_add_debug(file, make_debug_file(), UINT64_MAX), 0);
	assert_string_equal(find(file, 0), "exported");
	assert_string_equal(find(file, 0x1f), "exported");
	assert_string_equal(find(file, 0x20), "static");
	assert_string_equal(find(file, 0xff), "static2");
	/* What only the file has, as PLT stubs. */
	assert_string_equal(find(file, 0x100), "stub");
	assert_string_equal(find(file, 0x110), "static2");
	elf_file_free(file);
}

static void symbols_that_take_too_much_are_left_out(void **state)
{
	struct elf_file *file = load_exported();
	uint64_t own = elf_file_bytes(file), debug;
	struct elf_image image;

	(void)state;
	assert_int_equal(elf_file_debug_bytes(file), 0);
	assert_int_equal(elf_file_add_debug(file, make_debug_file(), UINT64_MAX), 0);
	debug = elf_file_debug_bytes(file);
	assert_int_equal(elf_file_bytes(file), own + debug);
	assert_in_range(debug, sizeof("exported"), 200);
	assert_null(elf_file_error(file));
	/* The names stay what they were. */
	assert_int_equal(elf_file_add_debug(file, make_debug_file(), debug - 1), -EFBIG);
	assert_string_equal(find(file, 0x20), "static");
	assert_non_null(strstr(elf_file_error(file), "no room"));
	assert_int_equal(elf_file_add_debug(file, make_debug_file(), debug), 0);
	elf_file_free(file);
	make_exported(&image);
	assert_int_equal(elf_file_open(file_of(image.bytes, image.size), &file), 0);
	assert_int_equal(elf_file_load(file, 10, false), -EFBIG);
	assert_int_equal(elf_file_bytes(file), 0);
	assert_string_equal(find(file, 0), "-");
	elf_file_free(file);
}

static void an_unreadable_debug_file_is_an_error_that_is_named(void **state)
{
	struct elf_file *file = load_exported();

	(void)state;
	assert_int_equal(elf_file_add_debug(file, file_of("text", 4), UINT64_MAX), -ENOEXEC);
	assert_string_equal(elf_file_error(file), "its debug file cannot be read");
	assert_string_equal(find(file, 0x20), "exported");
	elf_file_free(file);
}

static void a_table_that_is_mostly_a_hole_is_refused(void **state)
{
	static const struct image_symbol symbols[] = {
		{ "exported", TEXT_ADDRESS, 16, FUNCTION(STB_GLOBAL), TEXT_SECTION },
	};
	struct elf_image image;
	struct elf_file *file;
	uint32_t symtab;
	int fd;

	(void)state;
	image_begin(&image, false);
	image_add_symbols(&image, SHT_DYNSYM, symbols, COUNT(symbols));
	symtab = image_add_symbols(&image, SHT_SYMTAB, symbols, COUNT(symbols));
	/* As large as a file gets: to read all of it takes minutes. */
	image.sections[symtab].sh_size = 1ULL << 42;
	image_end(&image);
	fd = file_of(image.bytes, image.size);
	assert_int_equal(ftruncate(fd, 1LL << 43), 0);
	assert_int_equal(elf_file_open(fd, &file), 0);
	assert_int_equal(elf_file_load(file, UINT64_MAX, false), 0);
	assert_string_equal(find(file, 0), "exported");
	assert_string_equal(elf_file_error(file), "a symbol table has too many entries");
	elf_file_free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_exported_does_not_hide_static_functions_of_the_debug_file),
		cmocka_unit_test(symbols_that_take_too_much_are_left_out),
		cmocka_unit_test(a_table_that_is_mostly_a_hole_is_refused),
		cmocka_unit_test(an_unreadable_debug_file_is_an_error_that_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
