/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/folded_count.h"

#include "tests/unit/tree.h"

/* Cuts the count off the line, which has one. */
static struct folded_count count_of_line(const char *line, size_t *ret_length)
{
	struct folded_count count;
	enum bad_line_reason reason;

	*ret_length = strlen(line);
	assert_true(folded_count_cut(line, ret_length, &count, &reason));
	return count;
}

static void the_last_word_is_the_count(void **state)
{
	static const struct {
		const char *line;
		size_t length;
		struct folded_count count;
	} cases[] = {
		{ "a 5", 1, { 5, 0 } },
		{ "a;operator new 5\t100", 16, { 100, 0 } },
		{ "a  007", 2, { 7, 0 } },
		{ "a 3.", 1, { 3, 0 } },
		{ "a 1.50", 1, { 15, 1 } },
		{ "a 0.000", 1, { 0, 0 } },
		{ "a 2.750000000000", 1, { 275, 2 } },
		{ "a 0.123456789", 1, { 123456789, 9 } },
		{ "a 18446744073709551615", 1, { UINT64_MAX, 0 } },
		{ "a 1844674407370955161.5", 1, { UINT64_MAX, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t length;
		struct folded_count count = count_of_line(cases[i].line, &length);

		assert_int_equal(length, cases[i].length);
		assert_int_equal(count.value, cases[i].count.value);
		assert_int_equal(count.decimals, cases[i].count.decimals);
	}
}

static void bad_lines_are_counted_by_reason_and_skipped(void **state)
{
	static const struct {
		const char *line;
		enum bad_line_reason reason;
	} bad[] = {
		{ "a", BAD_LINE_NO_COUNT },
		{ "a;b .5", BAD_LINE_NO_COUNT },
		{ "a5", BAD_LINE_NO_COUNT },
		{ "a 5x", BAD_LINE_NO_COUNT },
		{ "a +5", BAD_LINE_NO_COUNT },
		{ "a 1.2.3", BAD_LINE_NO_COUNT },
		{ " a b", BAD_LINE_NO_COUNT },
		{ "a -5", BAD_LINE_NEGATIVE },
		{ "a -0.5", BAD_LINE_NEGATIVE },
		{ "a 0x10", BAD_LINE_NOT_DECIMAL },
		{ "a 1e3", BAD_LINE_NOT_DECIMAL },
		{ "a 1.5E+3", BAD_LINE_NOT_DECIMAL },
		{ "a 18446744073709551616", BAD_LINE_TOO_LARGE },
		{ "a 1844674407370955161.61", BAD_LINE_TOO_LARGE },
		{ "a 0.0000000001", BAD_LINE_TOO_PRECISE },
		{ "5", BAD_LINE_NO_STACK },
		{ " 5", BAD_LINE_NO_STACK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct call_tree *tree = new_tree();
		char text[128];
		struct read_report report;

		(void)snprintf(text, sizeof(text), "ok 1\n%s\nok 2\n%s\n", bad[i].line,
			       bad[i].line);
		report = read_folded(tree, text, strlen(text));
		if (report.bad_lines != 2 || report.first[0].reason != bad[i].reason)
			fail_msg("'%s': %s", bad[i].line, bad_line_text(report.first[0].reason));
		assert_int_equal(report.bad_lines_by_reason[bad[i].reason], 2);
		assert_int_equal(report.first[0].number, 2);
		assert_int_equal(report.first[1].number, 4);
		assert_int_equal(report.stacks, 2);
		assert_int_equal(call_tree_node(tree, 0)->total, 3);
		call_tree_free(tree);
	}
}

static void the_first_bad_lines_are_kept(void **state)
{
	struct call_tree *tree = new_tree();
	char text[64] = "a 1\n";
	struct read_report report;

	(void)state;
	for (int i = 0; i < 2 * BAD_LINES_KEPT; i++)
		append_text(text, sizeof(text), "x\n");
	report = read_folded(tree, text, strlen(text));
	assert_int_equal(report.bad_lines, 2 * BAD_LINES_KEPT);
	assert_int_equal(report.first[BAD_LINES_KEPT - 1].number, BAD_LINES_KEPT + 1);
	call_tree_free(tree);
}

static void every_reason_has_words(void **state)
{
	(void)state;
	for (int reason = 0; reason < BAD_LINE_REASONS; reason++)
		assert_non_null(bad_line_text(reason));
}

static void decimals_are_exact(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	(void)read_folded(tree, "a 100\n", 6);
	assert_int_equal(call_tree_decimals(tree), 0);
	(void)read_folded(tree, "a 1.500\n", 8);
	assert_int_equal(call_tree_decimals(tree), 1);
	(void)read_folded(tree, "a 2.75\na;b 3.\n", 15);
	assert_int_equal(call_tree_decimals(tree), 2);
	assert_int_equal(call_tree_node(tree, 1)->self, 10425);
	assert_int_equal(call_tree_node(tree, 0)->total, 10725);
	(void)read_folded(tree, "c 0.000000001\n", 14);
	assert_int_equal(call_tree_decimals(tree), CALL_TREE_DECIMALS_MAX);
	assert_int_equal(call_tree_node(tree, 0)->total, UINT64_C(107250000001));
	call_tree_check(tree);
	call_tree_free(tree);
}

static void counts_that_no_longer_fit_lose_nothing(void **state)
{
	static char text[] = "a 5000000000000000000\nb;c 7\nd 0.25\ne 1\n";
	struct call_tree *tree = new_tree();
	struct read_report report = { .stacks = 77 };
	FILE *in = fmemopen(text, strlen(text), "r");

	(void)state;
	assert_int_equal(folded_read(in, tree, NULL, &report), -EOVERFLOW);
	(void)fclose(in);
	assert_int_equal(report.stacks, 77);
	assert_int_equal(call_tree_decimals(tree), 0);
	assert_int_equal(call_tree_node(tree, 0)->total, UINT64_C(5000000000000000007));
	call_tree_check(tree);
	call_tree_free(tree);
}

static void counts_of_zero_add_nothing(void **state)
{
	struct call_tree *tree = new_tree();
	struct read_report report = read_folded(tree, "a;b 0\na;c 0.0\n", 14);

	(void)state;
	assert_int_equal(report.stacks, 2);
	assert_int_equal(call_tree_node_count(tree), 1);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_word_is_the_count),
		cmocka_unit_test(bad_lines_are_counted_by_reason_and_skipped),
		cmocka_unit_test(the_first_bad_lines_are_kept),
		cmocka_unit_test(every_reason_has_words),
		cmocka_unit_test(decimals_are_exact),
		cmocka_unit_test(counts_that_no_longer_fit_lose_nothing),
		cmocka_unit_test(counts_of_zero_add_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
