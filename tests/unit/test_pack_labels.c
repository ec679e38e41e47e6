/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pack_labels.h"

#include "flamegraph/call_tree_parts.h"
#include "tests/unit/tree.h"

static void each_node_has_the_label_that_it_is(void **state)
{
	struct call_tree *tree = new_tree();
	struct pack_labels labels = { 0 };

	(void)state;
	/* One name of several kinds and places, among others. */
	for (uint32_t line = 1; line < 40; line++) {
		struct frame frame = { .name = line % 3 ? "f" : "g",
				       .file = "f.c",
				       .line = line % 7,
				       .kind = line % 2 ? FRAME_USER : FRAME_KERNEL };

		assert_int_equal(call_tree_add(tree, FRAMES({ .name = "root" }, frame), 2, line),
				 0);
	}
	assert_int_equal(pack_labels_make(tree, NULL, &labels), 0);
	for (uint32_t i = 1; i < call_tree_node_count(tree); i++) {
		const struct call_node *node = call_tree_node(tree, i);
		const struct pack_label *label = &labels.list[labels.of_node[i]];

		assert_int_equal(label->name_id, node->name_id);
		assert_int_equal(label->family, node->kind);
		assert_int_equal(label->place_id, node->place_id);
	}
	for (size_t i = 1; i < labels.count; i++)
		assert_true(labels.list[i - 1].count >= labels.list[i].count);
	pack_labels_done(&labels);
	call_tree_free(tree);
}

static void equal_labels_are_one(void **state)
{
	struct call_tree *tree = tree_of("a;b;a;b 1\nb;a 1\nc;a_[k];a 1\n");
	struct pack_labels labels = { 0 };

	(void)state;
	assert_int_equal(pack_labels_make(tree, NULL, &labels), 0);
	assert_int_equal(labels.count, 4); /* a, b, c, and a of the kernel */
	pack_labels_done(&labels);
	call_tree_free(tree);
}

static void families_that_are_given_come_before_kinds(void **state)
{
	struct call_tree *tree = tree_of("a;a 1\n");
	const uint8_t families[] = { 0, 5, 6 };
	struct pack_labels labels = { 0 };

	(void)state;
	assert_int_equal(pack_labels_make(tree, families, &labels), 0);
	assert_int_equal(labels.count, 2);
	assert_int_equal(labels.list[labels.of_node[1]].family, 5);
	assert_int_equal(labels.list[labels.of_node[2]].family, 6);
	pack_labels_done(&labels);
	call_tree_free(tree);
}

static void an_empty_tree_has_none(void **state)
{
	struct call_tree *tree = new_tree();
	struct pack_labels labels = { 0 };

	(void)state;
	assert_int_equal(pack_labels_make(tree, NULL, &labels), 0);
	assert_int_equal(labels.count, 0);
	pack_labels_done(&labels);
	call_tree_free(tree);
}

static void many_labels_of_long_names_are_ranked_in_bounded_time(void **state)
{
	enum { LENGTH = 1 << 20, LINES = 20000 };
	struct call_tree *tree = new_tree();
	struct pack_labels labels = { 0 };
	char *name = malloc(LENGTH + 1);
	uint32_t names[2], node;

	(void)state;
	assert_non_null(name);
	memset(name, 'n', LENGTH);
	name[LENGTH] = '\0';
	for (uint32_t i = 0; i < 2; i++) {
		name[LENGTH - 1] = (char)('a' + i);
		assert_int_equal(name_pool_intern(&tree->names, name, &names[i]), 0);
	}
	for (uint32_t i = 0; i < 2 * LINES; i++) {
		struct call_child child = { .name_id = names[i % 2], .module_id = CALL_TREE_NONE };

		assert_int_equal(pair_pool_intern(&tree->sites, names[0], i, &child.site_id), 0);
		assert_int_equal(call_tree_enter(tree, 0, &child, &node), 0);
		assert_int_equal(call_tree_count(tree, node, 1), 0);
	}
	assert_int_equal(pack_labels_make(tree, NULL, &labels), 0);
	assert_int_equal(labels.count, 2 * LINES);
	for (uint32_t i = 1; i < 2 * LINES; i++)
		assert_int_equal(labels.list[i].name_id, names[i >= LINES]);
	pack_labels_done(&labels);
	call_tree_free(tree);
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_node_has_the_label_that_it_is),
		cmocka_unit_test(equal_labels_are_one),
		cmocka_unit_test(families_that_are_given_come_before_kinds),
		cmocka_unit_test(an_empty_tree_has_none),
		cmocka_unit_test(many_labels_of_long_names_are_ranked_in_bounded_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
