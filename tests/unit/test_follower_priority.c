/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a CPU the follower may have before all others, and how often a process is bound. */
#include "agent/follower_priority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/bind_budget.h"

#define MS    UINT64_C(1000000)
#define START (1000 * MS)

static void a_thread_that_works_for_moments_stays_first(void **state)
{
	struct follower_priority priority = { 0 };
	uint64_t cpu_ns = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		cpu_ns += MS / 10;
		assert_true(follower_priority_may_be_first(&priority, START + i * MS, cpu_ns));
	}
}

static void a_thread_that_is_kept_busy_is_not_first_for_a_second(void **state)
{
	struct follower_priority priority = { 0 };
	uint64_t now_ns = START, cpu_ns = 0;

	(void)state;
	for (; follower_priority_may_be_first(&priority, now_ns, cpu_ns); now_ns += MS)
		cpu_ns += MS / 2;
	assert_in_range(cpu_ns, 20 * MS, 21 * MS);
	assert_false(follower_priority_may_be_first(&priority, now_ns + 990 * MS, cpu_ns));
	assert_true(follower_priority_may_be_first(&priority, now_ns + 1001 * MS, cpu_ns));
}

static void what_goes_on_and_on_is_never_first_again(void **state)
{
	struct follower_priority priority = { 0 };
	uint64_t now_ns = START, cpu_ns = 0;

	(void)state;
	for (; follower_priority_may_be_first(&priority, now_ns, cpu_ns); now_ns += MS)
		cpu_ns += MS / 2;
	for (int i = 0; i < 5000; i++) {
		now_ns += MS;
		cpu_ns += MS / 2;
		assert_false(follower_priority_may_be_first(&priority, now_ns, cpu_ns));
	}
}

static void a_single_turn_may_be_too_long(void **state)
{
	struct follower_priority priority = { 0 };

	(void)state;
	assert_true(follower_priority_may_be_first(&priority, START, MS));
	/* After a long sleep, too: what was used is of the end of it. */
	assert_false(follower_priority_may_be_first(&priority, 20 * START, 22 * MS));
}

static void first_binds_are_at_once_and_many_are_not(void **state)
{
	struct bind_budget budget = { 0 };
	uint64_t now_ns = START;
	int at_once = 0;

	(void)state;
	/* A program that maps its libraries all at one time. */
	for (size_t rows = 1; rows <= 100; rows++) {
		assert_true(bind_budget_allows(&budget, now_ns));
		bind_budget_spend(&budget, rows, now_ns);
	}
	now_ns += START;
	/* One that is kept busy with it: 1000 rows every 100 us. */
	for (int i = 0; i < 10000; i++, now_ns += MS / 10) {
		if (!bind_budget_allows(&budget, now_ns))
			continue;
		bind_budget_spend(&budget, 1000, now_ns);
		at_once++;
	}
	assert_in_range(at_once, 400, 520);
	assert_true(bind_budget_allows(&budget, now_ns + 3 * MS));
}

static void a_thrifty_thread_hurries_for_what_it_has_saved_up(void **state)
{
	struct follower_thrift thrift = { 0 };
	uint64_t now_ns = START, cpu_ns = 0;
	int hurried = 0;

	(void)state;
	/* A tenth of a millisecond of work every millisecond: for 100 ms of CPU time. */
	while (follower_thrift_may_hurry(&thrift, now_ns, cpu_ns)) {
		now_ns += MS;
		cpu_ns += MS / 10;
	}
	assert_in_range(cpu_ns, 100 * MS, 105 * MS);
	/* From then on, what it may take of a minute is a few hundredths of a second. */
	for (int i = 0; i < 60000; i++) {
		bool hurries = follower_thrift_may_hurry(&thrift, now_ns, cpu_ns);

		now_ns += MS;
		cpu_ns += hurries ? MS / 10 : 0;
		hurried += hurries;
	}
	assert_in_range(hurried, 1000, 1250);
}

static void a_debt_is_soon_forgotten(void **state)
{
	struct follower_thrift thrift = { 0 };
	uint64_t now_ns = START, cpu_ns = 0;

	(void)state;
	for (int i = 0; i < 60000; i++, now_ns += MS, cpu_ns += MS)
		(void)follower_thrift_may_hurry(&thrift, now_ns, cpu_ns);
	assert_false(follower_thrift_may_hurry(&thrift, now_ns, cpu_ns));
	assert_true(follower_thrift_may_hurry(&thrift, now_ns + 3000 * MS, cpu_ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_that_works_for_moments_stays_first),
		cmocka_unit_test(a_thread_that_is_kept_busy_is_not_first_for_a_second),
		cmocka_unit_test(what_goes_on_and_on_is_never_first_again),
		cmocka_unit_test(a_single_turn_may_be_too_long),
		cmocka_unit_test(a_thrifty_thread_hurries_for_what_it_has_saved_up),
		cmocka_unit_test(a_debt_is_soon_forgotten),
		cmocka_unit_test(first_binds_are_at_once_and_many_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
