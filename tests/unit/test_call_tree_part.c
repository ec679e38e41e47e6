/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

static uint32_t node_called(const struct call_tree *tree, const char *name)
{
	for (uint32_t i = call_tree_next(tree, 0); i != CALL_TREE_NONE;
	     i = call_tree_next(tree, i)) {
		if (strcmp(call_tree_name(tree, call_tree_node(tree, i)->name_id), name) == 0)
			return i;
	}
	fail_msg("no frame is called %s", name);
	return CALL_TREE_NONE;
}

static int write_folded(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	(void)picture;
	return folded_write(tree, out);
}

static void check_part(const char *text, const char *name, const char *wanted)
{
	struct call_tree *tree = tree_of(text), *part;
	char *folded;

	assert_int_equal(call_tree_part(tree, node_called(tree, name), &part), 0);
	folded = drawn(write_folded, part, NULL);
	assert_string_equal(folded, wanted);
	assert_true(call_tree_node(part, 0)->total ==
		    call_tree_node(tree, node_called(tree, name))->total);
	free(folded);
	call_tree_free(part);
	call_tree_free(tree);
}

static void a_branch_is_a_tree_without_what_is_beside_it(void **state)
{
	static const char text[] = "0;a;b 3\n0;a;c_[k] 4\n1;a;b 5\n1;d 6\n2;z 7\n";

	(void)state;
	check_part(text, "0", "a;b 3\na;c_[k] 4\n");
	check_part(text, "1", "a;b 5\nd 6\n");
	check_part(text, "2", "z 7\n");
	check_part(text, "z", "[unknown] 7\n");
}

static void what_the_node_has_itself_is_the_roots(void **state)
{
	(void)state;
	check_part("x;y 1\nx 2\n", "x", "[unknown] 2\ny 1\n");
}

static void decimals_stay(void **state)
{
	(void)state;
	check_part("a;b 1.25\nc 1\n", "a", "b 1.25\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_branch_is_a_tree_without_what_is_beside_it),
		cmocka_unit_test(what_the_node_has_itself_is_the_roots),
		cmocka_unit_test(decimals_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
