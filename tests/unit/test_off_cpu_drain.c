/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of stacks and wakers, and of stacks that were walked in user space. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/off_cpu_parts.h"

#define SEED_ID  UINT64_C(0x1234567890abcdef)
#define OTHER_ID UINT64_C(0xfedcba0987654321)
#define WAKER_ID UINT64_C(0x5555555555555555)
#define MANY     1000 /* more walks than are worth it */

static void fill(uint64_t *addresses, size_t depth, uint64_t first)
{
	for (size_t i = 0; i < depth; i++)
		addresses[i] = first + i;
}

static void seed(struct off_drain *drain, uint64_t id, uint64_t first, size_t depth,
		 enum stop_reason stop)
{
	uint64_t addresses[USER_FRAMES_MAX];

	fill(addresses, depth, first);
	assert_int_equal(off_drain_seed(drain, id, addresses, depth, stop), 0);
}

static int keep_sample(void *context, const struct sample *sample)
{
	*(struct sample *)context = *sample;
	return 0;
}

static void assert_seed(struct off_drain *drain, uint64_t id, uint64_t first, size_t expected,
			enum stop_reason stop)
{
	const struct off_count count = { .key.who = { .user_stack = id, .stop = STOP_UNREADABLE },
					 .blocked_ns = 1 };
	struct sample sample = { 0 };
	const uint64_t *found;
	size_t depth;

	assert_int_equal(off_drain_hand_out(drain, &count, keep_sample, &sample), 0);
	assert_true(off_drain_has_seed(drain, id));
	found = sample.user;
	depth = sample.user_depth;
	assert_int_equal(sample.stop, stop);
	assert_int_equal(depth, expected);
	for (size_t i = 0; i < depth; i++)
		assert_int_equal(found[i], first + i);
}

static void a_row_says_of_which_program_and_cgroup_it_is(void **state)
{
	const struct off_count count = { .key.who = { .generation = 77, .tgid = 7 },
					 .blocked_ns = 1,
					 .first_ns = 5,
					 .cgroup_id = 9 };
	struct off_drain drain = { 0 };
	struct sample sample = { 0 };

	(void)state;
	assert_int_equal(off_drain_hand_out(&drain, &count, keep_sample, &sample), 0);
	assert_true(sample.generation == 77 && sample.cgroup_id == 9 && sample.first_ns == 5);
	off_drain_done(&drain);
}

static void what_was_walked_is_found_with_why_it_ended(void **state)
{
	struct off_drain drain = { 0 };

	(void)state;
	seed(&drain, SEED_ID, 100, 3, STOP_COMPLETE);
	seed(&drain, SEED_ID + 1, 200, 1, STOP_BAD_READ);
	assert_seed(&drain, SEED_ID, 100, 3, STOP_COMPLETE);
	assert_seed(&drain, SEED_ID + 1, 200, 1, STOP_BAD_READ);
	off_drain_done(&drain);
}

static void stacks_of_all_depths_come_back_as_they_are(void **state)
{
	static const size_t depths[] = {
		1,
		PIECE_FRAMES_MAX - 1,
		PIECE_FRAMES_MAX,
		PIECE_FRAMES_MAX + 1,
		2 * PIECE_FRAMES_MAX,
		100,
		USER_FRAMES_MAX - 1,
		USER_FRAMES_MAX,
	};
	struct off_drain drain = { 0 };
	size_t count = sizeof(depths) / sizeof(depths[0]);

	(void)state;
	for (size_t i = 0; i < count; i++)
		seed(&drain, hash_u64(i + 1), 10000 * i, depths[i], STOP_COMPLETE);
	for (size_t i = 0; i < count; i++)
		assert_seed(&drain, hash_u64(i + 1), 10000 * i, depths[i], STOP_COMPLETE);
	off_drain_done(&drain);
}

static void a_stack_is_cut_from_its_outermost_frame_on(void **state)
{
	struct off_drain drain = { 0 };
	uint64_t offset;

	(void)state;
	seed(&drain, SEED_ID, 0, 2 * PIECE_FRAMES_MAX + 3, STOP_COMPLETE);
	assert_true(hashmap_get(&drain.known.offsets, SEED_ID, &offset));
	/* The depth of the innermost piece is what was left. */
	assert_int_equal((uint32_t)drain.known.words[offset], 3);
	off_drain_done(&drain);
}

static void what_is_walked_again_takes_the_place_of_what_was(void **state)
{
	struct off_drain drain = { 0 };

	(void)state;
	seed(&drain, SEED_ID, 100, 2, STOP_NO_TABLE_YET);
	seed(&drain, SEED_ID, 500, 300, STOP_COMPLETE);
	assert_seed(&drain, SEED_ID, 500, 300, STOP_COMPLETE);
	seed(&drain, SEED_ID, 900, 40, STOP_UNREADABLE);
	assert_seed(&drain, SEED_ID, 900, 40, STOP_UNREADABLE);
	seed(&drain, SEED_ID, 0, 0, STOP_BAD_READ);
	assert_seed(&drain, SEED_ID, 0, 0, STOP_BAD_READ);
	off_drain_done(&drain);
}

static void two_that_are_walked_in_turn_do_not_mix(void **state)
{
	struct off_drain drain = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 5; i++) {
		seed(&drain, SEED_ID, 1000 * i, 100 + i, STOP_COMPLETE);
		seed(&drain, OTHER_ID, 5000 + 1000 * i, 200 - i, STOP_TOO_DEEP);
		assert_seed(&drain, SEED_ID, 1000 * i, 100 + i, STOP_COMPLETE);
		assert_seed(&drain, OTHER_ID, 5000 + 1000 * i, 200 - i, STOP_TOO_DEEP);
	}
	off_drain_done(&drain);
}

static void a_walk_that_finds_less_changes_nothing(void **state)
{
	struct off_drain drain = { 0 };

	(void)state;
	seed(&drain, SEED_ID, 100, 40, STOP_NO_MAPPING);
	seed(&drain, SEED_ID, 500, 3, STOP_NO_TABLE_YET);
	assert_seed(&drain, SEED_ID, 100, 40, STOP_NO_MAPPING);
	seed(&drain, SEED_ID, 500, 40, STOP_NO_TABLE_YET);
	assert_seed(&drain, SEED_ID, 500, 40, STOP_NO_TABLE_YET);
	off_drain_done(&drain);
}

static void only_what_may_come_to_more_is_walked_again(void **state)
{
	struct off_drain drain = { 0 };

	(void)state;
	assert_true(off_drain_wants_walk(&drain, SEED_ID));
	for (int stop = STOP_FRAME_POINTERS; stop < STOP_REASON_COUNT; stop++) {
		bool expected = stop == STOP_NO_TABLE_YET || stop == STOP_NO_MAPPING;

		seed(&drain, SEED_ID + (uint64_t)stop, 100, 3, (enum stop_reason)stop);
		assert_int_equal(off_drain_wants_walk(&drain, SEED_ID + (uint64_t)stop), expected);
	}
	off_drain_done(&drain);
}

static void walks_that_come_to_nothing_end(void **state)
{
	static const enum stop_reason stops[] = { STOP_NO_TABLE_YET, STOP_NO_MAPPING };
	struct off_drain drain = { 0 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		unsigned int walks = 0;

		for (; walks < MANY && off_drain_wants_walk(&drain, SEED_ID + i); walks++)
			seed(&drain, SEED_ID + i, 100, 3, stops[i]);
		assert_in_range(walks, 2, MANY / 10);
		assert_seed(&drain, SEED_ID + i, 100, 3, stops[i]);
	}
	off_drain_done(&drain);
}

static void walking_again_takes_no_more_memory(void **state)
{
	struct off_drain drain = { 0 };
	size_t words;

	(void)state;
	seed(&drain, SEED_ID, 100, 300, STOP_NO_TABLE_YET);
	words = drain.known.word_count;
	for (uint64_t i = 0; i < MANY; i++)
		seed(&drain, SEED_ID, 100 + i, 300, STOP_NO_TABLE_YET);
	assert_int_equal(drain.known.word_count, words);
	assert_seed(&drain, SEED_ID, 100 + MANY - 1, 300, STOP_NO_TABLE_YET);
	off_drain_done(&drain);
}

static void what_is_not_kept_is_counted_unless_it_is_there(void **state)
{
	const uint64_t ids[] = { SEED_ID, OTHER_ID, WAKER_ID };
	struct stack pieces[3] = { { .depth = 1 }, { .depth = 1 }, { .depth = 1 } };
	struct off_drain drain = { 0 };
	size_t capacity;

	(void)state;
	assert_int_equal(off_drain_keep_stacks(&drain, ids, pieces, 2), 0);
	assert_false(off_drain_is_full(&drain));
	capacity = drain.known.word_capacity;
	drain.known.word_capacity = SIZE_MAX / sizeof(uint64_t);
	assert_true(off_drain_is_full(&drain));
	assert_int_equal(off_drain_keep_stacks(&drain, ids, pieces, 3), 0);
	assert_int_equal(drain.not_kept, 1);
	drain.known.word_capacity = capacity;
	off_drain_done(&drain);
}

static int see_waker(void *context, const struct sample *sample)
{
	assert_non_null(sample->waker);
	*(enum stop_reason *)context = sample->waker->stop;
	return 0;
}

static enum stop_reason waker_stop(struct off_drain *drain)
{
	const struct off_count count = { .key.waker = WAKER_ID, .blocked_ns = 1 };
	enum stop_reason stop = STOP_REASON_COUNT;

	assert_int_equal(off_drain_hand_out(drain, &count, see_waker, &stop), 0);
	return stop;
}

static void the_stack_of_a_waker_that_is_lost_says_so(void **state)
{
	const struct sample_key waker = { .user_stack = OTHER_ID, .stop = STOP_COMPLETE };
	const struct sample_key without = { .stop = STOP_NONE };
	const struct stack piece = { .depth = 1 };
	const uint64_t id = WAKER_ID, stack_id = OTHER_ID;
	struct off_drain drain = { 0 }, other = { 0 };

	(void)state;
	assert_int_equal(off_drain_keep_wakers(&drain, &id, &waker, 1), 0);
	assert_int_equal(waker_stop(&drain), STOP_STACK_LOST);
	assert_int_equal(off_drain_keep_stacks(&drain, &stack_id, &piece, 1), 0);
	assert_int_equal(waker_stop(&drain), STOP_COMPLETE);
	assert_int_equal(off_drain_keep_wakers(&other, &id, &without, 1), 0);
	assert_int_equal(waker_stop(&other), STOP_NONE);
	off_drain_done(&drain);
	off_drain_done(&other);
}

static size_t depth_of(struct off_drain *drain, uint64_t user_stack, uint64_t kernel_stack)
{
	const struct off_count count = { .key.who = { .user_stack = user_stack,
						      .kernel_stack = kernel_stack },
					 .blocked_ns = 1 };
	struct sample sample = { 0 };

	assert_int_equal(off_drain_hand_out(drain, &count, keep_sample, &sample), 0);
	for (size_t i = 0; i < sample.user_depth; i++)
		assert_int_equal(sample.user[i], 7);
	return sample.user_depth + sample.kernel_depth;
}

static void stacks_in_some_row_stay_known_and_others_are_forgotten(void **state)
{
	const struct stack piece = { .depth = 1, .rest = STACK_ID_NONE, .pc = { 7 } };
	const uint64_t ids[] = { 1001, 1002, 1003 };
	const struct stack pieces[] = { piece, piece, piece };
	struct off_drain drain = { 0 };

	(void)state;
	assert_int_equal(off_drain_keep_stacks(&drain, ids, pieces, 3), 0);
	for (int window = 0; window < 3; window++) {
		off_drain_forget(&drain);
		assert_int_equal(depth_of(&drain, 1001, 1002), 2);
	}
	assert_int_equal(depth_of(&drain, 1003, STACK_ID_NONE), 0);
	off_drain_done(&drain);
}

static void what_was_walked_stays_known_as_long_as_it_is_in_rows(void **state)
{
	struct off_drain drain = { 0 };

	(void)state;
	seed(&drain, SEED_ID, 100, 2 * PIECE_FRAMES_MAX, STOP_COMPLETE);
	seed(&drain, OTHER_ID, 200, 3, STOP_COMPLETE);
	for (int window = 0; window < 3; window++) {
		off_drain_forget(&drain);
		assert_seed(&drain, SEED_ID, 100, 2 * PIECE_FRAMES_MAX, STOP_COMPLETE);
	}
	assert_false(off_drain_has_seed(&drain, OTHER_ID));
	assert_true(off_drain_wants_walk(&drain, OTHER_ID));
	off_drain_done(&drain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_says_of_which_program_and_cgroup_it_is),
		cmocka_unit_test(what_was_walked_is_found_with_why_it_ended),
		cmocka_unit_test(stacks_of_all_depths_come_back_as_they_are),
		cmocka_unit_test(a_stack_is_cut_from_its_outermost_frame_on),
		cmocka_unit_test(what_is_walked_again_takes_the_place_of_what_was),
		cmocka_unit_test(two_that_are_walked_in_turn_do_not_mix),
		cmocka_unit_test(a_walk_that_finds_less_changes_nothing),
		cmocka_unit_test(only_what_may_come_to_more_is_walked_again),
		cmocka_unit_test(walks_that_come_to_nothing_end),
		cmocka_unit_test(walking_again_takes_no_more_memory),
		cmocka_unit_test(what_is_not_kept_is_counted_unless_it_is_there),
		cmocka_unit_test(stacks_in_some_row_stay_known_and_others_are_forgotten),
		cmocka_unit_test(what_was_walked_stays_known_as_long_as_it_is_in_rows),
		cmocka_unit_test(the_stack_of_a_waker_that_is_lost_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
