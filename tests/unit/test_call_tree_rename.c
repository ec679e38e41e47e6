/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

/* "x..." becomes "[anon]", "y..." a JIT frame without its first letter. */
static bool rename_frame(void *context, struct frame *frame)
{
	uint64_t *count = context;

	if (frame->name[0] != 'x' && frame->name[0] != 'y')
		return false;
	if (frame->name[0] == 'y')
		frame->kind = FRAME_JIT;
	frame->name = frame->name[0] == 'x' ? "[anon]" : frame->name + 1;
	++*count;
	return true;
}

static char *folded_of(const struct call_tree *tree)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(folded_write(tree, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void check(const char *before, const char *after)
{
	struct call_tree *tree = new_tree();
	uint64_t total, count = 0;
	char *text;

	(void)read_folded(tree, before, strlen(before));
	total = call_tree_node(tree, 0)->total;
	assert_int_equal(call_tree_rename(&tree, rename_frame, &count), 0);
	assert_int_equal(call_tree_node(tree, 0)->total, total);
	assert_int_equal(call_tree_sort(tree), 0);
	text = folded_of(tree);
	assert_string_equal(text, after);
	free(text);
	call_tree_free(tree);
}

static void names_are_replaced_wherever_they_stand(void **state)
{
	(void)state;
	check("a;x1;b 3\na;b;y2 4\n", "a;[anon];b 3\na;b;2_[j] 4\n");
	check("x1 5\n", "[anon] 5\n");
	check("", "");
}

static void what_becomes_equal_is_one_node(void **state)
{
	(void)state;
	check("a;x1;b;c 1\na;x2;b;c 2\na;x3;b;d 4\na;x2 8\n",
	      "a;[anon] 8\na;[anon];b;c 3\na;[anon];b;d 4\n");
	check("a;yf_[j] 1\na;f_[j] 2\na;f 4\n", "a;f 4\na;f_[j] 3\n");
}

static void other_trees_stay_the_same(void **state)
{
	(void)state;
	check("a;b;c_[k] 1\na;b_[i] 2\na;b 3\n", "a;b 3\na;b;c_[k] 1\na;b_[i] 2\n");
}

static void places_are_kept(void **state)
{
	struct call_tree *tree = new_tree();
	const struct call_node *node;
	struct call_place place;
	uint64_t count = 0;

	(void)state;
	assert_int_equal(
		call_tree_add(tree,
			      FRAMES({ .name = "a", .file = "a.c", .line = 7, .module = "lib" },
				     { .name = "x1" }, { .name = "x2" }),
			      3, 5),
		0);
	assert_int_equal(call_tree_rename(&tree, rename_frame, &count), 0);
	assert_int_equal(count, 2);
	node = call_tree_node(tree, 1);
	place = call_tree_place(tree, node->place_id);
	assert_string_equal(call_tree_name(tree, node->name_id), "a");
	assert_string_equal(call_tree_name(tree, place.file_id), "a.c");
	assert_string_equal(call_tree_name(tree, place.module_id), "lib");
	assert_int_equal(place.line, 7);
	assert_int_equal(call_tree_node_count(tree), 4); /* recursion stays */
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_replaced_wherever_they_stand),
		cmocka_unit_test(what_becomes_equal_is_one_node),
		cmocka_unit_test(other_trees_stay_the_same),
		cmocka_unit_test(places_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
