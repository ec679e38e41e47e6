/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree_prune.h"

#include "flamegraph/differential.h"
#include "tests/unit/tree.h"

static int write_folded(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	(void)picture;
	return folded_write(tree, out);
}

static void check_pruned(const struct call_tree *tree, size_t nodes_max, const char *wanted)
{
	struct call_tree *pruned;
	char *folded;

	assert_int_equal(call_tree_prune(tree, nodes_max, &pruned), 0);
	assert_non_null(pruned);
	assert_in_range(call_tree_node_count(pruned), 1, 2 * nodes_max);
	assert_true(call_tree_node(pruned, 0)->total == call_tree_node(tree, 0)->total);
	folded = drawn(write_folded, pruned, NULL);
	assert_string_equal(folded, wanted);
	free(folded);
	call_tree_free(pruned);
}

static void what_is_small_is_one_callee(void **state)
{
	struct call_tree *tree = tree_of("a;b 50\na;c 30\na;d 2\na;e;f 1\na 7\ng 3\n");

	(void)state;
	/* The root, a, b and c are larger than the fifth. */
	check_pruned(tree, 4,
		     "[too small to be sent] 3\na 7\na;[too small to be sent] 3\n"
		     "a;b 50\na;c 30\n");
	check_pruned(tree, 1, "[too small to be sent] 93\n");
	call_tree_free(tree);
}

static void equals_go_together(void **state)
{
	struct call_tree *tree = tree_of("a 5\nb 1\nc 1\nd 1\n");

	(void)state;
	check_pruned(tree, 3, "[too small to be sent] 3\na 5\n");
	call_tree_free(tree);
}

static void what_fits_stays(void **state)
{
	struct call_tree *tree = tree_of("a;b 50\nc 1\n"), *pruned;

	(void)state;
	assert_int_equal(call_tree_prune(tree, 4, &pruned), 0);
	assert_null(pruned);
	call_tree_free(tree);
}

static void both_sides_of_a_comparison_count(void **state)
{
	struct call_tree *before = tree_of("a 90\nb 1\nc 5\n"),
			 *after = tree_of("b 2\nc 60\nd 3\n");
	struct call_tree *tree;

	(void)state;
	assert_int_equal(differential_make(before, after, &tree), 0);
	check_pruned(tree, 3, "[too small to be sent] 1 5\na 90 0\nc 5 60\n");
	call_tree_free(tree);
	call_tree_free(before);
	call_tree_free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_small_is_one_callee),
		cmocka_unit_test(equals_go_together),
		cmocka_unit_test(what_fits_stays),
		cmocka_unit_test(both_sides_of_a_comparison_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
