/* SPDX-License-Identifier: Apache-2.0 */
#include "web/state_sums.h"

#include "tests/unit/tree.h"

static void check(const char *folded, const char *kind, const char *expected)
{
	struct call_tree *tree = tree_of(folded);
	struct state_sums sums;
	char text[256] = "", one[64];

	assert_int_equal(state_sums_make(tree, kind, &sums), 0);
	for (size_t i = 0; i < sums.count; i++) {
		(void)snprintf(one, sizeof(one), "%s %d\n", sums.list[i].state,
			       (int)sums.list[i].count);
		append_text(text, sizeof(text), one);
	}
	assert_string_equal(text, expected);
	call_tree_free(tree);
}

static void who_says_nothing_sleeps(void **state)
{
	(void)state;
	check("a;b 3\na 4\n", "off-cpu", "sleep 7\n");
}

static void a_note_holds_for_all_below_it(void **state)
{
	(void)state;
	check("a;f 1\na;f;[runqueue] 2\na;[uninterruptible];--;waker;g 4\na;[runqueue] 8\n",
	      "off-cpu", "sleep 1\nrunqueue 10\nuninterruptible 4\n");
}

static void on_a_cpu_there_is_no_state(void **state)
{
	(void)state;
	check("a;b 3\n", "on-cpu", " 3\n");
	check("a;b 3\n", "alloc_space", " 3\n");
}

static void nothing_has_no_sums(void **state)
{
	(void)state;
	check("", "off-cpu", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_says_nothing_sleeps),
		cmocka_unit_test(a_note_holds_for_all_below_it),
		cmocka_unit_test(on_a_cpu_there_is_no_state),
		cmocka_unit_test(nothing_has_no_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
