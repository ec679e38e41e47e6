/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

#define LINE_LIMIT ((size_t)16 << 20)

/* The only stack's leaf. */
static const struct call_node *leaf(const struct call_tree *tree)
{
	return call_tree_node(tree, (uint32_t)call_tree_node_count(tree) - 1);
}

static void assert_leaf(const char *line, const char *name, enum frame_kind kind, uint64_t count)
{
	struct call_tree *tree = new_tree();
	struct folded_report report = read_folded(tree, line, strlen(line));

	assert_int_equal(report.lines, 1);
	assert_int_equal(report.bad_lines, 0);
	assert_string_equal(call_tree_name(tree, leaf(tree)->name_id), name);
	assert_int_equal(leaf(tree)->kind, kind);
	assert_int_equal(leaf(tree)->self, count);
	call_tree_free(tree);
}

static void lines_are_read_however_they_end(void **state)
{
	(void)state;
	assert_leaf("a;b 5\n", "b", FRAME_USER, 5);
	assert_leaf("a;b 5", "b", FRAME_USER, 5);
	assert_leaf("a;b\t5\r\n", "b", FRAME_USER, 5);
	assert_leaf("a;b 5 \t\n", "b", FRAME_USER, 5);
	assert_leaf("# c 1\n\n \n#\r\na;b 5\n", "b", FRAME_USER, 5);
	assert_leaf("b 18446744073709551615", "b", FRAME_USER, UINT64_MAX);
}

static void only_the_last_blank_is_the_counts(void **state)
{
	(void)state;
	assert_leaf("a;operator new 5 100\n", "operator new 5", FRAME_USER, 100);
	assert_leaf("a;b  5\n", "b ", FRAME_USER, 5);
	assert_leaf("#a 5\n", "#a", FRAME_USER, 5);
}

static void suffixes_become_kinds(void **state)
{
	(void)state;
	assert_leaf("a;b_[k] 1\n", "b", FRAME_KERNEL, 1);
	assert_leaf("a;b_[i] 1\n", "b", FRAME_INLINED, 1);
	assert_leaf("a;b_[j] 1\n", "b", FRAME_JIT, 1);
	assert_leaf("a;b_[w] 1\n", "b_[w]", FRAME_USER, 1);
	assert_leaf("a;_[k] 1\n", "", FRAME_KERNEL, 1);
	assert_leaf("a;[k] 1\n", "[k]", FRAME_USER, 1);
}

static void empty_frames_are_kept(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	(void)read_folded(tree, ";a;;b; 1\n", 9);
	assert_int_equal(call_tree_depth(tree), 5);
	call_tree_free(tree);
}

static void bad_lines_are_counted_and_skipped(void **state)
{
	static const char *const bad[] = {
		"a\n",    "a;b 1.5\n", "a -5\n", "a 0x10\n", "a 1e3\n",
		"5\n",    " a b\n",    "a +5\n", "a5\n",     "a 18446744073709551616\n",
		"a 5x\n", " 5\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct call_tree *tree = new_tree();
		char text[128];
		struct folded_report report;

		(void)snprintf(text, sizeof(text), "ok 1\n%sok 2\n%s", bad[i], bad[i]);
		report = read_folded(tree, text, strlen(text));
		if (report.bad_lines != 2)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(report.first_bad_line, 2);
		assert_int_equal(report.lines, 2);
		assert_int_equal(call_tree_node(tree, 0)->total, 3);
		call_tree_free(tree);
	}
}

static void a_nul_makes_a_line_bad(void **state)
{
	struct call_tree *tree = new_tree();
	struct folded_report report = read_folded(tree, "a\0b 5\nc 1\n", 10);

	(void)state;
	assert_int_equal(report.bad_lines, 1);
	assert_int_equal(report.lines, 1);
	call_tree_free(tree);
}

/* extra bytes more than the longest line there may be, between two good lines */
static struct folded_report read_long_line(size_t extra)
{
	size_t size = LINE_LIMIT + extra + 10;
	char *text = malloc(size);
	struct call_tree *tree = new_tree();
	struct folded_report report;

	assert_non_null(text);
	memcpy(text, "a 1\n", 4);
	memset(text + 4, 'x', LINE_LIMIT + extra - 2);
	memcpy(text + 4 + LINE_LIMIT + extra - 2, " 7\nb 1", 6);
	report = read_folded(tree, text, size - 2);
	assert_int_equal(call_tree_node(tree, 0)->total, report.bad_lines ? 2 : 9);
	call_tree_free(tree);
	free(text);
	return report;
}

static void lines_that_are_too_long_are_bad(void **state)
{
	struct folded_report report;

	(void)state;
	report = read_long_line(0);
	assert_int_equal(report.lines, 3);
	assert_int_equal(report.bad_lines, 0);
	report = read_long_line(1);
	assert_int_equal(report.lines, 2);
	assert_int_equal(report.first_bad_line, 2);
	report = read_long_line(LINE_LIMIT * 2);
	assert_int_equal(report.lines, 2);
	assert_int_equal(report.bad_lines, 1);
}

static void limits_of_the_tree_are_errors(void **state)
{
	size_t size = CALL_TREE_DEPTH_MAX + 3;
	char *text = malloc(size);
	struct call_tree *tree = new_tree();
	struct folded_report report = { .lines = 77 };
	static char sum[] = "a 18446744073709551615\na 1\n";
	FILE *in;

	(void)state;
	assert_non_null(text);
	memset(text, ';', size);
	memcpy(text + size - 2, " 1", 2);
	in = fmemopen(text, size, "r");
	assert_int_equal(folded_read(in, tree, &report), -E2BIG);
	(void)fclose(in);
	in = fmemopen(sum, strlen(sum), "r");
	assert_int_equal(folded_read(in, tree, &report), -EOVERFLOW);
	(void)fclose(in);
	assert_int_equal(report.lines, 77);
	call_tree_free(tree);
	free(text);
}

static void a_stream_that_fails_is_an_error(void **state)
{
	struct call_tree *tree = new_tree();
	struct folded_report report;
	FILE *in = fopen("/", "r");

	(void)state;
	assert_non_null(in);
	assert_int_equal(folded_read(in, tree, &report), -EIO);
	(void)fclose(in);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_however_they_end),
		cmocka_unit_test(only_the_last_blank_is_the_counts),
		cmocka_unit_test(suffixes_become_kinds),
		cmocka_unit_test(empty_frames_are_kept),
		cmocka_unit_test(bad_lines_are_counted_and_skipped),
		cmocka_unit_test(a_nul_makes_a_line_bad),
		cmocka_unit_test(lines_that_are_too_long_are_bad),
		cmocka_unit_test(limits_of_the_tree_are_errors),
		cmocka_unit_test(a_stream_that_fails_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
