/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "symbolize/symbolize.h"
#include "tests/unit/elf_image.h"

static int read_id(const struct elf_image *image, struct build_id *ret)
{
	int fd = file_of(image->bytes, image->size);
	int err = build_id_read(fd, ret);

	close(fd);
	return err;
}

static void the_id_is_found_in_both_widths(void **state)
{
	static const uint8_t expected[] = { 0xde, 0xad, 0xbe, 0xef };
	struct build_id id = { 0 };
	struct elf_image image;

	(void)state;
	for (int narrow = 0; narrow < 2; narrow++) {
		image_begin(&image, narrow);
		image_end(&image);
		assert_int_equal(read_id(&image, &id), 0);
		assert_int_equal(id.size, sizeof(expected));
		assert_memory_equal(id.bytes, expected, sizeof(expected));
	}
}

static void the_descriptor_stays_where_it_was(void **state)
{
	struct build_id id;
	struct elf_image image;
	int fd;

	(void)state;
	image_begin(&image, false);
	image_end(&image);
	fd = file_of(image.bytes, image.size);
	assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
	assert_int_equal(build_id_read(fd, &id), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 5);
	close(fd);
}

static void a_file_without_segments_has_it_in_a_section(void **state)
{
	struct elf_image image;
	struct build_id id = { 0 };
	Elf64_Ehdr header;

	(void)state;
	image_begin(&image, false);
	image_add(&image, ".note", (Elf64_Shdr){ .sh_type = SHT_NOTE },
		  image.bytes + image.note_offset, image.note_size);
	image_end(&image);
	memcpy(&header, image.bytes, sizeof(header));
	header.e_phnum = 0;
	memcpy(image.bytes, &header, sizeof(header));
	assert_int_equal(read_id(&image, &id), 0);
	assert_int_equal(id.size, 4);
}

/* Replaces the note by others. */
static int read_id_of_notes(const char *notes, size_t size, struct build_id *ret)
{
	struct elf_image image;

	image_begin(&image, false);
	image.note_offset = image_append(&image, notes, size);
	image.note_size = size;
	image_end(&image);
	return read_id(&image, ret);
}

static void notes_of_others_are_passed_over(void **state)
{
	static const char notes[] = "\5\0\0\0\3\0\0\0\3\0\0\0Else\0\0\0\0abc\0"
				    "\4\0\0\0\2\0\0\0\1\0\0\0GNU\0zz\0\0"
				    "\4\0\0\0\2\0\0\0\3\0\0\0GNU\0\1\2";
	struct build_id id = { 0 };

	(void)state;
	assert_int_equal(read_id_of_notes(notes, sizeof(notes) - 1, &id), 0);
	assert_int_equal(id.size, 2);
	assert_int_equal(id.bytes[1], 2);
}

static void notes_that_lie_have_no_id(void **state)
{
	static const char too_long[] = "\4\0\0\0\x15\0\0\0\3\0\0\0GNU\0aaaaaaaaaaaaaaaaaaaaaaaaa";
	static const char empty[] = "\4\0\0\0\0\0\0\0\3\0\0\0GNU";
	static const char beyond[] = "\4\0\0\0\x14\0\0\0\3\0\0\0GNU\0aaaa";
	static const char huge_name[] = "\xff\xff\xff\xff\1\0\0\0\3\0\0\0GNU\0aaaa";
	static const char huge_value[] = "\4\0\0\0\xff\xff\xff\xff\3\0\0\0GNU\0aaaa";
	struct build_id id = { .size = 99 };

	(void)state;
	assert_int_equal(read_id_of_notes(too_long, sizeof(too_long) - 1, &id), -ENOENT);
	assert_int_equal(read_id_of_notes(empty, sizeof(empty), &id), -ENOENT);
	assert_int_equal(read_id_of_notes(beyond, sizeof(beyond) - 1, &id), -ENOENT);
	assert_int_equal(read_id_of_notes(huge_name, sizeof(huge_name) - 1, &id), -ENOENT);
	assert_int_equal(read_id_of_notes(huge_value, sizeof(huge_value) - 1, &id), -ENOENT);
	assert_int_equal(read_id_of_notes("\4\0\0", 3, &id), -ENOENT);
	assert_int_equal(id.size, 99);
}

static void what_is_no_elf_file_is_refused(void **state)
{
	struct build_id id;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(build_id_read(fd, &id), -ENOEXEC);
	close(fd);
	assert_int_equal(build_id_read(-1, &id), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_id_is_found_in_both_widths),
		cmocka_unit_test(the_descriptor_stays_where_it_was),
		cmocka_unit_test(a_file_without_segments_has_it_in_a_section),
		cmocka_unit_test(notes_of_others_are_passed_over),
		cmocka_unit_test(notes_that_lie_have_no_id),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
