/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of a differential. */
#include "tests/unit/tree.h"

#include "flamegraph/call_tree_removed.h"

/* Counts before and after; together 1,000 each. */
static const char folded[] = "m;same 100 100\n"
			     "m;more 200 250\n"
			     "m;less 500 450\n"
			     "m;new 0 200\n"
			     "m;gone;leaf 200 0\n";

static struct call_tree *sides_of(const char *text)
{
	const struct folded_options options = { .differential = true };
	struct call_tree *tree = new_tree();
	struct read_report report;
	FILE *in = fmemopen((void *)text, strlen(text), "r");

	assert_non_null(in);
	assert_int_equal(folded_read(in, tree, &options, &report), 0);
	assert_int_equal(report.bad_lines, 0);
	assert_int_equal(fclose(in), 0);
	assert_int_equal(call_tree_removed(tree, CALL_TREE_BY_NAME), 0);
	return tree;
}

static char *svg_of(const char *text, const struct picture *picture)
{
	struct call_tree *tree = sides_of(text);
	char *svg = drawn(svg_write, tree, picture);

	call_tree_free(tree);
	return svg;
}

static void frames_say_what_they_were_before(void **state)
{
	char *svg = svg_of(folded, &(struct picture){ .unit = "samples" });

	(void)state;
	assert_contains(svg, "<title>all (1,000 samples, 100%; before 1,000)</title>");
	assert_contains(svg,
			"<title>same (100 samples, 10.00%; before 100, 10.00%; 0.00%)</title>");
	assert_contains(svg, "<title>more (250 samples, 25.00%; before 200, 20.00%; +5.00%, "
			     "+25.0% of itself)</title>");
	assert_contains(svg, "<title>less (450 samples, 45.00%; before 500, 50.00%; -5.00%, "
			     "-10.0% of itself)</title>");
	assert_contains(svg,
			"<title>new (200 samples, 20.00%; before 0, 0.00%; +20.00%, new)</title>");
	free(svg);
}

static void what_vanished_has_a_part_of_its_own(void **state)
{
	char *svg = svg_of(folded, &(struct picture){ .unit = "samples" });

	(void)state;
	assert_contains(svg, "<title>[removed] (200 samples, 20.00%, removed)</title>");
	assert_contains(svg, "<title>leaf (200 samples, 20.00%, removed)</title>");
	assert_int_equal(count_of(svg, "<rect class=\"x0\" x=\"983.3\" width=\"196.7\""), 4);
	free(svg);
}

static void colours_tell_by_how_much_it_changed(void **state)
{
	char *svg = svg_of(folded, &(struct picture){ .unit = "samples" });

	(void)state;
	assert_contains(svg,
			"<rect class=\"q0\" x=\"885\" width=\"98.3\" height=\"15\"><title>same");
	assert_int_equal(count_of(svg, "<rect class=\"h2\" x=\"442.5\""), 1);
	assert_contains(svg,
			"<rect class=\"f1\" x=\"0\" width=\"442.5\" height=\"15\"><title>less");
	assert_contains(svg,
			"<rect class=\"a0\" x=\"688.3\" width=\"196.7\" height=\"15\"><title>new");
	free(svg);
}

static void the_legend_says_what_is_compared(void **state)
{
	struct picture picture = {
		.unit = "samples",
		.sides = { .before = "old & slow", .before_total = 2500, .is_normalized = true }
	};
	char *svg = svg_of(folded, &picture);

	(void)state;
	assert_contains(svg, ">before: old &amp; slow 2,500 samples, after 1,000 samples; "
			     "before is scaled to the total of after</text>");
	assert_contains(svg, " data-before=\"old &amp; slow\" data-after=\"after\" "
			     "data-before-total=\"2500\" data-normalized=\"1\"");
	free(svg);
	picture.sides = (struct picture_sides){ 0 };
	svg = svg_of(folded, &picture);
	assert_contains(svg, ">before 1,000 samples, after 1,000 samples; totals as they are<");
	assert_lacks(svg, "data-normalized");
	free(svg);
}

static void sides_can_be_the_other_way_round(void **state)
{
	struct picture picture = { .unit = "samples", .sides = { .is_negated = true } };
	char *svg = svg_of(folded, &picture);

	(void)state;
	assert_contains(svg, "<title>more (250 samples, 25.00%; after 200, 20.00%; -5.00%, "
			     "-20.0% of itself)</title>");
	assert_contains(svg, "<rect class=\"f2\" x=\"442.5\"");
	assert_contains(svg, "<rect class=\"a0\" x=\"983.3\"");
	assert_contains(svg, "<title>leaf (200 samples, 20.00%, new)</title>");
	assert_contains(svg, " data-negated=\"1\"");
	free(svg);
}

static void what_is_all_gone_is_drawn(void **state)
{
	char *svg = svg_of("a;b 5 0\n", &(struct picture){ .unit = "samples" });

	(void)state;
	assert_contains(svg, "<title>all (0 samples, 100%; before 5)</title>");
	assert_contains(svg, "<title>b (5 samples, 0.00%, removed)</title>");
	free(svg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_say_what_they_were_before),
		cmocka_unit_test(what_vanished_has_a_part_of_its_own),
		cmocka_unit_test(colours_tell_by_how_much_it_changed),
		cmocka_unit_test(the_legend_says_what_is_compared),
		cmocka_unit_test(sides_can_be_the_other_way_round),
		cmocka_unit_test(what_is_all_gone_is_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
