/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree_merge.h"

#include "tests/unit/tree.h"

static int write_folded(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	(void)picture;
	return folded_write(tree, out);
}

/* Sorts the tree, and frees it. */
static void check_and_free(struct call_tree *tree, enum call_tree_order order, const char *expected)
{
	char *bytes;

	assert_int_equal(call_tree_sort_by(tree, order), 0);
	call_tree_check(tree);
	bytes = drawn(write_folded, tree, NULL);
	assert_string_equal(bytes, expected);
	free(bytes);
	call_tree_free(tree);
}

static void add_counts(const struct call_tree *from, struct call_tree *to)
{
	assert_int_equal(call_tree_merge(to, from), 0);
}

static void equal_stacks_become_one(void **state)
{
	struct call_tree *tree = tree_of("a;b 1\na 2\nz 3\n");
	struct call_tree *other = tree_of("a;b 10\na;b;c_[k] 20\nd 30\n");

	(void)state;
	add_counts(other, tree);
	call_tree_free(other);
	check_and_free(tree, CALL_TREE_BY_NAME, "a 2\na;b 11\na;b;c_[k] 20\nd 30\nz 3\n");
}

static void what_is_new_comes_behind_in_the_order_of_the_input(void **state)
{
	struct call_tree *tree = tree_of("m 1\nb 1\n");
	struct call_tree *other = new_tree();

	(void)state;
	(void)read_folded(other, "z 1\na 1\nb 1\n", strlen("z 1\na 1\nb 1\n"));
	add_counts(other, tree);
	call_tree_free(other);
	check_and_free(tree, CALL_TREE_BY_INPUT, "m 1\nb 2\nz 1\na 1\n");
}

static void decimals_of_both_are_kept(void **state)
{
	struct call_tree *tree = tree_of("a 1\n");
	struct call_tree *fine = tree_of("a 0.25\nb 2.5\n");
	struct call_tree *whole = tree_of("b 3\n");

	(void)state;
	add_counts(fine, tree);
	add_counts(whole, tree);
	call_tree_free(fine);
	call_tree_free(whole);
	check_and_free(tree, CALL_TREE_BY_NAME, "a 1.25\nb 5.5\n");
}

static void a_flame_chart_goes_on_in_time(void **state)
{
	struct call_tree *tree = new_tree(), *other = new_tree();

	(void)state;
	call_tree_keep_time(tree);
	call_tree_keep_time(other);
	(void)read_folded(tree, "b 1\na 2\na;x 1\n", strlen("b 1\na 2\na;x 1\n"));
	(void)read_folded(other, "a;x 4\na 1\nb 1\n", strlen("a;x 4\na 1\nb 1\n"));
	add_counts(other, tree);
	call_tree_free(other);
	check_and_free(tree, CALL_TREE_BY_NAME, "b 1\na 2\na;x 5\na 1\nb 1\n");
}

static void places_come_along(void **state)
{
	struct call_tree *tree = tree_of("other 1\n"), *placed = new_tree();
	const struct call_node *node;
	struct call_place place;

	(void)state;
	assert_int_equal(
		call_tree_add(placed,
			      FRAMES({ "f", .file = "a.c", .line = 12, .module = "lib.so" }), 1, 5),
		0);
	add_counts(placed, tree);
	call_tree_free(placed);
	node = call_tree_node(tree, 2);
	place = call_tree_place(tree, node->place_id);
	assert_string_equal(call_tree_name(tree, node->name_id), "f");
	assert_string_equal(call_tree_name(tree, place.file_id), "a.c");
	assert_string_equal(call_tree_name(tree, place.module_id), "lib.so");
	assert_int_equal(place.line, 12);
	call_tree_free(tree);
}

static void counts_can_be_those_before(void **state)
{
	struct call_tree *tree = tree_of("a 1\na;b 2\n"), *other = tree_of("a;b 5\nc 7\n");

	(void)state;
	assert_int_equal(call_tree_merge_before(tree, other), 0);
	call_tree_free(other);
	assert_int_equal(call_tree_node(tree, 0)->total, 3);
	assert_int_equal(call_tree_before(tree, 0).total, 12);
	check_and_free(tree, CALL_TREE_BY_NAME, "a 0 1\na;b 5 2\nc 7 0\n");
}

static void sums_beyond_64_bits_are_refused(void **state)
{
	struct call_tree *tree = tree_of("a 18446744073709551615\n"), *one = tree_of("b 1\n");
	struct call_tree *fine = tree_of("b 0.1\n");

	(void)state;
	assert_int_equal(call_tree_merge(tree, one), -EOVERFLOW);
	assert_int_equal(call_tree_merge(tree, fine), -EOVERFLOW);
	assert_int_equal(call_tree_merge_before(tree, one), 0);
	assert_int_equal(call_tree_node(tree, 0)->total, UINT64_MAX);
	call_tree_free(fine);
	call_tree_free(one);
	call_tree_free(tree);
}

static void a_product_is_exact(void **state)
{
	struct call_tree *tree = tree_of("a 1\na;b 3\n");

	(void)state;
	assert_int_equal(call_tree_multiply(tree, 25, 1), 0);
	assert_int_equal(call_tree_multiply(tree, 1, 9), -ERANGE);
	assert_int_equal(call_tree_multiply(tree, UINT64_MAX / 99, 0), -EOVERFLOW);
	check_and_free(tree, CALL_TREE_BY_NAME, "a 2.5\na;b 7.5\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_stacks_become_one),
		cmocka_unit_test(what_is_new_comes_behind_in_the_order_of_the_input),
		cmocka_unit_test(decimals_of_both_are_kept),
		cmocka_unit_test(a_flame_chart_goes_on_in_time),
		cmocka_unit_test(places_come_along),
		cmocka_unit_test(counts_can_be_those_before),
		cmocka_unit_test(sums_beyond_64_bits_are_refused),
		cmocka_unit_test(a_product_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
