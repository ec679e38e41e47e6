/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree_select.h"

#include "tests/unit/tree.h"

static const char folded[] = "p;main;read;copy_[k] 1\n"
			     "p;main;write;copy_[k] 2\n"
			     "p;main;main;loop 4\n"
			     "p;main 8\n"
			     "q;idle 16\n";

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

static void assert_selects(struct call_tree *tree, const struct call_selection *selection,
			   const char *expected, uint64_t left_out)
{
	struct call_left_out out;
	struct call_tree *made;
	char *text;

	assert_int_equal(call_tree_select(tree, selection, &made, &out), 0);
	text = folded_of(made);
	assert_string_equal(text, expected);
	assert_int_equal(out.count, left_out);
	assert_int_equal(call_tree_node(made, 0)->total + out.count,
			 call_tree_node(tree, 0)->total);
	call_tree_check(made);
	free(text);
	call_tree_free(made);
}

static void compile(const char *const *patterns, size_t n, regex_t *ret)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(regcomp(&ret[i], patterns[i], REG_EXTENDED | REG_NOSUB), 0);
}

static void assert_filters(const char *const *include, size_t includes, const char *const *exclude,
			   size_t excludes, const char *expected, uint64_t left_out)
{
	struct call_tree *tree = tree_of(folded);
	regex_t regexes[4];
	struct call_selection selection = { .include = regexes,
					    .include_count = includes,
					    .exclude = regexes + includes,
					    .exclude_count = excludes };

	compile(include, includes, regexes);
	compile(exclude, excludes, regexes + includes);
	assert_selects(tree, &selection, expected, left_out);
	for (size_t i = 0; i < includes + excludes; i++)
		regfree(&regexes[i]);
	call_tree_free(tree);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__ })

static void a_stack_stays_when_one_of_its_frames_matches(void **state)
{
	(void)state;
	assert_filters(LIST("^read$"), 1, NULL, 0, "p;main;read;copy_[k] 1\n", 30);
	assert_filters(LIST("^read$", "^id"), 2, NULL, 0, "p;main;read;copy_[k] 1\nq;idle 16\n",
		       14);
	assert_filters(LIST("^copy$"), 1, NULL, 0,
		       "p;main;read;copy_[k] 1\np;main;write;copy_[k] 2\n", 28);
	assert_filters(LIST("^p$"), 1, LIST("copy", "idle"), 2, "p;main 8\np;main;main;loop 4\n",
		       19);
	assert_filters(LIST("nobody"), 1, NULL, 0, "", 31);
}

static void a_stack_goes_when_one_of_its_frames_matches(void **state)
{
	(void)state;
	assert_filters(NULL, 0, LIST("main"), 1, "q;idle 16\n", 15);
	assert_filters(NULL, 0, LIST("^(loop|idle)$"), 1,
		       "p;main 8\np;main;read;copy_[k] 1\np;main;write;copy_[k] 2\n", 20);
	assert_filters(NULL, 0, LIST("."), 1, "", 31);
}

static void stacks_begin_at_the_innermost_base(void **state)
{
	struct call_tree *tree = tree_of(folded);

	(void)state;
	assert_selects(tree, &(struct call_selection){ .base = "main" },
		       "main 8\nmain;loop 4\nmain;read;copy_[k] 1\nmain;write;copy_[k] 2\n", 16);
	assert_selects(tree, &(struct call_selection){ .base = "p" },
		       "p;main 8\np;main;main;loop 4\np;main;read;copy_[k] 1\n"
		       "p;main;write;copy_[k] 2\n",
		       16);
	assert_selects(tree, &(struct call_selection){ .base = "mai" }, "", 31);
	call_tree_free(tree);
}

static void reversed_stacks_begin_with_their_leaf(void **state)
{
	struct call_tree *tree = tree_of(folded);

	(void)state;
	assert_selects(tree, &(struct call_selection){ .reverse = true },
		       "copy_[k];read;main;p 1\ncopy_[k];write;main;p 2\nidle;q 16\n"
		       "loop;main;main;p 4\nmain;p 8\n",
		       0);
	assert_selects(tree, &(struct call_selection){ .reverse = true, .base = "main" },
		       "copy_[k];read;main 1\ncopy_[k];write;main 2\nloop;main 4\nmain 8\n", 16);
	call_tree_free(tree);
}

static void everything_else_is_as_it_was(void **state)
{
	struct call_tree *tree = new_tree(), *made;
	struct call_left_out left_out;
	struct call_place place;
	uint32_t node;

	(void)state;
	assert_int_equal(call_tree_set_decimals(tree, 2), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			call_tree_reach(tree,
					FRAMES({ .name = i ? "a" : "z", .kind = FRAME_PROCESS },
					       { "f", "f.c", "f.so", 7, FRAME_INLINED }),
					2, &node),
			0);
		assert_int_equal(call_tree_count(tree, node, i ? 5 : 9), 0);
		assert_int_equal(call_tree_count_before(tree, node, 30), 0);
	}
	assert_int_equal(call_tree_sort_by(tree, CALL_TREE_BY_VALUE), 0);
	assert_int_equal(
		call_tree_select(tree, &(struct call_selection){ .base = "z" }, &made, &left_out),
		0);
	assert_int_equal(call_tree_decimals(made), 2);
	assert_int_equal(left_out.count, 5);
	assert_int_equal(left_out.before, 30);
	assert_int_equal(call_tree_before(made, 0).total, 30);
	node = call_tree_node(made, call_tree_node(made, 0)->first_child)->first_child;
	assert_int_equal(call_tree_node(made, node)->kind, FRAME_INLINED);
	place = call_tree_place(made, call_tree_node(made, node)->place_id);
	assert_string_equal(call_tree_name(made, place.file_id), "f.c");
	assert_string_equal(call_tree_name(made, place.module_id), "f.so");
	assert_int_equal(place.line, 7);
	call_tree_free(made);
	assert_int_equal(call_tree_select(tree, &(struct call_selection){ 0 }, &made, &left_out),
			 0);
	assert_string_equal(
		call_tree_name(made,
			       call_tree_node(made, call_tree_node(made, 0)->first_child)->name_id),
		"z");
	call_tree_free(made);
	call_tree_free(tree);
}

/* What the root has itself is no stack that a name could be in. */
static void stacks_without_frames_match_nothing(void **state)
{
	struct call_tree *tree = new_tree();

	(void)state;
	assert_int_equal(call_tree_add(tree, NULL, 0, 3), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }), 1, 4), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	assert_selects(tree, &(struct call_selection){ 0 }, "[unknown] 3\na 4\n", 0);
	assert_selects(tree, &(struct call_selection){ .reverse = true }, "[unknown] 3\na 4\n", 0);
	assert_selects(tree, &(struct call_selection){ .base = "a" }, "a 4\n", 3);
	call_tree_free(tree);
}

static void charts_stay_in_order(void **state)
{
	static const char chart[] = "a;c 1\nb 2\na;c 4\na 8\na;d 16\nb;a 32\n";
	struct call_tree *tree = new_tree();
	regex_t exclude;

	(void)state;
	call_tree_keep_time(tree);
	(void)read_folded(tree, chart, strlen(chart));
	assert_int_equal(call_tree_sort(tree), 0);
	assert_selects(tree, &(struct call_selection){ 0 }, chart, 0);
	assert_selects(tree, &(struct call_selection){ .reverse = true },
		       "c;a 1\nb 2\nc;a 4\na 8\nd;a 16\na;b 32\n", 0);
	assert_selects(tree, &(struct call_selection){ .base = "a" }, "a;c 5\na 8\na;d 16\na 32\n",
		       2);
	assert_int_equal(regcomp(&exclude, "^[cb]$", REG_EXTENDED | REG_NOSUB), 0);
	assert_selects(tree, &(struct call_selection){ .exclude = &exclude, .exclude_count = 1 },
		       "a 8\na;d 16\n", 39);
	regfree(&exclude);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stack_stays_when_one_of_its_frames_matches),
		cmocka_unit_test(a_stack_goes_when_one_of_its_frames_matches),
		cmocka_unit_test(stacks_begin_at_the_innermost_base),
		cmocka_unit_test(reversed_stacks_begin_with_their_leaf),
		cmocka_unit_test(everything_else_is_as_it_was),
		cmocka_unit_test(stacks_without_frames_match_nothing),
		cmocka_unit_test(charts_stay_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
