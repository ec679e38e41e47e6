/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command_flamegraph.h"

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

#define INPUTS_MAX 4

/* Content of path; lives until the next call. */
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

/* Draws the inputs (space-separated); the exit code. What was printed goes to *ret_text. */
static int draw(const char *inputs, const char *output, const char **ret_text)
{
	char words[128];
	char *list[INPUTS_MAX + 1] = { NULL }, *save = NULL;
	struct flamegraph_options options = {
		.inputs = list,
		.output = output,
		.form = output_form_of(output),
		.sample_hz = 99,
	};
	int exit_code;

	(void)snprintf(words, sizeof(words), "%s", inputs);
	for (size_t i = 0; i < INPUTS_MAX; i++)
		list[i] = strtok_r(i == 0 ? words : NULL, " ", &save);
	hear();
	exit_code = command_flamegraph(&options);
	*ret_text = heard();
	return exit_code;
}

static void check_failure(const char *inputs, const char *output, const char *line)
{
	const char *text;
	char expected[256];

	(void)snprintf(expected, sizeof(expected), "eprof: %s\n", line);
	assert_int_equal(draw(inputs, output, &text), 1);
	assert_string_equal(text, expected);
}

static int lines_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void inputs_are_merged(void **state)
{
	const char *text;

	(void)state;
	make_file("a", "main;work;read_[k] 2\nmain 1\n");
	make_file("b", "main;work;read_[k] 40\nother 5\n");
	assert_int_equal(draw("a b", "x.folded", &text), 0);
	assert_string_equal(text, "");
	assert_string_equal(content("x.folded"), "main 1\nmain;work;read_[k] 42\nother 5\n");
}

static void the_name_chooses_the_form(void **state)
{
	const char *text;

	(void)state;
	make_file("a", "main;work 2\n");
	assert_int_equal(draw("a", "x.svg", &text), 0);
	assert_non_null(strstr(content("x.svg"), "<svg"));
	assert_non_null(strstr(content("x.svg"), "work"));
	assert_int_equal(draw("a", "x.html", &text), 0);
	assert_non_null(strstr(content("x.html"), "<html"));
	assert_int_equal(draw("a", "x.json", &text), 0);
	assert_non_null(strstr(content("x.json"), "speedscope"));
	assert_int_equal(draw("a", "x.pb.gz", &text), 0);
	assert_int_equal(content("x.pb.gz")[0], 0x1f);
	assert_string_equal(text, "");
}

static void microseconds_are_drawn_as_time_off_a_cpu(void **state)
{
	char *inputs[] = { (char *)"a", NULL };
	struct flamegraph_options options = { .inputs = inputs,
					      .output = "x.svg",
					      .form = OUTPUT_SVG,
					      .drawing.picture.unit = "microseconds",
					      .input.unit = "microseconds",
					      .sample_hz = 99 };

	(void)state;
	make_file("a", "main;f;futex_wait_[k] 2000\n");
	assert_int_equal(command_flamegraph(&options), 0);
	assert_non_null(strstr(content("x.svg"), "futex_wait (2.00 ms, 100.00%, lock)"));
	assert_non_null(strstr(content("x.svg"), "class=\"legend\""));
	options.input.unit = options.drawing.picture.unit = NULL;
	assert_int_equal(command_flamegraph(&options), 0);
	assert_non_null(strstr(content("x.svg"), "futex_wait (2,000 samples, 100.00%)"));
	assert_null(strstr(content("x.svg"), "class=\"legend\""));
}

static void bad_lines_are_three_warnings_at_most(void **state)
{
	const char *text;

	(void)state;
	make_file("a", "main 1\nno count\nmain;x 2\nmain;y -2\n");
	assert_int_equal(draw("a", "x.folded", &text), 0);
	assert_non_null(strstr(text, "eprof: warning: 'a': line 2 does not end in"));
	assert_non_null(strstr(text, "eprof: warning: 'a': line 4 "));
	assert_int_equal(lines_of(text), 2);
	assert_string_equal(content("x.folded"), "main 1\nmain;x 2\n");
	make_file("b", "a 1\nx\nb 1\nx\nc 1\nx\nd 1\nx\n");
	assert_int_equal(draw("b", "x.folded", &text), 0);
	assert_int_equal(lines_of(text), 3);
	assert_non_null(strstr(text, "'b': line 4 "));
	assert_non_null(strstr(text, "'b': 2 more lines are bad, skipped; the next one is line 6"));
}

static void a_file_that_is_mostly_bad_is_refused(void **state)
{
	const char *text;

	(void)state;
	make_file("a", "main 1\nx\ny\n");
	make_file("good", "main 1\n");
	assert_int_equal(draw("a", "x.svg", &text), 1);
	assert_int_equal(lines_of(text), 1);
	assert_non_null(strstr(text, "'a' does not hold folded stacks: 2 of 3 lines are bad; the "
				     "first, line 2, does not end in"));
	assert_int_equal(draw("good a", "x.svg", &text), 1);
	assert_int_equal(access("x.svg", F_OK), -1);
}

static void a_file_without_any_stack_is_none_of_ours(void **state)
{
	const char *text;

	(void)state;
	make_file("a", "x\ny\n");
	make_file("good", "main 1\n");
	assert_int_equal(draw("good a", "x.svg", &text), 1);
	assert_int_equal(access("x.svg", F_OK), -1);
	assert_int_equal(draw("a", "x.svg", &text), 1);
	assert_int_equal(lines_of(text), 1);
	assert_non_null(strstr(text, "'a' holds no folded stacks: line 1 does not end in"));
	assert_non_null(strstr(content("x.svg"), "There was no stack in the input."));
}

static void a_selection_is_drawn_and_what_it_leaves_out_is_said(void **state)
{
	char *inputs[] = { (char *)"a", NULL };
	struct flamegraph_options options = { .inputs = inputs,
					      .output = "x.folded",
					      .form = OUTPUT_FOLDED,
					      .drawing.base = "b",
					      .drawing.exclude = { "^no" },
					      .sample_hz = 99 };
	const char *text;

	(void)state;
	make_file("a", "a;b;c 5\na;b;nothing 3\nz 2\n");
	assert_int_equal(command_flamegraph(&options), 0);
	assert_string_equal(content("x.folded"), "b;c 5\n");
	options.output = "x.svg";
	options.form = OUTPUT_SVG;
	assert_int_equal(command_flamegraph(&options), 0);
	assert_non_null(strstr(content("x.svg"), "left out: 50.00% of all"));
	options.drawing.include[0] = "absent";
	hear();
	assert_int_equal(command_flamegraph(&options), 1);
	text = heard();
	assert_non_null(strstr(text, "no stack of the input is left"));
	assert_non_null(strstr(content("x.svg"), "no stack of the input is left"));
}

static void counts_can_be_multiplied_and_widened(void **state)
{
	char *inputs[] = { (char *)"a", NULL };
	struct flamegraph_options options = { .inputs = inputs,
					      .output = "x.folded",
					      .form = OUTPUT_FOLDED,
					      .drawing.factor = { 25, 1 },
					      .sample_hz = 99 };

	(void)state;
	make_file("a", "a 1\nb 2\n");
	assert_int_equal(command_flamegraph(&options), 0);
	assert_string_equal(content("x.folded"), "a 2.5\nb 5\n");
	options.drawing.factor.digits = 0;
	options.total = (struct decimal_number){ 6, 0 };
	options.output = "x.svg";
	options.form = OUTPUT_SVG;
	assert_int_equal(command_flamegraph(&options), 0);
	assert_non_null(strstr(content("x.svg"), "b (2 samples, 33.33%)"));
	options.total.digits = 2;
	hear();
	assert_int_equal(command_flamegraph(&options), 0);
	assert_non_null(strstr(heard(), "--total is less"));
	assert_non_null(strstr(content("x.svg"), "b (2 samples, 66.67%)"));
}

static void a_differential_shows_what_vanished(void **state)
{
	char *inputs[] = { (char *)"a", NULL };
	struct flamegraph_options options = { .inputs = inputs,
					      .output = "x.svg",
					      .form = OUTPUT_SVG,
					      .input.is_differential = true,
					      .sample_hz = 99 };
	const char *text;

	(void)state;
	make_file("a", "a;b 5 3\na;gone 7 0\n");
	assert_int_equal(command_flamegraph(&options), 0);
	assert_non_null(strstr(content("x.svg"), "[removed]"));
	options.output = "x.folded";
	options.form = OUTPUT_FOLDED;
	assert_int_equal(command_flamegraph(&options), 0);
	assert_string_equal(content("x.folded"), "a;b 5 3\na;gone 7 0\n");
	/* Without the option it is a part of the name. */
	assert_int_equal(draw("a", "x.folded", &text), 0);
	assert_string_equal(content("x.folded"), "a;b 5 3\n");
}

static void a_differential_of_which_all_vanished_is_no_failure(void **state)
{
	struct flamegraph_options options = { .inputs = (char *[]){ (char *)"in", NULL },
					      .output = "gone.svg",
					      .form = OUTPUT_SVG,
					      .input.is_differential = true,
					      .sample_hz = 99 };

	(void)state;
	make_file("in", "a;b 5 0\n");
	assert_int_equal(command_flamegraph(&options), 0);
	assert_non_null(strstr(content("gone.svg"), "<title>b (5 samples, 0.00%, removed)"));
	options.output = "gone.folded";
	options.form = OUTPUT_FOLDED;
	assert_int_equal(command_flamegraph(&options), 0);
	assert_string_equal(content("gone.folded"), "a;b 5 0\n");
}

static void a_profile_can_be_read_again(void **state)
{
	const char *text;

	(void)state;
	make_file("a", "main;work 2\nmain;read_[k] 3\n");
	assert_int_equal(draw("a", "x.pb.gz", &text), 0);
	assert_int_equal(draw("x.pb.gz", "x.svg", &text), 0);
	assert_non_null(strstr(content("x.svg"), "work (20.2 ms, 40.00%)"));
	assert_int_equal(draw("a x.pb.gz", "y.svg", &text), 1);
	assert_string_equal(text, "eprof: 'x.pb.gz' counts microseconds, and what was read before "
				  "it samples: these cannot be added\n");
}

static void an_empty_input_fails_and_the_picture_says_so(void **state)
{
	(void)state;
	make_file("a", "");
	make_file("b", "\n");
	check_failure("a", "x.svg", "there is no stack in 'a'");
	assert_non_null(strstr(content("x.svg"), "There was no stack in the input."));
	assert_non_null(strstr(content("x.svg"), "</svg>"));
	check_failure("a b", "y.svg", "there is no stack in 'a', nor in the other inputs");
}

static void inputs_that_cannot_be_read_are_named(void **state)
{
	const char *text;

	(void)state;
	make_file("good", "main 1\n");
	make_file("x.gz", "\x1f\x8b\x08 whatever");
	make_file("sum", "a 18446744073709551615\nb 1\n");
	assert_int_equal(mkdir("d", 0755), 0);
	check_failure("none", "x.svg", "cannot read 'none': No such file or directory");
	check_failure("good none", "x.svg", "cannot read 'none': No such file or directory");
	check_failure("d", "x.svg", "cannot read 'd': Is a directory");
	assert_int_equal(draw("x.gz", "x.svg", &text), 1);
	assert_int_equal(lines_of(text), 1);
	assert_non_null(strstr(text, "eprof: 'x.gz' is no pprof profile: "));
	check_failure("sum", "x.svg", "the counts of 'sum' add up to more than 64 bits hold");
	assert_int_equal(access("x.svg", F_OK), -1);
}

static void outputs_that_cannot_be_written_are_named(void **state)
{
	(void)state;
	make_file("a", "main 1\n");
	check_failure("a", "none/x.svg", "cannot write 'none/x.svg': No such file or directory");
}

static void stdin_and_stdout_are_a_filter(void **state)
{
	char *inputs[] = { (char *)"-", NULL };
	struct flamegraph_options options = {
		.inputs = inputs,
		.output = "-",
		.form = OUTPUT_SVG,
		.drawing.picture.title = "A title",
		.sample_hz = 99,
	};
	int saved = dup(STDOUT_FILENO), exit_code;

	(void)state;
	make_file("a", "main;work 2\n");
	assert_non_null(freopen("a", "r", stdin));
	(void)fflush(stdout);
	assert_non_null(freopen("out", "w", stdout));
	exit_code = command_flamegraph(&options);
	(void)fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	assert_int_equal(exit_code, 0);
	assert_non_null(strstr(content("out"), "<svg"));
	assert_non_null(strstr(content("out"), "A title"));
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(inputs_are_merged),
		IN_DIRECTORY(the_name_chooses_the_form),
		IN_DIRECTORY(microseconds_are_drawn_as_time_off_a_cpu),
		IN_DIRECTORY(bad_lines_are_three_warnings_at_most),
		IN_DIRECTORY(a_file_that_is_mostly_bad_is_refused),
		IN_DIRECTORY(a_file_without_any_stack_is_none_of_ours),
		IN_DIRECTORY(a_selection_is_drawn_and_what_it_leaves_out_is_said),
		IN_DIRECTORY(counts_can_be_multiplied_and_widened),
		IN_DIRECTORY(a_differential_shows_what_vanished),
		IN_DIRECTORY(a_differential_of_which_all_vanished_is_no_failure),
		IN_DIRECTORY(a_profile_can_be_read_again),
		IN_DIRECTORY(an_empty_input_fails_and_the_picture_says_so),
		IN_DIRECTORY(inputs_that_cannot_be_read_are_named),
		IN_DIRECTORY(outputs_that_cannot_be_written_are_named),
		IN_DIRECTORY(stdin_and_stdout_are_a_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
