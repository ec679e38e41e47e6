/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/waits.h"

#include "tests/unit/tree.h"

struct fixture {
	struct call_tree *tree;
	struct waits waits;
};

static struct fixture fixture_of(const char *folded)
{
	struct fixture fixture = { .tree = tree_of(folded) };

	assert_int_equal(waits_make(fixture.tree, &fixture.waits), 0);
	return fixture;
}

static void fixture_done(struct fixture *fixture)
{
	waits_done(&fixture->waits);
	call_tree_free(fixture->tree);
}

/* The letter of the only node of this name. */
static char letter_of(const struct fixture *fixture, const char *name)
{
	char letter = 0;

	for (uint32_t i = call_tree_next(fixture->tree, 0); i != CALL_TREE_NONE;
	     i = call_tree_next(fixture->tree, i)) {
		const struct call_node *node = call_tree_node(fixture->tree, i);

		if (strcmp(call_tree_name(fixture->tree, node->name_id), name) != 0)
			continue;
		assert_int_equal(letter, 0);
		letter = palette_letter(fixture->waits.families[i]);
	}
	assert_int_not_equal(letter, 0);
	return letter;
}

static void kernel_frames_have_the_family_of_what_is_waited_for(void **state)
{
	struct fixture fixture =
		fixture_of("a;main;syscall_[k];futex_wait_[k];schedule_[k] 5\n"
			   "b;main;f;entry_[k];ep_poll_[k];go_[k] 7\n"
			   "b;main;f;entry_[k];ep_poll_[k];go_[k];[runqueue] 90\n");

	(void)state;
	assert_int_equal(letter_of(&fixture, "a"), 'u');
	assert_int_equal(letter_of(&fixture, "syscall"), 'l');
	assert_int_equal(letter_of(&fixture, "futex_wait"), 'l');
	assert_int_equal(letter_of(&fixture, "schedule"), 'l');
	assert_int_equal(letter_of(&fixture, "f"), 'u');
	/* Most of what lies upon the entry waits for a CPU; ep_poll() is what it is. */
	assert_int_equal(letter_of(&fixture, "entry"), 'r');
	assert_int_equal(letter_of(&fixture, "ep_poll"), 'w');
	assert_int_equal(letter_of(&fixture, "go"), 'w');
	assert_int_equal(letter_of(&fixture, "[runqueue]"), 'r');
	assert_int_equal(fixture.waits.sums[WAIT_LOCK], 5);
	assert_int_equal(fixture.waits.sums[WAIT_WORK], 7);
	assert_int_equal(fixture.waits.sums[WAIT_RUNQUEUE], 90);
	fixture_done(&fixture);
}

/* The legend has those kinds only that something waited for. */
static void no_frame_has_a_family_that_nothing_waited_for(void **state)
{
	struct fixture fixture =
		fixture_of("a;f;asm_exc_page_fault_[k];to_user_mode_[k];[runqueue] 27\n"
			   "a;g;epoll_wait;[runqueue] 3\n");

	(void)state;
	assert_int_equal(letter_of(&fixture, "asm_exc_page_fault"), 'r');
	assert_int_equal(letter_of(&fixture, "to_user_mode"), 'r');
	for (uint32_t i = 0; i < call_tree_node_count(fixture.tree); i++) {
		uint32_t family = fixture.waits.families[i];

		if (family >= PALETTE_WAIT && family < PALETTE_WAIT + WAIT_KIND_COUNT)
			assert_int_not_equal(fixture.waits.sums[family - PALETTE_WAIT], 0);
	}
	fixture_done(&fixture);
}

static void a_stack_without_kernel_frames_has_it_at_its_end(void **state)
{
	struct fixture fixture = fixture_of("a;main;f;epoll_wait 5\na;main;g 3\n");

	(void)state;
	assert_int_equal(letter_of(&fixture, "epoll_wait"), 'w');
	assert_int_equal(letter_of(&fixture, "f"), 'u');
	assert_int_equal(letter_of(&fixture, "g"), 'o');
	assert_int_equal(fixture.waits.sums[WAIT_WORK], 5);
	assert_int_equal(fixture.waits.sums[WAIT_OTHER], 3);
	fixture_done(&fixture);
}

static void wakers_are_not_coloured_and_their_time_is_the_sleepers(void **state)
{
	struct fixture fixture = fixture_of("a;main;f;futex_wait_[k];--;ep_poll_[k];wake;b 6\n"
					    "a;main;f;futex_wait_[k];[uninterruptible];--;c 2\n");

	(void)state;
	assert_int_equal(letter_of(&fixture, "futex_wait"), 'l');
	assert_int_equal(letter_of(&fixture, "[uninterruptible]"), 'l');
	assert_int_equal(letter_of(&fixture, "ep_poll"), 'k');
	assert_int_equal(letter_of(&fixture, "b"), 'u');
	assert_int_equal(fixture.waits.sums[WAIT_LOCK], 8);
	fixture_done(&fixture);
}

/* The rule that the script goes by: the last frame of a kind tells what a stack waited for. */
static void the_last_family_of_a_stack_is_its_kind(void **state)
{
	struct fixture fixture =
		fixture_of("a;main;x_[k];ep_poll_[k];y_[k] 1\na;main;x_[k];futex_[k];[runqueue] 2\n"
			   "a;main;x_[k] 4\na;main;epoll_wait;--;z_[k] 8\na;main;epoll_wait 16\n"
			   "a;main;x_[k];pipe_read_[k];--;b 32\n");
	uint64_t sums[WAIT_KIND_COUNT] = { 0 };

	(void)state;
	for (uint32_t i = call_tree_next(fixture.tree, 0); i != CALL_TREE_NONE;
	     i = call_tree_next(fixture.tree, i)) {
		uint64_t self = call_tree_node(fixture.tree, i)->self;
		uint32_t at = i;

		if (self == 0)
			continue;
		while (fixture.waits.families[at] < PALETTE_WAIT)
			at = call_tree_node(fixture.tree, at)->parent;
		sums[fixture.waits.families[at] - PALETTE_WAIT] += self;
	}
	assert_memory_equal(sums, fixture.waits.sums, sizeof(sums));
	assert_int_equal(sums[WAIT_WORK], 1 + 8 + 16);
	assert_int_equal(sums[WAIT_NETWORK], 32);
	fixture_done(&fixture);
}

static void sums_are_the_total_in_deep_and_empty_trees(void **state)
{
	struct call_tree *trees[] = { chain_tree(CALL_TREE_DEPTH_MAX), new_tree() };

	(void)state;
	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		struct waits waits = { 0 };

		assert_int_equal(waits_make(trees[i], &waits), 0);
		assert_int_equal(waits.sums[WAIT_OTHER], call_tree_node(trees[i], 0)->total);
		waits_done(&waits);
		call_tree_free(trees[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_frames_have_the_family_of_what_is_waited_for),
		cmocka_unit_test(no_frame_has_a_family_that_nothing_waited_for),
		cmocka_unit_test(a_stack_without_kernel_frames_has_it_at_its_end),
		cmocka_unit_test(wakers_are_not_coloured_and_their_time_is_the_sleepers),
		cmocka_unit_test(the_last_family_of_a_stack_is_its_kind),
		cmocka_unit_test(sums_are_the_total_in_deep_and_empty_trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
