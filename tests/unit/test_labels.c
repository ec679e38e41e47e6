/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/labels.h"

#include "tests/unit/tree.h"

static void each_pair_of_name_and_kind_has_one_number(void **state)
{
	struct call_tree *tree = tree_of("a;b;a 1\na;b_[k];c 1\n");
	static const char *const names[] = { "a", "b", "b", "c" };
	struct labels labels = { 0 };

	(void)state;
	assert_int_equal(labels_make(tree, &labels), 0);
	assert_int_equal(labels.count, 4);
	for (uint32_t i = call_tree_next(tree, 0); i != CALL_TREE_NONE;
	     i = call_tree_next(tree, i)) {
		const struct call_node *node = call_tree_node(tree, i);
		const struct label *label = &labels.list[labels_id(&labels, i)];

		assert_int_equal(label->name_id, node->name_id);
		assert_int_equal(label->kind, node->kind);
	}
	for (size_t i = 0; i < labels.count; i++)
		assert_string_equal(call_tree_name(tree, labels.list[i].name_id), names[i]);
	labels_done(&labels);
	call_tree_free(tree);
}

/* "" is the last of the names: nothing is behind what it has. */
static void gaps_of_a_flame_chart_have_none(void **state)
{
	struct call_tree *tree = new_tree();
	struct labels labels = { 0 };

	(void)state;
	call_tree_keep_time(tree);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }, { .name = "b" }), 2, 1), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }), 1, 1), 0);
	assert_int_equal(call_tree_node_count(tree), 4);
	assert_int_equal(labels_make(tree, &labels), 0);
	assert_int_equal(labels.count, 2);
	labels_done(&labels);
	call_tree_free(tree);
}

static void an_empty_tree_has_none(void **state)
{
	struct call_tree *tree = new_tree();
	struct labels labels = { 0 };

	(void)state;
	assert_int_equal(labels_make(tree, &labels), 0);
	assert_int_equal(labels.count, 0);
	labels_done(&labels);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pair_of_name_and_kind_has_one_number),
		cmocka_unit_test(gaps_of_a_flame_chart_have_none),
		cmocka_unit_test(an_empty_tree_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
