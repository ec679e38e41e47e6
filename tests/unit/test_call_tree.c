/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree.h"

#include "tests/unit/tree.h"

#define DEEP          20000
#define RANDOM_STACKS 5000

/* The child's index, which must exist. */
static uint32_t child(const struct call_tree *tree, uint32_t parent, const char *name,
		      enum frame_kind kind)
{
	uint32_t i = call_tree_node(tree, parent)->first_child;

	for (; i != CALL_TREE_NONE; i = call_tree_node(tree, i)->next_sibling) {
		const struct call_node *node = call_tree_node(tree, i);

		if (node->kind == kind && strcmp(call_tree_name(tree, node->name_id), name) == 0)
			return i;
	}
	fail_msg("no child '%s'", name);
	return CALL_TREE_NONE;
}

static void assert_totals_are_sums(const struct call_tree *tree)
{
	size_t n = call_tree_node_count(tree);
	uint64_t *sums = calloc(n, sizeof(*sums));
	size_t visited = 0;

	assert_non_null(sums);
	for (uint32_t i = 0; i < n; i++) {
		const struct call_node *node = call_tree_node(tree, i);

		sums[i] += node->self;
		if (i == 0)
			continue;
		sums[node->parent] += node->total;
		assert_int_equal(node->depth, call_tree_node(tree, node->parent)->depth + 1);
	}
	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(tree, i)) {
		assert_int_equal(call_tree_node(tree, i)->total, sums[i]);
		visited++;
	}
	assert_int_equal(visited, n);
	free(sums);
}

static void stacks_merge_by_their_common_prefix(void **state)
{
	struct call_tree *tree = new_tree();
	uint32_t a, b;

	(void)state;
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }, { .name = "b" }), 2, 3), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }, { .name = "c" }), 2, 4), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }), 1, 5), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }, { .name = "b" }), 2, 1), 0);
	assert_int_equal(call_tree_node_count(tree), 4);
	a = child(tree, 0, "a", FRAME_USER);
	b = child(tree, a, "b", FRAME_USER);
	assert_int_equal(call_tree_node(tree, a)->total, 13);
	assert_int_equal(call_tree_node(tree, a)->self, 5);
	assert_int_equal(call_tree_node(tree, b)->self, 4);
	assert_int_equal(call_tree_node(tree, 0)->total, 13);
	assert_int_equal(call_tree_depth(tree), 2);
	assert_totals_are_sums(tree);
	call_tree_free(tree);
}

static void kind_is_part_of_a_frames_identity(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	for (int kind = 0; kind < FRAME_KIND_COUNT; kind++)
		assert_int_equal(call_tree_add(tree, FRAMES({ .name = "x", .kind = kind }), 1, 1),
				 0);
	for (int kind = 0; kind < FRAME_KIND_COUNT; kind++)
		assert_int_equal(call_tree_node(tree, child(tree, 0, "x", kind))->total, 1);
	assert_int_equal(call_tree_name_count(tree), 1);
	call_tree_free(tree);
}

static void line_and_file_are_part_of_a_frames_identity(void **state)
{
	const struct frame variants[] = {
		{ .name = "x" },
		{ .name = "x", .file = "a.c" },
		{ .name = "x", .file = "a.c", .line = 1 },
		{ .name = "x", .file = "a.c", .line = 2 },
		{ .name = "x", .file = "b.c", .line = 1 },
		{ .name = "x", .file = "b.c", .line = 1, .kind = FRAME_INLINED },
		{ .name = "y", .file = "b.c", .line = 1 },
	};
	struct call_tree *tree = new_tree();
	size_t n = sizeof(variants) / sizeof(variants[0]);

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < n; i++) {
			uint32_t node, below;

			assert_int_equal(call_tree_reach(tree, &variants[i], 1, &node), 0);
			assert_int_equal(node, 1 + 2 * i);
			assert_int_equal(
				call_tree_reach(tree, (struct frame[]){ variants[i], variants[i] },
						2, &below),
				0);
			assert_int_equal(below, node + 1);
		}
	}
	assert_int_equal(call_tree_node_count(tree), 1 + 2 * n);
	call_tree_free(tree);
}

static struct call_place place_of(struct call_tree *tree, const struct frame *frame)
{
	uint32_t node;

	assert_int_equal(call_tree_reach(tree, frame, 1, &node), 0);
	return call_tree_place(tree, call_tree_node(tree, node)->place_id);
}

static void a_node_knows_the_place_of_its_frame(void **state)
{
	struct call_tree *tree = new_tree();
	struct call_place place;
	char file[] = "a.c", module[] = "lib.so";

	(void)state;
	place = place_of(tree, FRAMES({ "f", file, module, 12, FRAME_USER }));
	file[0] = module[0] = 'X'; /* they are copied */
	assert_string_equal(call_tree_name(tree, place.file_id), "a.c");
	assert_string_equal(call_tree_name(tree, place.module_id), "lib.so");
	assert_int_equal(place.line, 12);
	place = place_of(tree, FRAMES({ "f", .module = "lib.so" }));
	assert_int_equal(place.file_id, CALL_TREE_NONE);
	assert_int_equal(place.line, 0);
	assert_string_equal(call_tree_name(tree, place.module_id), "lib.so");
	place = place_of(tree, FRAMES({ .name = "g" }));
	assert_int_equal(place.file_id, CALL_TREE_NONE);
	assert_int_equal(place.module_id, CALL_TREE_NONE);
	call_tree_free(tree);
}

static void a_node_has_the_module_of_its_first_frame(void **state)
{
	struct call_tree *tree = new_tree();
	struct call_place place;

	(void)state;
	(void)place_of(tree, FRAMES({ "f", "a.c", "first.so", 1, FRAME_USER }));
	(void)place_of(tree, FRAMES({ .name = "g" }));
	place = place_of(tree, FRAMES({ "f", "a.c", "second.so", 1, FRAME_USER }));
	assert_string_equal(call_tree_name(tree, place.module_id), "first.so");
	place = place_of(tree, FRAMES({ "g", .module = "second.so" }));
	assert_int_equal(place.module_id, CALL_TREE_NONE);
	assert_int_equal(call_tree_node_count(tree), 3);
	call_tree_free(tree);
}

static void names_are_copied(void **state)
{
	struct call_tree *tree = new_tree();
	char name[] = "abc";

	(void)state;
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = name }), 1, 1), 0);
	name[0] = 'X';
	assert_int_equal(child(tree, 0, "abc", FRAME_USER), 1);
	call_tree_free(tree);
}

/* With the suffixes that kinds have in folded stacks. */
static void sorting_orders_by_name_then_kind(void **state)
{
	static const char *const expected[] = { "B", "a", "a-b", "a", "ab", "\xc3\xa4" };
	struct call_tree *tree = new_tree();
	size_t n = 0;

	(void)state;
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "\xc3\xa4" }), 1, 1), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ "a", .kind = FRAME_KERNEL }), 1, 1), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "ab" }), 1, 1), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "B" }), 1, 1), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a-b" }), 1, 1), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }), 1, 1), 0);
	for (int round = 0; round < 2; round++) {
		n = 0;
		assert_int_equal(call_tree_sort(tree), 0);
		for (uint32_t i = call_tree_next(tree, 0); i != CALL_TREE_NONE;
		     i = call_tree_next(tree, i)) {
			const struct call_node *node = call_tree_node(tree, i);

			assert_string_equal(call_tree_name(tree, node->name_id), expected[n]);
			assert_int_equal(node->kind, n == 3 ? FRAME_KERNEL : FRAME_USER);
			n++;
		}
		assert_int_equal(n, 6);
	}
	call_tree_free(tree);
}

static void counts_that_do_not_fit_change_nothing(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }), 1, UINT64_MAX), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "b" }), 1, 1), -EOVERFLOW);
	assert_int_equal(call_tree_node_count(tree), 2);
	assert_int_equal(call_tree_node(tree, 0)->total, UINT64_MAX);
	assert_totals_are_sums(tree);
	call_tree_free(tree);
}

static void a_count_of_zero_adds_nothing(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }), 1, 0), 0);
	assert_int_equal(call_tree_node_count(tree), 1);
	call_tree_free(tree);
}

static void an_empty_stack_counts_for_the_root(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_int_equal(call_tree_add(tree, NULL, 0, 9), 0);
	assert_int_equal(call_tree_node(tree, 0)->self, 9);
	assert_int_equal(call_tree_next(tree, 0), CALL_TREE_NONE);
	assert_int_equal(call_tree_sort(tree), 0);
	call_tree_free(tree);
}

static void deep_stacks_are_fine_up_to_the_limit(void **state)
{
	struct call_tree *tree = chain_tree(DEEP);
	struct frame *frames = calloc(CALL_TREE_DEPTH_MAX + 1, sizeof(*frames));

	(void)state;
	assert_non_null(frames);
	assert_int_equal(call_tree_depth(tree), DEEP);
	for (size_t i = 0; i <= CALL_TREE_DEPTH_MAX; i++)
		frames[i].name = "g";
	assert_int_equal(call_tree_add(tree, frames, CALL_TREE_DEPTH_MAX + 1, 1), -E2BIG);
	assert_int_equal(call_tree_node(tree, 0)->total, 1);
	assert_int_equal(call_tree_node_count(tree), DEEP + 1);
	assert_int_equal(call_tree_add(tree, frames, CALL_TREE_DEPTH_MAX, 1), 0);
	assert_int_equal(call_tree_depth(tree), CALL_TREE_DEPTH_MAX);
	assert_totals_are_sums(tree);
	free(frames);
	call_tree_free(tree);
}

static void totals_are_sums_whatever_comes(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	struct call_tree *tree = new_tree();
	uint64_t random = 42, sum = 0;

	(void)state;
	for (int i = 0; i < RANDOM_STACKS; i++) {
		struct frame frames[12];
		size_t n = (random >> 60) % 12;

		for (size_t k = 0; k < n; k++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			frames[k] = (struct frame){ .name = names[(random >> 33) % 5],
						    .kind = (random >> 50) % FRAME_KIND_COUNT };
		}
		random = random * 6364136223846793005u + 1442695040888963407u;
		assert_int_equal(call_tree_add(tree, frames, n, random >> 50), 0);
		sum += random >> 50;
		if (i == RANDOM_STACKS / 2)
			assert_int_equal(call_tree_sort(tree), 0);
	}
	assert_int_equal(call_tree_node(tree, 0)->total, sum);
	assert_totals_are_sums(tree);
	assert_int_equal(call_tree_sort(tree), 0);
	assert_totals_are_sums(tree);
	call_tree_free(tree);
}

static void the_same_frames_reach_the_same_node(void **state)
{
	const struct frame *stack = FRAMES({ .name = "a" }, { .name = "b" });
	struct call_tree *tree = new_tree();
	uint32_t node, again, other;

	(void)state;
	assert_int_equal(call_tree_reach(tree, stack, 2, &node), 0);
	assert_int_equal(
		call_tree_reach(tree,
				FRAMES({ .name = "a" }, { .name = "b", .kind = FRAME_KERNEL }), 2,
				&other),
		0);
	assert_int_not_equal(node, other);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "0" }), 1, 1), 0);
	assert_int_equal(call_tree_sort(tree), 0); /* numbers outlast it */
	assert_int_equal(call_tree_reach(tree, stack, 2, &again), 0);
	assert_int_equal(node, again);
	assert_int_equal(call_tree_reach(tree, stack, 1, &again), 0);
	assert_int_equal(call_tree_node(tree, node)->parent, again);
	assert_int_equal(call_tree_reach(tree, NULL, 0, &again), 0);
	assert_int_equal(again, 0);
	assert_int_equal(call_tree_reach(tree, NULL, CALL_TREE_DEPTH_MAX + 1, &again), -E2BIG);
	assert_int_equal(call_tree_node_count(tree), 5);
	call_tree_free(tree);
}

static void a_node_is_counted_any_number_of_times(void **state)
{
	const struct frame *stack = FRAMES({ .name = "a" }, { .name = "b" });
	struct call_tree *tree = new_tree();
	uint32_t node, parent;

	(void)state;
	assert_int_equal(call_tree_reach(tree, stack, 2, &node), 0);
	parent = call_tree_node(tree, node)->parent;
	assert_int_equal(call_tree_node(tree, node)->total, 0);
	assert_int_equal(call_tree_count(tree, node, 3), 0);
	assert_int_equal(call_tree_count(tree, node, 0), 0);
	assert_int_equal(call_tree_add(tree, stack, 2, 10), 0);
	assert_int_equal(call_tree_count(tree, node, 4), 0);
	assert_int_equal(call_tree_count(tree, parent, 100), 0);
	assert_int_equal(call_tree_count(tree, 0, 1000), 0);
	assert_int_equal(call_tree_node(tree, node)->self, 17);
	assert_int_equal(call_tree_node(tree, parent)->self, 100);
	assert_int_equal(call_tree_node(tree, parent)->total, 117);
	assert_int_equal(call_tree_node(tree, 0)->total, 1117);
	assert_totals_are_sums(tree);
	assert_int_equal(call_tree_count(tree, node, UINT64_MAX - 1116), -EOVERFLOW);
	assert_int_equal(call_tree_node(tree, node)->self, 17);
	assert_int_equal(call_tree_node(tree, 0)->total, 1117);
	assert_totals_are_sums(tree);
	assert_int_equal(call_tree_count(tree, node, UINT64_MAX - 1117), 0);
	assert_int_equal(call_tree_node(tree, 0)->total, UINT64_MAX);
	call_tree_free(tree);
}

static int folded_of(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	(void)picture;
	return folded_write(tree, out);
}

/* Also no width, no stack and no label. */
static void what_was_reached_and_not_counted_is_not_written(void **state)
{
	static const picture_writer writers[] = { folded_of, svg_write, html_write,
						  speedscope_write };
	struct picture picture = { .unit = "samples" };
	struct call_tree *tree = new_tree();
	uint32_t node;

	(void)state;
	assert_int_equal(
		call_tree_add(tree, FRAMES({ .name = "counted" }, { .name = "leaf" }), 2, 7), 0);
	assert_int_equal(call_tree_reach(tree,
					 FRAMES({ .name = "counted" }, { .name = "mid_ghost" },
						{ .name = "ghost" }),
					 3, &node),
			 0);
	assert_int_equal(call_tree_reach(tree, FRAMES({ .name = "all_ghost" }), 1, &node), 0);
	assert_int_equal(call_tree_node(tree, 0)->total, 7);
	assert_totals_are_sums(tree);
	assert_int_equal(call_tree_sort(tree), 0);
	for (size_t i = 0; i < sizeof(writers) / sizeof(*writers); i++) {
		char *text = drawn(writers[i], tree, &picture);

		assert_contains(text, "counted");
		assert_lacks(text, "ghost");
		free(text);
	}
	call_tree_free(tree);
}

static void skip_leaves_out_what_is_below(void **state)
{
	struct call_tree *tree = tree_of("a;b;c 1\nd 1\n");
	uint32_t a = child(tree, 0, "a", FRAME_USER);
	uint32_t d = child(tree, 0, "d", FRAME_USER);

	(void)state;
	assert_int_equal(call_tree_skip(tree, a), d);
	assert_int_equal(call_tree_skip(tree, call_tree_next(tree, a)), d);
	assert_int_equal(call_tree_skip(tree, d), CALL_TREE_NONE);
	assert_int_equal(call_tree_skip(tree, 0), CALL_TREE_NONE);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_merge_by_their_common_prefix),
		cmocka_unit_test(kind_is_part_of_a_frames_identity),
		cmocka_unit_test(line_and_file_are_part_of_a_frames_identity),
		cmocka_unit_test(a_node_knows_the_place_of_its_frame),
		cmocka_unit_test(a_node_has_the_module_of_its_first_frame),
		cmocka_unit_test(names_are_copied),
		cmocka_unit_test(sorting_orders_by_name_then_kind),
		cmocka_unit_test(counts_that_do_not_fit_change_nothing),
		cmocka_unit_test(a_count_of_zero_adds_nothing),
		cmocka_unit_test(an_empty_stack_counts_for_the_root),
		cmocka_unit_test(deep_stacks_are_fine_up_to_the_limit),
		cmocka_unit_test(totals_are_sums_whatever_comes),
		cmocka_unit_test(the_same_frames_reach_the_same_node),
		cmocka_unit_test(a_node_is_counted_any_number_of_times),
		cmocka_unit_test(what_was_reached_and_not_counted_is_not_written),
		cmocka_unit_test(skip_leaves_out_what_is_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
