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

/* "f;x" is later than "f.cold;x", but "f" alone, with a blank behind it, is earlier than both. */
static void names_are_ordered_as_in_sorted_lines(void **state)
{
	static const char *const expected[] = {
		"e 0 -:0",   "e.cold 0 -:0", "f(int) 0 -:0", "f.cold 0 -:0", "x 0 -:0",
		"f22 0 -:0", "f2 0 -:0",     "x 0 -:0",      "f:g 0 -:0",    "f 0 -:0",
		"x 0 -:0",   "x 1 -:0",      "f_ 0 -:0",
	};
	struct call_tree *tree = tree_of("f;x 1\nf.cold;x 1\nf2;x 1\nf22 1\nf_ 1\nf(int) 1\n"
					 "e 1\nf:g 1\ne.cold 1\nf;x_[k] 1\n");

	(void)state;
	assert_order(tree, expected, sizeof(expected) / sizeof(*expected));
	call_tree_free(tree);
}

/* Each name is the beginning of all that come later in the bytes' order, and has to go behind. */
static void names_that_begin_with_each_other_are_sorted_in_bounded_time(void **state)
{
	enum { NAMES = 3000 };
	struct call_tree *tree = new_tree();
	char name[NAMES + 1] = { 0 };
	uint32_t index;

	(void)state;
	for (int i = 0; i < NAMES; i++) {
		name[i] = '!';
		add(tree, FRAMES({ .name = name }, { .name = "x" }), 2);
	}
	assert_int_equal(call_tree_sort(tree), 0);
	index = call_tree_node(tree, 0)->first_child;
	for (int i = NAMES; i > 0; i--) {
		const struct call_node *node = call_tree_node(tree, index);

		assert_int_equal(strlen(call_tree_name(tree, node->name_id)), i);
		index = node->next_sibling;
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

static void siblings_can_be_in_the_order_of_their_value(void **state)
{
	static const char *const by_value[] = {
		"c 0 -:0", "z 0 -:0", "a 0 -:0", "b 0 -:0", "b 1 -:0",
	};
	static const char *const by_input[] = {
		"b 1 -:0", "b 0 -:0", "a 0 -:0", "c 0 -:0", "z 0 -:0",
	};
	struct call_tree *tree = new_tree();

	(void)state;
	add(tree, FRAMES({ .name = "b", .kind = FRAME_KERNEL }), 1);
	add(tree, FRAMES({ .name = "b" }), 1);
	add(tree, FRAMES({ .name = "a" }), 1);
	for (int i = 0; i < 3; i++)
		add(tree, FRAMES({ .name = "c" }, { .name = "z" }), 2);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(call_tree_sort_by(tree, CALL_TREE_BY_VALUE), 0);
		assert_order(tree, by_value, 5);
		assert_int_equal(call_tree_sort_by(tree, CALL_TREE_BY_INPUT), 0);
		assert_order(tree, by_input, 5);
		call_tree_check(tree);
	}
	call_tree_free(tree);
}

static void any_number_of_siblings_is_sorted(void **state)
{
	struct call_tree *tree = new_tree();
	char name[16], last[16] = "";
	uint32_t index = 0;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "%05u", i * 7919 % 10007);
		add(tree, FRAMES({ .name = name }), 1);
	}
	assert_int_equal(call_tree_sort(tree), 0);
	while ((index = call_tree_next(tree, index)) != CALL_TREE_NONE) {
		const char *this = call_tree_name(tree, call_tree_node(tree, index)->name_id);

		assert_true(strcmp(last, this) < 0);
		(void)snprintf(last, sizeof(last), "%s", this);
	}
	call_tree_check(tree);
	call_tree_free(tree);
}

/* "f " is before "f!", and "f;" behind it, whatever their lines are. */
static void leaves_come_before_callers_of_the_same_name(void **state)
{
	static const char *const expected[] = { "f 0 a.c:2", "f! 0 -:0", "f 0 a.c:1", "x 0 -:0" };
	struct call_tree *tree = new_tree();

	(void)state;
	add(tree, FRAMES({ "f", .file = "a.c", .line = 1 }, { .name = "x" }), 2);
	add(tree, FRAMES({ .name = "f!" }), 1);
	add(tree, FRAMES({ "f", .file = "a.c", .line = 2 }), 1);
	assert_int_equal(call_tree_sort(tree), 0);
	assert_order(tree, expected, sizeof(expected) / sizeof(*expected));
	call_tree_free(tree);
}

/* As a profile with lines may have them: all of the one name go behind all of the other. */
static void many_of_two_names_are_sorted_in_bounded_time(void **state)
{
	enum { LINES = 60000 };
	struct call_tree *tree = new_tree();
	uint32_t index;

	(void)state;
	for (uint32_t i = 1; i <= LINES; i++) {
		add(tree, FRAMES({ "f", .file = "a.c", .line = i }, { .name = "x" }), 2);
		add(tree, FRAMES({ "f!", .file = "a.c", .line = i }, { .name = "x" }), 2);
	}
	assert_int_equal(call_tree_sort(tree), 0);
	index = call_tree_node(tree, 0)->first_child;
	for (uint32_t i = 0; i < 2 * LINES; i++) {
		const struct call_node *node = call_tree_node(tree, index);

		assert_string_equal(call_tree_name(tree, node->name_id), i < LINES ? "f!" : "f");
		assert_int_equal(call_tree_place(tree, node->place_id).line, 1 + i % LINES);
		index = node->next_sibling;
	}
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_names_are_ordered_by_kind_then_file_then_line),
		cmocka_unit_test(names_are_ordered_as_in_sorted_lines),
		cmocka_unit_test(names_that_begin_with_each_other_are_sorted_in_bounded_time),
		cmocka_unit_test(what_came_first_does_not_matter),
		cmocka_unit_test(siblings_can_be_in_the_order_of_their_value),
		cmocka_unit_test(any_number_of_siblings_is_sorted),
		cmocka_unit_test(leaves_come_before_callers_of_the_same_name),
		cmocka_unit_test(many_of_two_names_are_sorted_in_bounded_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
