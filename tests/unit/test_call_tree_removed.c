/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree_removed.h"

#include "flamegraph/differential.h"
#include "tests/unit/tree.h"

static struct call_tree *compared(const char *before, const char *after)
{
	struct call_tree *one = tree_of(before), *other = tree_of(after), *tree;

	assert_int_equal(differential_make(one, other, &tree), 0);
	call_tree_free(one);
	call_tree_free(other);
	return tree;
}

/* One node a line, in the order of the tree: its depth as blanks, its name, total/before. */
static int write_nodes(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	(void)picture;
	for (uint32_t i = call_tree_next(tree, 0); i != CALL_TREE_NONE;
	     i = call_tree_next(tree, i)) {
		const struct call_node *node = call_tree_node(tree, i);

		fprintf(out, "%*s%s %d/%d\n", (int)node->depth - 1, "",
			call_tree_name(tree, node->name_id), (int)node->total,
			(int)call_tree_before(tree, i).total);
	}
	return 0;
}

static void check_nodes(const struct call_tree *tree, const char *expected)
{
	char *bytes = drawn(write_nodes, tree, NULL);

	call_tree_check(tree);
	assert_string_equal(bytes, expected);
	free(bytes);
}

static void what_vanished_is_shown_with_its_callers(void **state)
{
	struct call_tree *tree = compared("a;b;c 10\na;b;d 5\na;e 1\nz;y 4\n", "a;b;d 7\na;b 1\n");
	uint32_t frame;

	(void)state;
	assert_int_equal(call_tree_removed(tree, CALL_TREE_BY_NAME), 0);
	check_nodes(tree, "a 8/16\n"
			  " b 8/15\n"
			  "  c 0/10\n"
			  "  d 7/5\n"
			  " e 0/1\n"
			  "z 0/4\n"
			  " y 0/4\n"
			  "[removed] 15/0\n"
			  " a 11/0\n"
			  "  b 10/0\n"
			  "   c 10/0\n"
			  "  e 1/0\n"
			  " z 4/0\n"
			  "  y 4/0\n");
	frame = call_tree_removed_node(tree);
	assert_int_equal(call_tree_node(tree, frame)->kind, FRAME_NOTE);
	assert_int_equal(call_tree_node(tree, frame)->total, 15);
	assert_int_equal(call_tree_node(tree, 0)->total, 23);
	assert_int_equal(call_tree_after(tree), 8);
	assert_int_equal(call_tree_before(tree, 0).total, 20);
	call_tree_free(tree);
}

static void it_is_last_in_every_order(void **state)
{
	static const enum call_tree_order orders[] = { CALL_TREE_BY_NAME, CALL_TREE_BY_VALUE,
						       CALL_TREE_BY_INPUT };

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct call_tree *tree = compared("~ 1\nz 900\n{ 1\n", "~ 1\n{ 1\nA 5\n");
		uint32_t last;

		assert_int_equal(call_tree_removed(tree, orders[i]), 0);
		last = call_tree_node(tree, 0)->first_child;
		while (call_tree_node(tree, last)->next_sibling != CALL_TREE_NONE)
			last = call_tree_node(tree, last)->next_sibling;
		assert_int_equal(last, call_tree_removed_node(tree));
		assert_int_equal(call_tree_node(tree, last)->total, 900);
		call_tree_free(tree);
	}
}

static void nothing_is_added_when_nothing_vanished(void **state)
{
	struct call_tree *tree = compared("a;b 1\na 5\n", "a;b 3\n");
	struct call_tree *plain = tree_of("b 1\na 1\n");

	(void)state;
	/* What a function did itself has vanished, but the function has not. */
	assert_int_equal(call_tree_removed(tree, CALL_TREE_BY_NAME), 0);
	check_nodes(tree, "a 3/6\n b 3/1\n");
	assert_int_equal(call_tree_removed_node(tree), CALL_TREE_NONE);
	assert_int_equal(call_tree_after(tree), 3);
	call_tree_free(tree);
	assert_int_equal(call_tree_removed(plain, CALL_TREE_BY_NAME), 0);
	check_nodes(plain, "a 1/0\nb 1/0\n");
	assert_int_equal(call_tree_removed_node(plain), CALL_TREE_NONE);
	call_tree_free(plain);
}

static void a_frame_of_that_name_is_not_ours(void **state)
{
	struct call_tree *tree = compared("[removed] 1\n", "[removed] 1\n");

	(void)state;
	assert_int_equal(call_tree_removed(tree, CALL_TREE_BY_NAME), 0);
	assert_int_equal(call_tree_removed_node(tree), CALL_TREE_NONE);
	call_tree_free(tree);
}

static void sums_beyond_64_bits_are_refused(void **state)
{
	struct call_tree *tree = compared("a 18446744073709551615\n", "b 18446744073709551615\n");

	(void)state;
	assert_int_equal(call_tree_removed(tree, CALL_TREE_BY_NAME), -EOVERFLOW);
	call_tree_free(tree);
}

static void long_chains_vanish_too(void **state)
{
	struct call_tree *before = chain_tree(20000), *after = tree_of("g 1\n"), *tree;

	(void)state;
	assert_int_equal(differential_make(before, after, &tree), 0);
	assert_int_equal(call_tree_removed(tree, CALL_TREE_BY_NAME), 0);
	call_tree_check(tree);
	assert_int_equal(call_tree_depth(tree), 20001);
	call_tree_free(before);
	call_tree_free(after);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_vanished_is_shown_with_its_callers),
		cmocka_unit_test(it_is_last_in_every_order),
		cmocka_unit_test(nothing_is_added_when_nothing_vanished),
		cmocka_unit_test(a_frame_of_that_name_is_not_ours),
		cmocka_unit_test(sums_beyond_64_bits_are_refused),
		cmocka_unit_test(long_chains_vanish_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
