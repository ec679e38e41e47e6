/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/kernel_layout.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "bpf/abi.h"
#include "tests/unit/layout_check.h"

#include "sampler.skel.h" /* needs bpf/abi.h */

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

/* Larger than the window through which the kernel's BTF is read. */
#define FILLERS 10000

/* struct wanted { int a, b, c; } and struct own { int a; }, each member where none will be. */
static uint8_t *object(size_t *ret_size)
{
	struct image image = { 0 };
	uint32_t number = put_int(&image);

	(void)put_type(&image, "wanted", info(BTF_KIND_STRUCT, 3, false), 12);
	put_member(&image, "a", number, 0);
	put_member(&image, "b", number, 32);
	put_member(&image, "c", number, 64);
	(void)put_type(&image, "own", info(BTF_KIND_STRUCT, 1, false), 4);
	put_member(&image, "a", number, 0);
	return finish(&image, ret_size);
}

/* An unnamed structure of one unnamed union of (a, and c as 5 bits at 3); then b. */
static void put_nested(struct image *image)
{
	uint32_t number = put_int(image);

	(void)put_type(image, "wanted", info(BTF_KIND_STRUCT, 2, false), 128);
	put_member(image, "", number + 2, 64);
	put_member(image, "b", number, 800);
	(void)put_type(image, "", info(BTF_KIND_STRUCT, 1, false), 64);
	put_member(image, "", number + 3, 128);
	(void)put_type(image, "", info(BTF_KIND_UNION, 2, true), 4);
	put_member(image, "a", number, 0);
	put_member(image, "c", number, 5u << 24 | 3);
}

/* The number of members compared. */
static uint32_t compare(const struct btf *ours, const struct btf_type *mine,
			const struct btf *kernel, const char *name)
{
	const struct btf_type *theirs = type_of(kernel, name);
	uint32_t count = btf_vlen(mine);

	assert_int_equal(mine->size, theirs->size);
	for (uint32_t i = 0; i < count; i++) {
		const char *field = btf__name_by_offset(ours, btf_members(mine)[i].name_off);
		uint32_t bits = 0, size = 0;

		assert_true(*field);
		assert_true(find_member(kernel, theirs, field, &bits, &size));
		assert_int_equal(btf_member_bit_offset(mine, i), bits);
		assert_int_equal(btf_member_bitfield_size(mine, i), size);
	}
	return count;
}

static void fields_are_where_libbpf_finds_them(void **state)
{
	static const char *const names[] = { "task_struct", "pid", "upid", "pid_namespace",
					     "signal_struct" };
	CLEANUP(cleanup_fd) int fd = open(KERNEL_BTF, O_RDONLY | O_CLOEXEC);
	CLEANUP(cleanup_btf) struct btf *kernel = fd < 0 ? NULL : btf__load_vmlinux_btf();
	CLEANUP(cleanup_btf) struct btf *ours = NULL;
	CLEANUP(cleanup_free) void *copy = NULL;
	struct sampler_bpf *skeleton;
	const void *bytes;
	uint32_t size;

	(void)state;
	if (fd < 0 || libbpf_get_error(kernel)) {
		kernel = NULL;
		print_message("cannot read " KERNEL_BTF ": %s\n", strerror(errno));
		skip();
	}
	skeleton = sampler_bpf__open();
	assert_non_null(skeleton);
	bytes = btf__raw_data(bpf_object__btf(skeleton->obj), &size);
	copy = malloc(size);
	assert_non_null(copy);
	memcpy(copy, bytes, size);
	sampler_bpf__destroy(skeleton);
	assert_int_equal(kernel_layout_apply(fd, copy, size), 0);
	ours = btf__new(copy, size);
	assert_int_equal(libbpf_get_error(ours), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct btf_type *type = type_of(ours, names[i]);

		assert_non_null(type);
		assert_true(compare(ours, type, kernel, names[i]) > 0);
	}
}

static void members_of_unnamed_members_are_the_structures_own(void **state)
{
	CLEANUP(cleanup_btf) struct btf *btf = NULL;
	struct image kernel = { 0 };
	size_t size;
	uint8_t *bytes = object(&size);

	(void)state;
	put_nested(&kernel);
	assert_int_equal(apply(&kernel, bytes, size), 0);
	btf = btf__new(bytes, (uint32_t)size);
	assert_int_equal(libbpf_get_error(btf), 0);
	assert_int_equal(type_of(btf, "wanted")->size, 128);
	check_member(btf, "wanted", "a", 64 + 128, 0);
	check_member(btf, "wanted", "b", 800, 0);
	check_member(btf, "wanted", "c", 64 + 128 + 3, 5);
	/* The kernel has none of this name. */
	assert_int_equal(type_of(btf, "own")->size, 4);
	check_member(btf, "own", "a", 0, 0);
	free(bytes);
}

static void a_member_that_the_kernel_lacks_loses_its_name(void **state)
{
	CLEANUP(cleanup_btf) struct btf *btf = NULL;
	struct image kernel = { 0 };
	size_t size;
	uint8_t *bytes = object(&size);
	uint32_t number;

	(void)state;
	number = put_int(&kernel);
	(void)put_type(&kernel, "wanted", info(BTF_KIND_STRUCT, 2, true), 99);
	put_member(&kernel, "b", number, 7u << 24 | 77);
	put_member(&kernel, "bb", number, 0);
	assert_int_equal(apply(&kernel, bytes, size), 0);
	btf = btf__new(bytes, (uint32_t)size);
	assert_int_equal(libbpf_get_error(btf), 0);
	assert_int_equal(type_of(btf, "wanted")->size, 99);
	check_member(btf, "wanted", "b", 77, 7);
	assert_true(lacks_member(btf, "wanted", "a"));
	assert_true(lacks_member(btf, "wanted", "c"));
	free(bytes);
}

/* On failure the object's BTF is what it was. */
static void check_refused(struct image *kernel, int expected)
{
	size_t size;
	uint8_t *bytes = object(&size), *before = object(&size);

	assert_int_equal(apply(kernel, bytes, size), expected);
	assert_memory_equal(bytes, before, size);
	free(bytes);
	free(before);
}

static void a_kernel_with_none_of_the_structures_is_told(void **state)
{
	struct image kernel = { 0 };

	(void)state;
	(void)put_type(&kernel, "wanted", info(BTF_KIND_UNION, 1, false), 4);
	put_member(&kernel, "a", 0, 0);
	(void)put_type(&kernel, "wante", info(BTF_KIND_STRUCT, 1, false), 4);
	put_member(&kernel, "a", 0, 0);
	check_refused(&kernel, -ENOENT);
}

static void what_is_found_does_not_depend_on_the_window(void **state)
{
	CLEANUP(cleanup_btf) struct btf *btf = NULL;
	struct image kernel = { 0 };
	size_t size;
	uint8_t *bytes = object(&size);
	uint32_t inner, number;

	(void)state;
	number = put_int(&kernel);
	inner = put_type(&kernel, "", info(BTF_KIND_STRUCT, 1, false), 4);
	put_member(&kernel, "a", number, 32);
	for (uint32_t i = 0; i < FILLERS; i++) {
		(void)put_type(&kernel, "some_filler_here", info(BTF_KIND_STRUCT, 1, false), 4);
		put_member(&kernel, "filled", 0, 0);
	}
	(void)put_type(&kernel, "wanted", info(BTF_KIND_STRUCT, 3, false), 64);
	put_member(&kernel, "", inner, 64);
	put_member(&kernel, "b", number, 320);
	put_member(&kernel, "c", number, 352);
	assert_int_equal(apply(&kernel, bytes, size), 0);
	btf = btf__new(bytes, (uint32_t)size);
	assert_int_equal(libbpf_get_error(btf), 0);
	check_member(btf, "wanted", "a", 96, 0);
	check_member(btf, "wanted", "b", 320, 0);
	check_member(btf, "wanted", "c", 352, 0);
	free(bytes);
}

static void an_endless_nest_ends(void **state)
{
	CLEANUP(cleanup_btf) struct btf *btf = NULL;
	struct image kernel = { 0 };
	size_t size;
	uint8_t *bytes = object(&size);
	uint32_t many = 100, number;

	(void)state;
	number = put_int(&kernel);
	(void)put_type(&kernel, "wanted", info(BTF_KIND_STRUCT, 2, false), 8);
	put_member(&kernel, "", number + 1, 0);
	put_member(&kernel, "a", number, 32);
	assert_int_equal(apply(&kernel, bytes, size), 0);
	btf = btf__new(bytes, (uint32_t)size);
	assert_int_equal(libbpf_get_error(btf), 0);
	check_member(btf, "wanted", "a", 32, 0);
	assert_true(lacks_member(btf, "wanted", "b"));
	free(bytes);

	/* Each of them would have a hundred more. */
	(void)put_type(&kernel, "wanted", info(BTF_KIND_STRUCT, many, false), 8);
	for (uint32_t i = 0; i < many; i++)
		put_member(&kernel, "", 1, 0);
	check_refused(&kernel, -EBADMSG);
}

static void an_offset_that_does_not_fit_is_no_offset(void **state)
{
	struct image kernel = { 0 };

	(void)state;
	(void)put_type(&kernel, "wanted", info(BTF_KIND_STRUCT, 1, false), 8);
	put_member(&kernel, "a", 0, 0x1000000);
	check_refused(&kernel, -EBADMSG);
	(void)put_type(&kernel, "wanted", info(BTF_KIND_STRUCT, 1, false), 8);
	put_member(&kernel, "", 1, 0xffffff); /* its own, so that the second time is too far */
	check_refused(&kernel, -EBADMSG);
}

static void an_unknown_kind_is_refused_on_either_side(void **state)
{
	struct image kernel = { 0 }, other = { 0 };
	size_t size;
	uint8_t *bytes;

	(void)state;
	put_nested(&kernel);
	(void)put_type(&kernel, "x", info(31, 0, false), 0);
	check_refused(&kernel, -EBADMSG);
	(void)put_type(&other, "x", info(31, 0, false), 0);
	bytes = finish(&other, &size);
	put_nested(&kernel);
	assert_int_equal(apply(&kernel, bytes, size), -EBADMSG);
	free(bytes);
}

static void a_structure_with_fewer_members_than_it_says_is_refused(void **state)
{
	struct image kernel = { 0 }, other = { 0 };
	size_t size;
	uint8_t *bytes;

	(void)state;
	(void)put_type(&kernel, "wanted", info(BTF_KIND_STRUCT, 2, false), 8);
	put_member(&kernel, "a", 0, 0);
	(void)put_string(&kernel, "what could be taken for a member");
	check_refused(&kernel, -EBADMSG);
	(void)put_type(&other, "wanted", info(BTF_KIND_STRUCT, 0xffff, false), 8);
	put_member(&other, "a", 0, 0);
	bytes = finish(&other, &size);
	put_nested(&kernel);
	assert_int_equal(apply(&kernel, bytes, size), -EBADMSG);
	free(bytes);
}

static void names_outside_of_the_strings_are_refused_or_nobodys(void **state)
{
	struct image kernel = { 0 }, other = { 0 };
	size_t size;
	uint8_t *bytes;

	(void)state;
	(void)put_type(&kernel, "wanted", info(BTF_KIND_STRUCT, 1, false), 8);
	put_member(&kernel, "a", 0, 0);
	((struct btf_type *)kernel.types)->name_off = UINT32_MAX;
	check_refused(&kernel, -ENOENT);
	for (size_t at = 0; at <= sizeof(struct btf_type); at += sizeof(struct btf_type)) {
		static const uint32_t outside = UINT32_MAX;

		(void)put_type(&other, "wanted", info(BTF_KIND_STRUCT, 1, false), 8);
		put_member(&other, "a", 0, 0);
		memcpy(other.types + at, &outside, sizeof(outside));
		bytes = finish(&other, &size);
		put_nested(&kernel);
		assert_int_equal(apply(&kernel, bytes, size), -EBADMSG);
		free(bytes);
	}
}

/* Where its own members are would stay as the object has it. */
static void an_object_with_unnamed_members_is_refused(void **state)
{
	struct image kernel = { 0 }, other = { 0 };
	size_t size;
	uint8_t *bytes;

	(void)state;
	put_nested(&other);
	bytes = finish(&other, &size);
	put_nested(&kernel);
	assert_int_equal(apply(&kernel, bytes, size), -EBADMSG);
	free(bytes);
}

static void what_is_cut_off_is_refused_wherever_it_is(void **state)
{
	struct image image = { 0 };
	size_t kernel_size, size;
	uint8_t *kernel, *whole = object(&size);

	(void)state;
	put_nested(&image);
	kernel = finish(&image, &kernel_size);
	for (size_t length = 0; length <= kernel_size; length++) {
		CLEANUP(cleanup_fd) int fd = file_of(kernel, length);

		assert_int_equal(kernel_layout_apply(fd, whole, size),
				 length < kernel_size ? -EBADMSG : 0);
	}
	free(whole);
	whole = object(&size);
	for (size_t length = 0; length < size; length++) {
		CLEANUP(cleanup_fd) int fd = file_of(kernel, kernel_size);
		CLEANUP(cleanup_free) uint8_t *part = malloc(length + !length);

		assert_non_null(part);
		memcpy(part, whole, length);
		assert_int_equal(kernel_layout_apply(fd, part, length), -EBADMSG);
	}
	free(whole);
	free(kernel);
}

/* Each byte of one of the two in turn is something else; sanitizers see what is done outside. */
static void spoil(uint8_t *kernel, size_t kernel_size, uint8_t *mine, size_t size, bool is_kernel)
{
	static const uint8_t masks[] = { 0x01, 0xff };
	uint8_t *spoiled = is_kernel ? kernel : mine;
	size_t count = (is_kernel ? kernel_size : size) * sizeof(masks);

	for (size_t i = 0; i < count; i++) {
		CLEANUP(cleanup_free) uint8_t *copy = malloc(size);
		CLEANUP(cleanup_fd) int fd = -1;
		int err;

		assert_non_null(copy);
		spoiled[i / sizeof(masks)] ^= masks[i % sizeof(masks)];
		memcpy(copy, mine, size);
		fd = file_of(kernel, kernel_size);
		spoiled[i / sizeof(masks)] ^= masks[i % sizeof(masks)];
		err = kernel_layout_apply(fd, copy, size);
		assert_true(err == 0 || err == -EBADMSG || err == -ENOENT || err == -ENOTSUP);
	}
}

static void lies_about_anything_do_no_harm(void **state)
{
	struct image image = { 0 };
	size_t kernel_size, size;
	uint8_t *kernel, *mine = object(&size);

	(void)state;
	put_nested(&image);
	kernel = finish(&image, &kernel_size);
	spoil(kernel, kernel_size, mine, size, true);
	spoil(kernel, kernel_size, mine, size, false);
	free(kernel);
	free(mine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_where_libbpf_finds_them),
		cmocka_unit_test(members_of_unnamed_members_are_the_structures_own),
		cmocka_unit_test(a_member_that_the_kernel_lacks_loses_its_name),
		cmocka_unit_test(a_kernel_with_none_of_the_structures_is_told),
		cmocka_unit_test(what_is_found_does_not_depend_on_the_window),
		cmocka_unit_test(an_endless_nest_ends),
		cmocka_unit_test(an_offset_that_does_not_fit_is_no_offset),
		cmocka_unit_test(an_unknown_kind_is_refused_on_either_side),
		cmocka_unit_test(a_structure_with_fewer_members_than_it_says_is_refused),
		cmocka_unit_test(names_outside_of_the_strings_are_refused_or_nobodys),
		cmocka_unit_test(an_object_with_unnamed_members_is_refused),
		cmocka_unit_test(what_is_cut_off_is_refused_wherever_it_is),
		cmocka_unit_test(lies_about_anything_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
