/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/made_profile.h"

static struct made made;

/* One sample of three values. */
static void make_three_values(const char *default_type)
{
	struct made sample = { 0 };

	begin_profile(&made, "samples", "count");
	put_type(&made, "cpu", "nanoseconds");
	put_type(&made, "alloc_space", "bytes");
	if (default_type)
		put_field(&made, 14, put_text(&made, default_type));
	put_function(&made, 1, "f", NULL);
	PUT_LOCATION(&made, 1, 0, 0, { 1, 0 });
	put_field(&sample, 1, 1);
	for (uint64_t i = 1; i <= 3; i++)
		put_field(&sample, 2, i);
	put_message(&made, 2, &sample);
}

static void check_choice(const char *wanted, const char *type, const char *unit,
			 const char *picture_unit, uint64_t divisor, uint64_t total)
{
	struct call_tree *tree = new_tree();
	struct pprof_contents contents = { 0 };

	assert_int_equal(read_bytes(made.bytes, made.size, wanted, tree, &contents, NULL), 0);
	assert_string_equal(contents.type, type);
	assert_string_equal(contents.unit, unit);
	assert_string_equal(contents.picture_unit, picture_unit);
	assert_int_equal(contents.divisor, divisor);
	assert_int_equal(call_tree_node(tree, 0)->total, total);
	pprof_contents_done(&contents);
	call_tree_free(tree);
}

static void a_value_is_chosen_by_its_name(void **state)
{
	(void)state;
	make_three_values(NULL);
	check_choice("samples", "samples", "count", "samples", 1, 1);
	check_choice("cpu", "cpu", "nanoseconds", "microseconds", 1000, 2);
	check_choice("alloc_space", "alloc_space", "bytes", "bytes", 1, 3);
}

static void else_it_is_what_the_file_says_or_the_last(void **state)
{
	(void)state;
	make_three_values("cpu");
	check_choice(NULL, "cpu", "nanoseconds", "microseconds", 1000, 2);
	make_three_values("no such type");
	check_choice(NULL, "alloc_space", "bytes", "bytes", 1, 3);
	make_three_values(NULL);
	check_choice(NULL, "alloc_space", "bytes", "bytes", 1, 3);
}

static void a_name_that_is_missing_is_answered_with_those_that_are_there(void **state)
{
	struct call_tree *tree = new_tree();
	struct pprof_contents contents = { 0 };
	struct pprof_reason reason;

	(void)state;
	make_three_values("cpu");
	assert_int_equal(read_bytes(made.bytes, made.size, "wall", tree, &contents, &reason),
			 -ENOENT);
	assert_string_equal(reason.text, "it has no values 'wall', but samples, cpu, alloc_space");
	assert_null(contents.types);
	call_tree_free(tree);
}

static void times_become_microseconds_whatever_their_unit(void **state)
{
	static const struct {
		const char *unit, *picture_unit;
		uint64_t divisor, total;
	} expected[] = {
		{ "nanoseconds", "microseconds", 1000, 7 },
		{ "microseconds", "microseconds", 1, 7 },
		{ "milliseconds", "microseconds", 1, 7000 },
		{ "seconds", "microseconds", 1, 7000000 },
		{ "count", "delay", 1, 7 },
		{ "bytes", "bytes", 1, 7 },
		{ "", "", 1, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		begin_profile(&made, "delay", expected[i].unit);
		put_sample(&made, 7, (const uint64_t[]){ 0 });
		check_choice(NULL, "delay", expected[i].unit, expected[i].picture_unit,
			     expected[i].divisor, expected[i].total);
	}
}

static void it_is_told_what_else_is_in_the_file(void **state)
{
	struct made sample = { 0 };
	struct pprof_contents contents = { 0 };
	char *text;

	(void)state;
	begin_profile(&made, "cpu", "nanoseconds");
	put_field(&made, 7, put_text(&made, "^malloc"));
	put_field(&made, 8, put_text(&made, "^main"));
	put_field(&made, 9, 1700000000000000000u);
	put_field(&made, 10, 30000000000u);
	PUT_NUMBERS(&made, 11, 1, 2);
	put_field(&made, 12, 10101010);
	put_field(&made, 13, put_text(&made, "one"));
	put_field(&made, 13, put_text(&made, "two"));
	put_field(&made, 15, put_text(&made, "https://example.org/"));
	put_field(&sample, 2, 1);
	PUT_NUMBERS(&sample, 3, 1, 2);
	put_message(&made, 2, &sample);
	text = folded_of(&made, &contents);
	assert_string_equal(contents.drop_frames, "^malloc");
	assert_string_equal(contents.keep_frames, "^main");
	assert_int_equal(contents.time_ns, 1700000000000000000u);
	assert_int_equal(contents.duration_ns, 30000000000u);
	assert_string_equal(contents.period_type, "cpu");
	assert_string_equal(contents.period_unit, "nanoseconds");
	assert_int_equal(contents.period, 10101010);
	assert_string_equal(contents.comments, "one\ntwo");
	assert_string_equal(contents.documentation, "https://example.org/");
	assert_string_equal(contents.types, "cpu");
	assert_int_equal(contents.labelled_samples, 1);
	pprof_contents_done(&contents);
	free(text);
}

static void what_is_not_in_the_file_is_empty(void **state)
{
	struct pprof_contents contents = { 0 };
	char *text;

	(void)state;
	begin_profile(&made, "cpu", "count");
	text = folded_of(&made, &contents);
	assert_string_equal(text, "");
	assert_string_equal(contents.comments, "");
	assert_string_equal(contents.drop_frames, "");
	assert_string_equal(contents.period_type, "");
	assert_int_equal(contents.period, 0);
	assert_int_equal(contents.labelled_samples, 0);
	pprof_contents_done(&contents);
	free(text);
}

static void long_texts_are_cut(void **state)
{
	static char comment[3 * PPROF_TEXT_MAX];
	struct pprof_contents contents = { 0 };
	char *text;

	(void)state;
	memset(comment, 'c', sizeof(comment) - 1);
	begin_profile(&made, "cpu", "count");
	put_field(&made, 13, put_text(&made, comment));
	text = folded_of(&made, &contents);
	assert_int_equal(strlen(contents.comments), PPROF_TEXT_MAX);
	pprof_contents_done(&contents);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_chosen_by_its_name),
		cmocka_unit_test(else_it_is_what_the_file_says_or_the_last),
		cmocka_unit_test(a_name_that_is_missing_is_answered_with_those_that_are_there),
		cmocka_unit_test(times_become_microseconds_whatever_their_unit),
		cmocka_unit_test(it_is_told_what_else_is_in_the_file),
		cmocka_unit_test(what_is_not_in_the_file_is_empty),
		cmocka_unit_test(long_texts_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
