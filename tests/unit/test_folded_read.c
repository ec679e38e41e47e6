/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/readers.h"
#include "flamegraph/utf8.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tree.h"

#define LINE_LIMIT    LINE_MAX_BYTES
#define RANDOM_FILES  200
#define RANDOM_LINES  60
#define MEMORY_STACKS 20000
#define MEMORY_SLACK  (1 << 10) /* KiB */

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

/* Reads text into tree, which is sorted then, and compares what is written of it. */
static void assert_reads_as(struct call_tree *tree, const char *text, const char *expected)
{
	char *have;

	(void)read_folded(tree, text, strlen(text));
	call_tree_check(tree);
	assert_int_equal(call_tree_sort(tree), 0);
	have = folded_of(tree);
	assert_string_equal(have, expected);
	free(have);
}

static int read_differential(struct call_tree *tree, const char *text, struct read_report *ret)
{
	const struct folded_options options = { .differential = true };
	FILE *in = fmemopen((void *)text, strlen(text), "r");
	int err;

	assert_non_null(in);
	err = folded_read(in, tree, &options, ret);
	(void)fclose(in);
	return err;
}

/* The only stack's leaf. */
static const struct call_node *leaf(const struct call_tree *tree)
{
	return call_tree_node(tree, (uint32_t)call_tree_node_count(tree) - 1);
}

static void assert_leaf(const char *line, const char *name, enum frame_kind kind, uint64_t count)
{
	struct call_tree *tree = new_tree();
	struct read_report report = read_folded(tree, line, strlen(line));

	assert_int_equal(report.stacks, 1);
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

static void names_become_utf8(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	/* The second line has become what the first one did, and the third was it from the start.
	 */
	assert_reads_as(tree,
			"p;\xff;x 1\np;\xfe;x 2\np;\xef\xbf\xbd;x 4\np;\xc3\xa4 8\np;\xfe 16\n",
			"p;\xc3\xa4 8\np;\xef\xbf\xbd 16\np;\xef\xbf\xbd;x 7\n");
	assert_int_equal(call_tree_node_count(tree), 5);
	call_tree_free(tree);
}

static void a_byte_order_mark_is_no_part_of_a_name(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_reads_as(tree,
			"\xef\xbb\xbf"
			"a 1\na 2\n",
			"a 3\n");
	call_tree_free(tree);
	/* Elsewhere it is, but written first it would be a mark again. */
	tree = new_tree();
	assert_reads_as(tree, "p;\xef\xbb\xbf 1\n\xef\xbb\xbfz 2\n",
			"p;\xef\xbb\xbf 1\n" UTF8_REPLACEMENT "z 2\n");
	call_tree_free(tree);
}

static void a_longer_name_is_not_its_beginning(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_reads_as(tree,
			"a;b 1\na;bc 2\na;b;c 4\na;bc;d 8\na 16\nab 32\na;b_[k] 64\na;b 128\n",
			"a 16\na;b 129\na;b;c 4\na;b_[k] 64\na;bc 2\na;bc;d 8\nab 32\n");
	call_tree_free(tree);
}

static void files_merge_into_one_tree(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }, { .name = "b" }), 2, 1), 0);
	assert_reads_as(tree, "a;b 2\na;c 4\n", "a;b 3\na;c 4\n");
	assert_reads_as(tree, "a;c 8\nd 16\n", "a;b 3\na;c 12\nd 16\n");
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "d" }), 1, 1), 0);
	assert_int_equal(call_tree_node_count(tree), 5);
	call_tree_free(tree);
}

static void differentials_have_two_counts(void **state)
{
	struct call_tree *tree = new_tree();
	struct read_report report;

	(void)state;
	assert_int_equal(read_differential(tree,
					   "a;b 10 20\na;c 0 5\na;d 7 0\na;e 0 0\n"
					   "a;f 3\na;g -1 3\na;h\t1\t2.5\n",
					   &report),
			 0);
	assert_int_equal(report.stacks, 5);
	assert_int_equal(report.bad_lines, 2);
	assert_int_equal(report.first[0].reason, BAD_LINE_ONE_COUNT);
	assert_int_equal(report.first[1].reason, BAD_LINE_NEGATIVE);
	assert_true(call_tree_has_before(tree));
	assert_int_equal(call_tree_node_count(tree), 6);
	assert_int_equal(call_tree_node(tree, 0)->total, 275);
	assert_int_equal(call_tree_before(tree, 0).total, 180);
	assert_int_equal(call_tree_before(tree, 2).self, 100);
	assert_int_equal(call_tree_node(tree, 4)->total, 0);
	assert_int_equal(call_tree_before(tree, 4).total, 70);
	call_tree_check(tree);
	call_tree_free(tree);
}

static void differentials_are_never_guessed(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_reads_as(tree, "a;b 10 20\na;c 1 2\n", "a;b 10 20\na;c 1 2\n");
	assert_false(call_tree_has_before(tree));
	call_tree_free(tree);
}

static void flame_charts_keep_the_order_of_lines(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	call_tree_keep_time(tree);
	assert_reads_as(tree, "a;b 1\na;b 1\na 2\na;b;c 4\na;b 8\nz 1\na;b 16\n",
			"a;b 2\na 2\na;b;c 4\na;b 8\nz 1\na;b 16\n");
	call_tree_free(tree);
}

static uint32_t draw(uint64_t *random, uint32_t below)
{
	*random = *random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*random >> 33) % below);
}

/* Adds the same by the front door. */
static void add_simply(struct call_tree *tree, char *stack, uint64_t count)
{
	static const char *const suffixes[] = {
		[FRAME_KERNEL] = "_[k]", [FRAME_INLINED] = "_[i]", [FRAME_JIT] = "_[j]"
	};
	struct frame frames[16];
	size_t n = 0;
	char *name;

	while ((name = strsep(&stack, ";"))) {
		size_t length = strlen(name);

		frames[n] = (struct frame){ .name = name };
		for (int kind = FRAME_KERNEL; kind <= FRAME_JIT; kind++) {
			if (length >= 4 && strcmp(name + length - 4, suffixes[kind]) == 0) {
				name[length - 4] = '\0';
				frames[n].kind = kind;
				break;
			}
		}
		n++;
	}
	assert_int_equal(call_tree_add(tree, frames, n, count), 0);
}

/* Names that begin with each other, are empty, or end in what looks like a suffix. */
static void reading_is_adding_one_by_one(void **state)
{
	static const char *const names[] = { "a",     "ab",        "a_[k]", "",      "a]",
					     "a_[i]", "a_[k]_[k]", "_[k]",  "ab_[j]" };
	uint64_t random = 7;

	(void)state;
	for (int file = 0; file < RANDOM_FILES; file++) {
		struct call_tree *tree = new_tree(), *simple = new_tree();
		char text[RANDOM_LINES * 160] = "", stack[160];
		char *expected;

		if (file % 3 == 0) {
			call_tree_keep_time(tree);
			call_tree_keep_time(simple);
		}
		for (int line = 0; line < RANDOM_LINES; line++) {
			uint32_t count = draw(&random, 4);
			uint32_t depth = 1 + draw(&random, 10);

			stack[0] = '\0';
			for (uint32_t i = 0; i < depth; i++) {
				append_text(stack, sizeof(stack), i ? ";" : "p");
				append_text(stack, sizeof(stack),
					    names[draw(&random, i < 5 ? 3 : 9)]);
			}
			(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %u\n",
				       stack, count);
			add_simply(simple, stack, count);
		}
		assert_int_equal(call_tree_sort(simple), 0);
		expected = folded_of(simple);
		assert_reads_as(tree, text, expected);
		assert_int_equal(call_tree_node_count(tree), call_tree_node_count(simple));
		free(expected);
		call_tree_free(simple);
		call_tree_free(tree);
	}
}

static void a_nul_makes_a_line_bad(void **state)
{
	struct call_tree *tree = new_tree();
	struct read_report report = read_folded(tree, "a\0b 5\nc 1\n", 10);

	(void)state;
	assert_int_equal(report.bad_lines_by_reason[BAD_LINE_NUL], 1);
	assert_int_equal(report.stacks, 1);
	call_tree_free(tree);
}

/* extra bytes more than the longest line there may be, between two good lines */
static struct read_report read_long_line(size_t extra)
{
	size_t size = LINE_LIMIT + extra + 10;
	char *text = malloc(size);
	struct call_tree *tree = new_tree();
	struct read_report report;

	assert_non_null(text);
	memmove(text, "a 1\n", 4);
	memset(text + 4, 'x', LINE_LIMIT + extra - 2);
	memmove(text + 4 + LINE_LIMIT + extra - 2, " 7\nb 1", 6);
	report = read_folded(tree, text, size - 2);
	assert_int_equal(call_tree_node(tree, 0)->total, report.bad_lines ? 2 : 9);
	call_tree_free(tree);
	free(text);
	return report;
}

static void lines_that_are_too_long_are_bad(void **state)
{
	struct read_report report;

	(void)state;
	report = read_long_line(0);
	assert_int_equal(report.stacks, 3);
	assert_int_equal(report.bad_lines, 0);
	report = read_long_line(1);
	assert_int_equal(report.stacks, 2);
	assert_int_equal(report.first[0].number, 2);
	report = read_long_line(LINE_LIMIT * 2);
	assert_int_equal(report.stacks, 2);
	assert_int_equal(report.bad_lines, 1);
}

static void a_stack_that_is_too_deep_is_a_bad_line(void **state)
{
	size_t size = CALL_TREE_DEPTH_MAX + 2;
	char *text = malloc(size + 1);
	struct call_tree *tree = new_tree();
	struct read_report report;

	(void)state;
	assert_non_null(text);
	memset(text, ';', size);
	memmove(text + size - 2, " 1", 2);
	report = read_folded(tree, text, size);
	assert_int_equal(report.bad_lines_by_reason[BAD_LINE_TOO_DEEP], 1);
	assert_int_equal(call_tree_node_count(tree), 1);
	report = read_folded(tree, text + 1, size - 1);
	assert_int_equal(report.stacks, 1);
	assert_int_equal(call_tree_depth(tree), CALL_TREE_DEPTH_MAX);
	call_tree_free(tree);
	free(text);
}

/* Stacks that are made while they are read, as often as there are rounds. */
struct endless {
	uint32_t stacks;
	char line[256];
	size_t length, used;
	uint32_t next;
};

static ssize_t make_stacks(void *cookie, char *buffer, size_t size)
{
	struct endless *endless = cookie;
	size_t n;

	if (endless->used == endless->length) {
		uint32_t i = endless->next % MEMORY_STACKS;

		if (endless->next++ == endless->stacks)
			return 0;
		endless->used = 0;
		endless->length = (size_t)snprintf(endless->line, sizeof(endless->line),
						   "process;main;a::b%u;c::d%u;e::f%u 1\n", i % 7,
						   i % 101, i);
	}
	n = endless->length - endless->used;
	if (n > size)
		n = size;
	memcpy(buffer, endless->line + endless->used, n);
	endless->used += n;
	return (ssize_t)n;
}

/* The most memory, in KiB, that a process has had which reads the same stacks so often. */
static long memory_of(uint32_t rounds)
{
	struct endless endless = { .stacks = rounds * MEMORY_STACKS };
	struct rusage usage;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const cookie_io_functions_t functions = { .read = make_stacks };
		FILE *in = fopencookie(&endless, "r", functions);
		struct call_tree *tree;
		struct read_report report;

		if (!in || call_tree_new(&tree) < 0 || folded_read(in, tree, NULL, &report) < 0)
			_exit(1);
		_exit(report.stacks == endless.stacks ? 0 : 1);
	}
	assert_int_equal(wait4(pid, &status, 0, &usage), pid);
	assert_int_equal(status, 0);
	return usage.ru_maxrss;
}

static void memory_grows_with_frames_and_not_with_lines(void **state)
{
	(void)state;
	assert_in_range(memory_of(20), 0, memory_of(1) + MEMORY_SLACK);
}

static void a_stream_that_fails_is_an_error(void **state)
{
	struct call_tree *tree = new_tree();
	struct read_report report;
	FILE *in = fopen("/", "r");

	(void)state;
	assert_non_null(in);
	assert_int_equal(folded_read(in, tree, NULL, &report), -EIO);
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
		cmocka_unit_test(names_become_utf8),
		cmocka_unit_test(a_byte_order_mark_is_no_part_of_a_name),
		cmocka_unit_test(a_longer_name_is_not_its_beginning),
		cmocka_unit_test(files_merge_into_one_tree),
		cmocka_unit_test(differentials_have_two_counts),
		cmocka_unit_test(differentials_are_never_guessed),
		cmocka_unit_test(flame_charts_keep_the_order_of_lines),
		cmocka_unit_test(reading_is_adding_one_by_one),
		cmocka_unit_test(a_nul_makes_a_line_bad),
		cmocka_unit_test(lines_that_are_too_long_are_bad),
		cmocka_unit_test(a_stack_that_is_too_deep_is_a_bad_line),
		cmocka_unit_test(memory_grows_with_frames_and_not_with_lines),
		cmocka_unit_test(a_stream_that_fails_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
