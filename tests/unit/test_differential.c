/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/differential.h"

#include "flamegraph/call_tree_removed.h"
#include "tests/unit/tree.h"

static int write_folded(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	(void)picture;
	return folded_write(tree, out);
}

static int write_normalized(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	(void)picture;
	return folded_write_normalized(tree, out);
}

static struct call_tree *compared(const char *before, const char *after)
{
	struct call_tree *one = tree_of(before), *other = tree_of(after), *tree;

	assert_int_equal(differential_make(one, other, &tree), 0);
	call_tree_check(tree);
	call_tree_free(one);
	call_tree_free(other);
	return tree;
}

static void check(const struct call_tree *tree,
		  int (*writer)(const struct call_tree *, const struct picture *, FILE *),
		  const char *expected)
{
	char *bytes = drawn(writer, tree, NULL);

	assert_string_equal(bytes, expected);
	free(bytes);
}

static void both_counts_are_in_one_tree(void **state)
{
	struct call_tree *tree = compared("a;b 10\na;c 20\nold 3\n", "a;b 15\nnew 4\na 1\n");

	(void)state;
	check(tree, write_folded, "a 0 1\na;b 10 15\na;c 20 0\nnew 0 4\nold 3 0\n");
	assert_int_equal(call_tree_node(tree, 0)->total, 20);
	assert_int_equal(call_tree_before(tree, 0).total, 33);
	call_tree_free(tree);
}

static void a_line_that_moved_is_no_change(void **state)
{
	struct call_tree *before = new_tree(), *after = new_tree(), *tree;

	(void)state;
	assert_int_equal(call_tree_add(before, FRAMES({ "f", .file = "a.c", .line = 1 }), 1, 5), 0);
	assert_int_equal(call_tree_add(after, FRAMES({ "f", .file = "a.c", .line = 2 }), 1, 6), 0);
	assert_int_equal(differential_make(before, after, &tree), 0);
	check(tree, write_folded, "f 5 6\n");
	call_tree_free(before);
	call_tree_free(after);
	call_tree_free(tree);
}

static void normalized_totals_are_equal(void **state)
{
	struct call_tree *tree = compared("a;b 1\na;c 1\na;d 1\n", "a;b 5\na;d 5\n");

	(void)state;
	differential_normalize(tree, true);
	call_tree_check(tree);
	assert_int_equal(call_tree_before(tree, 0).total, 10);
	/* Sums up to each: 3.33, 6.67, 10. */
	check(tree, write_folded, "a;b 3 5\na;c 4 0\na;d 3 5\n");
	call_tree_free(tree);
}

static void a_subtree_is_never_off_by_a_unit(void **state)
{
	char before[4096] = "";
	struct call_tree *tree;
	uint32_t node;

	(void)state;
	for (int i = 0; i < 100; i++) {
		size_t length = strlen(before);

		(void)snprintf(before + length, sizeof(before) - length, "a;b%02d 7\n", i);
	}
	(void)snprintf(before + strlen(before), 32, "z 300\n");
	tree = compared(before, "z 1234\n");
	differential_normalize(tree, true);
	node = call_tree_node(tree, 0)->first_child;
	/* 700 of 1000 are 863.8 of 1234. */
	assert_int_equal(call_tree_before(tree, node).total, 864);
	for (node = call_tree_node(tree, node)->first_child; node != CALL_TREE_NONE;
	     node = call_tree_node(tree, node)->next_sibling)
		assert_in_range(call_tree_before(tree, node).self, 8, 9); /* 8.638 */
	call_tree_free(tree);
}

static void what_was_counted_before_is_not_lost_when_there_is_less_after(void **state)
{
	struct call_tree *tree = compared("a 998\nb 1\nc 1\n", "a 9\nb 1\n");
	uint32_t last;

	(void)state;
	differential_normalize(tree, true);
	call_tree_check(tree);
	assert_int_equal(call_tree_decimals(tree), 2);
	check(tree, write_folded, "a 9.98 9\nb 0.01 1\nc 0.01 0\n");
	call_tree_free(tree);
	tree = compared("a 998\nb 1\nc 1\n", "a 9\nb 1\n");
	differential_normalize(tree, false);
	assert_int_equal(call_tree_decimals(tree), 0);
	last = call_tree_node(tree, 0)->first_child;
	assert_int_equal(call_tree_before(tree, last).total, 10);
	call_tree_free(tree);
}

static void the_largest_counts_do_not_overflow(void **state)
{
	struct call_tree *tree =
		compared("a 18446744073709551614\nb 1\n", "a 18446744073709551615\n");

	(void)state;
	differential_normalize(tree, true);
	call_tree_check(tree);
	assert_int_equal(call_tree_before(tree, 0).total, UINT64_MAX);
	call_tree_free(tree);
	tree = compared("a 18446744073709551615\n", "a 1\n");
	differential_normalize(tree, true);
	assert_int_equal(call_tree_before(tree, 0).total, call_tree_node(tree, 0)->total);
	call_tree_free(tree);
}

static void two_columns_are_scaled_as_difffolded_does(void **state)
{
	struct call_tree *tree = compared("a 7\nb 2\nc 1\n", "a 2\nd 3\n");

	(void)state;
	/* 7 * 5 / 10 is 3.5, and cut; what becomes 0 on both sides is a line all the same. */
	check(tree, write_normalized, "a 3 2\nb 1 0\nc 0 0\nd 0 3\n");
	check(tree, write_folded, "a 7 2\nb 2 0\nc 1 0\nd 0 3\n");
	call_tree_free(tree);
	tree = compared("a 1.5\nb 1\n", "a 2.5\n");
	check(tree, write_folded, "a 1.5 2.5\nb 1 0\n");
	call_tree_free(tree);
	tree = compared("a 1.5\nb 1\n", "a 5\n");
	check(tree, write_normalized, "a 3 5\nb 2 0\n");
	call_tree_free(tree);
}

static void no_input_has_the_frame_of_what_was_removed(void **state)
{
	struct frame note = { .name = CALL_TREE_REMOVED, .kind = FRAME_NOTE };
	struct call_tree *before = tree_of("gone 3\n[removed] 1\n");
	struct call_tree *after = tree_of("[removed] 2\n"), *tree;

	(void)state;
	assert_int_equal(call_tree_add(before, &note, 1, 5), 0);
	assert_int_equal(call_tree_add(after, &note, 1, 7), 0);
	assert_int_equal(differential_make(before, after, &tree), 0);
	assert_int_equal(call_tree_removed_node(tree), CALL_TREE_NONE);
	check(tree, write_folded, "[removed] 6 9\ngone 3 0\n");
	assert_int_equal(call_tree_removed(tree, CALL_TREE_BY_NAME), 0);
	call_tree_check(tree);
	assert_int_equal(call_tree_after(tree), 9);
	assert_int_equal(call_tree_node(tree, call_tree_removed_node(tree))->total, 3);
	call_tree_free(before);
	call_tree_free(after);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_counts_are_in_one_tree),
		cmocka_unit_test(a_line_that_moved_is_no_change),
		cmocka_unit_test(normalized_totals_are_equal),
		cmocka_unit_test(a_subtree_is_never_off_by_a_unit),
		cmocka_unit_test(what_was_counted_before_is_not_lost_when_there_is_less_after),
		cmocka_unit_test(the_largest_counts_do_not_overflow),
		cmocka_unit_test(two_columns_are_scaled_as_difffolded_does),
		cmocka_unit_test(no_input_has_the_frame_of_what_was_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
