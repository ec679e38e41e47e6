/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ask_options.h"

static void flamegraph_takes_inputs_anywhere(void **state)
{
	const struct options *options =
		accepted("eprof flamegraph a -o x.html - --title T b --width 800 --notes N "
			 "--subtitle S --unit bytes -F 49 -- -c");
	const struct flamegraph_options *flamegraph = &options->flamegraph;

	(void)state;
	assert_int_equal(options->command, COMMAND_FLAMEGRAPH);
	assert_string_equal(flamegraph->inputs[0], "a");
	assert_string_equal(flamegraph->inputs[1], "-");
	assert_string_equal(flamegraph->inputs[2], "b");
	assert_string_equal(flamegraph->inputs[3], "-c");
	assert_null(flamegraph->inputs[4]);
	assert_string_equal(flamegraph->output, "x.html");
	assert_int_equal(flamegraph->form, OUTPUT_HTML);
	assert_string_equal(flamegraph->drawing.picture.title, "T");
	assert_string_equal(flamegraph->drawing.picture.subtitle, "S");
	assert_string_equal(flamegraph->drawing.picture.notes, "N");
	assert_string_equal(flamegraph->drawing.picture.unit, "bytes");
	assert_string_equal(flamegraph->input.unit, "bytes");
	assert_int_equal(flamegraph->drawing.picture.width, 800);
	assert_int_equal(flamegraph->sample_hz, 49);
}

static void flamegraph_is_a_filter_by_default(void **state)
{
	const struct flamegraph_options *flamegraph = &accepted("eprof flamegraph")->flamegraph;

	(void)state;
	assert_string_equal(flamegraph->inputs[0], "-");
	assert_null(flamegraph->inputs[1]);
	assert_string_equal(flamegraph->output, "-");
	assert_int_equal(flamegraph->form, OUTPUT_SVG);
	assert_int_equal(accepted("eprof flamegraph -o x")->flamegraph.form, OUTPUT_SVG);
	assert_int_equal(accepted("eprof flamegraph --format folded")->flamegraph.form,
			 OUTPUT_FOLDED);
	check_refused("eprof flamegraph -o x/", "'x/'");
	check_refused("eprof flamegraph ''", "empty");
	check_refused("eprof flamegraph --width 99",
		      "--width: '99' is not between 100 and 100000 pixels");
	check_refused("eprof flamegraph -o ''", "-o: ");
	check_refused("eprof flamegraph --format=png", "'png'");
	check_refused("eprof flamegraph -o x.json --format svg", "'x.json'");
}

static void flamegraph_pl_can_be_replaced_in_a_script(void **state)
{
	const struct flamegraph_options *flamegraph =
		&accepted("eprof flamegraph --title=T --subtitle S --width=1000 --height 20 "
			  "--minwidth 0.5 --fonttype=Arial --fontsize 14 --fontwidth 0.6 "
			  "--countname=cycles --nametype Method: --color java --bgcolors=blue "
			  "--hash --random --cp --reverse --inverted --negate --encoding UTF-8 "
			  "--total 1000 --factor 0.25 in")
			 ->flamegraph;
	const struct picture *picture = &flamegraph->drawing.picture;

	(void)state;
	assert_string_equal(picture->title, "T");
	assert_string_equal(picture->subtitle, "S");
	assert_int_equal(picture->width, 1000);
	assert_int_equal(picture->frame_height, 20);
	assert_int_equal(picture->min_width.limit, PICTURE_LIMIT_PIXELS);
	assert_int_equal(picture->min_width.thousandths, 500);
	assert_int_equal(picture->font_size, 14);
	assert_string_equal(picture->unit, "cycles");
	assert_string_equal(picture->nametype, "Method:");
	assert_int_equal(picture->colours, PALETTE_JAVA);
	assert_true(picture->is_reversed && picture->is_inverted && picture->sides.is_negated);
	assert_false(picture->is_chart);
	assert_int_equal(flamegraph->total.digits, 1000);
	assert_int_equal(flamegraph->drawing.factor.digits, 25);
	assert_int_equal(flamegraph->drawing.factor.decimals, 2);
	assert_string_equal(flamegraph->inputs[0], "in");
	assert_null(flamegraph->inputs[1]);
	assert_true(accepted("eprof flamegraph --flamechart")->flamegraph.input.keeps_time);
	check_refused("eprof flamegraph --nameattr x", "--nameattr is not supported");
}

static void a_part_of_the_picture_can_be_asked_for(void **state)
{
	const struct flamegraph_options *flamegraph =
		&accepted("eprof flamegraph --order value --base main --include ^a --include b|c "
			  "--exclude [de] --icicle --from perf --sample-type cpu --differential")
			 ->flamegraph;
	const struct drawing_options *drawing = &flamegraph->drawing;

	(void)state;
	assert_int_equal(drawing->order, CALL_TREE_BY_VALUE);
	assert_string_equal(drawing->base, "main");
	assert_string_equal(drawing->include[0], "^a");
	assert_string_equal(drawing->include[1], "b|c");
	assert_null(drawing->include[2]);
	assert_string_equal(drawing->exclude[0], "[de]");
	assert_null(drawing->exclude[1]);
	assert_true(drawing->picture.is_inverted);
	assert_true(flamegraph->input.has_format);
	assert_int_equal(flamegraph->input.format, INPUT_PERF_SCRIPT);
	assert_string_equal(flamegraph->input.sample_type, "cpu");
	assert_true(flamegraph->input.is_differential);
	assert_int_equal(accepted("eprof flamegraph --order input")->flamegraph.drawing.order,
			 CALL_TREE_BY_INPUT);
	assert_int_equal(accepted("eprof flamegraph --from pprof")->flamegraph.input.format,
			 INPUT_PPROF);
}

static void patterns_that_do_not_compile_are_refused(void **state)
{
	(void)state;
	check_refused("eprof flamegraph --include (a", "--include: '(a' is no regular expression");
	check_refused("eprof flamegraph --exclude [", "--exclude: '[' is no regular expression");
}

#define FOUR_PATTERNS " --include=a --include=b --include=c --include=d"
#define MOST_PATTERNS "eprof flamegraph" FOUR_PATTERNS FOUR_PATTERNS FOUR_PATTERNS FOUR_PATTERNS

static void there_may_be_so_many_patterns_and_no_more(void **state)
{
	const struct drawing_options *drawing = &accepted(MOST_PATTERNS)->flamegraph.drawing;

	(void)state;
	assert_string_equal(drawing->include[PATTERNS_MAX - 1], "d");
	assert_null(drawing->include[PATTERNS_MAX]);
	check_refused(MOST_PATTERNS " --include=e", "--include: there are more than 16");
}

static void each_palette_has_its_name(void **state)
{
	(void)state;
	for (int i = 0; i < PALETTE_NAME_COUNT; i++) {
		const char *name = palette_name_text((enum palette_name)i);
		char line[64];

		(void)snprintf(line, sizeof(line), "eprof flamegraph --colors %s", name);
		assert_int_equal(accepted(line)->flamegraph.drawing.picture.colours, i);
		check_refused("eprof flamegraph --colors pink", name);
	}
}

static void numbers_have_limits(void **state)
{
	const struct picture_min_width *least =
		&accepted("eprof flamegraph --minwidth .25%")->flamegraph.drawing.picture.min_width;

	(void)state;
	assert_int_equal(least->limit, PICTURE_LIMIT_SHARE);
	assert_int_equal(least->thousandths, 250);
	least = &accepted("eprof flamegraph --minwidth 0")->flamegraph.drawing.picture.min_width;
	assert_int_equal(least->limit, PICTURE_LIMIT_PIXELS);
	assert_int_equal(least->thousandths, 0);
	assert_int_equal(accepted("eprof flamegraph --total 1.50")->flamegraph.total.digits, 15);
	check_refused("eprof flamegraph --minwidth 0.0001", "--minwidth: '0.0001'");
	check_refused("eprof flamegraph --minwidth 101%", "--minwidth: '101%'");
	check_refused("eprof flamegraph --minwidth %", "--minwidth: '%'");
	check_refused("eprof flamegraph --minwidth .", "--minwidth: '.'");
	check_refused("eprof flamegraph --minwidth -1", "--minwidth: '-1'");
	check_refused("eprof flamegraph --minwidth ''", "--minwidth: ''");
	check_refused("eprof flamegraph --minwidth 1.2.3", "--minwidth: '1.2.3'");
	check_refused("eprof flamegraph --height 5", "--height: '5'");
	check_refused("eprof flamegraph --fontsize 11.5", "--fontsize: '11.5'");
	check_refused("eprof flamegraph --factor 0", "--factor: '0'");
	check_refused("eprof flamegraph --factor 1e3", "--factor: '1e3'");
	check_refused("eprof flamegraph --factor 0.1234567891", "--factor: ");
	check_refused("eprof flamegraph --total 99999999999999999999", "--total: ");
}

static void what_contradicts_itself_is_refused(void **state)
{
	(void)state;
	check_refused("eprof flamegraph --order size", "--order: 'size'");
	check_refused("eprof flamegraph --from gprof", "--from: 'gprof'");
	check_refused("eprof flamegraph --flamechart --order value", "--flamechart and --order");
	check_refused("eprof flamegraph --flamechart --total 5", "--flamechart and --total");
	check_refused("eprof flamegraph --differential -o x.pb.gz", "a pprof file cannot hold");
	check_refused("eprof flamegraph --differential -o x.json", "a speedscope file cannot hold");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flamegraph_takes_inputs_anywhere),
		cmocka_unit_test(flamegraph_is_a_filter_by_default),
		cmocka_unit_test(flamegraph_pl_can_be_replaced_in_a_script),
		cmocka_unit_test(a_part_of_the_picture_can_be_asked_for),
		cmocka_unit_test(patterns_that_do_not_compile_are_refused),
		cmocka_unit_test(there_may_be_so_many_patterns_and_no_more),
		cmocka_unit_test(each_palette_has_its_name),
		cmocka_unit_test(numbers_have_limits),
		cmocka_unit_test(what_contradicts_itself_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
