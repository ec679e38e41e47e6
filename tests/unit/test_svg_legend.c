/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

static const char folded[] = "a;main;f;ep_poll_[k] 95200000\n"
			     "a;main;f;futex_wait_[k] 12300\n"
			     "a;main;f;io_schedule_[k] 7\n";

static char *svg_of(const char *text, uint32_t width)
{
	struct picture picture = { .unit = "microseconds", .width = width, .waits = true };
	struct call_tree *tree = tree_of(text);
	char *svg = drawn(svg_write, tree, &picture);

	call_tree_free(tree);
	return svg;
}

static void kinds_that_occur_are_listed_with_their_time(void **state)
{
	char *svg = svg_of(folded, 0);

	(void)state;
	assert_contains(
		svg, "<g data-kind=\"I/O\" transform=\"translate(0,0)\"><rect class=\"d0\" x=\"0\" "
		     "width=\"18\" height=\"15\"/><text x=\"24\" y=\"12\">I/O 7 us</text>");
	assert_contains(svg, ">lock 12.3 ms</text>");
	assert_contains(svg, ">waiting for work 95.2 s</text>");
	assert_contains(svg, "<pattern id=\"eprof-l\"");
	assert_int_equal(count_of(svg, "<text x=\"24\""), 3);
	free(svg);
}

static void a_narrow_picture_has_more_lines(void **state)
{
	char *wide = svg_of(folded, 1200), *narrow = svg_of(folded, 220);

	(void)state;
	assert_contains(wide, "class=\"legend\" transform=\"translate(10,36)\"");
	assert_contains(wide, "<g class=\"boxes\">\n<g transform=\"translate(10,120)\">");
	assert_contains(narrow, "transform=\"translate(0,40)\"");
	assert_contains(narrow, "<g class=\"boxes\">\n<g transform=\"translate(10,160)\">");
	free(wide);
	free(narrow);
}

static void frames_say_what_they_wait_for(void **state)
{
	char *svg = svg_of(folded, 0);

	(void)state;
	assert_contains(svg, "<svg class=\"eprof waits\"");
	assert_contains(svg, "<title>ep_poll (95.2 s, 99.99%, waiting for work)<");
	assert_contains(svg, "<title>all (95.2 s, 100%)</title>");
	assert_contains(svg, " data-waits=\"1\"");
	free(svg);
}

static void other_pictures_have_none(void **state)
{
	struct picture picture = { .unit = "microseconds" };
	struct call_tree *tree = tree_of(folded);
	char *svg = drawn(svg_write, tree, &picture);
	char *empty = svg_of("", 0);

	(void)state;
	assert_lacks(svg, "class=\"legend\"");
	assert_lacks(svg, "<pattern");
	assert_contains(svg, "<title>ep_poll (95.2 s, 99.99%)<");
	assert_lacks(empty, "class=\"legend\"");
	free(empty);
	free(svg);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_that_occur_are_listed_with_their_time),
		cmocka_unit_test(a_narrow_picture_has_more_lines),
		cmocka_unit_test(frames_say_what_they_wait_for),
		cmocka_unit_test(other_pictures_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
