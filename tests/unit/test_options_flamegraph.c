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
	assert_string_equal(flamegraph->title, "T");
	assert_string_equal(flamegraph->subtitle, "S");
	assert_string_equal(flamegraph->notes, "N");
	assert_string_equal(flamegraph->unit, "bytes");
	assert_int_equal(flamegraph->width, 800);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flamegraph_takes_inputs_anywhere),
		cmocka_unit_test(flamegraph_is_a_filter_by_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
