/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slot_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 5

static void slots_leave_in_the_order_in_which_they_came(void **state)
{
	struct slot_queue queue;

	(void)state;
	assert_int_equal(slot_queue_init(&queue, CAPACITY), 0);
	assert_int_equal(queue.length, 0);
	for (uint32_t i = 0; i < CAPACITY; i++)
		slot_queue_push(&queue, CAPACITY - 1 - i);
	assert_int_equal(queue.length, CAPACITY);
	for (uint32_t i = 0; i < CAPACITY; i++)
		assert_int_equal(slot_queue_pop(&queue), CAPACITY - 1 - i);
	assert_int_equal(queue.length, 0);
	slot_queue_done(&queue);
}

/* With each number of slots that stay in it, many times around the ring. */
static void the_order_lasts_around_the_end_of_the_ring(void **state)
{
	(void)state;
	for (uint32_t inside = 0; inside < CAPACITY; inside++) {
		struct slot_queue queue;
		uint32_t pushed = 0, popped = 0;

		assert_int_equal(slot_queue_init(&queue, CAPACITY), 0);
		while (pushed < inside)
			slot_queue_push(&queue, pushed++);
		while (popped < 4 * CAPACITY) {
			slot_queue_push(&queue, pushed++);
			assert_int_equal(queue.length, inside + 1);
			assert_int_equal(slot_queue_pop(&queue), popped++);
		}
		while (popped < pushed)
			assert_int_equal(slot_queue_pop(&queue), popped++);
		assert_int_equal(queue.length, 0);
		slot_queue_done(&queue);
	}
}

static void an_empty_one_can_be_given_back_twice(void **state)
{
	struct slot_queue queue = { 0 };

	(void)state;
	slot_queue_done(&queue);
	assert_int_equal(slot_queue_init(&queue, 1), 0);
	slot_queue_push(&queue, 0);
	slot_queue_done(&queue);
	assert_null(queue.slots);
	slot_queue_done(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_leave_in_the_order_in_which_they_came),
		cmocka_unit_test(the_order_lasts_around_the_end_of_the_ring),
		cmocka_unit_test(an_empty_one_can_be_given_back_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
