/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/diff_inputs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/hear.h"
#include "tests/unit/output_fixture.h"

static int make_directories(void **state)
{
	if (enter_directory(state) < 0)
		return -1;
	return mkdir("a", 0755) < 0 || mkdir("b", 0755) < 0;
}

static struct diff_options options_for(enum output_form form)
{
	return (struct diff_options){ .before = "a", .after = "b", .form = form };
}

static void check_pair(const struct diff_pair *pair, const char *before, const char *after)
{
	assert_string_equal(pair->before, before);
	assert_string_equal(pair->after, after);
}

static void two_files_are_a_pair(void **state)
{
	struct diff_options options = options_for(OUTPUT_HTML);
	struct diff_pairs pairs;

	(void)state;
	options.before = "-";
	options.after = "x";
	assert_int_equal(diff_pairs_find(&options, &pairs), 0);
	assert_int_equal(pairs.count, 1);
	assert_false(pairs.list[0].is_of_directory);
	check_pair(&pairs.list[0], "-", "x");
	diff_pairs_done(&pairs);
	options.off_cpu = true;
	hear();
	assert_int_equal(diff_pairs_find(&options, &pairs), -EINVAL);
	assert_non_null(strstr(heard(), "neither '-' nor 'x'"));
}

static void of_directories_both_have_the_same_form(void **state)
{
	struct diff_options options = options_for(OUTPUT_SVG);
	struct diff_pairs pairs;

	(void)state;
	make_file("a/on-cpu.pb.gz", "");
	make_file("a/on-cpu.folded", "");
	make_file("b/on-cpu.folded", "");
	assert_int_equal(diff_pairs_find(&options, &pairs), 0);
	assert_int_equal(pairs.count, 1);
	check_pair(&pairs.list[0], "a/on-cpu.folded", "b/on-cpu.folded");
	diff_pairs_done(&pairs);
	make_file("b/on-cpu.pb.gz", "");
	assert_int_equal(diff_pairs_find(&options, &pairs), 0);
	check_pair(&pairs.list[0], "a/on-cpu.pb.gz", "b/on-cpu.pb.gz");
	assert_true(pairs.list[0].is_of_directory);
	diff_pairs_done(&pairs);
}

static void a_directory_can_be_compared_with_a_file(void **state)
{
	struct diff_options options = options_for(OUTPUT_SVG);
	struct diff_pairs pairs;

	(void)state;
	make_file("a/on-cpu.pb.gz", "");
	make_file("a/on-cpu.folded", "");
	options.after = "x.folded";
	assert_int_equal(diff_pairs_find(&options, &pairs), 0);
	check_pair(&pairs.list[0], "a/on-cpu.folded", "x.folded");
	diff_pairs_done(&pairs);
	options.after = "x.pb.gz";
	assert_int_equal(diff_pairs_find(&options, &pairs), 0);
	check_pair(&pairs.list[0], "a/on-cpu.pb.gz", "x.pb.gz");
	diff_pairs_done(&pairs);
}

static void a_page_holds_both_kinds_of_time(void **state)
{
	struct diff_options options = options_for(OUTPUT_HTML);
	struct diff_pairs pairs;

	(void)state;
	make_file("a/on-cpu.folded", "");
	make_file("b/on-cpu.folded", "");
	make_file("a/off-cpu.folded", "");
	make_file("b/off-cpu.folded", "");
	assert_int_equal(diff_pairs_find(&options, &pairs), 0);
	assert_int_equal(pairs.count, 2);
	assert_false(pairs.list[0].is_off_cpu);
	assert_true(pairs.list[1].is_off_cpu);
	check_pair(&pairs.list[1], "a/off-cpu.folded", "b/off-cpu.folded");
	diff_pairs_done(&pairs);
	options.off_cpu = true;
	assert_int_equal(diff_pairs_find(&options, &pairs), 0);
	assert_int_equal(pairs.count, 1);
	assert_true(pairs.list[0].is_off_cpu);
	diff_pairs_done(&pairs);
	options = options_for(OUTPUT_SVG);
	assert_int_equal(diff_pairs_find(&options, &pairs), 0);
	assert_int_equal(pairs.count, 1);
	assert_false(pairs.list[0].is_off_cpu);
	diff_pairs_done(&pairs);
}

static void directories_without_such_files_are_named(void **state)
{
	struct diff_options options = options_for(OUTPUT_SVG);
	struct diff_pairs pairs;

	(void)state;
	hear();
	assert_int_equal(diff_pairs_find(&options, &pairs), -ENOENT);
	assert_non_null(strstr(heard(), "'a' and 'b' have no files to compare"));
	make_file("a/off-cpu.folded", "");
	make_file("b/off-cpu.folded", "");
	options.on_cpu = true;
	hear();
	assert_int_equal(diff_pairs_find(&options, &pairs), -ENOENT);
	assert_non_null(strstr(heard(), "on-cpu.pb.gz, or on-cpu.folded"));
	options.on_cpu = false;
	assert_int_equal(diff_pairs_find(&options, &pairs), 0);
	assert_true(pairs.list[0].is_off_cpu);
	diff_pairs_done(&pairs);
}

#define IN_DIRECTORIES(test)                                                                       \
	cmocka_unit_test_setup_teardown(test, make_directories, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORIES(two_files_are_a_pair),
		IN_DIRECTORIES(of_directories_both_have_the_same_form),
		IN_DIRECTORIES(a_directory_can_be_compared_with_a_file),
		IN_DIRECTORIES(a_page_holds_both_kinds_of_time),
		IN_DIRECTORIES(directories_without_such_files_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
