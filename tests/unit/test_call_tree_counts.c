/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree.h"

#include "tests/unit/tree.h"

static uint32_t reach(struct call_tree *tree, const char *outer, const char *inner)
{
	uint32_t node;

	assert_int_equal(
		call_tree_reach(tree, FRAMES({ .name = outer }, { .name = inner }), 2, &node), 0);
	return node;
}

static void counts_before_are_kept_beside_the_others(void **state)
{
	struct call_tree *tree = new_tree();
	uint32_t b = reach(tree, "a", "b"), c = reach(tree, "a", "c");

	(void)state;
	assert_false(call_tree_has_before(tree));
	assert_int_equal(call_tree_before(tree, b).total, 0);
	assert_int_equal(call_tree_count(tree, b, 10), 0);
	assert_int_equal(call_tree_count_before(tree, b, 3), 0);
	assert_int_equal(call_tree_count_before(tree, c, 4), 0);
	assert_int_equal(call_tree_count_before(tree, 1, 5), 0);
	assert_true(call_tree_has_before(tree));
	assert_int_equal(call_tree_before(tree, b).self, 3);
	assert_int_equal(call_tree_before(tree, 1).self, 5);
	assert_int_equal(call_tree_before(tree, 1).total, 12);
	assert_int_equal(call_tree_before(tree, 0).total, 12);
	assert_int_equal(call_tree_node(tree, 0)->total, 10);
	assert_int_equal(call_tree_node(tree, c)->total, 0);
	call_tree_check(tree);
	call_tree_free(tree);
}

/* Nodes that come later have them, too. */
static void counts_before_grow_with_the_tree(void **state)
{
	struct call_tree *tree = new_tree();
	char name[16];
	uint32_t node;

	(void)state;
	assert_int_equal(call_tree_count_before(tree, 0, 1), 0);
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "f%d", i);
		node = reach(tree, "a", name);
		assert_int_equal(call_tree_before(tree, node).total, 0);
		assert_int_equal(call_tree_count_before(tree, node, 2), 0);
	}
	assert_int_equal(call_tree_before(tree, 0).total, 10001);
	call_tree_check(tree);
	call_tree_free(tree);
}

static void the_sum_before_has_a_limit_of_its_own(void **state)
{
	struct call_tree *tree = new_tree();
	uint32_t node = reach(tree, "a", "b");

	(void)state;
	assert_int_equal(call_tree_count(tree, node, UINT64_MAX), 0);
	assert_int_equal(call_tree_count_before(tree, node, UINT64_MAX), 0);
	assert_int_equal(call_tree_count_before(tree, 1, 1), -EOVERFLOW);
	assert_int_equal(call_tree_before(tree, 1).self, 0);
	assert_int_equal(call_tree_before(tree, 0).total, UINT64_MAX);
	call_tree_check(tree);
	call_tree_free(tree);
}

static void more_decimals_multiply_what_was_counted(void **state)
{
	struct call_tree *tree = new_tree();
	uint32_t node = reach(tree, "a", "b");
	uint64_t units = 0;

	(void)state;
	assert_int_equal(call_tree_count(tree, node, 3), 0);
	assert_int_equal(call_tree_count_before(tree, node, 4), 0);
	assert_int_equal(call_tree_decimals(tree), 0);
	assert_int_equal(call_tree_set_decimals(tree, 2), 0);
	assert_int_equal(call_tree_set_decimals(tree, 2), 0);
	assert_int_equal(call_tree_decimals(tree), 2);
	assert_int_equal(call_tree_node(tree, node)->self, 300);
	assert_int_equal(call_tree_node(tree, 0)->total, 300);
	assert_int_equal(call_tree_before(tree, 0).total, 400);
	assert_int_equal(call_tree_units(tree, 7, &units), 0);
	assert_int_equal(units, 700);
	assert_int_equal(call_tree_units(tree, UINT64_MAX / 10, &units), -EOVERFLOW);
	assert_int_equal(units, 700);
	call_tree_check(tree);
	call_tree_free(tree);
}

static void decimals_that_do_not_fit_change_nothing(void **state)
{
	struct call_tree *tree = new_tree(), *other = new_tree();

	(void)state;
	assert_int_equal(call_tree_count(tree, 0, UINT64_MAX / 10 + 1), 0);
	assert_int_equal(call_tree_set_decimals(tree, 1), -EOVERFLOW);
	assert_int_equal(call_tree_decimals(tree), 0);
	assert_int_equal(call_tree_node(tree, 0)->self, UINT64_MAX / 10 + 1);
	assert_int_equal(call_tree_count(other, 0, 1), 0);
	assert_int_equal(call_tree_count_before(other, 0, UINT64_MAX / 10 + 1), 0);
	assert_int_equal(call_tree_set_decimals(other, 1), -EOVERFLOW);
	assert_int_equal(call_tree_node(other, 0)->self, 1);
	call_tree_free(other);
	call_tree_free(tree);
}

static bool rename_all(void *context, struct frame *frame)
{
	(void)context;
	frame->name = "x";
	return true;
}

static struct call_tree *tree_with_all(void)
{
	struct call_tree *tree = new_tree();
	uint32_t node;

	assert_int_equal(call_tree_set_decimals(tree, 3), 0);
	for (uint32_t line = 1; line <= 2; line++) {
		assert_int_equal(call_tree_reach(tree,
						 FRAMES({ .name = "a" },
							{ "b", "b.c", "b.so", line, FRAME_USER }),
						 2, &node),
				 0);
		assert_int_equal(call_tree_count_before(tree, node, 1000 * line), 0);
	}
	assert_int_equal(call_tree_count(tree, node, 5000), 0);
	assert_int_equal(call_tree_sort_by(tree, CALL_TREE_BY_VALUE), 0);
	return tree;
}

static void assert_has_all(struct call_tree *tree, uint64_t after, uint64_t before, size_t nodes)
{
	assert_int_equal(call_tree_decimals(tree), 3);
	assert_int_equal(call_tree_node(tree, 0)->total, after);
	assert_int_equal(call_tree_before(tree, 0).total, before);
	assert_int_equal(call_tree_node_count(tree), nodes);
	call_tree_check(tree);
	call_tree_free(tree);
}

static void trees_made_of_others_have_their_counts_before_and_decimals(void **state)
{
	struct call_tree *tree = tree_with_all(), *made = NULL;

	(void)state;
	assert_int_equal(call_tree_divide(tree, 1000, &made), 0);
	assert_has_all(made, 5, 3, 4);
	assert_int_equal(call_tree_merge_lines(tree, false, &made), 0);
	assert_int_equal(call_tree_before(made, 2).self, 3000);
	assert_has_all(made, 5000, 3000, 3);
	assert_int_equal(call_tree_merge_lines(tree, true, &made), 0);
	assert_has_all(made, 5000, 3000, 4);
	assert_int_equal(call_tree_rename(&tree, rename_all, NULL), 0);
	assert_has_all(tree, 5000, 3000, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_before_are_kept_beside_the_others),
		cmocka_unit_test(counts_before_grow_with_the_tree),
		cmocka_unit_test(the_sum_before_has_a_limit_of_its_own),
		cmocka_unit_test(more_decimals_multiply_what_was_counted),
		cmocka_unit_test(decimals_that_do_not_fit_change_nothing),
		cmocka_unit_test(trees_made_of_others_have_their_counts_before_and_decimals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
