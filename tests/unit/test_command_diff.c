/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/hear.h"
#include "tests/unit/output_fixture.h"

static const char *content(const char *path)
{
	static char text[1 << 20];
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	(void)fclose(file);
	return text;
}

static struct diff_options options_of(const char *before, const char *after, const char *output)
{
	return (struct diff_options){
		.before = before,
		.after = after,
		.output = output,
		.form = output_form_of(output),
	};
}

static void check_folded(const struct diff_options *options, const char *expected)
{
	assert_int_equal(command_diff(options), 0);
	assert_string_equal(content(options->output), expected);
}

static void check_failure(const struct diff_options *options, const char *line)
{
	char expected[256];

	(void)snprintf(expected, sizeof(expected), "eprof: %s\n", line);
	hear();
	assert_int_equal(command_diff(options), 1);
	assert_string_equal(heard(), expected);
	assert_int_equal(access(options->output, F_OK), -1);
}

static void two_columns_are_those_of_difffolded(void **state)
{
	struct diff_options options = options_of("a", "b", "x.folded");

	(void)state;
	make_file("a", "m;x_[k] 7\nm;gone 2\nm 1\n");
	make_file("b", "m;x_[k] 2\nm;new 3\n");
	check_folded(&options, "m 0 0\nm;gone 1 0\nm;new 0 3\nm;x_[k] 3 2\n");
	options.keeps_totals = true;
	check_folded(&options, "m 1 0\nm;gone 2 0\nm;new 0 3\nm;x_[k] 7 2\n");
	options.drawing.picture.is_reversed = true;
	options.drawing.exclude[0] = "gone";
	check_folded(&options, "m 1 0\nnew;m 0 3\nx_[k];m 7 2\n");
}

static void numbers_in_names_can_be_made_equal(void **state)
{
	struct diff_options options = options_of("a", "b", "x.folded");

	(void)state;
	options.strips_hex = options.keeps_totals = true;
	make_file("a", "m;f+0x12aB 1\nm;0x1;g0x2h0x3 2\n0x 1\n0xz0x5 1\n");
	make_file("b", "m;f+0x99 4\nm;0x7;g0x8h0x9 5\n0x 2\n");
	check_folded(&options, "0x 1 2\n0xz0x... 1 0\nm;0x...;g0x...h0x... 2 5\nm;f+0x... 1 4\n");
}

static void the_picture_says_what_is_compared(void **state)
{
	struct diff_options options = options_of("a", "b", "x.svg");
	const char *picture;

	(void)state;
	make_file("a", "m;x 30\nm;gone 10\n");
	make_file("b", "m;x 15\nm;new 5\n");
	assert_int_equal(command_diff(&options), 0);
	picture = content("x.svg");
	assert_non_null(strstr(picture, "Differential Flame Graph"));
	assert_non_null(strstr(picture, "before: 40 samples, scaled by 0.5; after: 20 samples"));
	assert_non_null(strstr(picture, "[removed]"));
	assert_non_null(strstr(picture, "gone (5 samples, 25.00%, removed)"));
	assert_non_null(strstr(picture, ", new)"));
	options.keeps_totals = true;
	assert_int_equal(command_diff(&options), 0);
	picture = content("x.svg");
	assert_non_null(strstr(picture, "before: 40 samples; after: 20 samples"));
	assert_non_null(strstr(picture, "gone (10 samples, 50.00%, removed)"));
}

static void less_after_than_before_gets_decimals(void **state)
{
	struct diff_options options = options_of("a", "b", "x.svg");

	(void)state;
	make_file("a", "m;x 90\nm;y 10\n");
	make_file("b", "m;x 9\nm;y 3\n");
	assert_int_equal(command_diff(&options), 0);
	assert_non_null(strstr(content("x.svg"), "y (3 samples, 25.00%; before 1.2, 10.00%"));
}

static void an_empty_side_is_named(void **state)
{
	struct diff_options options = options_of("a", "b", "x.svg");

	(void)state;
	make_file("a", "");
	make_file("b", "m 1\n");
	check_failure(&options, "there is no stack in 'a', so nothing can be compared with it");
	options = options_of("b", "a", "x.svg");
	check_failure(&options, "there is no stack in 'a', so nothing can be compared with it");
	options = options_of("b", "none", "x.svg");
	check_failure(&options, "cannot read 'none': No such file or directory");
	options = options_of("b", "b", "x.svg");
	options.drawing.include[0] = "absent";
	check_failure(&options, "no stack of 'b' is left by --include, --exclude and --base");
}

static void directories_are_compared_as_a_page(void **state)
{
	struct diff_options options = options_of("old", "new", "x.html");
	const char *page;

	(void)state;
	assert_int_equal(mkdir("old", 0755) + mkdir("new", 0755), 0);
	make_file("old/on-cpu.folded", "m 3\n");
	make_file("new/on-cpu.folded", "m 5\n");
	make_file("old/off-cpu.folded", "m 3000\n");
	make_file("new/off-cpu.folded", "m 5000\n");
	assert_int_equal(command_diff(&options), 0);
	page = content("x.html");
	assert_non_null(strstr(page, "On-CPU, before and after"));
	assert_non_null(strstr(page, "Off-CPU, before and after"));
	assert_non_null(strstr(page, "5.00 ms"));
	options = options_of("old", "new", "x.folded");
	options.off_cpu = options.keeps_totals = true;
	check_folded(&options, "m 3000 5000\n");
}

static void different_things_are_not_compared(void **state)
{
	struct diff_options options = options_of("a", "b", "x.svg");

	(void)state;
	make_file("a", "a 1/2 1.5: 100 cpu-clock:uhH:\n\t55 b+0x5 (/lib/x)\n\n");
	make_file("b", "m 1\n");
	check_failure(&options, "'a' counts microseconds, and 'b' samples: these cannot be "
				"compared");
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

static void what_is_left_out_is_told_in_equal_units(void **state)
{
	struct diff_options options = options_of("a", "b", "x.svg");

	(void)state;
	options.drawing.exclude[0] = "gone";
	make_file("a", "kept 0.5\ngone 0.5\n");
	make_file("b", "kept 1\ngone 3\n");
	assert_int_equal(command_diff(&options), 0);
	assert_non_null(strstr(content("x.svg"), "left out: 70.00% of all, by patterns"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(two_columns_are_those_of_difffolded),
		IN_DIRECTORY(numbers_in_names_can_be_made_equal),
		IN_DIRECTORY(the_picture_says_what_is_compared),
		IN_DIRECTORY(less_after_than_before_gets_decimals),
		IN_DIRECTORY(an_empty_side_is_named),
		IN_DIRECTORY(directories_are_compared_as_a_page),
		IN_DIRECTORY(different_things_are_not_compared),
		IN_DIRECTORY(what_is_left_out_is_told_in_equal_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
