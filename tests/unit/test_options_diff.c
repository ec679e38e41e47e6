/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ask_options.h"

static void diff_takes_two_inputs_anywhere(void **state)
{
	const struct options *options =
		accepted("eprof diff a -o x.html --title T b --no-normalize --strip-hex --negate "
			 "--on-cpu --off-cpu --include x --unit bytes --reverse");
	const struct diff_options *diff = &options->diff;

	(void)state;
	assert_int_equal(options->command, COMMAND_DIFF);
	assert_string_equal(diff->before, "a");
	assert_string_equal(diff->after, "b");
	assert_string_equal(diff->output, "x.html");
	assert_int_equal(diff->form, OUTPUT_HTML);
	assert_true(diff->keeps_totals && diff->strips_hex && diff->on_cpu && diff->off_cpu);
	assert_true(diff->drawing.picture.sides.is_negated);
	assert_true(diff->drawing.picture.is_reversed);
	assert_string_equal(diff->drawing.picture.title, "T");
	assert_string_equal(diff->drawing.include[0], "x");
	assert_string_equal(diff->input.unit, "bytes");
}

static void diff_writes_an_svg_to_stdout_by_default(void **state)
{
	const struct diff_options *diff = &accepted("eprof diff - b")->diff;

	(void)state;
	assert_string_equal(diff->before, "-");
	assert_string_equal(diff->output, "-");
	assert_int_equal(diff->form, OUTPUT_SVG);
	assert_false(diff->keeps_totals || diff->strips_hex || diff->on_cpu || diff->off_cpu);
	assert_int_equal(accepted("eprof diff a b --format folded")->diff.form, OUTPUT_FOLDED);
	assert_int_equal(accepted("eprof diff a b -o x.folded")->diff.form, OUTPUT_FOLDED);
}

static void diff_refuses_what_it_cannot_do(void **state)
{
	(void)state;
	check_refused("eprof diff", "two inputs are wanted");
	check_refused("eprof diff a", "two inputs are wanted");
	check_refused("eprof diff a b c", "'c' is one input too many");
	check_refused("eprof diff a ''", "empty");
	check_refused("eprof diff - -", "stdin ('-')");
	check_refused("eprof diff a b -o ''", "-o: ");
	check_refused("eprof diff a b -o x.pb.gz", "a pprof file cannot hold a comparison");
	check_refused("eprof diff a b --format speedscope", "a speedscope file cannot hold");
	check_refused("eprof diff a b -o d/", "'d/'");
	check_refused("eprof diff a b --on-cpu --off-cpu -o x.svg", "'x.svg' holds one kind");
	check_refused("eprof diff a b --exclude *(", "--exclude");
	check_refused("eprof diff a b --total 5", "--total");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(diff_takes_two_inputs_anywhere),
		cmocka_unit_test(diff_writes_an_svg_to_stdout_by_default),
		cmocka_unit_test(diff_refuses_what_it_cannot_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
