/* SPDX-License-Identifier: Apache-2.0 */
/* Where the sections are found, and .debug_frame: its versions, beside .eh_frame, compressed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zlib.h>

#include "tests/unit/unwind_check.h"

#define USUAL 0x0c, 7, 8, 0x90, 1

static void put_id(struct bytes *section, bool is_long, uint64_t id)
{
	if (is_long)
		bytes_put_u64(section, id);
	else
		bytes_put_u32(section, (uint32_t)id);
}

/* A record with a length of either width. */
static void put_record(struct bytes *section, bool is_long, struct bytes *record)
{
	if (is_long) {
		bytes_put_u32(section, 0xffffffff);
		bytes_put_u64(section, record->size);
	} else {
		bytes_put_u32(section, (uint32_t)record->size);
	}
	bytes_put(section, record->data, record->size);
	free(record->data);
}

/* A common entry of any version; version 4 has the sizes of addresses and of segment selectors. */
static size_t put_common(struct bytes *section, bool is_long, uint8_t version, uint8_t address_size,
			 uint8_t segment_size)
{
	struct bytes record = { 0 };
	size_t at = section->size;

	put_id(&record, is_long, UINT64_MAX);
	bytes_put_u8(&record, version);
	bytes_put_u8(&record, 0);
	if (version >= 4) {
		bytes_put_u8(&record, address_size);
		bytes_put_u8(&record, segment_size);
	}
	bytes_put(&record, BYTES(1, 0x78, 16, USUAL));
	put_record(section, is_long, &record);
	return at;
}

/* An entry for 0x10 bytes whose CFA is rsp + distance. */
static void put_function(struct bytes *section, bool is_long, size_t common, uint64_t address,
			 uint8_t distance)
{
	struct bytes record = { 0 };

	put_id(&record, is_long, common);
	bytes_put_u64(&record, address);
	bytes_put_u64(&record, 0x10);
	bytes_put(&record, BYTES(0x0e, distance));
	put_record(section, is_long, &record);
}

static void debug_frame_is_read_where_that_is_all_there_is(void **state)
{
	static const uint8_t versions[] = { 1, 3, 4 };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(versions); i++) {
		struct cfi_image image = { .code_size = 0x1000 };
		bool is_long = i & 1;
		struct unwind_table table;
		size_t common;

		put_common(&image.debug_frame, is_long, 1, 0, 0);
		common = put_common(&image.debug_frame, is_long, versions[i / 2], 8, 0);
		put_function(&image.debug_frame, is_long, common, CODE_ADDRESS + 0x20, 32);
		put_function(&image.debug_frame, is_long, common, CODE_ADDRESS, 16);
		table = table_of(&image);
		assert_int_equal(table.function_count, 2);
		assert_int_equal(cfa_at(&table, 0), 16);
		assert_int_equal(cfa_at(&table, 0x20), 32);
		unwind_table_done(&table);
	}
}

static void other_versions_and_sizes_are_not_understood(void **state)
{
	static const uint8_t formats[][3] = { { 2, 8, 0 }, { 5, 8, 0 }, { 4, 4, 0 }, { 4, 8, 2 } };
	struct unwind_table table;

	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct cfi_image image = { .code_size = 0x1000 };
		size_t common = put_common(&image.debug_frame, false, formats[i][0], formats[i][1],
					   formats[i][2]);

		put_function(&image.debug_frame, false, common, CODE_ADDRESS, 16);
		assert_int_equal(build(&image, &table), -ENOEXEC);
	}
}

static void functions_that_the_linker_left_out_are_dropped(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	size_t common = put_common(&image.debug_frame, false, 3, 0, 0);
	struct unwind_table table;

	(void)state;
	put_function(&image.debug_frame, false, common, 0, 16);
	put_function(&image.debug_frame, false, common, 1, 16);
	put_function(&image.debug_frame, false, common, UINT64_MAX, 16);
	put_function(&image.debug_frame, false, common, CODE_ADDRESS, 16);
	table = table_of(&image);
	assert_int_equal(table.function_count, 1);
	assert_int_equal(table.skipped_count, 0);
	unwind_table_done(&table);
	/* Also where such an address is code. */
	image = (struct cfi_image){ .code_size = 0x1000, .code_address = 1 };
	common = put_common(&image.debug_frame, false, 3, 0, 0);
	put_function(&image.debug_frame, false, common, 1, 16);
	put_function(&image.debug_frame, false, common, 0x100, 24);
	table = table_of(&image);
	assert_int_equal(table.function_count, 1);
	assert_int_equal(unwind_table_find(&table, 1)->cfa, CFA_NO_RULE);
	assert_int_equal(unwind_table_find(&table, 0x100)->cfa_offset, 24);
	unwind_table_done(&table);
}

static void debug_frame_adds_to_eh_frame(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	struct unwind_table table;
	size_t common;

	(void)state;
	/* Both common entries are at the beginning of their section. */
	common = cfi_put_usual_common(&image.eh_frame);
	cfi_put_function(&image.eh_frame, common, 0x40, 0x10, BYTES(0x0e, 24));
	common = put_common(&image.debug_frame, false, 3, 0, 0);
	put_function(&image.debug_frame, false, common, CODE_ADDRESS + 0x20, 32);
	put_function(&image.debug_frame, false, common, CODE_ADDRESS + 0x40, 48);
	table = table_of(&image);
	assert_int_equal(table.function_count, 2);
	assert_int_equal(table.skipped_count, 0);
	assert_int_equal(cfa_at(&table, 0x20), 32);
	assert_int_equal(cfa_at(&table, 0x40), 24);
	unwind_table_done(&table);
}

/* Replaces what is in a section by the same, compressed; the header says claimed bytes. */
static void compress_section(struct bytes *section, uint32_t type, uint64_t claimed)
{
	Elf64_Chdr header = { .ch_type = type, .ch_size = claimed, .ch_addralign = 8 };
	uLongf size = compressBound(section->size);
	uint8_t *bytes = malloc(size);

	assert_non_null(bytes);
	assert_int_equal(compress(bytes, &size, section->data, section->size), Z_OK);
	section->size = 0;
	bytes_put(section, &header, sizeof(header));
	bytes_put(section, bytes, size);
	free(bytes);
}

static struct cfi_image compressed_image(uint32_t type, int64_t lie)
{
	struct cfi_image image = { .code_size = 0x1000, .is_debug_compressed = true };
	size_t common = put_common(&image.debug_frame, false, 3, 0, 0);

	for (uint64_t i = 0; i < 64; i++)
		put_function(&image.debug_frame, false, common, CODE_ADDRESS + i * 16, 40);
	compress_section(&image.debug_frame, type, image.debug_frame.size + (uint64_t)lie);
	return image;
}

static void compressed_sections_are_read(void **state)
{
	struct cfi_image image = compressed_image(ELFCOMPRESS_ZLIB, 0);
	struct unwind_table table;

	(void)state;
	table = table_of(&image);
	assert_int_equal(table.function_count, 64);
	assert_int_equal(cfa_at(&table, 0x3ff), 40);
	unwind_table_done(&table);
}

static void compressed_sections_that_lie_are_refused(void **state)
{
	struct unwind_table table;
	struct cfi_image image;

	(void)state;
	image = compressed_image(ELFCOMPRESS_ZLIB, 1);
	assert_int_equal(build(&image, &table), -ENOEXEC);
	image = compressed_image(ELFCOMPRESS_ZLIB, -1);
	assert_int_equal(build(&image, &table), -ENOEXEC);
	image = compressed_image(ELFCOMPRESS_ZLIB, 50 << 20);
	assert_int_equal(build(&image, &table), -ENOEXEC);
	image = compressed_image(ELFCOMPRESS_ZLIB, 1ll << 40);
	assert_int_equal(build(&image, &table), -EFBIG);
	image = compressed_image(ELFCOMPRESS_ZLIB, 0);
	image.debug_frame.data[sizeof(Elf64_Chdr) + 20] ^= 0xff;
	assert_int_equal(build(&image, &table), -ENOEXEC);
	image = compressed_image(ELFCOMPRESS_ZLIB, 0);
	image.debug_frame.size = sizeof(Elf64_Chdr) - 1;
	assert_int_equal(build(&image, &table), -ENOEXEC);
	/* By something else. */
	image = compressed_image(ELFCOMPRESS_ZLIB + 1, 0);
	assert_int_equal(build(&image, &table), -ENODATA);
}

/* What building returns when the header of .eh_frame is another one. */
static int build_with(Elf64_Shdr change)
{
	struct cfi_image image = { .code_size = 0x1000 };
	struct unwind_table table;
	const char *error;
	Elf64_Ehdr header;
	Elf64_Shdr section;
	off_t at;
	int fd, err;

	cfi_put_function(&image.eh_frame, cfi_put_usual_common(&image.eh_frame), 0, 16, NOTHING);
	fd = cfi_image_open(&image);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	at = (off_t)(header.e_shoff + sizeof(section));
	assert_int_equal(pread(fd, &section, sizeof(section), at), sizeof(section));
	section.sh_type = change.sh_type;
	section.sh_flags = change.sh_flags;
	section.sh_size += change.sh_size;
	section.sh_offset += change.sh_offset;
	assert_int_equal(pwrite(fd, &section, sizeof(section), at), sizeof(section));
	err = unwind_table_build(fd, &table, &error);
	if (err == 0)
		unwind_table_done(&table);
	(void)close(fd);
	cfi_image_done(&image);
	return err;
}

static void eh_frame_is_what_is_loaded_and_in_the_file(void **state)
{
	const Elf64_Shdr good = { .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC };
	Elf64_Shdr change = good;

	(void)state;
	assert_int_equal(build_with(change), 0);
	/* The type that some compilers give it: SHT_X86_64_UNWIND. */
	change.sh_type = 0x70000001;
	assert_int_equal(build_with(change), 0);
	change = good;
	change.sh_size = 1ull << 40;
	assert_int_equal(build_with(change), -ENOEXEC);
	change = good;
	change.sh_offset = 1ull << 63;
	assert_int_equal(build_with(change), -ENOEXEC);
	/* Without bytes, as in a separate debug file; not loaded. */
	change.sh_type = SHT_NOBITS;
	assert_int_equal(build_with(change), -ENODATA);
	change = good;
	change.sh_flags = 0;
	assert_int_equal(build_with(change), -ENODATA);
}

static void broken_section_headers_are_as_good_as_none(void **state)
{
	struct cfi_image image = { .code_size = 0x1000, .has_eh_frame_hdr = true };
	struct unwind_table table;
	const char *error;
	Elf64_Ehdr header;
	int fd;

	(void)state;
	cfi_put_function(&image.eh_frame, cfi_put_usual_common(&image.eh_frame), 0, 16, NOTHING);
	cfi_put_terminator(&image.eh_frame);
	fd = cfi_image_open(&image);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	header.e_shoff = 1ull << 40;
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	assert_int_equal(unwind_table_build(fd, &table, &error), 0);
	assert_int_equal(table.function_count, 1);
	unwind_table_done(&table);
	(void)close(fd);
	cfi_image_done(&image);
}

static void the_section_is_found_wherever_it_begins(void **state)
{
	(void)state;
	/* Files are looked through in pieces of a MiB: around the end of the first. */
	for (size_t before = 8; before < 600; before += 52) {
		struct cfi_image image = { .code_size = 0x1000, .has_no_sections = true };
		struct bytes *section = &image.eh_frame;
		struct unwind_table table;
		size_t common;

		while (section->size < (1 << 20) - CFI_OFFSET - before)
			bytes_put_u32(section, 0);
		common = cfi_put_usual_common(section);
		cfi_put_function(section, common, 0, 16, NOTHING);
		for (int i = 0; i < 500; i++)
			bytes_put_u32(section, 0);
		table = table_of(&image);
		assert_int_equal(table.function_count, 1);
		unwind_table_done(&table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debug_frame_is_read_where_that_is_all_there_is),
		cmocka_unit_test(other_versions_and_sizes_are_not_understood),
		cmocka_unit_test(functions_that_the_linker_left_out_are_dropped),
		cmocka_unit_test(debug_frame_adds_to_eh_frame),
		cmocka_unit_test(compressed_sections_are_read),
		cmocka_unit_test(compressed_sections_that_lie_are_refused),
		cmocka_unit_test(eh_frame_is_what_is_loaded_and_in_the_file),
		cmocka_unit_test(broken_section_headers_are_as_good_as_none),
		cmocka_unit_test(the_section_is_found_wherever_it_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
