/* SPDX-License-Identifier: Apache-2.0 */
/* Flame charts: trees that keep the order in which stacks came. */
#include "flamegraph/call_tree.h"

#include "tests/unit/tree.h"

static struct call_tree *chart_of(const char *folded)
{
	struct call_tree *tree = new_tree();

	call_tree_keep_time(tree);
	(void)read_folded(tree, folded, strlen(folded));
	assert_int_equal(call_tree_sort(tree), 0);
	call_tree_check(tree);
	return tree;
}

/* "a(b:1 -:2)": names with what they have themselves, or with their children; "-" is a gap. */
static void describe(const struct call_tree *tree, uint32_t index, FILE *out)
{
	const struct call_node *node = call_tree_node(tree, index);

	if (index != 0)
		fputs(node->kind == FRAME_GAP ? "-" : call_tree_name(tree, node->name_id), out);
	if (node->first_child == CALL_TREE_NONE)
		fprintf(out, ":%d", (int)node->self);
	else
		putc('(', out);
	for (uint32_t i = node->first_child; i != CALL_TREE_NONE;
	     i = call_tree_node(tree, i)->next_sibling) {
		describe(tree, i, out);
		putc(call_tree_node(tree, i)->next_sibling == CALL_TREE_NONE ? ')' : ' ', out);
	}
}

static void assert_chart(const struct call_tree *tree, const char *expected)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	describe(tree, 0, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void stacks_stay_in_order_and_neighbours_merge(void **state)
{
	struct call_tree *tree = chart_of("b;x 1\nb;x 2\na;y 3\nb;x 4\nb;z 5\nb;x 6\n");

	(void)state;
	assert_true(call_tree_keeps_time(tree));
	assert_chart(tree, "(b(x:3) a(y:3) b(x:4 z:5 x:6))");
	for (int order = CALL_TREE_BY_NAME; order <= CALL_TREE_BY_INPUT; order++) {
		assert_int_equal(call_tree_sort_by(tree, order), 0);
		assert_chart(tree, "(b(x:3) a(y:3) b(x:4 z:5 x:6))");
	}
	call_tree_free(tree);
}

static void time_of_a_frame_itself_is_a_gap_among_its_callees(void **state)
{
	struct call_tree *tree = chart_of("a 1\na 2\na;b 4\na 8\na 16\na;b 32\na 64\n");

	(void)state;
	assert_chart(tree, "(a(-:3 b:4 -:24 b:32 -:64))");
	assert_int_equal(call_tree_node(tree, 1)->total, 127);
	call_tree_free(tree);
}

static void counts_before_go_into_gaps_as_well(void **state)
{
	struct call_tree *tree = new_tree();
	uint32_t a, b, gap;

	(void)state;
	call_tree_keep_time(tree);
	assert_int_equal(call_tree_reach(tree, FRAMES({ .name = "a" }), 1, &a), 0);
	assert_int_equal(call_tree_count_before(tree, a, 5), 0);
	assert_int_equal(call_tree_count(tree, a, 1), 0);
	assert_int_equal(call_tree_reach(tree, FRAMES({ .name = "a" }, { .name = "b" }), 2, &b), 0);
	assert_int_equal(call_tree_count(tree, b, 2), 0);
	assert_int_equal(call_tree_count_before(tree, a, 7), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	assert_chart(tree, "(a(-:1 b:2 -:0))");
	gap = call_tree_node(tree, a)->first_child;
	assert_int_equal(call_tree_before(tree, gap).self, 5);
	assert_int_equal(call_tree_before(tree, a).self, 0);
	assert_int_equal(call_tree_before(tree, a).total, 12);
	call_tree_check(tree);
	call_tree_free(tree);
}

static bool call_all_x(void *context, struct frame *frame)
{
	(void)context;
	if (frame->name[0] == 'y')
		frame->name = "x";
	return true;
}

static void renaming_merges_neighbours_only(void **state)
{
	struct call_tree *tree = chart_of("x 1\ny;b 2\nz 4\ny 8\nx;b 16\n");

	(void)state;
	assert_int_equal(call_tree_rename(&tree, call_all_x, NULL), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	assert_chart(tree, "(x(-:1 b:2) z:4 x(-:8 b:16))");
	call_tree_check(tree);
	call_tree_free(tree);
}

static void dividing_and_merging_lines_keep_time(void **state)
{
	struct call_tree *tree = new_tree(), *made;

	(void)state;
	call_tree_keep_time(tree);
	for (uint32_t line = 1; line <= 3; line++) {
		const struct frame frames[] = { { "a", "a.c", NULL, line, FRAME_USER },
						{ .name = line == 2 ? "c" : "b" } };

		assert_int_equal(call_tree_add(tree, frames, 1, 1000), 0);
		assert_int_equal(call_tree_add(tree, frames, 2, 2000), 0);
	}
	assert_int_equal(call_tree_sort(tree), 0);
	assert_chart(tree, "(a(-:1000 b:2000) a(-:1000 c:2000) a(-:1000 b:2000))");
	assert_int_equal(call_tree_divide(tree, 1000, &made), 0);
	assert_chart(made, "(a(-:1 b:2) a(-:1 c:2) a(-:1 b:2))");
	assert_true(call_tree_keeps_time(made));
	call_tree_free(made);
	assert_int_equal(call_tree_merge_lines(tree, false, &made), 0);
	assert_chart(made, "(a(-:1000 b:2000 -:1000 c:2000 -:1000 b:2000))");
	call_tree_free(made);
	call_tree_free(tree);
}

static void folded_stacks_of_a_chart_are_those_it_was_made_of(void **state)
{
	static const char folded[] = "a 1\na;b 2\na;b;c 4\na;b 8\na 16\nd 32\na;b 64\n";
	struct call_tree *tree = chart_of(folded);
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	assert_int_equal(folded_write(tree, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, folded);
	free(text);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_stay_in_order_and_neighbours_merge),
		cmocka_unit_test(time_of_a_frame_itself_is_a_gap_among_its_callees),
		cmocka_unit_test(counts_before_go_into_gaps_as_well),
		cmocka_unit_test(renaming_merges_neighbours_only),
		cmocka_unit_test(dividing_and_merging_lines_keep_time),
		cmocka_unit_test(folded_stacks_of_a_chart_are_those_it_was_made_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
