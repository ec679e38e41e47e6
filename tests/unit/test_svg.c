/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

#include "flamegraph/svg.h"

#define DEEP      20000
#define LONG_NAME (1 << 20)

static const struct picture plain = { .unit = "samples" };

static char *svg_of(const char *folded, const struct picture *picture)
{
	struct call_tree *tree = tree_of(folded);
	char *svg = drawn(svg_write, tree, picture);

	call_tree_free(tree);
	return svg;
}

/* How often part occurs before the data and the script. */
static size_t count_drawn(char *svg, const char *part)
{
	char *data = strstr(svg, "<metadata");
	size_t n;

	assert_non_null(data);
	*data = '\0';
	n = count_of(svg, part);
	*data = '<';
	return n;
}

static void frames_say_what_they_count(void **state)
{
	char *svg = svg_of("a;b 1234567\na;c 765433\n", &plain);

	(void)state;
	assert_contains(svg, "<title>all (2,000,000 samples, 100%)</title>");
	assert_contains(svg, "<title>a (2,000,000 samples, 100.00%)</title>");
	assert_contains(svg, "<title>b (1,234,567 samples, 61.73%)</title>");
	assert_contains(svg, "<title>Flame Graph</title>");
	free(svg);
}

static void microseconds_are_shown_as_times(void **state)
{
	struct picture picture = { .unit = "microseconds" };
	char *svg = svg_of("a;b 1234567\na;c 765433\n", &picture);

	(void)state;
	assert_contains(svg, "<title>all (2.00 s, 100%)</title>");
	assert_contains(svg, "<title>b (1.23 s, 61.73%)</title>");
	assert_contains(svg, "<title>c (765 ms, 38.27%)</title>");
	free(svg);
}

static void the_root_is_at_the_bottom_and_fills_the_width(void **state)
{
	struct picture picture = { .unit = "microseconds", .width = 420 };
	char *svg = svg_of("a;b 1\na;c 3\n", &picture);

	(void)state;
	assert_contains(svg, " width=\"420\" ");
	assert_contains(svg, "all (4 us, 100%)</title>"
			     "<rect x=\"0\" y=\"-16\" width=\"399.5\" height=\"15\"/>");
	assert_contains(svg, "<rect x=\"0\" y=\"-48\" width=\"99.5\" height=\"15\"/>");
	assert_contains(svg, "<rect x=\"100\" y=\"-48\" width=\"299.5\" height=\"15\"/>");
	free(svg);
}

static void names_are_cut_to_their_frame(void **state)
{
	struct picture picture = { .unit = "samples", .width = 220 };
	char *svg = svg_of("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 1\n"
			   "b 3\n",
			   &picture);

	(void)state;
	/* 50 px hold 6 glyphs of 7.2 px. */
	assert_contains(svg, ">\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4..</text>");
	free(svg);
}

static void words_around_the_picture_are_escaped(void **state)
{
	struct picture picture = { .title = "</title><script>x</script>",
				   .subtitle = "a & \"b\" -- \x1b",
				   .notes = "lost: <1>]]>",
				   .unit = "\"><b>" };
	char *svg = svg_of("a 1\n", &picture);

	(void)state;
	assert_contains(svg, "<title>&lt;/title&gt;&lt;script&gt;x&lt;/script&gt;</title>");
	assert_contains(svg, "a &amp; &quot;b&quot; -- \xef\xbf\xbd");
	assert_contains(svg, "lost: &lt;1&gt;]]&gt;");
	assert_contains(svg, "data-unit=\"&quot;&gt;&lt;b&gt;\"");
	free(svg);
}

static void names_never_get_out_of_their_text(void **state)
{
	char *svg = svg_of("</script><script>alert(1)</script>;]]>\x1b\x01;\xff\xfe;a\"'&amp; 5\n",
			   &plain);

	(void)state;
	assert_int_equal(count_of(svg, "<script>"), 1);
	assert_int_equal(count_of(svg, "</script>"), 1);
	assert_int_equal(count_of(svg, "]]>"), 2); /* style and script */
	assert_lacks(svg, "alert(1)</");
	assert_lacks(svg, "\x1b");
	assert_lacks(svg, "\xff");
	assert_int_equal(count_drawn(svg, " on"), 0);
	assert_contains(svg, "a&quot;&#39;&amp;amp (5 ");
	free(svg);
}

static void the_script_is_the_same_for_all_data(void **state)
{
	char *first = svg_of("a 1\n", &plain);
	char *second = svg_of("b;c 2\nd 7\n", &plain);

	(void)state;
	assert_string_equal(strstr(first, "<script>"), strstr(second, "<script>"));
	assert_contains(first, svg_script);
	free(first);
	free(second);
}

static void the_order_of_the_input_does_not_matter(void **state)
{
	char *first = svg_of("a;b 1\na;c_[k] 2\nz 3\n", &plain);
	char *second = svg_of("z 1\na;c_[k] 2\nz 2\na;b 1\n", &plain);

	(void)state;
	assert_string_equal(first, second);
	free(first);
	free(second);
}

static void narrow_frames_are_left_out_but_not_lost(void **state)
{
	struct call_tree *tree = new_tree();
	char *svg;
	char name[32];

	(void)state;
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "wide" }), 1, 1000000), 0);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "narrow%d", i);
		assert_int_equal(call_tree_add(tree, FRAMES({ .name = name }), 1, 10), 0);
	}
	assert_int_equal(call_tree_sort(tree), 0);
	svg = drawn(svg_write, tree, &plain);
	assert_int_equal(count_drawn(svg, ">narrow"), 0);
	assert_int_equal(count_drawn(svg, "1,000 narrow frames (10,000 samples, 0.99%)"), 1);
	assert_contains(svg, "narrow999\n");
	free(svg);
	call_tree_free(tree);
}

static void crowded_pictures_leave_out_more(void **state)
{
	struct call_tree *tree = new_tree();
	char name[32];
	char *svg;
	size_t n;

	(void)state;
	/* About 0.15 px each, three high. */
	for (int i = 0; i < 8000; i++) {
		(void)snprintf(name, sizeof(name), "f%d", i);
		assert_int_equal(
			call_tree_add(tree,
				      FRAMES({ .name = name }, { .name = "x" }, { .name = "y" }), 3,
				      10),
			0);
	}
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "wide" }), 1, 1000), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	svg = drawn(svg_write, tree, &plain);
	n = count_drawn(svg, "<g class=\"u");
	assert_in_range(n, 1, 6000);
	assert_int_equal(count_drawn(svg, "8,000 narrow frames"), 1);
	free(svg);
	call_tree_free(tree);
}

static void nothing_counted_is_said_so(void **state)
{
	char *svg = svg_of("# nothing\n", &plain);

	(void)state;
	assert_contains(svg, "no samples");
	assert_lacks(svg, "<script>");
	assert_contains(svg, "</svg>\n");
	free(svg);
	svg = svg_of("# nothing\n", &(struct picture){ .unit = "microseconds" });
	assert_contains(svg, "no time");
	assert_lacks(svg, "no samples");
	free(svg);
}

static void deep_trees_and_long_names_are_drawn(void **state)
{
	struct call_tree *deep = chain_tree(DEEP - 1);
	struct call_tree *deeper = chain_tree(CALL_TREE_DEPTH_MAX);
	struct call_tree *wide = long_name_tree('<', LONG_NAME);
	char *svg = drawn(svg_write, deep, &plain);

	(void)state;
	assert_int_equal(count_drawn(svg, "<rect x=\"0\""), DEEP);
	free(svg);
	svg = drawn(svg_write, deeper, &plain);
	assert_int_equal(count_drawn(svg, "<rect x=\"0\""), SVG_ROWS_MAX);
	free(svg);
	svg = drawn(svg_write, wide, &plain);
	assert_int_equal(count_drawn(svg, "&lt;..</text>"), 1);
	assert_true(count_of(svg, "&lt;") >= LONG_NAME);
	free(svg);
	call_tree_free(deep);
	call_tree_free(deeper);
	call_tree_free(wide);
}

static void the_largest_counts_do_not_overflow(void **state)
{
	char *svg = svg_of("a 18446744073709551614\nb 1\n", &plain);

	(void)state;
	assert_contains(svg, "a (18,446,744,073,709,551,614 samples, 100.00%)");
	assert_contains(svg, "<rect x=\"0\" y=\"-32\" width=\"1179.49\" height=\"15\"/>");
	free(svg);
}

static void a_full_disk_is_noticed(void **state)
{
	(void)state;
	assert_full_disk_is_noticed(svg_write);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_say_what_they_count),
		cmocka_unit_test(microseconds_are_shown_as_times),
		cmocka_unit_test(the_root_is_at_the_bottom_and_fills_the_width),
		cmocka_unit_test(names_are_cut_to_their_frame),
		cmocka_unit_test(words_around_the_picture_are_escaped),
		cmocka_unit_test(names_never_get_out_of_their_text),
		cmocka_unit_test(the_script_is_the_same_for_all_data),
		cmocka_unit_test(the_order_of_the_input_does_not_matter),
		cmocka_unit_test(narrow_frames_are_left_out_but_not_lost),
		cmocka_unit_test(crowded_pictures_leave_out_more),
		cmocka_unit_test(nothing_counted_is_said_so),
		cmocka_unit_test(deep_trees_and_long_names_are_drawn),
		cmocka_unit_test(the_largest_counts_do_not_overflow),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
