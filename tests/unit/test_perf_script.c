/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/readers.h"

#include "tests/unit/tree.h"

static int read_script(struct call_tree *tree, const char *text, size_t length,
		       struct read_report *ret)
{
	FILE *in = fmemopen((void *)text, length, "r");
	int err;

	assert_non_null(in);
	err = perf_script_read(in, tree, ret);
	(void)fclose(in);
	return err;
}

static struct read_report assert_reads_as(const char *text, const char *expected)
{
	struct call_tree *tree = new_tree();
	struct read_report report;
	char *bytes = NULL;
	size_t length;
	FILE *out = open_memstream(&bytes, &length);

	assert_int_equal(read_script(tree, text, strlen(text), &report), 0);
	call_tree_check(tree);
	assert_int_equal(call_tree_sort(tree), 0);
	assert_int_equal(folded_write(tree, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(bytes, expected);
	free(bytes);
	call_tree_free(tree);
	return report;
}

/* As perf printed it, but for the paths. */
static void recorded_samples_become_stacks(void **state)
{
	struct read_report report = assert_reads_as(
		"work er 15577 58244.384484:    2004008 cpu-clock: \n"
		"\tffffffff821d54e1 mas_wr_store_entry+0x61 ([kernel.kallsyms])\n"
		"\tffffffff81000130 entry_SYSCALL_64_after_hwframe+0x76 ([kernel.kallsyms])\n"
		"\t           fdc47 __brk+0x7 (/usr/lib/x86_64-linux-gnu/libc.so.6)\n"
		"\t           fdd14 __GI___sbrk+0x94 (inlined)\n"
		"\t            10fe main+0x6e (/home/me/work er)\n"
		"\n"
		"work er 15577 58244.386491:    2004008 cpu-clock: \n"
		"\t            10fe main+0x6e (/home/me/work er)\n"
		"\n"
		"work er 15577 58244.386491:    2004008 cpu-clock: \n"
		"\t            10fe main+0x6f (/home/me/work er)\n",
		"work er;main 4008016\n"
		"work er;main;__GI___sbrk_[i];__brk;entry_SYSCALL_64_after_hwframe_[k];"
		"mas_wr_store_entry_[k] 2004008\n");

	(void)state;
	assert_int_equal(report.stacks, 3);
	assert_int_equal(report.bad_lines, 0);
	assert_string_equal(report.event, "cpu-clock");
	assert_true(report.counts_periods);
}

static void a_sample_without_a_period_counts_one(void **state)
{
	struct read_report report = assert_reads_as("# a comment\n\n"
						    "a b 1/2 [000] 1.5: cycles:\r\n"
						    "\t40 f+0x1 (/bin/a)\r\n\r\n\n"
						    "a b 1/2 [000] 1.6: cycles:\n"
						    "\t40 f+0x1 (/bin/a)\n",
						    "a b;f 2\n");

	(void)state;
	assert_false(report.counts_periods);
	assert_int_equal(report.stacks, 2);
}

static void samples_without_stacks_are_those_of_the_command(void **state)
{
	(void)state;
	assert_reads_as("a 1 1.5: 3 cycles:\n\nb 1 1.5: 4 cycles:\nb 1 1.6: 5 cycles:\n",
			"a 3\nb 9\n");
	assert_reads_as("       a 1 1.5: 3 cycles:   40 f (/bin/a)\n"
			"     bad 1 1.5: 3 cycles:   40 f (/bin/a)\n",
			"a;f 3\nbad;f 3\n");
}

static void samples_of_other_events_are_named_and_left_out(void **state)
{
	struct read_report report = assert_reads_as("a 1 1.5: 7 cycles:\n\t40 f (/bin/a)\n\n"
						    "a 1 1.5: 3 faults:\n\t40 g (/bin/a)\n\n"
						    "a 1 1.5: 3 faults:\n\t40 g (/bin/a)\n\n"
						    "a 1 1.5: 3 clock:u:\n\t40 h (/bin/a)\n\n"
						    "a 1 1.5: PERF_RECORD_MMAP2 1/1: [0x4(0x1)]\n"
						    "a 1 1.5: 7 cycles:\n\t40 f (/bin/a)\n\n",
						    "a;f 14\n");

	(void)state;
	assert_int_equal(report.stacks, 2);
	assert_int_equal(report.others, 3);
	assert_int_equal(report.other_event_count, 2);
	assert_string_equal(report.other_events[0].name, "faults");
	assert_int_equal(report.other_events[0].samples, 2);
	assert_string_equal(report.other_events[1].name, "clock:u");
	assert_int_equal(report.bad_lines, 0);
}

static void what_is_unknown_is_called_by_its_module(void **state)
{
	(void)state;
	assert_reads_as("a 1 1.5: 1 cycles:\n"
			"\tffffffff81000000 [unknown] ([kernel.kallsyms])\n"
			"\t40 [unknown] (/usr/lib/libc.so.6)\n"
			"\t41  (/usr/lib/libc.so.6)\n"
			"\t42 [unknown] ([unknown])\n",
			"a;[unknown];[libc.so.6];[libc.so.6];[kernel.kallsyms]_[k] 1\n");
}

static void inlined_frames_are_in_the_module_of_their_caller(void **state)
{
	static const char text[] = "a 1 1.5: 1 cycles:\n\t40 g (inlined)\n\t40 f (inlined)\n"
				   "\t40 e (/usr/lib/libe.so)\n\t40 d (/bin/d)\n";
	struct call_tree *tree = new_tree();
	struct read_report report;

	(void)state;
	assert_int_equal(read_script(tree, text, strlen(text), &report), 0);
	assert_int_equal(call_tree_node(tree, 1)->kind, FRAME_PROCESS);
	for (uint32_t i = 3; i <= 5; i++) {
		struct call_place place = call_tree_place(tree, call_tree_node(tree, i)->place_id);

		assert_string_equal(call_tree_name(tree, place.module_id), "libe.so");
	}
	call_tree_free(tree);
}

static void lines_that_are_not_understood_are_counted(void **state)
{
	struct read_report report = assert_reads_as("what is this\n\t40 f (/bin/a)\n\n"
						    "a 1 1.5: 1 cycles:\n"
						    "\t40 f (/bin/a)\n"
						    "\t  what is it\n"
						    "\t40 e (/bin/a)\n",
						    "a;e;[unknown];f 1\n");

	(void)state;
	assert_int_equal(report.stacks, 1);
	assert_int_equal(report.bad_lines_by_reason[BAD_LINE_NOT_A_SAMPLE], 2);
	assert_int_equal(report.first[0].number, 1);
	assert_int_equal(report.first[1].number, 6);
}

static void lines_of_source_are_of_the_frame_above(void **state)
{
	static const char text[] = "a 1 1.5: 1 cycles:\n"
				   "\t40 g+0x3\n  /src/g.h:7 (inlined)\n"
				   "\t40 f+0x9 (/bin/a)\n  /src/a.c:12 (discriminator 2)\n"
				   "|12        return g();\n"
				   "\t30 e (/bin/a)\n  a[30]\n\n";
	struct call_tree *tree = new_tree();
	struct read_report report;
	struct call_place place;

	(void)state;
	assert_int_equal(read_script(tree, text, strlen(text), &report), 0);
	assert_int_equal(report.bad_lines, 0);
	assert_int_equal(report.stacks, 1);
	place = call_tree_place(tree, call_tree_node(tree, 2)->place_id);
	assert_int_equal(place.file_id, CALL_TREE_NONE);
	place = call_tree_place(tree, call_tree_node(tree, 3)->place_id);
	assert_string_equal(call_tree_name(tree, place.file_id), "/src/a.c");
	assert_int_equal(place.line, 12);
	assert_int_equal(call_tree_node(tree, 4)->kind, FRAME_INLINED);
	place = call_tree_place(tree, call_tree_node(tree, 4)->place_id);
	assert_string_equal(call_tree_name(tree, place.file_id), "/src/g.h");
	assert_int_equal(place.line, 7);
	assert_string_equal(call_tree_name(tree, place.module_id), "a");
	call_tree_free(tree);
}

static void records_of_tasks_are_no_samples(void **state)
{
	struct read_report report = assert_reads_as("a 7 1.5: PERF_RECORD_COMM exec: a:7/7\n"
						    "a 7 1.5: PERF_RECORD_FORK(8:8):(7:7)\n"
						    "a 7 1.5: 1 cycles:\n\t40 f (/bin/a)\n\n"
						    "a 7 1.6: PERF_RECORD_EXIT(7:7):(6:6)\n",
						    "a;f 1\n");

	(void)state;
	assert_int_equal(report.bad_lines, 0);
	assert_int_equal(report.others, 0);
}

static void a_nul_does_not_make_a_stack_shorter(void **state)
{
	static const char text[] = "a 1 1.5: 1 cycles:\n\t40 f\0 (/bin/a)\n\t40 e (/bin/a)\n";
	struct call_tree *tree = new_tree();
	struct read_report report;

	(void)state;
	assert_int_equal(read_script(tree, text, sizeof(text) - 1, &report), 0);
	assert_int_equal(report.bad_lines_by_reason[BAD_LINE_NUL], 1);
	assert_int_equal(call_tree_depth(tree), 3);
	call_tree_free(tree);
}

static void stacks_that_are_too_deep_are_left_out(void **state)
{
	static const char header[] = "a 1 1.5: 1 cycles:\n", frame[] = "\t40 f (/bin/a)\n";
	size_t frames = CALL_TREE_DEPTH_MAX, length = 0;
	char *text = malloc(2 * (sizeof(header) + frames * sizeof(frame)));
	struct call_tree *tree = new_tree();
	struct read_report report;

	(void)state;
	assert_non_null(text);
	for (int sample = 0; sample < 2; sample++) {
		memmove(text + length, header, strlen(header));
		length += strlen(header);
		for (size_t i = 0; i < frames - (size_t)sample; i++, length += strlen(frame))
			memmove(text + length, frame, strlen(frame));
		text[length++] = '\n';
	}
	assert_int_equal(read_script(tree, text, length, &report), 0);
	assert_int_equal(report.stacks, 1);
	assert_int_equal(report.bad_lines_by_reason[BAD_LINE_TOO_DEEP], 1);
	assert_int_equal(call_tree_depth(tree), CALL_TREE_DEPTH_MAX);
	assert_int_equal(call_tree_node(tree, 0)->total, 1);
	call_tree_free(tree);
	free(text);
}

static void periods_that_do_not_fit_are_an_error(void **state)
{
	static const char text[] = "a 1 1.5: 18446744073709551615 cycles:\n\n"
				   "b 1 1.5: 1 cycles:\n\n";
	struct call_tree *tree = new_tree();
	struct read_report report = { .stacks = 77 };

	(void)state;
	assert_int_equal(read_script(tree, text, strlen(text), &report), -EOVERFLOW);
	assert_int_equal(report.stacks, 77);
	assert_int_equal(call_tree_node(tree, 0)->total, UINT64_MAX);
	assert_int_equal(call_tree_node_count(tree), 2);
	call_tree_free(tree);
}

static void samples_are_counted_in_the_units_of_the_tree(void **state)
{
	static const char text[] = "a 1 1.5: 7 cycles:\n\n";
	struct call_tree *tree = new_tree();
	struct read_report report;

	(void)state;
	assert_int_equal(call_tree_set_decimals(tree, 2), 0);
	assert_int_equal(read_script(tree, text, strlen(text), &report), 0);
	assert_int_equal(call_tree_node(tree, 0)->total, 700);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_samples_become_stacks),
		cmocka_unit_test(a_sample_without_a_period_counts_one),
		cmocka_unit_test(samples_without_stacks_are_those_of_the_command),
		cmocka_unit_test(samples_of_other_events_are_named_and_left_out),
		cmocka_unit_test(what_is_unknown_is_called_by_its_module),
		cmocka_unit_test(inlined_frames_are_in_the_module_of_their_caller),
		cmocka_unit_test(lines_that_are_not_understood_are_counted),
		cmocka_unit_test(lines_of_source_are_of_the_frame_above),
		cmocka_unit_test(records_of_tasks_are_no_samples),
		cmocka_unit_test(a_nul_does_not_make_a_stack_shorter),
		cmocka_unit_test(stacks_that_are_too_deep_are_left_out),
		cmocka_unit_test(periods_that_do_not_fit_are_an_error),
		cmocka_unit_test(samples_are_counted_in_the_units_of_the_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
