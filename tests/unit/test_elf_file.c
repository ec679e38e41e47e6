/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "symbolize/elf_file.h"
#include "tests/unit/elf_image.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct elf_file *load_image(const struct elf_image *image)
{
	struct elf_file *file;

	assert_int_equal(elf_file_open(file_of(image->bytes, image->size), &file), 0);
	assert_int_equal(elf_file_load(file, UINT64_MAX, false), 0);
	return file;
}

static struct elf_file *load_symbols(bool narrow, const struct image_symbol *symbols, size_t count)
{
	struct elf_image image;

	image_begin(&image, narrow);
	image_add_symbols(&image, SHT_SYMTAB, symbols, count);
	image_end(&image);
	return load_image(&image);
}

/* What is found at an offset of the code; "-" for nothing. */
static const char *find(const struct elf_file *file, uint64_t offset)
{
	const char *name = elf_file_find(file, TEXT_OFFSET + offset);

	return name ? name : "-";
}

static void a_sized_function_covers_its_size_only(void **state)
{
	static const struct image_symbol symbols[] = {
		{ "first", TEXT_ADDRESS + 0x10, 0x10, FUNCTION(STB_GLOBAL), TEXT_SECTION },
		{ "second", TEXT_ADDRESS + 0x30, 0x10, FUNCTION(STB_LOCAL), TEXT_SECTION },
	};

	(void)state;
	for (int narrow = 0; narrow < 2; narrow++) {
		struct elf_file *file = load_symbols(narrow, symbols, COUNT(symbols));

		assert_string_equal(find(file, 0x0f), "-");
		assert_string_equal(find(file, 0x10), "first");
		assert_string_equal(find(file, 0x1f), "first");
		assert_string_equal(find(file, 0x20), "-");
		assert_string_equal(find(file, 0x3f), "second");
		assert_string_equal(find(file, 0x40), "-");
		assert_null(elf_file_find(file, UINT64_MAX));
		assert_int_equal(elf_file_build_id(file)->size, 4);
		assert_null(elf_file_error(file));
		elf_file_free(file);
	}
}

static void global_names_win_over_weak_over_local(void **state)
{
	static const struct image_symbol symbols[] = {
		{ "local", TEXT_ADDRESS, 16, FUNCTION(STB_LOCAL), TEXT_SECTION },
		{ "global", TEXT_ADDRESS, 0, FUNCTION(STB_GLOBAL), TEXT_SECTION },
		{ "weak", TEXT_ADDRESS, 16, FUNCTION(STB_WEAK), TEXT_SECTION },
		{ "local2", TEXT_ADDRESS + 16, 16, FUNCTION(STB_LOCAL), TEXT_SECTION },
		{ "weak2", TEXT_ADDRESS + 16, 16, FUNCTION(STB_WEAK), TEXT_SECTION },
		{ "label2", TEXT_ADDRESS + 16, 16, LABEL(STB_GLOBAL), TEXT_SECTION },
	};
	struct elf_file *file = load_symbols(false, symbols, COUNT(symbols));

	(void)state;
	assert_string_equal(find(file, 15), "global");
	assert_string_equal(find(file, 16), "weak2");
	elf_file_free(file);
}

static void a_nested_function_splits_the_outer_one(void **state)
{
	static const struct image_symbol symbols[] = {
		{ "outer", TEXT_ADDRESS, 0x100, FUNCTION(STB_GLOBAL), TEXT_SECTION },
		{ "inner", TEXT_ADDRESS + 0x20, 0x40, FUNCTION(STB_LOCAL), TEXT_SECTION },
		{ "innermost", TEXT_ADDRESS + 0x30, 0x10, FUNCTION(STB_LOCAL), TEXT_SECTION },
		{ "crossing", TEXT_ADDRESS + 0xf0, 0x20, FUNCTION(STB_LOCAL), TEXT_SECTION },
		{ "label", TEXT_ADDRESS + 0x80, 0, LABEL(STB_GLOBAL), TEXT_SECTION },
	};
	struct elf_file *file = load_symbols(false, symbols, COUNT(symbols));

	(void)state;
	assert_string_equal(find(file, 0x1f), "outer");
	assert_string_equal(find(file, 0x2f), "inner");
	assert_string_equal(find(file, 0x3f), "innermost");
	assert_string_equal(find(file, 0x40), "inner");
	assert_string_equal(find(file, 0x60), "outer");
	assert_string_equal(find(file, 0x80), "outer");
	assert_string_equal(find(file, 0xff), "crossing");
	assert_string_equal(find(file, 0x10f), "crossing");
	assert_string_equal(find(file, 0x110), "-");
	elf_file_free(file);
}

static void a_function_without_a_size_reaches_to_the_next_or_the_sections_end(void **state)
{
	static const struct image_symbol symbols[] = {
		{ "_start", TEXT_ADDRESS + 0x10, 0, LABEL(STB_GLOBAL), TEXT_SECTION },
		{ "middle", TEXT_ADDRESS + 0x40, 0, FUNCTION(STB_GLOBAL), TEXT_SECTION },
		{ "last", TEXT_ADDRESS + 0x80, 0, FUNCTION(STB_GLOBAL), TEXT_SECTION },
	};
	struct elf_file *file = load_symbols(true, symbols, COUNT(symbols));

	(void)state;
	assert_string_equal(find(file, 0x0f), "-");
	assert_string_equal(find(file, 0x3f), "_start");
	assert_string_equal(find(file, 0x7f), "middle");
	assert_string_equal(find(file, TEXT_SIZE - 1), "last");
	assert_string_equal(find(file, TEXT_SIZE), "-");
	elf_file_free(file);
}

static void what_is_no_code_is_left_out(void **state)
{
	static const struct image_symbol symbols[] = {
		{ "object", TEXT_ADDRESS, 16, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), TEXT_SECTION },
		{ "import", TEXT_ADDRESS, 16, FUNCTION(STB_GLOBAL), SHN_UNDEF },
		{ "absolute", TEXT_ADDRESS, 16, FUNCTION(STB_GLOBAL), SHN_ABS },
		{ "outside", 0x1000, 16, FUNCTION(STB_GLOBAL), TEXT_SECTION },
		{ "data_label", TEXT_ADDRESS, 16, LABEL(STB_GLOBAL), 2 },
		{ "no_section", TEXT_ADDRESS, 16, LABEL(STB_GLOBAL), 0x1234 },
		{ "", TEXT_ADDRESS, 16, FUNCTION(STB_GLOBAL), TEXT_SECTION },
		{ "$x", TEXT_ADDRESS, 16, FUNCTION(STB_GLOBAL), TEXT_SECTION },
		{ "huge", TEXT_ADDRESS + 0x20, UINT64_MAX, FUNCTION(STB_GLOBAL), TEXT_SECTION },
	};
	struct elf_file *file = load_symbols(false, symbols, COUNT(symbols));

	(void)state;
	assert_string_equal(find(file, 0), "-");
	assert_string_equal(find(file, TEXT_SIZE - 1), "huge");
	elf_file_free(file);
}

static void both_tables_are_read_and_versions_cut_off(void **state)
{
	static const struct image_symbol symtab[] = {
		{ "static@@VERSION_1", TEXT_ADDRESS, 16, FUNCTION(STB_LOCAL), TEXT_SECTION },
		{ "both", TEXT_ADDRESS + 16, 16, FUNCTION(STB_GLOBAL), TEXT_SECTION },
	};
	static const struct image_symbol dynsym[] = {
		{ "alias", TEXT_ADDRESS + 16, 16, FUNCTION(STB_GLOBAL), TEXT_SECTION },
		{ "exported", TEXT_ADDRESS + 32, 16, FUNCTION(STB_GLOBAL), TEXT_SECTION },
	};
	struct elf_image image;
	struct elf_file *file;

	(void)state;
	image_begin(&image, false);
	image_add_symbols(&image, SHT_DYNSYM, dynsym, COUNT(dynsym));
	image_add_symbols(&image, SHT_SYMTAB, symtab, COUNT(symtab));
	image_end(&image);
	file = load_image(&image);
	assert_string_equal(find(file, 0), "static");
	assert_string_equal(find(file, 16), "both");
	assert_string_equal(find(file, 32), "exported");
	elf_file_free(file);
}

static void a_broken_table_is_named_and_the_other_one_used(void **state)
{
	static const struct image_symbol symbols[] = {
		{ "exported", TEXT_ADDRESS, 16, FUNCTION(STB_GLOBAL), TEXT_SECTION },
	};
	struct elf_image image;
	struct elf_file *file;
	uint32_t symtab;

	(void)state;
	image_begin(&image, false);
	image_add_symbols(&image, SHT_DYNSYM, symbols, COUNT(symbols));
	symtab = image_add_symbols(&image, SHT_SYMTAB, symbols, COUNT(symbols));
	image.sections[symtab].sh_size = 1ULL << 40;
	image_end(&image);
	file = load_image(&image);
	assert_string_equal(find(file, 0), "exported");
	assert_string_equal(elf_file_error(file), "a symbol table contradicts itself");
	elf_file_free(file);
}

static void make_full_image(struct elf_image *image, bool narrow)
{
	static const struct image_symbol symbols[] = {
		{ "one", TEXT_ADDRESS, 16, FUNCTION(STB_GLOBAL), TEXT_SECTION },
		{ "two", TEXT_ADDRESS + 8, 0, FUNCTION(STB_WEAK), TEXT_SECTION },
		{ "three", TEXT_ADDRESS + 64, 0, LABEL(STB_GLOBAL), TEXT_SECTION },
	};

	image_begin(image, narrow);
	image_add_symbols(image, SHT_DYNSYM, symbols, COUNT(symbols));
	image_add_symbols(image, SHT_SYMTAB, symbols, COUNT(symbols));
	image_end(image);
}

static int open_bytes(const void *bytes, size_t size)
{
	struct elf_file *file = NULL;
	int err = elf_file_open(file_of(bytes, size), &file);

	elf_file_free(file);
	return err;
}

static void what_is_no_elf_file_is_refused(void **state)
{
	struct elf_file *file = NULL;
	struct elf_image image;
	int fds[2];

	(void)state;
	assert_int_equal(open_bytes("", 0), -ENOEXEC);
	assert_int_equal(open_bytes("#!/bin/sh\nexit\n# and some more", 30), -ENOEXEC);
	assert_int_equal(open_bytes(ELFMAG, SELFMAG), -ENOEXEC);
	image_begin(&image, false);
	image_end(&image);
	image.bytes[EI_DATA] = ELFDATA2MSB;
	assert_int_equal(open_bytes(image.bytes, image.size), -ENOEXEC);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(elf_file_open(fds[0], &file), -ENOEXEC);
	assert_int_equal(fcntl(fds[0], F_GETFD), -1); /* taken */
	close(fds[1]);
	assert_null(file);
}

/* Loads and looks everywhere: what matters is what the sanitizers say. */
static void survive(const void *bytes, size_t size)
{
	struct elf_file *file;

	if (elf_file_open(file_of(bytes, size), &file) < 0)
		return;
	(void)elf_file_load(file, UINT64_MAX, false);
	for (uint64_t offset = 0; offset < 2 * TEXT_SIZE; offset += 8) {
		const char *name = elf_file_find(file, offset);

		assert_true(!name || strlen(name) < 65536);
	}
	elf_file_free(file);
}

static void every_truncation_is_survived(void **state)
{
	struct elf_image image;

	(void)state;
	for (int narrow = 0; narrow < 2; narrow++) {
		make_full_image(&image, narrow);
		for (size_t size = 0; size < image.size; size += 8)
			survive(image.bytes, size);
	}
}

static void every_lie_is_survived(void **state)
{
	static const uint32_t lies[] = { 0, 1, 0x7fffffff, 0xffffffff, 0x401200, 0x10000 };
	struct elf_image image;

	(void)state;
	for (int narrow = 0; narrow < 2; narrow++) {
		make_full_image(&image, narrow);
		for (size_t at = 0; at + 4 <= image.size; at += 4) {
			uint8_t *place = image.bytes + at;
			uint32_t truth;

			if (at == TEXT_OFFSET)
				at += TEXT_SIZE; /* code is never read */
			memcpy(&truth, place, 4);
			for (size_t i = 0; i < COUNT(lies); i++) {
				memcpy(place, &lies[i], 4);
				survive(image.bytes, image.size);
			}
			memcpy(place, &truth, 4);
		}
	}
}

static void a_file_that_shrinks_after_opening_is_an_error(void **state)
{
	struct elf_image image;
	struct elf_file *file;
	int fd;

	(void)state;
	make_full_image(&image, false);
	fd = file_of(image.bytes, image.size);
	assert_int_equal(elf_file_open(dup(fd), &file), 0);
	assert_int_equal(ftruncate(fd, TEXT_OFFSET), 0);
	assert_int_equal(elf_file_load(file, UINT64_MAX, false), -ENOEXEC);
	assert_string_equal(elf_file_error(file), "the file became shorter");
	assert_null(elf_file_find(file, TEXT_OFFSET));
	elf_file_free(file);
	close(fd);
}

/* Whether it has names when a byte of it, and its time, have changed since it was opened. */
static bool keeps_names(const struct elf_image *image, size_t changed)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	int fd = file_of(image->bytes, image->size);
	struct elf_file *file;
	bool is_named;
	int err;

	assert_int_equal(elf_file_open(dup(fd), &file), 0);
	assert_int_equal(pwrite(fd, "?", 1, (off_t)changed), 1);
	assert_int_equal(futimens(fd, times), 0);
	err = elf_file_load(file, UINT64_MAX, false);
	is_named = elf_file_find(file, TEXT_OFFSET) != NULL;
	assert_int_equal(err, is_named ? 0 : -ESTALE);
	assert_int_equal(elf_file_is_rewritten(file), !is_named);
	elf_file_free(file);
	close(fd);
	return is_named;
}

static void a_file_that_is_written_to_has_names_only_if_its_build_id_stays(void **state)
{
	struct elf_image image;

	(void)state;
	make_full_image(&image, false);
	assert_true(keeps_names(&image, TEXT_OFFSET));
	/* Behind the note's header and name. */
	assert_false(keeps_names(&image, image.note_offset + sizeof(Elf64_Nhdr) + 4));
}

static void plt_stubs_are_named_after_what_they_call(void **state)
{
	static const struct image_symbol dynsym[] = {
		{ "puts", 0, 0, FUNCTION(STB_GLOBAL), SHN_UNDEF },
		{ "resolved", TEXT_ADDRESS, 16, ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC),
		  TEXT_SECTION },
	};
	/* The first stub; jmp *0x404018(%rip); endbr64, bnd jmp *0x404020(%rip); garbage. */
	uint8_t stubs[64] = { 0xff, 0x35, [16] = 0xff, 0x25, [32] = 0xf3, 0x0f,
			      0x1e, 0xfa, 0xf2,        0xff, 0x25,        [48] = 0xcc };
	const uint64_t plt = TEXT_ADDRESS + 0x100;
	const Elf64_Rela relocations[] = {
		{ 0x404020, ELF64_R_INFO(0, R_X86_64_IRELATIVE), TEXT_ADDRESS },
		{ 0x404018, ELF64_R_INFO(1, R_X86_64_JUMP_SLOT), 0 },
	};
	const int32_t first = (int32_t)(0x404018 - (plt + 16 + 6));
	const int32_t second = (int32_t)(0x404020 - (plt + 32 + 11));
	struct elf_image image;
	struct elf_file *file;

	(void)state;
	memcpy(stubs + 18, &first, sizeof(first));
	memcpy(stubs + 39, &second, sizeof(second));
	image_begin(&image, false);
	image_add_symbols(&image, SHT_DYNSYM, dynsym, COUNT(dynsym));
	image_add(&image, ".rela.plt", (Elf64_Shdr){ .sh_type = SHT_RELA }, relocations,
		  sizeof(relocations));
	image_add(
		&image, ".plt",
		(Elf64_Shdr){ .sh_type = SHT_PROGBITS, .sh_flags = SHF_EXECINSTR, .sh_addr = plt },
		stubs, sizeof(stubs));
	image_end(&image);
	file = load_image(&image);
	assert_string_equal(find(file, 0), "resolved");
	assert_string_equal(find(file, 0x10f), "-");
	assert_string_equal(find(file, 0x110), "puts@plt");
	assert_string_equal(find(file, 0x12f), "resolved@plt");
	assert_string_equal(find(file, 0x130), "-");
	elf_file_free(file);
}

/* The C library of this process: its path and where its code is. */
struct libc {
	const char *path;
	ElfW(Phdr) code;
};

static int find_libc(struct dl_phdr_info *info, size_t size, void *context)
{
	struct libc *libc = context;

	(void)size;
	if (!strstr(info->dlpi_name, "/libc.so."))
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X))
			libc->code = info->dlpi_phdr[i];
	}
	libc->path = info->dlpi_name;
	return 1;
}

struct listed {
	uint64_t address;
	char name[128];
};

/* The functions in .dynsym of the file as nm lists them. */
static size_t run_nm(const char *path, struct listed *ret, size_t size)
{
	char command[512], line[512];
	size_t count = 0;
	FILE *nm;

	snprintf(command, sizeof(command), "nm -D --defined-only '%s'", path);
	nm = popen(command, "r");
	assert_non_null(nm);
	while (count < size && fgets(line, sizeof(line), nm)) {
		char type;

		if (sscanf(line, "%lx %c %127[^@\n]", &ret[count].address, &type,
			   ret[count].name) == 3 &&
		    strchr("tTWwi", type))
			count++;
	}
	pclose(nm);
	return count;
}

static bool is_listed(const struct listed *listed, size_t count, uint64_t address, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (listed[i].address == address && strcmp(listed[i].name, name) == 0)
			return true;
	}
	return false;
}

static void libc_has_the_names_that_nm_lists(void **state)
{
	static struct listed listed[4096];
	struct libc libc = { 0 };
	struct elf_file *file;
	size_t count;

	(void)state;
	assert_int_equal(dl_iterate_phdr(find_libc, &libc), 1);
	count = run_nm(libc.path, listed, COUNT(listed));
	assert_true(count >= 1000);
	assert_int_equal(elf_file_open(open(libc.path, O_RDONLY | O_CLOEXEC), &file), 0);
	assert_int_equal(elf_file_load(file, UINT64_MAX, false), 0);
	assert_null(elf_file_error(file));
	for (size_t i = 0; i < count; i++) {
		uint64_t offset = listed[i].address - libc.code.p_vaddr + libc.code.p_offset;
		const char *name = elf_file_find(file, offset);

		assert_int_equal(elf_file_address(file, offset), listed[i].address);
		assert_non_null(name);
		assert_true(is_listed(listed, count, listed[i].address, name));
	}
	elf_file_free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sized_function_covers_its_size_only),
		cmocka_unit_test(global_names_win_over_weak_over_local),
		cmocka_unit_test(a_nested_function_splits_the_outer_one),
		cmocka_unit_test(a_function_without_a_size_reaches_to_the_next_or_the_sections_end),
		cmocka_unit_test(what_is_no_code_is_left_out),
		cmocka_unit_test(both_tables_are_read_and_versions_cut_off),
		cmocka_unit_test(a_broken_table_is_named_and_the_other_one_used),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(every_truncation_is_survived),
		cmocka_unit_test(every_lie_is_survived),
		cmocka_unit_test(a_file_that_shrinks_after_opening_is_an_error),
		cmocka_unit_test(a_file_that_is_written_to_has_names_only_if_its_build_id_stays),
		cmocka_unit_test(plt_stubs_are_named_after_what_they_call),
		cmocka_unit_test(libc_has_the_names_that_nm_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
