/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree.h"

#include "tests/unit/tree.h"

static void add(struct call_tree *tree, const struct frame *frames, size_t n)
{
	assert_int_equal(call_tree_add(tree, frames, n, 1), 0);
}

/* "name kind file:line" of the node. */
static void describe(const struct call_tree *tree, uint32_t index, char *ret, size_t size)
{
	const struct call_node *node = call_tree_node(tree, index);
	struct call_place place = call_tree_place(tree, node->place_id);

	(void)snprintf(ret, size, "%s %d %s:%u", call_tree_name(tree, node->name_id), node->kind,
		       place.file_id == CALL_TREE_NONE ? "-" : call_tree_name(tree, place.file_id),
		       place.line);
}

static void assert_order(const struct call_tree *tree, const char *const *expected, size_t n)
{
	uint32_t index = 0;
	char text[64];

	for (size_t i = 0; i < n; i++) {
		index = call_tree_next(tree, index);
		assert_int_not_equal(index, CALL_TREE_NONE);
		describe(tree, index, text, sizeof(text));
		assert_string_equal(text, expected[i]);
	}
	assert_int_equal(call_tree_next(tree, index), CALL_TREE_NONE);
}

static void equal_names_are_ordered_by_kind_then_file_then_line(void **state)
{
	static const char *const expected[] = {
		"a 0 -:0",   "a 0 b.c:0",  "a 0 b.c:2", "a 0 b.c:10",
		"a 0 z.c:1", "a 2 a.c:99", "b 0 a.c:1", "b 0 b.c:1",
	};
	struct call_tree *tree = new_tree();

	(void)state;
	add(tree, FRAMES({ "b", .file = "b.c", .line = 1 }), 1);
	add(tree, FRAMES({ "a", .file = "z.c", .line = 1 }), 1);
	add(tree, FRAMES({ "a", .file = "b.c", .line = 10 }), 1);
	add(tree, FRAMES({ "b", .file = "a.c", .line = 1 }), 1);
	add(tree, FRAMES({ "a", .file = "a.c", .line = 99, .kind = FRAME_INLINED }), 1);
	add(tree, FRAMES({ .name = "a" }), 1);
	add(tree, FRAMES({ "a", .file = "b.c", .line = 2 }), 1);
	add(tree, FRAMES({ "a", .file = "b.c" }), 1);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(call_tree_sort(tree), 0);
		assert_order(tree, expected, sizeof(expected) / sizeof(*expected));
	}
	call_tree_free(tree);
}

static void what_came_first_does_not_matter(void **state)
{
	static const char *const expected[] = {
		"f 0 a.c:1", "g 0 a.c:5", "g 0 a.c:7", "f 0 a.c:2", "g 0 a.c:5", "g 0 a.c:7",
	};
	struct call_tree *trees[2] = { new_tree(), new_tree() };

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		for (uint32_t t = 0; t < 2; t++) {
			uint32_t k = t ? 3 - i : i;

			add(trees[t],
			    FRAMES({ "f", .file = "a.c", .line = 1 + k / 2 },
				   { "g", .file = "a.c", .line = k % 2 ? 7 : 5 }),
			    2);
		}
	}
	for (uint32_t t = 0; t < 2; t++) {
		assert_int_equal(call_tree_sort(trees[t]), 0);
		assert_order(trees[t], expected, sizeof(expected) / sizeof(*expected));
		call_tree_free(trees[t]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_names_are_ordered_by_kind_then_file_then_line),
		cmocka_unit_test(what_came_first_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
