/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/build_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 8

static int set_up(void **state)
{
	struct build_queue *queue = calloc(1, sizeof(*queue));

	*state = queue;
	return queue ? build_queue_init(queue, CAPACITY) : -1;
}

static int tear_down(void **state)
{
	struct build_queue *queue = *state;

	build_queue_done(queue);
	build_queue_done(queue);
	free(queue);
	return 0;
}

static void check_next(struct build_queue *queue, uint32_t slot, bool is_urgent)
{
	bool found = !is_urgent;

	assert_false(build_queue_is_empty(queue));
	assert_int_equal(build_queue_pop(queue, &found), slot);
	assert_int_equal(found, is_urgent);
}

static void check_empty(struct build_queue *queue)
{
	bool is_urgent;

	assert_int_equal(build_queue_pop(queue, &is_urgent), 0);
	assert_true(build_queue_is_empty(queue));
}

static void the_urgent_ones_come_first(void **state)
{
	struct build_queue *queue = *state;

	check_empty(queue);
	build_queue_push(queue, 3, false);
	build_queue_push(queue, 1, false);
	build_queue_push(queue, 7, true);
	build_queue_push(queue, 1, true);
	check_next(queue, 7, true);
	check_next(queue, 1, true);
	check_next(queue, 3, false);
	/* Again, as whoever builds tells what is built. */
	check_next(queue, 1, false);
	check_next(queue, 7, false);
	check_empty(queue);
}

static void large_ones_come_last_unless_they_are_urgent(void **state)
{
	struct build_queue *queue = *state;

	build_queue_set_large(queue, 1);
	build_queue_set_large(queue, 2);
	for (uint32_t slot = 1; slot < 5; slot++)
		build_queue_push(queue, slot, false);
	build_queue_push(queue, 2, true);
	check_next(queue, 2, true);
	check_next(queue, 3, false);
	check_next(queue, 4, false);
	check_next(queue, 1, false);
	build_queue_push(queue, 3, false);
	check_next(queue, 3, false);
	check_next(queue, 2, false);
	check_empty(queue);
}

/* There is room for each slot once. */
static void what_is_pushed_often_comes_once(void **state)
{
	struct build_queue *queue = *state;

	for (int i = 0; i < 100; i++) {
		for (uint32_t slot = 1; slot < CAPACITY; slot++)
			build_queue_push(queue, slot, false);
	}
	for (uint32_t slot = 1; slot < CAPACITY; slot++)
		check_next(queue, slot, false);
	check_empty(queue);
}

static void each_waits_for_its_own_number_of_ticks(void **state)
{
	struct build_queue *queue = *state;
	static const uint32_t ticks[CAPACITY] = { 0, 3, 1, 4, 1, 5, 9, 2 };

	for (uint32_t slot = 1; slot < CAPACITY; slot++)
		build_queue_wait(queue, slot, ticks[slot], false);
	for (uint32_t tick = 1; tick < 11; tick++) {
		bool is_urgent;

		check_empty(queue);
		build_queue_tick(queue);
		for (uint32_t slot = 1; slot < CAPACITY; slot++) {
			if (ticks[slot] == tick)
				assert_int_equal(build_queue_pop(queue, &is_urgent), slot);
		}
	}
	check_empty(queue);
	assert_int_equal(queue->waiting_count, 0);
}

static void what_waits_is_not_to_be_had_before(void **state)
{
	struct build_queue *queue = *state;

	/* It was in both queues. */
	build_queue_push(queue, 2, true);
	check_next(queue, 2, true);
	build_queue_wait(queue, 2, 2, false);
	check_empty(queue);
	build_queue_push(queue, 2, false);
	check_empty(queue);
	build_queue_tick(queue);
	check_empty(queue);
	build_queue_tick(queue);
	check_next(queue, 2, false);
	check_empty(queue);
	build_queue_tick(queue);
	check_empty(queue);
}

static void what_is_needed_meanwhile_is_urgent_then(void **state)
{
	struct build_queue *queue = *state;

	build_queue_wait(queue, 1, 1, true);
	build_queue_wait(queue, 2, 1, false);
	build_queue_wait(queue, 3, 1, false);
	build_queue_push(queue, 3, true);
	build_queue_push(queue, 3, false);
	/* Pushed before it began to wait. */
	build_queue_push(queue, 4, false);
	check_next(queue, 4, false);
	build_queue_push(queue, 4, true);
	build_queue_wait(queue, 4, 1, false);
	check_empty(queue);
	build_queue_tick(queue);
	check_next(queue, 1, true);
	check_next(queue, 3, true);
	check_next(queue, 4, true);
	check_next(queue, 1, false);
	check_next(queue, 2, false);
	/* The next time it is not. */
	build_queue_wait(queue, 2, 1, false);
	build_queue_tick(queue);
	check_next(queue, 3, false);
	check_next(queue, 4, false);
	check_next(queue, 2, false);
	check_empty(queue);
}

#define QUEUE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUEUE(the_urgent_ones_come_first),
		QUEUE(large_ones_come_last_unless_they_are_urgent),
		QUEUE(what_is_pushed_often_comes_once),
		QUEUE(each_waits_for_its_own_number_of_ticks),
		QUEUE(what_waits_is_not_to_be_had_before),
		QUEUE(what_is_needed_meanwhile_is_urgent_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
