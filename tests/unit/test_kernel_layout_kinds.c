/* SPDX-License-Identifier: Apache-2.0 */
/* Which structure of the kernel's is the one that is meant, and which of its fields are. */
#include <errno.h>

#include "base/cleanup.h"
#include "tests/unit/layout_check.h"

/* The object under construction: what programs read. The kernel's is made by each test. */
struct made {
	struct image image;
	uint32_t number, number64, pointer;
};

static void begin(struct made *made)
{
	static const uint32_t encoding = 64;

	*made = (struct made){ 0 };
	made->number = put_int(&made->image);
	made->number64 = put_type(&made->image, "long", info(BTF_KIND_INT, 0, false), 8);
	made->image.types =
		append(made->image.types, &made->image.types_size, &encoding, sizeof(encoding));
	made->pointer = put_type(&made->image, "", info(BTF_KIND_PTR, 0, false), made->number);
}

static uint32_t put_struct(struct made *made, const char *name, uint32_t count, uint32_t size)
{
	return put_type(&made->image, name, info(BTF_KIND_STRUCT, count, false), size);
}

static uint32_t put_array(struct made *made, uint32_t type, uint32_t count)
{
	const struct btf_array array = { type, made->number, count };
	uint32_t id = put_type(&made->image, "", info(BTF_KIND_ARRAY, 0, false), 0);

	made->image.types =
		append(made->image.types, &made->image.types_size, &array, sizeof(array));
	return id;
}

/* Applies the one as the kernel's to the other; the caller frees what comes out. */
static int relocate(struct made *kernel, struct made *object, struct btf **ret)
{
	size_t size;
	uint8_t *bytes = finish(&object->image, &size);
	int err = apply(&kernel->image, bytes, size);

	*ret = NULL;
	if (!err)
		*ret = btf__new(bytes, (uint32_t)size);
	assert_int_equal(err ? 0 : libbpf_get_error(*ret), 0);
	free(bytes);
	return err;
}

/* struct wanted { int number; int *pointer; } */
static void begin_object(struct made *object)
{
	begin(object);
	(void)put_struct(object, "wanted", 2, 16);
	put_member(&object->image, "number", object->number, 0);
	put_member(&object->image, "pointer", object->pointer, 64);
}

/* The same as the kernel has it, with what comes before. */
static void put_wanted(struct made *kernel, uint32_t first_bits, uint32_t number, uint32_t pointer)
{
	(void)put_struct(kernel, "wanted", 2, 64);
	put_member(&kernel->image, "number", number, first_bits);
	put_member(&kernel->image, "pointer", pointer, first_bits + 64);
}

static void fields_of_the_same_kind_are_found_through_other_names_of_it(void **state)
{
	CLEANUP(cleanup_btf) struct btf *btf = NULL;
	struct made kernel, object;
	uint32_t alias, constant;

	(void)state;
	begin(&kernel);
	begin_object(&object);
	constant = put_type(&kernel.image, "", info(BTF_KIND_CONST, 0, false), kernel.number);
	alias = put_type(&kernel.image, "pid_t", info(BTF_KIND_TYPEDEF, 0, false), constant);
	put_wanted(&kernel, 128, alias, kernel.pointer);
	assert_int_equal(relocate(&kernel, &object, &btf), 0);
	check_member(btf, "wanted", "number", 128, 0);
	check_member(btf, "wanted", "pointer", 192, 0);
}

static void fields_of_another_kind_or_size_are_not_taken_for_those_that_are_meant(void **state)
{
	enum { POINTER, LONGER, ARRAY, STRUCTURE, NOTHING_AT_ALL, KINDS };

	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		CLEANUP(cleanup_btf) struct btf *btf = NULL;
		struct made kernel, object;
		uint32_t types[KINDS];
		int err;

		begin(&kernel);
		begin_object(&object);
		types[POINTER] = kernel.pointer;
		types[LONGER] = kernel.number64;
		types[ARRAY] = put_array(&kernel, kernel.number, 1);
		types[STRUCTURE] = put_struct(&kernel, "number", 1, 4);
		put_member(&kernel.image, "number", kernel.number, 0);
		types[NOTHING_AT_ALL] = 0;
		put_wanted(&kernel, 128, types[kind], kernel.pointer);
		err = relocate(&kernel, &object, &btf);
		/* All fields are there, so this is what was meant, and libbpf is to look closer. */
		if (kind == LONGER || kind == NOTHING_AT_ALL) {
			assert_int_equal(err, -ENOTSUP);
			continue;
		}
		assert_int_equal(err, 0);
		assert_true(lacks_member(btf, "wanted", "number"));
		check_member(btf, "wanted", "pointer", 192, 0);
	}
}

/* In either order; the other one lacks a field, or has it as something else. */
static void of_several_structures_the_one_with_all_fields_is_meant(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		CLEANUP(cleanup_btf) struct btf *btf = NULL;
		struct made kernel, object;

		begin(&kernel);
		begin_object(&object);
		if (i & 1)
			put_wanted(&kernel, 128, kernel.number, kernel.pointer);
		if (i & 2)
			put_wanted(&kernel, 256, kernel.pointer, kernel.pointer);
		(void)put_struct(&kernel, "wanted", 1, 8);
		put_member(&kernel.image, "number", kernel.number, 32);
		if (!(i & 1))
			put_wanted(&kernel, 128, kernel.number, kernel.pointer);
		assert_int_equal(relocate(&kernel, &object, &btf), 0);
		assert_int_equal(type_of(btf, "wanted")->size, 64);
		check_member(btf, "wanted", "number", 128, 0);
		check_member(btf, "wanted", "pointer", 192, 0);
	}
}

static void structures_that_agree_are_one(void **state)
{
	CLEANUP(cleanup_btf) struct btf *btf = NULL;
	struct made kernel, object;

	(void)state;
	begin(&kernel);
	begin_object(&object);
	for (int i = 0; i < 3; i++)
		put_wanted(&kernel, 128, kernel.number, kernel.pointer);
	assert_int_equal(relocate(&kernel, &object, &btf), 0);
	check_member(btf, "wanted", "number", 128, 0);
}

static void which_of_several_is_meant_is_not_guessed(void **state)
{
	CLEANUP(cleanup_btf) struct btf *btf = NULL;
	struct made kernel, object;

	(void)state;
	begin(&kernel);
	begin_object(&object);
	put_wanted(&kernel, 128, kernel.number, kernel.pointer);
	put_wanted(&kernel, 192, kernel.number, kernel.pointer);
	assert_int_equal(relocate(&kernel, &object, &btf), -ENOTSUP);
	/* Each has one field: a program that reads any of them is not loaded. */
	begin(&kernel);
	begin_object(&object);
	(void)put_struct(&kernel, "wanted", 1, 8);
	put_member(&kernel.image, "number", kernel.number, 32);
	(void)put_struct(&kernel, "wanted", 1, 16);
	put_member(&kernel.image, "pointer", kernel.pointer, 64);
	assert_int_equal(relocate(&kernel, &object, &btf), 0);
	assert_true(lacks_member(btf, "wanted", "number"));
	assert_true(lacks_member(btf, "wanted", "pointer"));
}

/* struct outer { struct inner in[1]; }; struct inner { int a; } */
static void begin_nested(struct made *object)
{
	uint32_t inner;

	begin(object);
	inner = put_struct(object, "inner", 1, 4);
	put_member(&object->image, "a", object->number, 0);
	inner = put_array(object, inner, 1);
	(void)put_struct(object, "outer", 1, 4);
	put_member(&object->image, "in", inner, 0);
}

static uint32_t put_inner(struct made *kernel, const char *name, uint32_t bits)
{
	uint32_t id = put_struct(kernel, name, 1, 32);

	put_member(&kernel->image, "a", kernel->number, bits);
	return id;
}

static void put_outer(struct made *kernel, uint32_t inner)
{
	uint32_t array = put_array(kernel, inner, 0);

	(void)put_struct(kernel, "outer", 1, 64);
	put_member(&kernel->image, "in", array, 96);
}

static void a_field_with_fields_is_found_by_the_name_of_its_type(void **state)
{
	CLEANUP(cleanup_btf) struct btf *btf = NULL;
	struct made kernel, object;

	(void)state;
	begin(&kernel);
	begin_nested(&object);
	put_outer(&kernel, put_inner(&kernel, "inner", 64));
	assert_int_equal(relocate(&kernel, &object, &btf), 0);
	check_member(btf, "outer", "in", 96, 0);
	check_member(btf, "inner", "a", 64, 0);
}

static void a_field_whose_type_is_another_structure_is_left_to_libbpf(void **state)
{
	struct made kernel, object;
	struct btf *btf;

	(void)state;
	begin(&kernel);
	begin_nested(&object);
	(void)put_inner(&kernel, "inner", 64);
	put_outer(&kernel, put_inner(&kernel, "other", 32));
	assert_int_equal(relocate(&kernel, &object, &btf), -ENOTSUP);
}

/* Of two that are called so, the field has the one that was not found to be meant. */
static void a_field_whose_type_only_has_the_name_is_dropped(void **state)
{
	CLEANUP(cleanup_btf) struct btf *btf = NULL;
	struct made kernel, object;
	uint32_t inner;

	(void)state;
	begin(&kernel);
	begin_nested(&object);
	(void)put_inner(&kernel, "inner", 64);
	inner = put_struct(&kernel, "inner", 1, 4);
	put_member(&kernel.image, "b", kernel.number, 0);
	put_outer(&kernel, inner);
	assert_int_equal(relocate(&kernel, &object, &btf), 0);
	assert_true(lacks_member(btf, "outer", "in"));
	check_member(btf, "inner", "a", 64, 0);
}

/* Like atomic_t, which is a typedef of a structure without a name: what is in it stays put. */
static int relocate_unnamed(const char *name, uint32_t bits, struct btf **ret)
{
	struct made kernel, object;
	uint32_t type;

	begin(&object);
	type = put_struct(&object, "", 1, 4);
	put_member(&object.image, "counter", object.number, 0);
	type = put_type(&object.image, "atomic_t", info(BTF_KIND_TYPEDEF, 0, false), type);
	(void)put_struct(&object, "wanted", 1, 4);
	put_member(&object.image, "live", type, 0);
	begin(&kernel);
	type = put_struct(&kernel, "", 1, 4);
	put_member(&kernel.image, name, kernel.number, bits);
	(void)put_struct(&kernel, "wanted", 1, 64);
	put_member(&kernel.image, "live", type, 32);
	return relocate(&kernel, &object, ret);
}

static void a_type_without_a_name_has_to_be_the_same(void **state)
{
	CLEANUP(cleanup_btf) struct btf *btf = NULL;
	struct btf *none;

	(void)state;
	assert_int_equal(relocate_unnamed("counter", 0, &btf), 0);
	check_member(btf, "wanted", "live", 32, 0);
	assert_int_equal(relocate_unnamed("counter", 32, &none), -ENOTSUP);
	assert_int_equal(relocate_unnamed("count", 0, &none), -ENOTSUP);
}

static void unions_are_looked_for_and_not_mixed_up_with_structures(void **state)
{
	CLEANUP(cleanup_btf) struct btf *btf = NULL;
	struct made kernel, object;
	const struct btf_type *type;

	(void)state;
	begin(&object);
	(void)put_type(&object.image, "either", info(BTF_KIND_UNION, 1, false), 4);
	put_member(&object.image, "a", object.number, 0);
	begin(&kernel);
	(void)put_inner(&kernel, "either", 32);
	(void)put_type(&kernel.image, "either", info(BTF_KIND_UNION, 2, false), 24);
	put_member(&kernel.image, "b", kernel.pointer, 0);
	put_member(&kernel.image, "a", kernel.number, 0);
	assert_int_equal(relocate(&kernel, &object, &btf), 0);
	type = btf__type_by_id(btf,
			       (uint32_t)btf__find_by_name_kind(btf, "either", BTF_KIND_UNION));
	assert_int_equal(type->size, 24);
}

/* libbpf takes wanted___old for the kernel's structure wanted. */
static void flavours_are_left_to_libbpf(void **state)
{
	struct made kernel, object;
	struct btf *btf;

	(void)state;
	begin(&kernel);
	put_wanted(&kernel, 0, kernel.number, kernel.pointer);
	begin_object(&object);
	(void)put_struct(&object, "wanted___old", 1, 4);
	put_member(&object.image, "number", object.number, 0);
	assert_int_equal(relocate(&kernel, &object, &btf), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_the_same_kind_are_found_through_other_names_of_it),
		cmocka_unit_test(
			fields_of_another_kind_or_size_are_not_taken_for_those_that_are_meant),
		cmocka_unit_test(of_several_structures_the_one_with_all_fields_is_meant),
		cmocka_unit_test(structures_that_agree_are_one),
		cmocka_unit_test(which_of_several_is_meant_is_not_guessed),
		cmocka_unit_test(a_field_with_fields_is_found_by_the_name_of_its_type),
		cmocka_unit_test(a_field_whose_type_is_another_structure_is_left_to_libbpf),
		cmocka_unit_test(a_field_whose_type_only_has_the_name_is_dropped),
		cmocka_unit_test(a_type_without_a_name_has_to_be_the_same),
		cmocka_unit_test(unions_are_looked_for_and_not_mixed_up_with_structures),
		cmocka_unit_test(flavours_are_left_to_libbpf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
