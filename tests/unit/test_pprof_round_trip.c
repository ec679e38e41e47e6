/* SPDX-License-Identifier: Apache-2.0 */
/* pprof.c and pprof_read.c: what one writes, the other reads. */
#include "flamegraph/pprof_read.h"
#include "tests/unit/tree.h"

static const struct pprof_info on_cpu = {
	.sample_type = "samples",
	.value_type = "cpu",
	.time_ns = 1700000000000000000u,
	.duration_ns = 30000000000u,
	.period_ns = 10101010,
	.comment = "12 % lost",
};

static FILE *written(const struct call_tree *tree, const struct pprof_info *info, char **bytes)
{
	size_t length;
	FILE *out = open_memstream(bytes, &length), *in;

	assert_non_null(out);
	assert_int_equal(pprof_write(tree, info, out), 0);
	assert_int_equal(fclose(out), 0);
	in = fmemopen(*bytes, length, "r");
	assert_non_null(in);
	return in;
}

/* What is read of the file; sorted, and the caller frees it. */
static struct call_tree *through_a_file(const struct call_tree *tree, const struct pprof_info *info,
					const char *sample_type, struct pprof_contents *contents)
{
	struct pprof_options options = { .sample_type = sample_type };
	struct call_tree *back = new_tree();
	char *bytes = NULL;
	FILE *in = written(tree, info, &bytes);

	assert_int_equal(pprof_read(in, back, &options, contents), 0);
	assert_int_equal(call_tree_sort(back), 0);
	call_tree_check(back);
	(void)fclose(in);
	free(bytes);
	return back;
}

static const char *text_or_none(const struct call_tree *tree, uint32_t name_id)
{
	return name_id == CALL_TREE_NONE ? "(none)" : call_tree_name(tree, name_id);
}

/* Names, kinds, places and counts. */
static void check_same(const struct call_tree *a, const struct call_tree *b)
{
	uint32_t j = 0;

	assert_int_equal(call_tree_node_count(a), call_tree_node_count(b));
	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(a, i)) {
		const struct call_node *left = call_tree_node(a, i), *right = call_tree_node(b, j);
		struct call_place here = call_tree_place(a, left->place_id);
		struct call_place there = call_tree_place(b, right->place_id);

		assert_int_equal(left->depth, right->depth);
		assert_string_equal(text_or_none(a, left->name_id),
				    text_or_none(b, right->name_id));
		assert_int_equal(left->kind, right->kind);
		assert_int_equal(left->self, right->self);
		assert_int_equal(left->total, right->total);
		assert_string_equal(text_or_none(a, here.file_id), text_or_none(b, there.file_id));
		assert_string_equal(text_or_none(a, here.module_id),
				    text_or_none(b, there.module_id));
		assert_int_equal(here.line, there.line);
		j = call_tree_next(b, j);
	}
	assert_int_equal(j, CALL_TREE_NONE);
}

static void check_round_trip(const struct call_tree *tree)
{
	struct pprof_contents contents = { 0 };
	struct call_tree *back = through_a_file(tree, &on_cpu, "samples", &contents);

	check_same(tree, back);
	pprof_contents_done(&contents);
	call_tree_free(back);
}

static void kinds_files_lines_and_modules_come_back(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_int_equal(call_tree_add(tree,
				       FRAMES({ .name = "p", .kind = FRAME_PROCESS },
					      { .name = "p-7", .kind = FRAME_PROCESS },
					      { .name = "[stack: too deep]", .kind = FRAME_NOTE },
					      { "main", "/s/a.c", "prog", 3, FRAME_USER },
					      { "min", "/s/b.h", "prog", 9, FRAME_INLINED },
					      { "jitted", NULL, NULL, 0, FRAME_JIT },
					      { "unknown", NULL, NULL, 0, FRAME_USER },
					      { "f", "c.c", "lib.so", 0, FRAME_USER },
					      { "read", NULL, NULL, 0, FRAME_KERNEL },
					      { "inlined_there", "fs.c", NULL, 5, FRAME_INLINED },
					      { "[runqueue]", NULL, NULL, 0, FRAME_NOTE }),
				       11, 5),
			 0);
	assert_int_equal(call_tree_add(tree,
				       FRAMES({ .name = "p", .kind = FRAME_PROCESS },
					      { .name = "odd", .kind = FRAME_INLINED }),
				       2, 2),
			 0);
	assert_int_equal(call_tree_sort(tree), 0);
	check_round_trip(tree);
	call_tree_free(tree);
}

static void folded_stacks_come_back(void **state)
{
	struct call_tree *tree = tree_of("a;b;c 5\n"
					 "a;b 1\n"
					 "a;b_[k] 2\n"
					 "a;b_[k];c_[k];d_[i] 2\n"
					 "a_[i] 7\n"
					 "a_[j];x_[i] 8\n"
					 "a;;z 9\n"
					 "[unknown] 4\n"
					 "a;a;a;a 1\n");

	(void)state;
	check_round_trip(tree);
	call_tree_free(tree);
}

/* A time of two parts is each its own type of value. */
static void what_the_writer_says_is_what_the_reader_tells(void **state)
{
	static const struct pprof_info off_cpu = { .sample_type = "intervals",
						   .value_type = "off_cpu",
						   .unit_ns = 1000 };
	struct call_tree *tree = tree_of("a;b 5\n"), *back;
	struct pprof_contents contents = { 0 };

	(void)state;
	back = through_a_file(tree, &on_cpu, NULL, &contents);
	assert_string_equal(contents.type, "cpu");
	assert_string_equal(contents.types, "samples, cpu");
	assert_string_equal(contents.comments, "12 % lost");
	assert_int_equal(contents.time_ns, on_cpu.time_ns);
	assert_int_equal(contents.duration_ns, on_cpu.duration_ns);
	assert_int_equal(contents.period, on_cpu.period_ns);
	assert_int_equal(call_tree_node(back, 0)->total, 5 * on_cpu.period_ns);
	pprof_contents_done(&contents);
	call_tree_free(back);

	back = through_a_file(tree, &off_cpu, NULL, &contents);
	assert_string_equal(contents.type, "off_cpu");
	assert_string_equal(contents.picture_unit, "microseconds");
	assert_int_equal(contents.divisor, 1000);
	assert_int_equal(call_tree_node(back, 0)->total, 5000);
	assert_int_equal(contents.labelled_samples, 0);
	pprof_contents_done(&contents);
	call_tree_free(back);
	call_tree_free(tree);
}

static void of_two_trees_each_is_read_by_its_type(void **state)
{
	static const struct pprof_info off_cpu = { .sample_type = "intervals",
						   .value_type = "off_cpu",
						   .unit_ns = 1 };
	struct call_tree *on = tree_of("a;b 5\n"), *off = tree_of("a;wait 7\n"), *back;
	const struct pprof_part parts[] = { { on, &on_cpu }, { off, &off_cpu } };
	static const char *const types[] = { "samples", "off_cpu" };
	char *bytes = NULL;
	size_t length;
	FILE *out = open_memstream(&bytes, &length);

	(void)state;
	assert_non_null(out);
	assert_int_equal(pprof_write_parts(parts, 2, out), 0);
	assert_int_equal(fclose(out), 0);
	for (size_t i = 0; i < 2; i++) {
		struct pprof_options options = { .sample_type = types[i] };
		struct pprof_contents contents;
		FILE *in = fmemopen(bytes, length, "r");

		assert_non_null(in);
		back = new_tree();
		assert_int_equal(pprof_read(in, back, &options, &contents), 0);
		check_same(i ? off : on, back);
		assert_int_equal(contents.empty_samples, 1);
		pprof_contents_done(&contents);
		call_tree_free(back);
		(void)fclose(in);
	}
	free(bytes);
	call_tree_free(on);
	call_tree_free(off);
}

static void deep_stacks_come_back(void **state)
{
	struct call_tree *tree = chain_tree(20000);

	(void)state;
	check_round_trip(tree);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_files_lines_and_modules_come_back),
		cmocka_unit_test(folded_stacks_come_back),
		cmocka_unit_test(what_the_writer_says_is_what_the_reader_tells),
		cmocka_unit_test(of_two_trees_each_is_read_by_its_type),
		cmocka_unit_test(deep_stacks_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
