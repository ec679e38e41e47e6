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
#include <sys/auxv.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "symbolize/symbolize.h"
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

/* An image with one function of this name; id_byte is the last byte of its build id. */
static void make_image(struct elf_image *image, const char *name, uint8_t id_byte)
{
	const struct image_symbol symbol = { name, TEXT_ADDRESS, 16, FUNCTION(STB_GLOBAL),
					     TEXT_SECTION };

	image_begin(image, false);
	image->bytes[image->note_offset + image->note_size - 1] = id_byte;
	image_add_symbols(image, SHT_SYMTAB, &symbol, 1);
	image_end(image);
}

static struct module *add(struct symbolizer *symbolizer, const struct elf_image *image,
			  const char *path)
{
	struct module *module;
	int fd = file_of(image->bytes, image->size);

	assert_int_equal(symbolizer_add_file(symbolizer, fd, path, -1, &module), 0);
	return module;
}

static void names_are_demangled_once_and_stay(void **state)
{
	struct frame first = { 0 }, again = { 0 };
	struct elf_image image;
	struct module *module;

	make_image(&image, "_ZN2ns3fooEi", 1);
	module = add(*state, &image, "/usr/lib/libns.so.1");
	assert_string_equal(module_name(module), "libns.so.1");
	assert_int_equal(symbolize_user(*state, module, TEXT_OFFSET, &first, 1), 1);
	assert_string_equal(first.name, "ns::foo(int)");
	assert_string_equal(first.module, "libns.so.1");
	assert_int_equal(first.kind, FRAME_USER);
	assert_null(first.file);
	assert_int_equal(symbolize_user(*state, module, TEXT_OFFSET + 15, &again, 1), 1);
	assert_ptr_equal(first.name, again.name);
	assert_null(module_error(module));
}

static void uncovered_code_has_no_name(void **state)
{
	struct frame frame = { 0 };
	struct elf_image image;
	struct module *module;

	make_image(&image, "foo", 1);
	module = add(*state, &image, "foo");
	assert_int_equal(symbolize_user(*state, module, TEXT_OFFSET + 16, &frame, 1), 0);
	assert_int_equal(symbolize_user(*state, module, TEXT_OFFSET, &frame, 0), 0);
	assert_null(frame.name);
	assert_int_equal(module_address(module, TEXT_OFFSET + 5), TEXT_ADDRESS + 5);
	assert_int_equal(module_address(module, 3), 3);
}

static void modules_are_shared_by_build_id(void **state)
{
	struct elf_image image;
	struct module *module, *other;

	make_image(&image, "foo", 1);
	module = add(*state, &image, "/a/first");
	assert_ptr_equal(add(*state, &image, "/b/second"), module);
	assert_string_equal(module_name(module), "first");
	make_image(&image, "foo", 2);
	other = add(*state, &image, "/b/second");
	assert_ptr_not_equal(other, module);
	assert_ptr_equal(add(*state, &image, "/c/third"), other);
}

/* Of a segment and of the file: the first that differs makes it another build. */
static void a_build_id_alone_does_not_make_two_files_one(void **state)
{
	const size_t segment = sizeof(Elf64_Ehdr);
	const size_t fields[] = { offsetof(Elf64_Phdr, p_offset), offsetof(Elf64_Phdr, p_vaddr),
				  offsetof(Elf64_Phdr, p_filesz) };
	struct elf_image image;
	struct module *module;
	struct frame frame;

	make_image(&image, "theirs", 1);
	image.size++;
	module = add(*state, &image, "/tmp/libc.so");
	image.size--;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct elf_image other = image;

		other.bytes[segment + fields[i]] ^= 8;
		assert_ptr_not_equal(add(*state, &other, "/tmp/libc.so"), module);
	}
	make_image(&image, "ours__", 1);
	assert_ptr_not_equal(add(*state, &image, "/usr/lib/libc.so"), module);
	module = add(*state, &image, "/usr/lib/libc.so");
	assert_int_equal(symbolize_user(*state, module, TEXT_OFFSET, &frame, 1), 1);
	assert_string_equal(frame.name, "ours__");
}

static void a_module_knows_where_it_begins(void **state)
{
	struct elf_image image;
	struct module *module;
	Elf64_Ehdr header;

	make_image(&image, "foo", 1);
	assert_false(module_is_entry(add(*state, &image, "nowhere"), TEXT_OFFSET));
	memcpy(&header, image.bytes, sizeof(header));
	header.e_entry = TEXT_ADDRESS + 256;
	memcpy(image.bytes, &header, sizeof(header));
	image.bytes[image.note_offset + image.note_size - 1] = 2;
	module = add(*state, &image, "foo");
	assert_false(module_is_entry(module, TEXT_OFFSET + 255));
	assert_true(module_is_entry(module, TEXT_OFFSET + 256));
	assert_true(module_is_entry(module, TEXT_OFFSET + 319));
	assert_false(module_is_entry(module, TEXT_OFFSET + 320));
}

static void files_without_a_build_id_are_modules_of_their_own(void **state)
{
	struct elf_image image;
	struct module *module;

	make_image(&image, "foo", 1);
	memset(image.bytes + image.note_offset, 0, image.note_size);
	module = add(*state, &image, "same");
	assert_int_equal(module_build_id(module)->size, 0);
	assert_ptr_not_equal(add(*state, &image, "same"), module);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void the_descriptor_is_closed_after_the_first_look_up(void **state)
{
	struct elf_image image;
	struct module *module;
	struct frame frame;
	int fd;

	make_image(&image, "foo", 1);
	fd = file_of(image.bytes, image.size);
	assert_int_equal(symbolizer_add_file(*state, fd, "foo", -1, &module), 0);
	assert_true(is_open(fd));
	assert_int_equal(symbolize_user(*state, module, TEXT_OFFSET, &frame, 1), 1);
	assert_false(is_open(fd));
	fd = file_of("no ELF file", 11);
	assert_int_equal(symbolizer_add_file(*state, fd, "bar", -1, &module), -ENOEXEC);
	assert_false(is_open(fd));
}

static void errors_are_told_after_the_first_look_up(void **state)
{
	struct elf_image image;
	struct module *module;
	struct frame frame;
	int fd;

	make_image(&image, "foo", 1);
	fd = file_of(image.bytes, image.size);
	assert_int_equal(symbolizer_add_file(*state, dup(fd), "foo", -1, &module), 0);
	assert_null(module_error(module));
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	assert_int_equal(symbolize_user(*state, module, TEXT_OFFSET, &frame, 1), 0);
	assert_string_equal(module_error(module), "the file became shorter");
}

/* The section headers are the last thing in the vDSO. */
static size_t vdso_size(const uint8_t *image)
{
	ElfW(Ehdr) header;

	memcpy(&header, image, sizeof(header));
	return header.e_shoff + (size_t)header.e_shnum * header.e_shentsize;
}

static void the_vdso_has_names(void **state)
{
	const uint8_t *image = (const uint8_t *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	struct module *module;
	size_t size, named = 0;

	if (!image)
		skip();
	size = vdso_size(image);
	assert_int_equal(symbolizer_add_image(*state, image, size, "[vdso]", &module), 0);
	for (size_t offset = 0; offset < size; offset += 16) {
		struct frame frame;

		if (symbolize_user(*state, module, offset, &frame, 1) == 1 &&
		    strstr(frame.name, "clock_gettime"))
			named++;
	}
	assert_true(named > 0);
	assert_null(module_error(module));
}

static void images_that_are_too_large_or_no_elf_are_refused(void **state)
{
	static const uint8_t large[(1 << 20) + 1];
	struct module *module;

	assert_int_equal(symbolizer_add_image(*state, large, sizeof(large), "x", &module), -EFBIG);
	assert_int_equal(symbolizer_add_image(*state, large, 4096, "x", &module), -ENOEXEC);
	assert_int_equal(symbolizer_add_image(*state, large, 0, "x", &module), -ENOEXEC);
}

/* A function of this very program is found under its own name. */
static void this_program_finds_itself(void **state)
{
	struct stat status;
	struct module *module;
	struct frame frame;
	size_t found = 0;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(symbolizer_add_file(*state, fd, "/proc/self/exe", -1, &module), 0);
	for (uint64_t offset = 0; offset < (uint64_t)status.st_size; offset += 16) {
		if (symbolize_user(*state, module, offset, &frame, 1) == 1 &&
		    strcmp(frame.name, "this_program_finds_itself") == 0)
			found++;
	}
	assert_true(found > 1);
}

static int answer(void *context, uint64_t address, const char **ret_name, const char **ret_module)
{
	const char *const *name = context;

	(void)address;
	*ret_name = *name;
	*ret_module = "m";
	return 1;
}

static void kernel_names_are_asked_for_or_listed(void **state)
{
	const char text[] = "ffffffff81000000 T listed\n", *asked = "_RNvC6_123foo3bar";
	int fd = file_of(text, strlen(text));
	struct frame before, after;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	symbolizer_set_kallsyms(*state, path);
	symbolizer_set_kernel_lookup(*state, answer, &asked);
	assert_int_equal(symbolizer_kernel_names(*state), KERNEL_NAMES_OK);
	assert_int_equal(symbolize_kernel(*state, 0xffffffff81000001, &before), 1);
	assert_string_equal(before.name, "123foo::bar");
	assert_string_equal(before.module, "m");
	assert_int_equal(before.kind, FRAME_KERNEL);
	asked = "new";
	symbolizer_kernel_changed(*state);
	assert_int_equal(symbolize_kernel(*state, 0xffffffff81000001, &after), 1);
	assert_string_equal(after.name, "new");
	assert_string_equal(before.name, "123foo::bar");
	symbolizer_set_kernel_lookup(*state, NULL, NULL);
	assert_int_equal(symbolize_kernel(*state, 0xffffffff81000002, &after), 1);
	assert_string_equal(after.name, "listed");
	assert_string_equal(after.module, "kernel");
	close(fd);
}

static void an_unreadable_kernel_has_no_names(void **state)
{
	struct frame frame;

	symbolizer_set_kallsyms(*state, "/nonexistent");
	assert_int_equal(symbolizer_kernel_names(*state), KERNEL_NAMES_UNREADABLE);
	assert_int_equal(symbolize_kernel(*state, 0xffffffff81000000, &frame), 0);
}

#define TEST_WITH_SYMBOLIZER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_WITH_SYMBOLIZER(names_are_demangled_once_and_stay),
		TEST_WITH_SYMBOLIZER(uncovered_code_has_no_name),
		TEST_WITH_SYMBOLIZER(modules_are_shared_by_build_id),
		TEST_WITH_SYMBOLIZER(a_build_id_alone_does_not_make_two_files_one),
		TEST_WITH_SYMBOLIZER(a_module_knows_where_it_begins),
		TEST_WITH_SYMBOLIZER(files_without_a_build_id_are_modules_of_their_own),
		TEST_WITH_SYMBOLIZER(the_descriptor_is_closed_after_the_first_look_up),
		TEST_WITH_SYMBOLIZER(errors_are_told_after_the_first_look_up),
		TEST_WITH_SYMBOLIZER(the_vdso_has_names),
		TEST_WITH_SYMBOLIZER(images_that_are_too_large_or_no_elf_are_refused),
		TEST_WITH_SYMBOLIZER(this_program_finds_itself),
		TEST_WITH_SYMBOLIZER(kernel_names_are_asked_for_or_listed),
		TEST_WITH_SYMBOLIZER(an_unreadable_kernel_has_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
