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
	assert_contains(svg, "<g transform=\"translate(10,68)\">\n"
			     "<rect class=\"n0\" x=\"0\" width=\"400\" height=\"15\">"
			     "<title>all (4 us, 100%)</title></rect>");
	assert_contains(svg, "translate(10,36)");
	assert_contains(svg, " x=\"0\" width=\"100\" height=\"15\"><title>b (1 us");
	assert_contains(svg, " x=\"100\" width=\"300\" height=\"15\"><title>c (3 us");
	free(svg);
}

static void an_icicle_graph_has_the_root_at_the_top(void **state)
{
	struct picture picture = { .is_inverted = true };
	char *svg = svg_of("a;b 1\n", &picture);

	(void)state;
	assert_contains(svg, "translate(10,36)\">\n<rect class=\"n0\"");
	assert_contains(svg, "<title>Icicle Graph</title>");
	assert_contains(svg, " data-inverted=\"1\"");
	free(svg);
}

/* Where tools that sort lines have it. */
static void what_a_frame_has_itself_is_left_of_its_callees(void **state)
{
	char *svg = svg_of("a 590\na;b 590\n", &plain);

	(void)state;
	assert_contains(svg,
			" x=\"590\" width=\"590\" height=\"15\"><title>b (590 samples, 50.00%)");
	free(svg);
}

static void rows_and_letters_are_as_high_as_asked_for(void **state)
{
	struct picture picture = { .frame_height = 30, .font_size = 24, .width = 420 };
	struct picture flat = { .frame_height = 8 };
	char *svg = svg_of("abcdefghijklmnopqrstuvwxyz_and_more 1\n", &picture);

	(void)state;
	assert_contains(svg, " font-size=\"24\"");
	assert_contains(svg, "height=\"29\"><title>all");
	/* 400 px hold 27 glyphs of 14.4 px. */
	assert_contains(svg, "y=\"23\">abcdefghijklmnopqrstuvwxy..</text>");
	free(svg);
	svg = svg_of("abc 1\n", &flat);
	assert_int_equal(count_drawn(svg, ">abc</text>"), 0);
	assert_contains(svg, "height=\"7\"><title>abc (");
	free(svg);
}

static void lengths_out_of_all_bounds_are_drawn_within_them(void **state)
{
	struct picture large = { .width = UINT32_MAX,
				 .frame_height = UINT32_MAX,
				 .font_size = UINT32_MAX };
	struct picture small = { .width = 1, .frame_height = 1, .font_size = 1 };
	char *svg = svg_of("a 1\n", &large);

	(void)state;
	assert_contains(svg, " width=\"100000\" ");
	assert_contains(svg, " height=\"199\"><title>a");
	free(svg);
	svg = svg_of("a 1\n", &small);
	assert_contains(svg, " width=\"100\" ");
	free(svg);
}

static void decimals_are_counted_exactly(void **state)
{
	char *svg = svg_of("a;b 1.25\na;c 1000.5\n", &plain);

	(void)state;
	assert_contains(svg, "<title>all (1,001.75 samples, 100%)</title>");
	assert_contains(svg, "<title>c (1,000.5 samples, 99.88%)</title>");
	assert_contains(svg, " data-decimals=\"2\"");
	free(svg);
}

static void the_script_is_told_what_was_asked_for(void **state)
{
	struct picture picture = { .nametype = "<Method>",
				   .colours = PALETTE_JAVA,
				   .is_reversed = true,
				   .is_chart = true,
				   .period_ns = 10101010,
				   .min_width = { PICTURE_LIMIT_SHARE, 250 } };
	char *svg = svg_of("a 1\n", &picture);

	(void)state;
	assert_contains(svg, " data-nametype=\"&lt;Method&gt;\"");
	assert_contains(svg, " data-colors=\"java\"");
	assert_contains(svg, " data-min-width=\"0.25%\"");
	assert_contains(svg, " data-period-ns=\"10101010\"");
	assert_contains(svg, " data-reversed=\"1\" data-chart=\"1\"");
	assert_contains(svg, "<title>Flame Chart</title>");
	assert_lacks(svg, " data-width=");
	assert_lacks(svg, " data-inverted=");
	assert_lacks(svg, " data-before=");
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
	assert_int_equal(count_drawn(svg, "onload"), 0);
	assert_int_equal(count_drawn(svg, "onclick"), 0);
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
	*strstr(first, "<metadata") = '\0';
	*strstr(second, "<metadata") = '\0';
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

static void as_narrow_frames_are_drawn_as_are_asked_for(void **state)
{
	const char *folded = "a 1000000\nb 100\nc 50\nd 10\n";
	struct picture all = { .min_width = { PICTURE_LIMIT_PIXELS, 0 } };
	struct picture pixels = { .min_width = { PICTURE_LIMIT_PIXELS, 50 } };
	struct picture share = { .min_width = { PICTURE_LIMIT_SHARE, 9 } };
	char *svg = svg_of(folded, &all);

	(void)state;
	assert_int_equal(count_drawn(svg, "<rect class=\"u"), 4);
	free(svg);
	svg = svg_of(folded, &pixels);
	assert_int_equal(count_drawn(svg, "<rect class=\"u"), 3);
	assert_contains(svg, " data-min-width=\"0.05\"");
	free(svg);
	svg = svg_of(folded, &share);
	assert_int_equal(count_drawn(svg, "<rect class=\"u"), 2);
	free(svg);
}

/* Gaps keep their room, and only those that can be seen part a block. */
static void time_between_the_frames_of_a_chart_is_not_drawn(void **state)
{
	struct picture picture = { .is_chart = true };
	struct call_tree *tree = new_tree();
	char *svg;

	(void)state;
	call_tree_keep_time(tree);
	(void)read_folded(tree, "a;b 295\na 590\na;c 295\n", strlen("a;b 295\na 590\na;c 295\n"));
	assert_int_equal(call_tree_sort(tree), 0);
	svg = drawn(svg_write, tree, &picture);
	assert_int_equal(count_drawn(svg, "<title>") - 1, 4);
	assert_contains(svg, " x=\"0\" width=\"295\" height=\"15\"><title>b (295 samples");
	assert_contains(svg, " x=\"885\" width=\"295\" height=\"15\"><title>c (295 samples");
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
	n = count_drawn(svg, "<rect class=\"u");
	assert_in_range(n, 1, 5000);
	assert_int_equal(count_drawn(svg, "8,000 narrow frames"), 1);
	free(svg);
	call_tree_free(tree);
}

static void nothing_counted_is_said_so(void **state)
{
	char *svg = svg_of("# nothing\n", &plain);

	(void)state;
	assert_contains(svg, "Nothing was counted: no samples<");
	assert_lacks(svg, "<script>");
	assert_contains(svg, "</svg>\n");
	free(svg);
	svg = svg_of("# nothing\n", &(struct picture){ .unit = "microseconds" });
	assert_contains(svg, "Nothing was counted: no time<");
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
	assert_int_equal(count_drawn(svg, " x=\"0\" width=\"1180\""), DEEP);
	free(svg);
	svg = drawn(svg_write, deeper, &plain);
	assert_int_equal(count_drawn(svg, " x=\"0\" width=\"1180\""), SVG_ROWS_MAX);
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
	assert_int_equal(count_drawn(svg, " x=\"0\" width=\"1180\" height=\"15\""), 2);
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
		cmocka_unit_test(an_icicle_graph_has_the_root_at_the_top),
		cmocka_unit_test(what_a_frame_has_itself_is_left_of_its_callees),
		cmocka_unit_test(rows_and_letters_are_as_high_as_asked_for),
		cmocka_unit_test(lengths_out_of_all_bounds_are_drawn_within_them),
		cmocka_unit_test(decimals_are_counted_exactly),
		cmocka_unit_test(the_script_is_told_what_was_asked_for),
		cmocka_unit_test(names_are_cut_to_their_frame),
		cmocka_unit_test(words_around_the_picture_are_escaped),
		cmocka_unit_test(names_never_get_out_of_their_text),
		cmocka_unit_test(the_script_is_the_same_for_all_data),
		cmocka_unit_test(the_order_of_the_input_does_not_matter),
		cmocka_unit_test(narrow_frames_are_left_out_but_not_lost),
		cmocka_unit_test(as_narrow_frames_are_drawn_as_are_asked_for),
		cmocka_unit_test(time_between_the_frames_of_a_chart_is_not_drawn),
		cmocka_unit_test(crowded_pictures_leave_out_more),
		cmocka_unit_test(nothing_counted_is_said_so),
		cmocka_unit_test(deep_trees_and_long_names_are_drawn),
		cmocka_unit_test(the_largest_counts_do_not_overflow),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
