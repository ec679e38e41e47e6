/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/input.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flamegraph/flamegraph.h"
#include "tests/unit/hear.h"
#include "tests/unit/output_fixture.h"
#include "tests/unit/tree.h"

/* A profile of the stacks of folded, which are times of unit_ns, or samples of 10 ms. */
static void make_profile(const char *path, const char *folded, uint64_t unit_ns)
{
	struct pprof_info info = { .sample_type = unit_ns ? "events" : "samples",
				   .value_type = unit_ns ? "off_cpu" : "cpu",
				   .period_ns = unit_ns ? 0 : 10000000,
				   .unit_ns = unit_ns };
	struct call_tree *tree = tree_of(folded);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(pprof_write(tree, &info, out), 0);
	assert_int_equal(fclose(out), 0);
	call_tree_free(tree);
}

static uint64_t total_of(const struct inputs *inputs)
{
	return call_tree_node(inputs->tree, 0)->total;
}

static int write_folded(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	(void)picture;
	return folded_write(tree, out);
}

static void check_folded(struct inputs *inputs, const char *expected)
{
	char *bytes;

	assert_int_equal(call_tree_sort(inputs->tree), 0);
	bytes = drawn(write_folded, inputs->tree, NULL);
	assert_string_equal(bytes, expected);
	free(bytes);
}

static void what_a_file_is_shows_in_its_content(void **state)
{
	struct input_options options = { .sample_type = "samples" };
	struct inputs inputs;

	(void)state;
	make_file("folded.pb.gz", "a;b 1\n");
	make_profile("profile.folded", "a;b 3\n", 0);
	make_file("perf", "a 1/2 1.5: cpu-clock:uhH:\n\t55 b+0x5 (/lib/x)\n\n");
	assert_int_equal(inputs_init(&inputs, &options), 0);
	assert_int_equal(inputs_read(&inputs, "folded.pb.gz"), 0);
	assert_int_equal(inputs_read(&inputs, "profile.folded"), 0);
	assert_int_equal(inputs_read(&inputs, "perf"), 0);
	assert_string_equal(inputs.unit.name, "samples");
	/* The process of the one is a function of the other. */
	check_folded(&inputs, "a;b 5\n");
	inputs_done(&inputs);
}

static void the_form_can_be_said(void **state)
{
	struct input_options options = { .has_format = true, .format = INPUT_PPROF };
	struct inputs inputs;

	(void)state;
	make_file("a", "a;b 1\n");
	assert_int_equal(inputs_init(&inputs, &options), 0);
	hear();
	assert_int_equal(inputs_read(&inputs, "a"), -EBADMSG);
	assert_non_null(strstr(heard(), "'a' is no pprof profile: "));
	inputs_done(&inputs);
}

static void times_are_converted_exactly(void **state)
{
	struct input_options options = { .unit = "microseconds" };
	struct inputs inputs;

	(void)state;
	make_file("us", "a 7\n");
	make_profile("ns", "a 1234\nb 1\n", 1);
	make_profile("us.pb.gz", "b 5\n", 1000);
	assert_int_equal(inputs_init(&inputs, &options), 0);
	assert_int_equal(inputs_read(&inputs, "us"), 0);
	assert_int_equal(inputs_read(&inputs, "ns"), 0);
	assert_int_equal(inputs_read(&inputs, "us.pb.gz"), 0);
	assert_int_equal(inputs_read(&inputs, "us"), 0);
	assert_string_equal(inputs.unit.name, "microseconds");
	assert_int_equal(inputs.unit.divisor, 1000);
	assert_true(inputs.unit.is_off_cpu);
	check_folded(&inputs, "a 15234\nb 5001\n");
	inputs_done(&inputs);
}

static void different_things_are_not_added(void **state)
{
	struct input_options options = { 0 };
	struct inputs inputs, others;

	(void)state;
	make_file("samples", "a 7\n");
	make_file("empty", "\n");
	make_profile("times", "a 1234\n", 0);
	assert_int_equal(inputs_init(&inputs, &options), 0);
	assert_int_equal(inputs_init(&others, &options), 0);
	assert_int_equal(inputs_read(&inputs, "empty"), 0);
	assert_int_equal(inputs_read(&inputs, "times"), 0);
	assert_int_equal(inputs_read(&inputs, "empty"), 0);
	hear();
	assert_int_equal(inputs_read(&inputs, "samples"), -EINVAL);
	assert_string_equal(heard(), "eprof: 'samples' counts samples, and what was read before it "
				     "microseconds: these cannot be added\n");
	assert_int_equal(inputs_read(&others, "samples"), 0);
	assert_int_equal(inputs_agree(&inputs, &others), -EINVAL);
	inputs_done(&others);
	inputs_done(&inputs);
}

static void a_value_that_is_not_there_is_named(void **state)
{
	struct input_options options = { .sample_type = "alloc_space" };
	struct inputs inputs;

	(void)state;
	make_profile("p", "a 1\n", 0);
	assert_int_equal(inputs_init(&inputs, &options), 0);
	hear();
	assert_int_equal(inputs_read(&inputs, "p"), -ENOENT);
	assert_non_null(strstr(heard(), "'p' has no values called 'alloc_space'"));
	inputs_done(&inputs);
}

static void only_folded_stacks_have_two_sides(void **state)
{
	struct input_options options = { .is_differential = true };
	struct inputs inputs;

	(void)state;
	make_profile("p", "a 1\n", 0);
	make_file("f", "a 1 2\n");
	assert_int_equal(inputs_init(&inputs, &options), 0);
	hear();
	assert_int_equal(inputs_read(&inputs, "p"), -EINVAL);
	assert_string_equal(heard(),
			    "eprof: 'p' has no counts of two sides: only folded stacks do\n");
	assert_int_equal(inputs_read(&inputs, "f"), 0);
	assert_int_equal(inputs_read(&inputs, "f"), 0);
	assert_int_equal(total_of(&inputs), 4);
	assert_int_equal(call_tree_before(inputs.tree, 0).total, 2);
	inputs_done(&inputs);
}

static void sums_beyond_64_bits_name_the_file(void **state)
{
	struct input_options options = { 0 };
	struct inputs inputs;

	(void)state;
	make_file("a", "a 18446744073709551615\n");
	make_file("b", "b 1\n");
	assert_int_equal(inputs_init(&inputs, &options), 0);
	assert_int_equal(inputs_read(&inputs, "a"), 0);
	hear();
	assert_int_equal(inputs_read(&inputs, "b"), -EOVERFLOW);
	assert_string_equal(heard(), "eprof: the counts of 'b' add up to more than 64 bits hold\n");
	inputs_done(&inputs);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(what_a_file_is_shows_in_its_content),
		IN_DIRECTORY(the_form_can_be_said),
		IN_DIRECTORY(times_are_converted_exactly),
		IN_DIRECTORY(different_things_are_not_added),
		IN_DIRECTORY(a_value_that_is_not_there_is_named),
		IN_DIRECTORY(only_folded_stacks_have_two_sides),
		IN_DIRECTORY(sums_beyond_64_bits_name_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
