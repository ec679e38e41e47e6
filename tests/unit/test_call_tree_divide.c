/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

#define NS_PER_US 1000

static struct call_tree *divided(const struct call_tree *tree, uint64_t divisor)
{
	struct call_tree *copy;

	assert_int_equal(call_tree_divide(tree, divisor, &copy), 0);
	return copy;
}

static char *folded_of(const struct call_tree *tree)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	assert_int_equal(folded_write(tree, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void check_totals(const struct call_tree *tree)
{
	for (uint32_t i = 0; i < call_tree_node_count(tree); i++) {
		const struct call_node *node = call_tree_node(tree, i);
		uint64_t sum = node->self;

		for (uint32_t child = node->first_child; child != CALL_TREE_NONE;
		     child = call_tree_node(tree, child)->next_sibling)
			sum += call_tree_node(tree, child)->total;
		assert_int_equal(node->total, sum);
	}
}

static void small_counts_add_up_to_the_whole(void **state)
{
	struct call_tree *tree = new_tree(), *copy;
	char name[16];

	(void)state;
	/* 10,000 times 0.4 us: cut or rounded one by one they would be nothing. */
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(name, sizeof(name), "f%04d", i);
		assert_int_equal(call_tree_add(tree, FRAMES({ .name = name }), 1, 400), 0);
	}
	assert_int_equal(call_tree_sort(tree), 0);
	copy = divided(tree, NS_PER_US);
	assert_int_equal(call_tree_node(copy, 0)->total, 4000);
	check_totals(copy);
	for (uint32_t i = 1; i < call_tree_node_count(copy); i++)
		assert_in_range(call_tree_node(copy, i)->self, 0, 1);
	call_tree_free(copy);
	call_tree_free(tree);
}

static void no_count_is_off_by_a_unit_and_the_sum_is_rounded(void **state)
{
	static const uint64_t counts[] = {
		1, 999, 1000, 1001, 1499, 500, 123456789, 7, 2500, 2499
	};
	struct call_tree *tree = new_tree(), *copy;
	char name[2] = "a";
	uint64_t sum = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]);
	     i++, name[0]++, sum += counts[i - 1])
		assert_int_equal(call_tree_add(tree, FRAMES({ .name = "p" }, { .name = name }), 2,
					       counts[i]),
				 0);
	assert_int_equal(call_tree_sort(tree), 0);
	copy = divided(tree, NS_PER_US);
	assert_int_equal(call_tree_node(copy, 0)->total, (sum + NS_PER_US / 2) / NS_PER_US);
	for (uint32_t i = 0; i < call_tree_node_count(tree); i++) {
		uint64_t before = call_tree_node(tree, i)->self;
		uint64_t after = call_tree_node(copy, i)->self;

		assert_true(after * NS_PER_US < before + NS_PER_US);
		assert_true((after + 1) * NS_PER_US > before);
	}
	call_tree_free(copy);
	call_tree_free(tree);
}

static void names_kinds_lines_and_the_order_stay(void **state)
{
	struct call_tree *tree = new_tree(), *copy;
	char *text;

	(void)state;
	assert_int_equal(
		call_tree_add(
			tree,
			FRAMES({ .name = "p", .kind = FRAME_PROCESS },
			       { .name = "z", .file = "src/z.c", .line = 7, .module = "libz.so" }),
			2, 3000),
		0);
	assert_int_equal(call_tree_add(tree,
				       FRAMES({ .name = "p", .kind = FRAME_PROCESS },
					      { .name = "a", .kind = FRAME_KERNEL }),
				       2, 5000),
			 0);
	assert_int_equal(call_tree_sort(tree), 0);
	copy = divided(tree, NS_PER_US);
	text = folded_of(copy);
	assert_string_equal(text, "p;a_[k] 5\np;z 3\n");
	free(text);
	for (uint32_t i = 1; i < call_tree_node_count(tree); i++) {
		const struct call_node *from = call_tree_node(tree, i),
				       *to = call_tree_node(copy, i);
		struct call_place place = call_tree_place(tree, from->place_id);
		struct call_place copied = call_tree_place(copy, to->place_id);

		assert_int_equal(from->kind, to->kind);
		assert_int_equal(from->depth, to->depth);
		assert_memory_equal(&place, &copied, sizeof(place));
		assert_string_equal(call_tree_name(tree, from->name_id),
				    call_tree_name(copy, to->name_id));
	}
	/* It can be added to, as any tree. */
	assert_int_equal(call_tree_add(copy,
				       FRAMES({ .name = "p", .kind = FRAME_PROCESS },
					      { .name = "a", .kind = FRAME_KERNEL }),
				       2, 1),
			 0);
	assert_int_equal(call_tree_node_count(copy), call_tree_node_count(tree));
	call_tree_free(copy);
	call_tree_free(tree);
}

static void the_largest_counts_do_not_overflow(void **state)
{
	struct call_tree *tree = tree_of("a 18446744073709551000\nb 615\n");
	struct call_tree *copy = divided(tree, NS_PER_US), *same = divided(tree, 1);

	(void)state;
	assert_int_equal(call_tree_node(copy, 0)->total, UINT64_MAX / NS_PER_US + 1);
	assert_int_equal(call_tree_node(same, 0)->total, UINT64_MAX);
	call_tree_free(same);
	call_tree_free(copy);
	call_tree_free(tree);
}

static void an_empty_tree_stays_one(void **state)
{
	struct call_tree *tree = new_tree(), *copy = divided(tree, NS_PER_US);

	(void)state;
	assert_int_equal(call_tree_node_count(copy), 1);
	assert_int_equal(call_tree_node(copy, 0)->total, 0);
	call_tree_free(copy);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_counts_add_up_to_the_whole),
		cmocka_unit_test(no_count_is_off_by_a_unit_and_the_sum_is_rounded),
		cmocka_unit_test(names_kinds_lines_and_the_order_stay),
		cmocka_unit_test(the_largest_counts_do_not_overflow),
		cmocka_unit_test(an_empty_tree_stays_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
