/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree.h"

#include "tests/unit/tree.h"

#define DEEP          20000
#define RANDOM_STACKS 5000
#define NAMES         5

#define AT(name, file, line)                                                                       \
	{                                                                                          \
		name, file, NULL, line, FRAME_USER                                                 \
	}

static void add(struct call_tree *tree, const struct frame *frames, size_t n, uint64_t count)
{
	assert_int_equal(call_tree_add(tree, frames, n, count), 0);
}

/* The merged tree; the one it was made of is freed. */
static struct call_tree *merged(struct call_tree *tree, bool name_lines)
{
	struct call_tree *ret = NULL;

	assert_int_equal(call_tree_merge_lines(tree, name_lines, &ret), 0);
	assert_non_null(ret);
	call_tree_free(tree);
	return ret;
}

static int write_folded(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	(void)picture;
	return folded_write(tree, out);
}

static void assert_folded(const struct call_tree *tree, const char *expected)
{
	char *text = drawn(write_folded, tree, NULL);

	assert_string_equal(text, expected);
	free(text);
}

/* Also that siblings differ by name or kind. */
static void assert_whole(const struct call_tree *tree)
{
	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(tree, i)) {
		const struct call_node *node = call_tree_node(tree, i);
		uint64_t sum = node->self;
		uint32_t child = node->first_child;

		while (child != CALL_TREE_NONE) {
			const struct call_node *this = call_tree_node(tree, child);
			const struct call_node *next = this;

			sum += this->total;
			child = this->next_sibling;
			if (child != CALL_TREE_NONE)
				next = call_tree_node(tree, child);
			assert_true(next == this || next->name_id != this->name_id ||
				    next->kind != this->kind);
		}
		assert_true(node->total == sum);
	}
	call_tree_check(tree);
}

static struct call_tree *two_lines_of_main(void)
{
	struct call_tree *tree = new_tree();

	add(tree, FRAMES({ .name = "p" }, AT("main", "/src/a.c", 3), AT("f", "/src/b.c", 1)), 3, 5);
	add(tree, FRAMES({ .name = "p" }, AT("main", "/src/a.c", 7), AT("f", "/src/b.c", 1)), 3, 6);
	add(tree, FRAMES({ .name = "p" }, AT("main", "/src/a.c", 7), AT("e", NULL, 0)), 3, 1);
	add(tree, FRAMES({ .name = "p" }, AT("main", "/src/a.c", 9)), 2, 100);
	add(tree,
	    FRAMES({ .name = "p" }, AT("main", "/src/a.c", 9),
		   { "f", "c.h", "lib.so", 2, FRAME_INLINED }),
	    3, 40);
	return tree;
}

static void nodes_that_differ_in_lines_only_become_one(void **state)
{
	struct call_tree *tree = merged(two_lines_of_main(), false);

	(void)state;
	assert_folded(tree, "p;main 100\np;main;e 1\np;main;f 11\np;main;f_[i] 40\n");
	assert_int_equal(call_tree_node_count(tree), 6);
	assert_int_equal(call_tree_depth(tree), 3);
	assert_true(call_tree_node(tree, 0)->total == 152);
	assert_whole(tree);
	call_tree_free(tree);
}

static void lines_go_behind_names_without_the_directory(void **state)
{
	struct call_tree *tree = merged(two_lines_of_main(), true);

	(void)state;
	assert_folded(tree, "p;main (a.c:3);f (b.c:1) 5\n"
			    "p;main (a.c:7);e 1\n"
			    "p;main (a.c:7);f (b.c:1) 6\n"
			    "p;main (a.c:9) 100\n"
			    "p;main (a.c:9);f (c.h:2)_[i] 40\n");
	assert_whole(tree);
	call_tree_free(tree);
}

static void a_file_without_a_line_is_not_named(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	add(tree, FRAMES({ "f", .file = "a.c" }), 1, 1);
	add(tree, FRAMES({ .name = "f" }), 1, 2);
	tree = merged(tree, true);
	assert_folded(tree, "f 3\n");
	call_tree_free(tree);
}

/* Once they have the same parent, children that never were siblings are. */
static void children_merge_below_parents_that_merged(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	for (uint32_t line = 1; line <= 9; line++) {
		add(tree, FRAMES(AT("a", "a.c", line), AT("b", "a.c", 10 - line), { .name = "c" }),
		    3, line);
		add(tree, FRAMES(AT("a", "a.c", line), { .name = line % 2 ? "z" : "A" }), 2, 1);
	}
	tree = merged(tree, false);
	assert_folded(tree, "a;A 4\na;b;c 45\na;z 5\n");
	assert_int_equal(call_tree_node_count(tree), 6);
	assert_whole(tree);
	call_tree_free(tree);
}

static void without_lines_there_is_nothing_to_make(void **state)
{
	struct call_tree *tree = tree_of("a;b 1\na;c_[k] 2\n");
	struct call_tree *other = tree; /* anything but NULL */

	(void)state;
	add(tree, FRAMES({ "d", .module = "lib.so" }), 1, 1);
	assert_int_equal(call_tree_merge_lines(tree, false, &other), 0);
	assert_null(other);
	other = tree;
	assert_int_equal(call_tree_merge_lines(tree, true, &other), 0);
	assert_null(other);
	call_tree_free(tree);
}

static void what_was_never_counted_is_left_out(void **state)
{
	struct call_tree *tree = new_tree();
	uint32_t node;

	(void)state;
	assert_int_equal(
		call_tree_reach(tree, FRAMES(AT("a", "a.c", 1), AT("ghost", "a.c", 2)), 2, &node),
		0);
	add(tree, FRAMES(AT("a", "a.c", 1)), 1, 1);
	add(tree, NULL, 0, 3); /* and what is counted for the root is not */
	tree = merged(tree, false);
	assert_int_equal(call_tree_node_count(tree), 2);
	assert_true(call_tree_node(tree, 0)->self == 3);
	assert_whole(tree);
	call_tree_free(tree);
}

static void the_largest_counts_are_kept(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	add(tree, FRAMES(AT("a", "a.c", 1)), 1, UINT64_MAX - 1);
	add(tree, FRAMES(AT("a", "a.c", 2)), 1, 1);
	tree = merged(tree, false);
	assert_folded(tree, "a 18446744073709551615\n");
	assert_whole(tree);
	call_tree_free(tree);
}

static void deep_stacks_merge(void **state)
{
	struct call_tree *tree = new_tree();
	struct frame *frames = calloc(DEEP, sizeof(*frames));

	(void)state;
	assert_non_null(frames);
	for (uint32_t line = 1; line <= 3; line++) {
		for (size_t i = 0; i < DEEP; i++)
			frames[i] = (struct frame)AT("f", "a.c", line);
		add(tree, frames, DEEP, line);
	}
	tree = merged(tree, false);
	assert_int_equal(call_tree_node_count(tree), DEEP + 1);
	assert_whole(tree);
	free(frames);
	call_tree_free(tree);
}

/* Ties go to the first in order: the lines are sorted. */
static void a_merged_node_has_the_place_of_its_largest(void **state)
{
	struct call_tree *tree = new_tree(), *again;
	struct call_place place;

	(void)state;
	add(tree, FRAMES(AT("a", "a.c", 1)), 1, 5);
	add(tree, FRAMES({ "a", "b.c", "b.so", 2, FRAME_USER }), 1, 7);
	add(tree, FRAMES(AT("a", "c.c", 3)), 1, 7);
	add(tree, FRAMES({ .name = "a" }), 1, 1);
	assert_int_equal(call_tree_sort(tree), 0);
	tree = merged(tree, false);
	assert_int_equal(call_tree_node_count(tree), 2);
	place = call_tree_place(tree, call_tree_node(tree, 1)->place_id);
	assert_string_equal(call_tree_name(tree, place.file_id), "b.c");
	assert_string_equal(call_tree_name(tree, place.module_id), "b.so");
	assert_int_equal(place.line, 2);
	/* It is told, and makes no difference. */
	add(tree, FRAMES(AT("a", "d.c", 9)), 1, 100);
	add(tree, FRAMES({ .name = "a" }), 1, 100);
	assert_int_equal(call_tree_node_count(tree), 2);
	assert_int_equal(call_tree_divide(tree, 10, &again), 0);
	add(again, FRAMES({ .name = "a" }), 1, 100);
	assert_int_equal(call_tree_node_count(again), 2);
	assert_int_equal(call_tree_place(again, call_tree_node(again, 1)->place_id).line, 2);
	call_tree_free(again);
	call_tree_free(tree);
}

static void a_merged_tree_is_in_the_order_of_the_one_before(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	add(tree, FRAMES(AT("a", "a.c", 1)), 1, 5);
	add(tree, FRAMES(AT("b", "b.c", 2)), 1, 7);
	assert_int_equal(call_tree_sort_by(tree, CALL_TREE_BY_VALUE), 0);
	tree = merged(tree, false);
	assert_folded(tree, "b 7\na 5\n");
	call_tree_free(tree);
}

/* The tree that would have come without lines is the one that merging makes. */
static void merging_is_the_same_as_having_had_no_lines(void **state)
{
	static const char *const names[NAMES] = { "a", "b", "c", "d", "e" };
	struct call_tree *tree = new_tree(), *plain = new_tree();
	uint64_t random = 42;
	char *expected;

	(void)state;
	for (int i = 0; i < RANDOM_STACKS; i++) {
		struct frame frames[12], bare[12];
		size_t n = (random >> 60) % 12;

		for (size_t k = 0; k < n; k++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			bare[k] = (struct frame){ .name = names[(random >> 33) % NAMES],
						  .kind = (random >> 50) % FRAME_KIND_COUNT };
			frames[k] = bare[k];
			frames[k].file = (random >> 40) % 3 ? names[(random >> 42) % NAMES] : NULL;
			frames[k].line = frames[k].file ? (random >> 55) % 4 : 0;
		}
		random = random * 6364136223846793005u + 1442695040888963407u;
		add(tree, frames, n, random >> 50);
		add(plain, bare, n, random >> 50);
	}
	assert_int_equal(call_tree_sort(plain), 0);
	expected = drawn(write_folded, plain, NULL);
	tree = merged(tree, false);
	assert_folded(tree, expected);
	assert_whole(tree);
	free(expected);
	call_tree_free(plain);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_that_differ_in_lines_only_become_one),
		cmocka_unit_test(lines_go_behind_names_without_the_directory),
		cmocka_unit_test(a_file_without_a_line_is_not_named),
		cmocka_unit_test(children_merge_below_parents_that_merged),
		cmocka_unit_test(without_lines_there_is_nothing_to_make),
		cmocka_unit_test(what_was_never_counted_is_left_out),
		cmocka_unit_test(the_largest_counts_are_kept),
		cmocka_unit_test(deep_stacks_merge),
		cmocka_unit_test(a_merged_node_has_the_place_of_its_largest),
		cmocka_unit_test(a_merged_tree_is_in_the_order_of_the_one_before),
		cmocka_unit_test(merging_is_the_same_as_having_had_no_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
