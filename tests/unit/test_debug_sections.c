/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/debug_sections.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/elf_image.h"

/* What is read of a file with one more section. */
static struct debug_sections read_with(const char *name, Elf64_Shdr section, const void *bytes,
				       size_t size)
{
	struct debug_sections sections;
	struct elf_image image;
	int fd;

	if (!section.sh_type)
		section.sh_type = SHT_PROGBITS;
	image_begin(&image, false);
	image_add(&image, name, section, bytes, size);
	image_end(&image);
	fd = file_of(image.bytes, image.size);
	assert_int_equal(debug_sections_read(fd, &sections), 0);
	close(fd);
	return sections;
}

static struct debug_sections read_link(const char *bytes, size_t size)
{
	return read_with(".gnu_debuglink", (Elf64_Shdr){ 0 }, bytes, size);
}

static struct debug_sections read_alt(const char *bytes, size_t size)
{
	return read_with(".gnu_debugaltlink", (Elf64_Shdr){ 0 }, bytes, size);
}

static void a_file_without_any_has_none(void **state)
{
	struct debug_sections sections = read_with(".other", (Elf64_Shdr){ 0 }, "x", 1);

	(void)state;
	assert_int_equal(sections.machine, EM_X86_64);
	assert_true(sections.is_64bit);
	assert_false(sections.has_symtab);
	assert_false(sections.has_dwarf);
	assert_string_equal(sections.link_name, "");
	assert_int_equal(sections.alt_id.size, 0);
	assert_int_equal(sections.mini_size, 0);
}

static void a_debug_link_is_a_name_and_a_crc(void **state)
{
	struct debug_sections sections = read_link("a.debug\0\x78\x56\x34\x12", 12);

	(void)state;
	assert_string_equal(sections.link_name, "a.debug");
	assert_int_equal(sections.link_crc, 0x12345678);
	sections = read_link("ab.debug\0\0\0\0\x78\x56\x34\x12", 16);
	assert_string_equal(sections.link_name, "ab.debug");
	assert_int_equal(sections.link_crc, 0x12345678);
}

static void a_debug_link_that_is_cut_is_none(void **state)
{
	(void)state;
	assert_string_equal(read_link("a.debug\0\x78\x56\x34\x12", 11).link_name, "");
	assert_string_equal(read_link("a.debug\0", 8).link_name, "");
	assert_string_equal(read_link("a.debug.debug", 13).link_name, "");
	assert_string_equal(read_link("\0\0\0\0\x78\x56\x34\x12", 8).link_name, "");
	assert_string_equal(read_link("a", 1).link_name, "");
}

static void a_debug_link_does_not_leave_its_directory(void **state)
{
	(void)state;
	assert_string_equal(read_link("../a.so\0\x78\x56\x34\x12", 12).link_name, "");
	assert_string_equal(read_link("/a/b/c\0\0\x78\x56\x34\x12", 12).link_name, "");
	assert_string_equal(read_link("..\0\0\x78\x56\x34\x12", 8).link_name, "");
	assert_string_equal(read_link(".\0\0\0\x78\x56\x34\x12", 8).link_name, "");
}

static void a_debug_link_is_no_longer_than_a_file_name(void **state)
{
	char bytes[NAME_MAX + 9];

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	bytes[NAME_MAX] = '\0';
	assert_int_equal(strlen(read_link(bytes, NAME_MAX + 5).link_name), NAME_MAX);
	memset(bytes, 'a', sizeof(bytes));
	assert_string_equal(read_link(bytes, NAME_MAX + 5).link_name, "");
	memset(bytes + NAME_MAX + 1, 0, sizeof(bytes) - NAME_MAX - 1);
	assert_string_equal(read_link(bytes, sizeof(bytes)).link_name, "");
}

static void an_alt_link_is_a_path_and_a_build_id(void **state)
{
	struct debug_sections sections = read_alt("../.dwz/a\0\1\2\3", 13);

	(void)state;
	assert_string_equal(sections.alt_path, "../.dwz/a");
	assert_int_equal(sections.alt_id.size, 3);
	assert_int_equal(sections.alt_id.bytes[2], 3);
}

static void an_alt_link_without_a_usable_id_is_none(void **state)
{
	char bytes[PATH_MAX + BUILD_ID_SIZE_MAX + 1];

	(void)state;
	assert_int_equal(read_alt("a\0", 2).alt_id.size, 0);
	assert_int_equal(read_alt("abc", 3).alt_id.size, 0);
	assert_int_equal(read_alt("\0abc", 4).alt_id.size, 0);
	assert_int_equal(read_alt("a\0"
				  "aaaaaaaaaaaaaaaaaaaaa",
				  2 + BUILD_ID_SIZE_MAX + 1)
				 .alt_id.size,
			 0);
	memset(bytes, 'a', sizeof(bytes));
	assert_int_equal(read_alt(bytes, sizeof(bytes)).alt_id.size, 0);
	assert_int_equal(read_alt(bytes, sizeof(bytes) - 1).alt_id.size, 0);
	bytes[PATH_MAX] = '\0';
	assert_int_equal(read_alt(bytes, sizeof(bytes) - 1).alt_id.size, 0);
}

static void symbols_and_dwarf_have_bytes_to_count(void **state)
{
	Elf64_Shdr symtab = { .sh_type = SHT_SYMTAB }, gone = { .sh_type = SHT_NOBITS };

	(void)state;
	assert_true(read_with(".symtab", symtab, "x", 1).has_symtab);
	assert_false(read_with(".symtab", symtab, "", 0).has_symtab);
	assert_true(read_with(".debug_info", (Elf64_Shdr){ 0 }, "x", 1).has_dwarf);
	assert_true(read_with(".zdebug_info", (Elf64_Shdr){ 0 }, "x", 1).has_dwarf);
	assert_false(read_with(".debug_info", gone, "x", 1).has_dwarf);
}

static void mini_debug_information_is_where_its_section_is(void **state)
{
	struct debug_sections sections =
		read_with(".gnu_debugdata", (Elf64_Shdr){ 0 }, "0123456789", 10);

	(void)state;
	assert_int_equal(sections.mini_size, 10);
	assert_true(sections.mini_offset > 0);
}

static void what_is_no_elf_file_is_refused(void **state)
{
	struct debug_sections sections;
	int fd = file_of("text", 4);

	(void)state;
	assert_int_equal(debug_sections_read(fd, &sections), -ENOEXEC);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_without_any_has_none),
		cmocka_unit_test(a_debug_link_is_a_name_and_a_crc),
		cmocka_unit_test(a_debug_link_that_is_cut_is_none),
		cmocka_unit_test(a_debug_link_does_not_leave_its_directory),
		cmocka_unit_test(a_debug_link_is_no_longer_than_a_file_name),
		cmocka_unit_test(an_alt_link_is_a_path_and_a_build_id),
		cmocka_unit_test(an_alt_link_without_a_usable_id_is_none),
		cmocka_unit_test(symbols_and_dwarf_have_bytes_to_count),
		cmocka_unit_test(mini_debug_information_is_where_its_section_is),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
