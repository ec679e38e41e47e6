/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

#define DEEP      20000
#define LONG_NAME (1 << 20)

static int write_folded(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	(void)picture;
	return folded_write(tree, out);
}

static void assert_written(const struct call_tree *tree, const char *expected)
{
	char *bytes = drawn(write_folded, tree, NULL);

	assert_string_equal(bytes, expected);
	free(bytes);
}

static void each_kind_has_its_suffix(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_int_equal(
		call_tree_add(tree,
			      FRAMES({ "p", .kind = FRAME_PROCESS }, { .name = "u" },
				     { "i", .kind = FRAME_INLINED }, { "j", .kind = FRAME_JIT },
				     { "k", .kind = FRAME_KERNEL }, { "[n]", .kind = FRAME_NOTE }),
			      6, 12),
		0);
	assert_written(tree, "p;u;i_[i];j_[j];k_[k];[n] 12\n");
	call_tree_free(tree);
}

static void only_stacks_that_were_counted_are_lines(void **state)
{
	struct call_tree *tree = tree_of("a;c;d 2\na;b 1\na 3\n");

	(void)state;
	assert_written(tree, "a 3\na;b 1\na;c;d 2\n");
	call_tree_free(tree);
}

static void names_cannot_break_the_grammar(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_int_equal(
		call_tree_add(tree,
			      FRAMES({ .name = "# p" }, { .name = "[u8; 4]\r\n x 5" },
				     { .name = "" }, { .name = "\xff\x1b\xc2\x9b\xc2\xa9\xc2" }),
			      4, 1),
		0);
	assert_written(tree, "#_p;[u8: 4]   x 5;;\xef\xbf\xbd???\xc2\xa9\xef\xbf\xbd 1\n");
	call_tree_free(tree);
}

static void a_stack_without_text_has_a_name(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_written(tree, "");
	assert_int_equal(call_tree_add(tree, NULL, 0, 4), 0);
	assert_written(tree, "[unknown] 4\n");
	call_tree_free(tree);
}

static void what_is_read_is_written_again(void **state)
{
	static const char lines[] = "#_;b 5 1\n"
				    "a 18446744073709551000\n"
				    "a;;b_[k];c_[i] 7\n"
				    "a;b_[x]; d_[j] 3\n"
				    "\xc3\xbf? x;\"<&>' 2\n";
	struct call_tree *tree = tree_of(lines);

	(void)state;
	assert_written(tree, lines);
	call_tree_free(tree);
}

static void deep_and_long_stacks_are_written(void **state)
{
	struct call_tree *deep = chain_tree(DEEP);
	struct call_tree *wide = long_name_tree(';', LONG_NAME);
	char *bytes = drawn(write_folded, deep, NULL);

	(void)state;
	assert_int_equal(count_of(bytes, ";"), DEEP - 1);
	free(bytes);
	bytes = drawn(write_folded, wide, NULL);
	assert_int_equal(strlen(bytes), LONG_NAME + 3);
	assert_lacks(bytes, ";");
	free(bytes);
	call_tree_free(deep);
	call_tree_free(wide);
}

static void a_full_disk_is_noticed(void **state)
{
	(void)state;
	assert_full_disk_is_noticed(write_folded);
}

static void decimals_are_written_as_far_as_there_are_some(void **state)
{
	struct call_tree *tree = tree_of("a 1.25\nb 3\nc 0.5\nd 10\n");

	(void)state;
	assert_written(tree, "a 1.25\nb 3\nc 0.5\nd 10\n");
	call_tree_free(tree);
}

static void a_flame_chart_is_written_in_the_order_of_time(void **state)
{
	const char *folded = "b 1\na 2\na;x 1\na 3\na;y 1\na;x 1\nb 4\n";
	struct call_tree *tree = new_tree();

	(void)state;
	call_tree_keep_time(tree);
	(void)read_folded(tree, folded, strlen(folded));
	assert_int_equal(call_tree_sort(tree), 0);
	assert_written(tree, folded);
	call_tree_free(tree);
}

static void a_line_of_one_frame_is_no_comment(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "#" }), 1, 7), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "#" }, { .name = "#" }), 2, 2), 0);
	assert_written(tree, "#_ 7\n#_;# 2\n");
	call_tree_free(tree);
}

/* A file of a megabyte can say so: a name is kept once, and the path has it 200 times. */
static void lines_that_nobody_reads_are_refused(void **state)
{
	struct call_tree *tree = new_tree();
	struct frame frames[200];
	char *name = malloc(1 << 20), *bytes = NULL;
	size_t length;
	FILE *out = open_memstream(&bytes, &length);

	(void)state;
	assert_non_null(name);
	assert_non_null(out);
	memset(name, 'x', (1 << 20) - 1);
	name[(1 << 20) - 1] = '\0';
	for (size_t i = 0; i < 200; i++)
		frames[i] = (struct frame){ .name = name };
	assert_int_equal(call_tree_add(tree, frames, 200, 1), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	assert_int_equal(folded_write(tree, out), -E2BIG);
	(void)fclose(out);
	free(bytes);
	free(name);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_its_suffix),
		cmocka_unit_test(decimals_are_written_as_far_as_there_are_some),
		cmocka_unit_test(a_flame_chart_is_written_in_the_order_of_time),
		cmocka_unit_test(only_stacks_that_were_counted_are_lines),
		cmocka_unit_test(names_cannot_break_the_grammar),
		cmocka_unit_test(a_stack_without_text_has_a_name),
		cmocka_unit_test(what_is_read_is_written_again),
		cmocka_unit_test(deep_and_long_stacks_are_written),
		cmocka_unit_test(a_full_disk_is_noticed),
		cmocka_unit_test(a_line_of_one_frame_is_no_comment),
		cmocka_unit_test(lines_that_nobody_reads_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
