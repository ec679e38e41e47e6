/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with files that are no profiles, and how it is said. */
#include "flamegraph/pprof_index.h"
#include "tests/unit/made_profile.h"

static struct made made;

static void put_frame(uint64_t id)
{
	put_function(&made, id, "f", NULL);
	PUT_LOCATION(&made, id, 0, 0, { id, 0 });
}

static void bytes_that_are_no_message_are_no_profile(void **state)
{
	static const char *const texts[] = { "main;work 5\n",   "\x08", "\x0a\x7f", "\x0b", "\x00",
					     "{\"version\":1}", "\x1f" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_refused_bytes(texts[i], texts[i][0] ? strlen(texts[i]) : 1, -EBADMSG,
				    "it is no profile");
	check_refused_bytes("", 0, -EBADMSG, "it is empty");
}

static void a_field_of_another_type_is_no_profile(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_field(&made, 2, 5);
	check_refused(&made, -EBADMSG, "it is no profile");
	begin_profile(&made, "cpu", "count");
	put_bytes(&made, 9, "time", 4);
	check_refused(&made, -EBADMSG, "it is no profile");
}

static void without_types_of_values_it_is_no_profile(void **state)
{
	(void)state;
	made.size = made.strings = 0;
	(void)put_text(&made, "");
	check_refused(&made, -EBADMSG, "it is no profile");
}

static void messages_that_are_cut_are_named(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_frame(1);
	put_bytes(&made, 5, "\x08", 1);
	check_refused(&made, -EBADMSG, "function 2 is malformed");
	begin_profile(&made, "cpu", "count");
	put_bytes(&made, 3, "\x2a\x01\x05", 3);
	check_refused(&made, -EBADMSG, "mapping 1 is malformed");
	begin_profile(&made, "cpu", "count");
	put_bytes(&made, 2, "\x12\x03\x80", 3);
	check_refused(&made, -EBADMSG, "sample 1 is malformed");
	begin_profile(&made, "cpu", "count");
	put_bytes(&made, 4, "\x08\x09\x22\x01\x08", 5);
	PUT_SAMPLE(&made, 1, 9);
	check_refused(&made, -EBADMSG, "location 9 is malformed");
}

static void ids_that_lead_nowhere_are_named(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_frame(1);
	PUT_SAMPLE(&made, 1, 2);
	check_refused(&made, -EBADMSG, "a sample is at location 2, which is missing");
	begin_profile(&made, "cpu", "count");
	PUT_LOCATION(&made, 3, 0, 0, { 4, 0 });
	PUT_SAMPLE(&made, 1, 3);
	check_refused(&made, -EBADMSG, "location 3 is in function 4, which is missing");
	begin_profile(&made, "cpu", "count");
	put_location(&made, 3, 5, 0, 0, NULL);
	PUT_SAMPLE(&made, 1, 3);
	check_refused(&made, -EBADMSG, "location 3 is in mapping 5, which is missing");
}

static void strings_that_are_missing_are_named(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	PUT_NUMBERS(&made, 5, 1, 17);
	PUT_LOCATION(&made, 1, 0, 0, { 1, 0 });
	PUT_SAMPLE(&made, 1, 1);
	check_refused(&made, -EBADMSG, "string 17 of 3");
	begin_profile(&made, "cpu", "count");
	put_field(&made, 13, UINT64_MAX);
	check_refused(&made, -EBADMSG, "string 18446744073709551615 of 3");
}

static void the_first_string_is_empty(void **state)
{
	(void)state;
	made.size = made.strings = 0;
	(void)put_text(&made, "text");
	put_type(&made, "cpu", "count");
	check_refused(&made, -EBADMSG, "its first string is not empty");
}

static void an_id_is_that_of_one_thing(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_frame(7);
	put_frame(9);
	put_frame(7);
	check_refused(&made, -EBADMSG, "there are two functions with the id 7");
}

static void each_sample_has_a_value_of_each_type(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_type(&made, "wall", "count");
	put_sample(&made, 3, (const uint64_t[]){ 0 });
	check_refused(&made, -EBADMSG, "sample 1 has 1 values of 2");
}

static void sums_that_leave_64_bits_are_refused(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	for (int i = 0; i < 3; i++)
		put_sample(&made, INT64_MAX, (const uint64_t[]){ 0 });
	check_refused(&made, -EOVERFLOW, "its values add up to more than 64 bits hold");
	begin_profile(&made, "delay", "seconds");
	put_sample(&made, INT64_MAX / 1000, (const uint64_t[]){ 0 });
	check_refused(&made, -EOVERFLOW, "its values add up to more than 64 bits hold");
}

/* The same location again and again, of many inlined functions. */
static void put_deep_sample(size_t lines, size_t locations)
{
	static struct made location, sample;

	location.size = sample.size = 0;
	put_field(&location, 1, 2);
	for (size_t i = 0; i < lines; i++)
		PUT_NUMBERS(&location, 4, 1);
	put_message(&made, 4, &location);
	for (size_t i = 0; i < locations; i++)
		put_field(&sample, 1, 2);
	put_field(&sample, 2, 1);
	put_message(&made, 2, &sample);
}

static void stacks_have_a_deepest_frame(void **state)
{
	struct call_tree *tree = new_tree();
	struct pprof_contents contents = { 0 };

	(void)state;
	begin_profile(&made, "cpu", "count");
	put_frame(1);
	put_deep_sample(1024, 64);
	assert_int_equal(read_bytes(made.bytes, made.size, NULL, tree, &contents, NULL), 0);
	assert_int_equal(call_tree_depth(tree), CALL_TREE_DEPTH_MAX);
	pprof_contents_done(&contents);
	call_tree_free(tree);

	begin_profile(&made, "cpu", "count");
	put_frame(1);
	put_deep_sample(1024, 65);
	check_refused(&made, -E2BIG, "sample 1 has more than 65536 frames");
}

/* A few bytes of each sample would be tens of thousands of frames. */
static void work_is_bounded_by_the_size_of_the_file(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_frame(1);
	put_deep_sample(1024, 63);
	put_function(&made, 3, "a", NULL);
	PUT_LOCATION(&made, 3, 0, 0, { 3, 0 });
	for (int i = 0; i < 400; i++) {
		static struct made sample;

		sample.size = 0;
		for (int k = 0; k < 63; k++)
			put_field(&sample, 1, 2);
		if (i % 2)
			put_field(&sample, 1, 3);
		put_field(&sample, 2, 1);
		put_message(&made, 2, &sample);
	}
	check_refused(&made, -E2BIG, "it has too many inlined functions for its size");
}

static void too_many_types_and_comments_are_refused(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	for (int i = 0; i < PPROF_TYPES_MAX; i++)
		PUT_NUMBERS(&made, 1, 1, 2);
	check_refused(&made, -E2BIG, "it has more than 256 values a sample");
	begin_profile(&made, "cpu", "count");
	for (int i = 0; i <= PPROF_COMMENTS_MAX; i++)
		put_field(&made, 13, 1);
	check_refused(&made, -E2BIG, "it has more than 1024 comments");
}

/* By whoever puts it together, each byte once: none may crash. */
static void a_profile_that_ends_anywhere_is_refused_or_read(void **state)
{
	(void)state;
	begin_profile(&made, "cpu", "count");
	put_frame(1);
	put_mapping(&made, 1, 0, 0, "m");
	PUT_LOCATION(&made, 2, 1, 5, { 1, 3 }, { 1, 4 });
	PUT_SAMPLE(&made, 1, 2, 1);
	for (size_t size = 1; size < made.size; size++) {
		struct call_tree *tree = new_tree();
		struct pprof_contents contents = { 0 };
		struct pprof_reason reason = { "" };
		uint8_t *bytes = malloc(size); /* so that a sanitizer sees what is behind */

		assert_non_null(bytes);
		memcpy(bytes, made.bytes, size);
		if (read_bytes(bytes, size, NULL, tree, &contents, &reason) < 0)
			assert_true(reason.text[0]);
		call_tree_check(tree);
		pprof_contents_done(&contents);
		call_tree_free(tree);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_that_are_no_message_are_no_profile),
		cmocka_unit_test(a_field_of_another_type_is_no_profile),
		cmocka_unit_test(without_types_of_values_it_is_no_profile),
		cmocka_unit_test(messages_that_are_cut_are_named),
		cmocka_unit_test(ids_that_lead_nowhere_are_named),
		cmocka_unit_test(strings_that_are_missing_are_named),
		cmocka_unit_test(the_first_string_is_empty),
		cmocka_unit_test(an_id_is_that_of_one_thing),
		cmocka_unit_test(each_sample_has_a_value_of_each_type),
		cmocka_unit_test(sums_that_leave_64_bits_are_refused),
		cmocka_unit_test(stacks_have_a_deepest_frame),
		cmocka_unit_test(work_is_bounded_by_the_size_of_the_file),
		cmocka_unit_test(too_many_types_and_comments_are_refused),
		cmocka_unit_test(a_profile_that_ends_anywhere_is_refused_or_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
