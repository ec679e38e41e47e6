/* SPDX-License-Identifier: Apache-2.0 */
/* The records of .eh_frame and .debug_frame in all their forms, and hostile ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/unwind_check.h"

/* The usual instructions of a common entry. */
#define USUAL 0x0c, 7, 8, 0x90, 1

/* Where the next byte of .eh_frame is in the program. */
static uint64_t here(const struct bytes *section)
{
	return FILE_ADDRESS + CFI_OFFSET + section->size;
}

static void put_pointer(struct bytes *section, uint8_t encoding, uint64_t value)
{
	if ((encoding & DW_EH_PE_BASE_MASK) == DW_EH_PE_pcrel)
		value -= here(section);
	switch (encoding & DW_EH_PE_FORMAT_MASK) {
	case DW_EH_PE_uleb128:
	case DW_EH_PE_sleb128:
		bytes_put_uleb(section, value);
		break;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		bytes_put_u32(section, (uint32_t)value);
		break;
	default:
		bytes_put_u64(section, value);
	}
}

/* An entry for 0x10 bytes at an offset of the code, with pointers of any encoding. */
static void put_encoded(struct bytes *section, size_t common, uint8_t encoding, uint64_t offset,
			bool has_data)
{
	size_t at = cfi_begin(section);

	bytes_put_u32(section, (uint32_t)(section->size - common));
	put_pointer(section, encoding, CODE_ADDRESS + offset);
	put_pointer(section, encoding & DW_EH_PE_FORMAT_MASK, 0x10);
	if (has_data)
		bytes_put_uleb(section, 0);
	cfi_end(section, at);
}

static void functions_are_found_in_every_encoding(void **state)
{
	static const uint8_t encodings[] = {
		DW_EH_PE_absptr,
		DW_EH_PE_udata8,
		DW_EH_PE_sdata8,
		DW_EH_PE_udata4,
		DW_EH_PE_sdata4,
		DW_EH_PE_uleb128,
		DW_EH_PE_pcrel | DW_EH_PE_udata4,
		DW_EH_PE_pcrel | DW_EH_PE_sdata4,
		DW_EH_PE_pcrel | DW_EH_PE_sdata8,
		DW_EH_PE_pcrel | DW_EH_PE_absptr,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(encodings); i++) {
		struct cfi_image image = { .code_size = 0x1000 };
		size_t common =
			cfi_put_common(&image.eh_frame, "zR", &encodings[i], 1, BYTES(USUAL));
		struct unwind_table table;

		put_encoded(&image.eh_frame, common, encodings[i], 0x40, true);
		table = table_of(&image);
		assert_int_equal(cfa_at(&table, 0x3f), NO_RULE);
		assert_int_equal(cfa_at(&table, 0x40), 8);
		assert_int_equal(cfa_at(&table, 0x4f), 8);
		unwind_table_done(&table);
	}
}

static void functions_behind_unknown_bases_are_skipped(void **state)
{
	static const uint8_t encodings[] = {
		DW_EH_PE_textrel | DW_EH_PE_udata4,
		DW_EH_PE_datarel | DW_EH_PE_udata4,
		DW_EH_PE_indirect | DW_EH_PE_pcrel | DW_EH_PE_sdata4,
		DW_EH_PE_omit,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(encodings); i++) {
		struct cfi_image image = { .code_size = 0x1000 };
		size_t usual = cfi_put_usual_common(&image.eh_frame);
		size_t common =
			cfi_put_common(&image.eh_frame, "zR", &encodings[i], 1, BYTES(USUAL));
		struct unwind_table table;

		put_encoded(&image.eh_frame, common, encodings[i], 0x40, true);
		cfi_put_function(&image.eh_frame, usual, 0x80, 0x10, NOTHING);
		table = table_of(&image);
		assert_int_equal(table.skipped_count, 1);
		assert_int_equal(table.function_count, 1);
		assert_int_equal(cfa_at(&table, 0x80), 8);
		unwind_table_done(&table);
	}
}

/* How many functions there are with a common entry of this augmentation: 1, or 0 when skipped. */
static uint64_t functions_with(const char *augmentation, const uint8_t *data, size_t size)
{
	struct cfi_image image = { .code_size = 0x1000 };
	size_t usual = cfi_put_usual_common(&image.eh_frame);
	size_t common = cfi_put_common(&image.eh_frame, augmentation, data, size, BYTES(USUAL));
	bool has_data = augmentation[0] == 'z';
	struct unwind_table table;
	uint64_t count;

	put_encoded(&image.eh_frame, common,
		    strchr(augmentation, 'R') ? DW_EH_PE_pcrel | DW_EH_PE_sdata4 : DW_EH_PE_absptr,
		    0x40, has_data);
	cfi_put_function(&image.eh_frame, usual, 0x80, 0x10, NOTHING);
	table = table_of(&image);
	count = table.function_count - 1;
	assert_int_equal(count + table.skipped_count, 1);
	assert_int_equal(cfa_at(&table, 0x40), count ? 8 : NO_RULE);
	unwind_table_done(&table);
	return count;
}

static void augmentations_are_understood_or_skipped(void **state)
{
	(void)state;
	assert_int_equal(functions_with("", NOTHING), 1);
	assert_int_equal(functions_with("z", NOTHING), 1);
	assert_int_equal(functions_with("zR", BYTES(0x1b)), 1);
	assert_int_equal(functions_with("zPLR", BYTES(0x9b, 1, 2, 3, 4, 0x1b, 0x1b)), 1);
	assert_int_equal(functions_with("zPLR", BYTES(0x00, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0x1b)),
			 1);
	assert_int_equal(functions_with("zRB", BYTES(0x1b)), 1);
	assert_int_equal(functions_with("zRG", BYTES(0x1b)), 1);
	assert_int_equal(functions_with("zX", BYTES(1, 2, 3, 4, 5)), 1);
	/* What comes after a letter that nobody knows cannot be read. */
	assert_int_equal(functions_with("zXR", BYTES(0x1b, 0x1b)), 0);
	assert_int_equal(functions_with("zXS", BYTES(0x1b, 0x1b)), 0);
	assert_int_equal(functions_with("eh", BYTES(1, 2, 3, 4, 5, 6, 7, 8)), 0);
	assert_int_equal(functions_with("X", NOTHING), 0);
	/* Less data than letters. */
	assert_int_equal(functions_with("zPLR", BYTES(0x9b, 1, 2, 3, 4, 0x1b)), 0);
}

static void functions_have_data_of_their_own(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	size_t common = cfi_put_common(&image.eh_frame, "zLR", BYTES(0x1b, 0x1b), BYTES(USUAL));
	struct unwind_table table;
	size_t at;

	(void)state;
	at = cfi_begin(&image.eh_frame);
	bytes_put_u32(&image.eh_frame, (uint32_t)(image.eh_frame.size - common));
	put_pointer(&image.eh_frame, DW_EH_PE_pcrel | DW_EH_PE_sdata4, CODE_ADDRESS);
	bytes_put_u32(&image.eh_frame, 0x10);
	bytes_put(&image.eh_frame, BYTES(4, 0x0e, 99, 0x0e, 99, 0x0e, 16));
	cfi_end(&image.eh_frame, at);
	table = table_of(&image);
	assert_int_equal(cfa_at(&table, 0), 16);
	unwind_table_done(&table);
}

static void entries_refer_to_any_common_entry_before_them(void **state)
{
	struct cfi_image image = { .code_size = 0x4000 };
	struct unwind_table table;
	size_t commons[64];

	(void)state;
	for (uint8_t i = 0; i < 64; i++)
		commons[i] = cfi_put_common(&image.eh_frame, "zR", BYTES(0x1b),
					    BYTES(0x0c, 7, (uint8_t)(i + 1), 0x90, 1));
	for (uint32_t i = 0; i < 64; i++)
		cfi_put_function(&image.eh_frame, commons[i * 37 % 64], i * 16, 16, NOTHING);
	table = table_of(&image);
	assert_int_equal(table.function_count, 64);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(cfa_at(&table, i * 16), i * 37 % 64 + 1);
	unwind_table_done(&table);
}

static void a_return_address_in_another_column_is_not_ours(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct unwind_table table;

	(void)state;
	image.eh_frame.data[common + 14] = 30;
	cfi_put_function(&image.eh_frame, common, 0, 0x10, NOTHING);
	assert_int_equal(build(&image, &table), -ENOEXEC);
}

static void long_lengths_are_read(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct bytes *section = &image.eh_frame;
	struct unwind_table table;

	(void)state;
	bytes_put_u32(section, 0xffffffff);
	bytes_put_u64(section, 16);
	bytes_put_u32(section, (uint32_t)(section->size - common));
	put_pointer(section, DW_EH_PE_pcrel | DW_EH_PE_sdata4, CODE_ADDRESS + 0x20);
	bytes_put_u32(section, 0x10);
	bytes_put_u32(section, 0);
	cfi_put_function(section, common, 0x80, 0x10, NOTHING);
	table = table_of(&image);
	assert_int_equal(table.function_count, 2);
	assert_int_equal(cfa_at(&table, 0x20), 8);
	assert_int_equal(cfa_at(&table, 0x80), 8);
	unwind_table_done(&table);
}

static void nothing_is_read_behind_the_terminator(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	struct unwind_table table;

	(void)state;
	cfi_put_function(&image.eh_frame, common, 0, 0x10, NOTHING);
	cfi_put_terminator(&image.eh_frame);
	bytes_put_u64(&image.eh_frame, 0xfedcba9876543210);
	table = table_of(&image);
	assert_int_equal(table.function_count, 1);
	unwind_table_done(&table);
}

static void the_section_is_found_without_section_headers(void **state)
{
	(void)state;
	for (int has_hdr = 0; has_hdr < 2; has_hdr++) {
		struct cfi_image image = { .code_size = 0x1000,
					   .has_no_sections = true,
					   .has_eh_frame_hdr = has_hdr };
		size_t common = cfi_put_usual_common(&image.eh_frame);
		struct unwind_table table;

		for (uint32_t i = 0; i < 32; i++)
			cfi_put_function(&image.eh_frame, common, i * 32, 32, NOTHING);
		/* What comes behind it in the segment is something else. */
		if (has_hdr)
			cfi_put_terminator(&image.eh_frame);
		bytes_put_u32(&image.eh_frame, 0x7fffffff);
		for (int i = 0; i < 100; i++)
			bytes_put_u32(&image.eh_frame, 0x01010101);
		table = table_of(&image);
		assert_int_equal(table.function_count, 32);
		unwind_table_done(&table);
	}
}

static void a_file_without_information_says_so(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	struct unwind_table table;

	(void)state;
	assert_int_equal(build(&image, &table), -ENODATA);
	image = (struct cfi_image){ .code_size = 0x1000, .has_no_sections = true };
	for (int i = 0; i < 1000; i++)
		bytes_put_u32(&image.eh_frame, 0);
	assert_int_equal(build(&image, &table), -ENODATA);
	image = (struct cfi_image){ .code_size = 0x1000 };
	cfi_put_terminator(&image.eh_frame);
	assert_int_equal(build(&image, &table), -ENODATA);
	/* No code. */
	image = (struct cfi_image){ 0 };
	cfi_put_function(&image.eh_frame, cfi_put_usual_common(&image.eh_frame), 0, 16, NOTHING);
	assert_int_equal(build(&image, &table), -ENODATA);
	/* Code that none of the entries is for. */
	image = (struct cfi_image){ .code_size = 0x1000, .code_address = 0x800000 };
	cfi_put_function(&image.eh_frame, cfi_put_usual_common(&image.eh_frame), 0, 16, NOTHING);
	assert_int_equal(build(&image, &table), -ENODATA);
}

static void other_machines_are_told_apart(void **state)
{
	struct cfi_image image = { .code_size = 0x1000, .machine = EM_AARCH64 };
	struct unwind_table table;

	(void)state;
	assert_int_equal(build(&image, &table), -ENOTSUP);
}

static void cut_and_lying_sections_are_refused(void **state)
{
	static const uint32_t lengths[] = { 17, 0xfffffff0, 0x7fffffff, 0xfffffffe };
	struct cfi_image image;
	struct unwind_table table;
	size_t common, at;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		image = (struct cfi_image){ .code_size = 0x1000 };
		common = cfi_put_usual_common(&image.eh_frame);
		at = cfi_put_function(&image.eh_frame, common, 0, 16, NOTHING);
		memcpy(image.eh_frame.data + at, &lengths[i], sizeof(lengths[i]));
		assert_int_equal(build(&image, &table), -ENOEXEC);
	}
	/* A length that is cut itself, and a long one that goes round the address space. */
	image = (struct cfi_image){ .code_size = 0x1000 };
	cfi_put_usual_common(&image.eh_frame);
	bytes_put(&image.eh_frame, BYTES(1, 0));
	assert_int_equal(build(&image, &table), -ENOEXEC);
	image = (struct cfi_image){ .code_size = 0x1000 };
	cfi_put_usual_common(&image.eh_frame);
	bytes_put_u32(&image.eh_frame, 0xffffffff);
	bytes_put_u64(&image.eh_frame, UINT64_MAX - 3);
	assert_int_equal(build(&image, &table), -ENOEXEC);
}

static void entries_that_refer_to_nothing_are_skipped(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	struct bytes *section = &image.eh_frame;
	size_t common = cfi_put_usual_common(section);
	struct unwind_table table;
	size_t first;

	(void)state;
	first = cfi_put_function(section, common, 0, 16, NOTHING);
	/* To itself, to another one, into the middle of the common one, forwards, nowhere. */
	cfi_put_function(section, section->size, 0x20, 16, NOTHING);
	cfi_put_function(section, first, 0x40, 16, NOTHING);
	cfi_put_function(section, common + 4, 0x60, 16, NOTHING);
	cfi_put_function(section, section->size + 24, 0x80, 16, NOTHING);
	cfi_put_usual_common(section);
	cfi_put_function(section, (size_t)-0x1000, 0xa0, 16, NOTHING);
	table = table_of(&image);
	assert_int_equal(table.function_count, 1);
	assert_int_equal(table.skipped_count, 5);
	assert_int_equal(cfa_at(&table, 0), 8);
	assert_int_equal(cfa_at(&table, 0x80), NO_RULE);
	unwind_table_done(&table);
}

static void damaged_entries_cost_their_function_only(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	struct bytes *section = &image.eh_frame;
	size_t common = cfi_put_usual_common(section);
	struct unwind_table table;
	size_t at;

	(void)state;
	/* Cut in the address; with more data than there is; with a length that wraps. */
	at = cfi_begin(section);
	bytes_put_u32(section, (uint32_t)(section->size - common));
	cfi_end(section, at);
	at = cfi_begin(section);
	bytes_put_u32(section, (uint32_t)(section->size - common));
	put_pointer(section, DW_EH_PE_pcrel | DW_EH_PE_sdata4, CODE_ADDRESS);
	bytes_put_u32(section, 0x10);
	bytes_put_uleb(section, 0xffffffff);
	cfi_end(section, at);
	cfi_put_function(section, common, 0x40, 0xffffffff, NOTHING);
	/* An entry that is nothing but a length and an identifier. */
	bytes_put_u32(section, 1);
	bytes_put_u8(section, 0);
	cfi_put_function(section, common, 0x80, 16, NOTHING);
	table = table_of(&image);
	assert_int_equal(table.function_count, 1);
	assert_int_equal(table.skipped_count, 2);
	assert_int_equal(cfa_at(&table, 0x80), 8);
	unwind_table_done(&table);
}

static void endless_augmentations_are_not_read(void **state)
{
	struct cfi_image image = { .code_size = 0x1000 };
	struct bytes *section = &image.eh_frame;
	size_t at = cfi_begin(section);
	struct unwind_table table;

	(void)state;
	bytes_put_u32(section, 0);
	bytes_put_u8(section, 1);
	for (int i = 0; i < 100003; i++)
		bytes_put_u8(section, 'z');
	cfi_end(section, at);
	section->data[section->size - 1] = 'z';
	cfi_put_function(section, at, 0, 16, NOTHING);
	assert_int_equal(build(&image, &table), -ENOEXEC);
}

static void code_in_places_too_far_apart_is_refused(void **state)
{
	struct cfi_image image = { .code_size = 0x1000, .code_address = 1ull << 40 };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	Elf64_Phdr first = { .p_type = PT_LOAD,
			     .p_flags = PF_R | PF_X,
			     .p_vaddr = FILE_ADDRESS,
			     .p_filesz = 0x400,
			     .p_memsz = 0x400 };
	struct unwind_table table;
	const char *error = NULL;
	int fd;

	(void)state;
	cfi_put_function(&image.eh_frame, common, 0, 0x10, NOTHING);
	fd = cfi_image_open(&image);
	assert_int_equal(pwrite(fd, &first, sizeof(first), sizeof(Elf64_Ehdr)), sizeof(first));
	assert_int_equal(unwind_table_build(fd, &table, &error), -EFBIG);
	assert_string_equal(error, "code in places too far apart");
	(void)close(fd);
	cfi_image_done(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_found_in_every_encoding),
		cmocka_unit_test(functions_behind_unknown_bases_are_skipped),
		cmocka_unit_test(augmentations_are_understood_or_skipped),
		cmocka_unit_test(functions_have_data_of_their_own),
		cmocka_unit_test(entries_refer_to_any_common_entry_before_them),
		cmocka_unit_test(a_return_address_in_another_column_is_not_ours),
		cmocka_unit_test(long_lengths_are_read),
		cmocka_unit_test(nothing_is_read_behind_the_terminator),
		cmocka_unit_test(the_section_is_found_without_section_headers),
		cmocka_unit_test(a_file_without_information_says_so),
		cmocka_unit_test(other_machines_are_told_apart),
		cmocka_unit_test(cut_and_lying_sections_are_refused),
		cmocka_unit_test(entries_that_refer_to_nothing_are_skipped),
		cmocka_unit_test(damaged_entries_cost_their_function_only),
		cmocka_unit_test(endless_augmentations_are_not_read),
		cmocka_unit_test(code_in_places_too_far_apart_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
