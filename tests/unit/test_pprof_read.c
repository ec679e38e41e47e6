/* SPDX-License-Identifier: Apache-2.0 */
/* pprof_read.c: what profiles that others wrote become. */
#include "tests/unit/made_profile.h"

static struct made made;

/* main calls work, at two addresses of prog. */
static void put_two_frames(void)
{
	put_mapping(&made, 1, 0x1000, 0, "/usr/bin/prog");
	put_function(&made, 1, "main", "/s/main.c");
	put_function(&made, 2, "work", "/s/work.c");
	PUT_LOCATION(&made, 1, 1, 0x1010, { 1, 10 });
	PUT_LOCATION(&made, 2, 1, 0x1020, { 2, 20 });
}

static void the_first_location_is_the_innermost(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_two_frames();
	PUT_SAMPLE(&made, 5, 2, 1);
	PUT_SAMPLE(&made, 1, 1);
	PUT_SAMPLE(&made, 2, 2, 1);
	check_folded(&made, "main 1\nmain;work 7\n");
}

static const struct call_node *only_child(const struct call_tree *tree, uint32_t *index)
{
	*index = call_tree_node(tree, *index)->first_child;
	return call_tree_node(tree, *index);
}

static void frames_have_file_line_and_the_base_name_of_their_mapping(void **state)
{
	struct call_tree *tree = new_tree();
	struct pprof_contents contents = { 0 };
	const struct call_node *node;
	struct call_place place;
	uint32_t index = 0;

	(void)state;
	begin_profile(&made, "cpu", "count");
	put_two_frames();
	PUT_SAMPLE(&made, 5, 2, 1);
	assert_int_equal(read_bytes(made.bytes, made.size, NULL, tree, &contents, NULL), 0);
	(void)only_child(tree, &index);
	node = only_child(tree, &index);
	place = call_tree_place(tree, node->place_id);
	assert_int_equal(node->kind, FRAME_USER);
	assert_string_equal(call_tree_name(tree, node->name_id), "work");
	assert_string_equal(call_tree_name(tree, place.file_id), "/s/work.c");
	assert_string_equal(call_tree_name(tree, place.module_id), "prog");
	assert_int_equal(place.line, 20);
	pprof_contents_done(&contents);
	call_tree_free(tree);
}

static void of_several_lines_the_last_is_the_function_and_the_others_are_inlined(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_two_frames();
	put_function(&made, 3, "tiny", NULL);
	PUT_LOCATION(&made, 3, 1, 0x1030, { 3, 1 }, { 2, 2 }, { 1, 3 });
	PUT_SAMPLE(&made, 4, 3);
	check_folded(&made, "main;work_[i];tiny_[i] 4\n");
}

static void mappings_of_the_kernel_make_kernel_frames(void **state)
{
	static const char *const kernels[] = { "[kernel.kallsyms]", "[kernel.kallsyms]_stext",
					       "[guest.kernel.kallsyms]", "[kernel]" };

	(void)state;
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		begin_profile(&made, "cpu", "count");
		put_mapping(&made, 1, 0, 0, kernels[i]);
		put_function(&made, 1, "do_exit", NULL);
		PUT_LOCATION(&made, 1, 1, 0, { 1, 0 });
		PUT_SAMPLE(&made, 4, 1);
		check_folded(&made, "do_exit_[k] 4\n");
	}
}

static void what_has_no_function_is_its_address(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_mapping(&made, 1, 0x10000, 0x300, "/lib/libx.so (deleted)");
	put_mapping(&made, 2, 0, 0, "");
	put_location(&made, 1, 1, 0x10010, 0, NULL);
	put_location(&made, 2, 0, 0xabc, 0, NULL);
	put_location(&made, 3, 0, 0, 0, NULL);
	put_location(&made, 4, 2, 0xdef, 0, NULL);
	PUT_LOCATION(&made, 5, 1, 0x10020, { 0, 0 });
	PUT_SAMPLE(&made, 1, 4, 3, 2, 1);
	PUT_SAMPLE(&made, 2, 5);
	check_folded(&made, "[libx.so+0x310];[0xabc];[unknown];[0xdef] 1\n[libx.so+0x320] 2\n");
}

static void a_sample_without_locations_is_unknown(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_sample(&made, 7, (const uint64_t[]){ 0 });
	check_folded(&made, "[unknown] 7\n");
}

static void a_mangled_name_is_better_than_none(void **state)
{
	uint64_t mangled;

	(void)state;
	begin_profile(&made, "cpu", "count");
	mangled = put_text(&made, "_Zmain");
	PUT_NUMBERS(&made, 5, 1, 0, mangled);
	PUT_NUMBERS(&made, 5, 2, 0, 0);
	PUT_LOCATION(&made, 1, 0, 0, { 1, 0 });
	PUT_LOCATION(&made, 2, 0, 0, { 2, 0 });
	PUT_SAMPLE(&made, 7, 2, 1);
	check_folded(&made, "_Zmain;[unknown] 7\n");
}

static void lines_that_are_no_number_of_a_line_are_left_out(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_function(&made, 1, "f", "a.c");
	PUT_LOCATION(&made, 1, 0, 0, { 1, (uint64_t)-5 });
	PUT_LOCATION(&made, 2, 0, 0, { 1, UINT64_C(1) << 40 });
	PUT_SAMPLE(&made, 1, 1);
	PUT_SAMPLE(&made, 2, 2);
	check_folded(&made, "f 3\n");
}

static void ids_may_be_any_numbers_in_any_order(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_function(&made, UINT64_MAX, "main", NULL);
	put_function(&made, 1000, "work", NULL);
	PUT_LOCATION(&made, 77, 0, 0, { UINT64_MAX, 0 });
	PUT_LOCATION(&made, 3, 0, 0, { 1000, 0 });
	PUT_SAMPLE(&made, 7, 3, 77);
	check_folded(&made, "main;work 7\n");
}

static void numbers_may_be_packed(void **state)
{
	struct made sample = { 0 };

	(void)state;
	begin_profile(&made, "cpu", "count");
	put_two_frames();
	put_bytes(&sample, 1, "\x02\x01", 2);
	put_bytes(&sample, 2, "\x09", 1);
	put_message(&made, 2, &sample);
	check_folded(&made, "main;work 9\n");
}

static void fields_that_are_not_known_are_passed_over(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_field(&made, 99, 5);
	put_bytes(&made, 1000, "later", 5);
	put_number(&made, 77 << 3 | 1);
	put_number(&made, 0); /* eight bytes, whatever they are */
	for (int i = 0; i < 7; i++)
		put_number(&made, 0);
	put_number(&made, 78 << 3 | 5);
	for (int i = 0; i < 4; i++)
		put_number(&made, 0);
	put_two_frames();
	PUT_SAMPLE(&made, 3, 1);
	check_folded(&made, "main 3\n");
}

static void what_is_no_count_is_left_out_and_counted(void **state)
{
	struct pprof_contents contents = { 0 };
	char *text;

	(void)state;
	begin_profile(&made, "cpu", "count");
	put_two_frames();
	PUT_SAMPLE(&made, 3, 1);
	PUT_SAMPLE(&made, -2, 2);
	PUT_SAMPLE(&made, INT64_MIN, 2);
	PUT_SAMPLE(&made, 0, 2);
	text = folded_of(&made, &contents);
	assert_string_equal(text, "main 3\n");
	assert_int_equal(contents.samples, 1);
	assert_int_equal(contents.negative_samples, 2);
	assert_int_equal(contents.empty_samples, 1);
	pprof_contents_done(&contents);
	free(text);
}

static void names_become_utf8_without_nuls(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_bytes(&made, 6, "a\0b\xff", 4);
	PUT_NUMBERS(&made, 5, 1, made.strings++);
	PUT_LOCATION(&made, 1, 0, 0, { 1, 0 });
	PUT_SAMPLE(&made, 3, 1);
	check_folded(&made, "a?b\xef\xbf\xbd 3\n");
}

static void stacks_are_added_to_what_the_tree_has(void **state)
{
	struct call_tree *tree = tree_of("main 1\nother 5\n");
	struct pprof_contents contents = { 0 };
	uint32_t index = 0;

	(void)state;
	begin_profile(&made, "cpu", "count");
	put_function(&made, 1, "main", NULL);
	PUT_LOCATION(&made, 1, 0, 0, { 1, 0 });
	PUT_SAMPLE(&made, 3, 1);
	assert_int_equal(read_bytes(made.bytes, made.size, NULL, tree, &contents, NULL), 0);
	call_tree_check(tree);
	assert_int_equal(call_tree_node(tree, 0)->total, 9);
	assert_int_equal(only_child(tree, &index)->total, 4);
	pprof_contents_done(&contents);
	call_tree_free(tree);
}

static void no_options_are_fine(void **state)
{
	struct call_tree *tree = new_tree();
	struct pprof_contents contents = { 0 };
	FILE *in;

	(void)state;
	begin_profile(&made, "cpu", "count");
	in = fmemopen(made.bytes, made.size, "r");
	assert_non_null(in);
	assert_int_equal(pprof_read(in, tree, NULL, &contents), 0);
	assert_int_equal(fclose(in), 0);
	in = fmemopen("x", 1, "r");
	assert_non_null(in);
	assert_int_equal(pprof_read(in, tree, NULL, &contents), -EBADMSG);
	assert_int_equal(fclose(in), 0);
	pprof_contents_done(&contents);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_location_is_the_innermost),
		cmocka_unit_test(frames_have_file_line_and_the_base_name_of_their_mapping),
		cmocka_unit_test(
			of_several_lines_the_last_is_the_function_and_the_others_are_inlined),
		cmocka_unit_test(mappings_of_the_kernel_make_kernel_frames),
		cmocka_unit_test(what_has_no_function_is_its_address),
		cmocka_unit_test(a_sample_without_locations_is_unknown),
		cmocka_unit_test(a_mangled_name_is_better_than_none),
		cmocka_unit_test(lines_that_are_no_number_of_a_line_are_left_out),
		cmocka_unit_test(ids_may_be_any_numbers_in_any_order),
		cmocka_unit_test(numbers_may_be_packed),
		cmocka_unit_test(fields_that_are_not_known_are_passed_over),
		cmocka_unit_test(what_is_no_count_is_left_out_and_counted),
		cmocka_unit_test(names_become_utf8_without_nuls),
		cmocka_unit_test(stacks_are_added_to_what_the_tree_has),
		cmocka_unit_test(no_options_are_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
