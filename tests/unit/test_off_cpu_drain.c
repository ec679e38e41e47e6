/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks that were walked in user space, under the ids by which the kernel half goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/off_cpu_parts.h"

#define SEED_ID   UINT64_C(0x1234567890abcdef)
#define BEFORE_ID UINT64_C(0xfedcba0987654321)

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

static void assert_seed(struct off_drain *drain, uint64_t id, uint64_t first, size_t expected,
			enum stop_reason stop)
{
	uint64_t room[USER_FRAMES_MAX], found_stop = STOP_REASON_COUNT;
	size_t depth;
	const uint64_t *found = stack_store_find(&drain->known, id, room, &depth);

	assert_true(hashmap_get(&drain->seeds, id, &found_stop));
	assert_int_equal(found_stop, stop);
	assert_int_equal(depth, expected);
	for (size_t i = 0; i < depth; i++)
		assert_int_equal(found[i], first + i);
}

/* As the kernel half tells of it: two pieces, or one. */
static void keep_before(struct off_drain *drain, uint64_t first, uint32_t depth)
{
	struct stack outer = { .depth = 1, .rest = STACK_ID_NONE };
	struct stack inner = { .depth = depth, .rest = STACK_ID_NONE };

	fill((uint64_t *)inner.pc, depth, first);
	outer.pc[0] = first + depth;
	if (depth == PIECE_FRAMES_MAX) {
		inner.rest = BEFORE_ID + 1;
		assert_int_equal(stack_store_add(&drain->known, BEFORE_ID + 1, &outer), 0);
	}
	assert_int_equal(stack_store_add(&drain->known, BEFORE_ID, &inner), 0);
}

static void unseed(struct off_drain *drain, uint64_t before)
{
	const struct off_seed seed = { .stack = SEED_ID, .before = before };

	assert_int_equal(off_drain_unseed(drain, &seed), 0);
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
	assert_int_equal(drain.known.words[offset], 3);
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
		seed(&drain, BEFORE_ID, 5000 + 1000 * i, 200 - i, STOP_TOO_DEEP);
		assert_seed(&drain, SEED_ID, 1000 * i, 100 + i, STOP_COMPLETE);
		assert_seed(&drain, BEFORE_ID, 5000 + 1000 * i, 200 - i, STOP_TOO_DEEP);
	}
	off_drain_done(&drain);
}

static void a_walk_that_is_taken_back_leaves_what_the_kernel_half_had_found(void **state)
{
	static const uint32_t depths[] = { 1, 5, PIECE_FRAMES_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		struct off_drain drain = { 0 };
		size_t depth = depths[i] + (depths[i] == PIECE_FRAMES_MAX);

		keep_before(&drain, 700, depths[i]);
		seed(&drain, SEED_ID, 100, 60, STOP_COMPLETE);
		unseed(&drain, BEFORE_ID);
		assert_seed(&drain, SEED_ID, 700, depth, STOP_NO_TABLE_YET);
		off_drain_done(&drain);
	}
}

static void of_nothing_before_nothing_is_left(void **state)
{
	static const uint64_t befores[] = { STACK_ID_NONE, STACK_ID_LOST, BEFORE_ID };

	(void)state;
	for (size_t i = 0; i < sizeof(befores) / sizeof(befores[0]); i++) {
		struct off_drain drain = { 0 };

		seed(&drain, SEED_ID, 100, 60, STOP_COMPLETE);
		unseed(&drain, befores[i]);
		assert_seed(&drain, SEED_ID, 0, 0, STOP_UNREADABLE);
		off_drain_done(&drain);
	}
}

static void what_was_taken_back_can_be_walked_again(void **state)
{
	struct off_drain drain = { 0 };

	(void)state;
	keep_before(&drain, 700, 5);
	seed(&drain, SEED_ID, 100, 60, STOP_COMPLETE);
	unseed(&drain, BEFORE_ID);
	seed(&drain, SEED_ID, 100, 60, STOP_COMPLETE);
	assert_seed(&drain, SEED_ID, 100, 60, STOP_COMPLETE);
	off_drain_done(&drain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_walked_is_found_with_why_it_ended),
		cmocka_unit_test(stacks_of_all_depths_come_back_as_they_are),
		cmocka_unit_test(a_stack_is_cut_from_its_outermost_frame_on),
		cmocka_unit_test(what_is_walked_again_takes_the_place_of_what_was),
		cmocka_unit_test(two_that_are_walked_in_turn_do_not_mix),
		cmocka_unit_test(a_walk_that_is_taken_back_leaves_what_the_kernel_half_had_found),
		cmocka_unit_test(of_nothing_before_nothing_is_left),
		cmocka_unit_test(what_was_taken_back_can_be_walked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
