/* SPDX-License-Identifier: Apache-2.0 */
#include "web/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROOM    3
#define THREADS 8
#define TURNS   2000

struct crowd {
	struct gate gate;
	atomic_uint inside, most, done;
};

static void *go_in_and_out(void *context)
{
	struct crowd *crowd = context;

	for (unsigned int i = 0; i < TURNS; i++) {
		unsigned int inside, most = atomic_load(&crowd->most);

		gate_enter(&crowd->gate);
		inside = atomic_fetch_add(&crowd->inside, 1) + 1;
		while (inside > most && !atomic_compare_exchange_weak(&crowd->most, &most, inside))
			;
		(void)atomic_fetch_sub(&crowd->inside, 1);
		gate_leave(&crowd->gate);
		(void)atomic_fetch_add(&crowd->done, 1);
	}
	return NULL;
}

static void no_more_are_behind_it_than_there_is_room(void **state)
{
	struct crowd crowd = { 0 };
	pthread_t threads[THREADS];

	(void)state;
	gate_init(&crowd.gate, ROOM);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, go_in_and_out, &crowd), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&crowd.done), THREADS * TURNS);
	assert_in_range(atomic_load(&crowd.most), 1, ROOM);
	gate_done(&crowd.gate);
}

static void *leave(void *context)
{
	gate_leave(context);
	return NULL;
}

static void who_waits_goes_on_when_another_leaves(void **state)
{
	struct gate gate;
	pthread_t thread;

	(void)state;
	gate_init(&gate, 1);
	gate_enter(&gate);
	assert_int_equal(pthread_create(&thread, NULL, leave, &gate), 0);
	gate_enter(&gate);
	assert_int_equal(pthread_join(thread, NULL), 0);
	gate_leave(&gate);
	gate_done(&gate);
}

static void none_is_always_open(void **state)
{
	(void)state;
	gate_enter(NULL);
	gate_leave(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_are_behind_it_than_there_is_room),
		cmocka_unit_test(who_waits_goes_on_when_another_leaves),
		cmocka_unit_test(none_is_always_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
