/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stack_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIRST_ID 1000

static struct stack piece_of(uint64_t first_pc, uint32_t depth, uint64_t rest)
{
	struct stack piece = { .depth = depth, .rest = rest };

	for (uint32_t i = 0; i < depth && i < PIECE_FRAMES_MAX; i++)
		piece.pc[i] = first_pc + i;
	return piece;
}

static void add(struct stack_store *store, uint64_t id, struct stack piece)
{
	assert_int_equal(stack_store_add(store, id, &piece), 0);
}

/* Its addresses count up from first_pc. */
static void assert_stack(const struct stack_store *store, uint64_t id, uint64_t first_pc,
			 size_t expected)
{
	uint64_t room[USER_FRAMES_MAX];
	size_t depth;
	const uint64_t *found = stack_store_find(store, id, room, &depth);

	assert_int_equal(depth, expected);
	assert_non_null(found);
	for (size_t i = 0; i < depth; i++)
		assert_int_equal(found[i], first_pc + i);
}

static void assert_nothing(const struct stack_store *store, uint64_t id)
{
	uint64_t room[USER_FRAMES_MAX];
	size_t depth = 1;

	assert_null(stack_store_find(store, id, room, &depth));
	assert_int_equal(depth, 0);
}

static void an_empty_store_has_no_stacks(void **state)
{
	struct stack_store store = { 0 };

	(void)state;
	assert_nothing(&store, FIRST_ID);
	assert_int_equal(stack_store_bytes(&store), 0);
	stack_store_done(&store);
}

static void ids_that_stand_for_no_stack_find_none(void **state)
{
	struct stack_store store = { 0 };

	(void)state;
	add(&store, FIRST_ID, piece_of(1, 3, STACK_ID_NONE));
	assert_nothing(&store, STACK_ID_NONE);
	assert_nothing(&store, STACK_ID_LOST);
	assert_nothing(&store, FIRST_ID + 1);
	stack_store_done(&store);
}

static void a_stack_of_one_piece_is_found_where_it_is_kept(void **state)
{
	struct stack_store store = { 0 };
	uint64_t room[USER_FRAMES_MAX];
	const uint64_t *found;
	size_t depth;

	(void)state;
	add(&store, FIRST_ID, piece_of(100, PIECE_FRAMES_MAX, STACK_ID_NONE));
	add(&store, FIRST_ID + 1, piece_of(500, 1, STACK_ID_NONE));
	assert_stack(&store, FIRST_ID, 100, PIECE_FRAMES_MAX);
	assert_stack(&store, FIRST_ID + 1, 500, 1);
	found = stack_store_find(&store, FIRST_ID, room, &depth);
	assert_ptr_not_equal(found, room);
	stack_store_done(&store);
}

/* From id on, each piece the rest of the one before it. */
static void add_chain(struct stack_store *store, uint64_t id, uint64_t first_pc, uint32_t pieces,
		      uint32_t last_depth)
{
	for (uint32_t i = 0; i < pieces; i++) {
		bool is_last = i + 1 == pieces;

		add(store, id + i,
		    piece_of(first_pc + (uint64_t)i * PIECE_FRAMES_MAX,
			     is_last ? last_depth : PIECE_FRAMES_MAX,
			     is_last ? STACK_ID_NONE : id + i + 1));
	}
}

static void pieces_are_put_together_from_the_innermost_on(void **state)
{
	struct stack_store store = { 0 };

	(void)state;
	add_chain(&store, FIRST_ID, 7, 3, 5);
	assert_stack(&store, FIRST_ID, 7, 2 * PIECE_FRAMES_MAX + 5);
	/* Which others share. */
	assert_stack(&store, FIRST_ID + 1, 7 + PIECE_FRAMES_MAX, PIECE_FRAMES_MAX + 5);
	stack_store_done(&store);
}

static void the_deepest_stack_fits(void **state)
{
	struct stack_store store = { 0 };

	(void)state;
	add_chain(&store, FIRST_ID, 7, PIECES_MAX, PIECE_FRAMES_MAX);
	assert_stack(&store, FIRST_ID, 7, USER_FRAMES_MAX);
	stack_store_done(&store);
}

static void pieces_that_never_end_are_cut_where_the_room_ends(void **state)
{
	struct stack_store store = { 0 };
	uint64_t room[USER_FRAMES_MAX];
	size_t depth;

	(void)state;
	add_chain(&store, FIRST_ID, 7, PIECES_MAX + 3, PIECE_FRAMES_MAX);
	assert_stack(&store, FIRST_ID, 7, USER_FRAMES_MAX);
	add(&store, 5, piece_of(1, PIECE_FRAMES_MAX, 5));
	assert_ptr_equal(stack_store_find(&store, 5, room, &depth), room);
	assert_int_equal(depth, USER_FRAMES_MAX);
	stack_store_done(&store);
}

static void what_is_there_is_not_kept_again(void **state)
{
	struct stack_store store = { 0 };
	size_t words;

	(void)state;
	add(&store, FIRST_ID, piece_of(1, 4, STACK_ID_NONE));
	words = store.word_count;
	add(&store, FIRST_ID, piece_of(50, 4, STACK_ID_NONE));
	assert_int_equal(store.word_count, words);
	assert_stack(&store, FIRST_ID, 1, 4);
	stack_store_done(&store);
}

static void what_is_there_can_be_replaced(void **state)
{
	struct stack_store store = { 0 };
	struct stack other = piece_of(50, 9, STACK_ID_NONE);
	struct stack none = piece_of(0, 0, STACK_ID_NONE);
	uint64_t room[USER_FRAMES_MAX];
	size_t depth;

	(void)state;
	add_chain(&store, FIRST_ID, 7, 2, 5);
	assert_int_equal(stack_store_replace(&store, FIRST_ID, &other), 0);
	assert_stack(&store, FIRST_ID, 50, 9);
	assert_int_equal(stack_store_replace(&store, FIRST_ID, &none), 0);
	(void)stack_store_find(&store, FIRST_ID, room, &depth);
	assert_int_equal(depth, 0);
	assert_int_equal(stack_store_replace(&store, FIRST_ID + 50, &other), 0);
	assert_stack(&store, FIRST_ID + 50, 50, 9);
	stack_store_done(&store);
}

static void what_replaces_another_takes_its_place_where_it_fits(void **state)
{
	struct stack_store store = { 0 };
	size_t words;

	(void)state;
	add(&store, FIRST_ID, piece_of(1, 9, STACK_ID_NONE));
	add(&store, FIRST_ID + 1, piece_of(700, 5, STACK_ID_NONE));
	words = store.word_count;
	/* Also after it was smaller for a while. */
	for (uint32_t depth = 0; depth <= 9; depth++) {
		struct stack other = piece_of(50 + depth, depth, STACK_ID_NONE);

		assert_int_equal(stack_store_replace(&store, FIRST_ID, &other), 0);
		assert_int_equal(store.word_count, words);
		if (depth)
			assert_stack(&store, FIRST_ID, 50 + depth, depth);
	}
	assert_stack(&store, FIRST_ID + 1, 700, 5);
	stack_store_done(&store);
}

static void it_is_known_what_is_there(void **state)
{
	struct stack_store store = { 0 };

	(void)state;
	assert_false(stack_store_has(&store, FIRST_ID));
	add(&store, FIRST_ID, piece_of(0, 0, STACK_ID_NONE));
	assert_true(stack_store_has(&store, FIRST_ID));
	assert_false(stack_store_has(&store, FIRST_ID + 1));
	stack_store_done(&store);
}

static void a_piece_that_is_too_deep_is_none_of_ours(void **state)
{
	struct stack_store store = { 0 };
	struct stack piece = piece_of(1, PIECE_FRAMES_MAX + 1, STACK_ID_NONE);

	(void)state;
	assert_int_equal(stack_store_add(&store, FIRST_ID, &piece), -EPROTO);
	assert_int_equal(stack_store_replace(&store, FIRST_ID, &piece), -EPROTO);
	assert_nothing(&store, FIRST_ID);
	stack_store_done(&store);
}

static void many_stacks_stay_what_they_are_while_the_store_grows(void **state)
{
	struct stack_store store = { 0 };
	enum { MANY = 5000 };

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		add(&store, FIRST_ID + i, piece_of(i * 100, 1 + i % 32, STACK_ID_NONE));
	for (uint32_t i = 0; i < MANY; i++)
		assert_stack(&store, FIRST_ID + i, i * 100, 1 + i % 32);
	assert_true(stack_store_bytes(&store) >= store.word_count * sizeof(uint64_t));
	assert_true(stack_store_bytes(&store) < MANY * sizeof(struct stack) * 2);
	stack_store_done(&store);
}

static void a_cleared_store_is_empty_and_keeps_its_memory(void **state)
{
	struct stack_store store = { 0 };
	size_t bytes;

	(void)state;
	add(&store, FIRST_ID, piece_of(1, 4, STACK_ID_NONE));
	bytes = stack_store_bytes(&store);
	stack_store_clear(&store);
	assert_nothing(&store, FIRST_ID);
	assert_int_equal(stack_store_bytes(&store), bytes);
	add(&store, FIRST_ID, piece_of(9, 2, STACK_ID_NONE));
	assert_stack(&store, FIRST_ID, 9, 2);
	stack_store_done(&store);
	assert_int_equal(stack_store_bytes(&store), 0);
}

static void a_stack_is_copied_with_all_of_its_pieces(void **state)
{
	struct stack_store from = { 0 }, store = { 0 };

	(void)state;
	add(&from, FIRST_ID + 2, piece_of(140, 5, STACK_ID_NONE));
	add(&from, FIRST_ID + 1, piece_of(120, 20, FIRST_ID + 2));
	add(&from, FIRST_ID, piece_of(100, 20, FIRST_ID + 1));
	/* What is there in both stays. */
	add(&store, FIRST_ID + 1, piece_of(120, 20, FIRST_ID + 2));
	assert_int_equal(stack_store_copy(&store, &from, FIRST_ID), 0);
	stack_store_done(&from);
	assert_stack(&store, FIRST_ID, 100, 45);
	stack_store_done(&store);
}

static void what_is_in_neither_store_is_not_copied(void **state)
{
	struct stack_store from = { 0 }, store = { 0 };

	(void)state;
	assert_int_equal(stack_store_copy(&store, &from, FIRST_ID), 0);
	assert_int_equal(stack_store_copy(&store, &from, STACK_ID_NONE), 0);
	assert_nothing(&store, FIRST_ID);
	/* Pieces that name each other are copied once, and it ends. */
	add(&from, FIRST_ID, piece_of(1, 1, FIRST_ID + 1));
	add(&from, FIRST_ID + 1, piece_of(2, 1, FIRST_ID));
	assert_int_equal(stack_store_copy(&store, &from, FIRST_ID), 0);
	assert_true(stack_store_has(&store, FIRST_ID) && stack_store_has(&store, FIRST_ID + 1));
	stack_store_done(&from);
	stack_store_done(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_store_has_no_stacks),
		cmocka_unit_test(ids_that_stand_for_no_stack_find_none),
		cmocka_unit_test(a_stack_of_one_piece_is_found_where_it_is_kept),
		cmocka_unit_test(pieces_are_put_together_from_the_innermost_on),
		cmocka_unit_test(the_deepest_stack_fits),
		cmocka_unit_test(pieces_that_never_end_are_cut_where_the_room_ends),
		cmocka_unit_test(what_is_there_is_not_kept_again),
		cmocka_unit_test(what_is_there_can_be_replaced),
		cmocka_unit_test(what_replaces_another_takes_its_place_where_it_fits),
		cmocka_unit_test(it_is_known_what_is_there),
		cmocka_unit_test(a_piece_that_is_too_deep_is_none_of_ours),
		cmocka_unit_test(many_stacks_stay_what_they_are_while_the_store_grows),
		cmocka_unit_test(a_stack_is_copied_with_all_of_its_pieces),
		cmocka_unit_test(what_is_in_neither_store_is_not_copied),
		cmocka_unit_test(a_cleared_store_is_empty_and_keeps_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
