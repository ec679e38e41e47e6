/* SPDX-License-Identifier: Apache-2.0 */
/* Where the addresses lie is made up here. */
#include "agent/located_stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PID     7
#define TIME_NS 1000
#define DEPTH   4

static struct {
	struct binary binary;
	struct mapping mappings[DEPTH]; /* of addresses 0, 1, 2, ... */
	int calls;
} fake;

void processes_locate_all(struct processes *processes, int32_t pid, uint64_t time_ns,
			  const uint64_t *addresses, size_t count, struct mapping *ret)
{
	(void)processes;
	assert_int_equal(pid, PID);
	assert_int_equal(time_ns, TIME_NS);
	for (size_t i = 0; i < count; i++)
		ret[i] = fake.mappings[addresses[i]];
	fake.calls++;
}

/* All known, for long. */
static int set_up(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	for (size_t i = 0; i < DEPTH; i++)
		fake.mappings[i].binary = &fake.binary;
	return 0;
}

static void lose(size_t i)
{
	fake.mappings[i].binary = NULL;
}

static void check(enum stop_reason walked, bool is_cut, size_t depth, enum stop_reason stop)
{
	static const uint64_t addresses[DEPTH] = { 0, 1, 2, 3 };
	struct located_stack stack;

	fake.calls = 0;
	located_stack_find(NULL,
			   &(struct walked_stack){ .pid = PID,
						   .time_ns = TIME_NS,
						   .addresses = addresses,
						   .depth = DEPTH,
						   .stop = walked },
			   &stack);
	if (is_cut)
		located_stack_cut_unsettled(&stack);
	assert_int_equal(stack.depth, depth);
	assert_int_equal(stack.stop, stop);
	(void)located_stack_ends_at_entry(&stack);
	assert_int_equal(fake.calls, 1);
}

static void a_complete_walk_is_believed(void **state)
{
	(void)state;
	lose(1);
	check(STOP_COMPLETE, false, DEPTH, STOP_COMPLETE);
}

static void another_one_is_believed_up_to_what_is_no_code(void **state)
{
	(void)state;
	lose(0); /* it ran there, whatever it is */
	check(STOP_FRAME_POINTERS, false, DEPTH, STOP_FRAME_POINTERS);
	lose(2);
	check(STOP_FRAME_POINTERS, false, 2, STOP_FRAME_POINTERS);
}

static void a_mapping_that_was_missing_for_the_walker_may_be_known_now(void **state)
{
	(void)state;
	check(STOP_NO_MAPPING, false, DEPTH, STOP_NO_TABLE_YET);
	lose(3);
	check(STOP_NO_MAPPING, false, 3, STOP_NO_MAPPING);
}

static void set_times(size_t i, uint64_t bound_ns, uint64_t settled_ns)
{
	fake.mappings[i].bound_ns = bound_ns;
	fake.mappings[i].settled_ns = settled_ns;
}

static void what_was_walked_by_the_table_of_something_else_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < DEPTH; i++)
		set_times(i, 0, TIME_NS + 1);
	check(STOP_COMPLETE, true, DEPTH, STOP_COMPLETE);
	set_times(1, TIME_NS + 1, TIME_NS + 1);
	check(STOP_COMPLETE, true, 2, STOP_NO_TABLE_YET);
	check(STOP_COMPLETE, false, DEPTH, STOP_COMPLETE); /* not by itself */
	/* All had been told of by then. */
	set_times(0, 0, TIME_NS);
	check(STOP_COMPLETE, true, DEPTH, STOP_COMPLETE);
}

static void what_is_left_after_that_is_believed_up_to_what_is_no_code(void **state)
{
	(void)state;
	lose(1);
	set_times(0, 0, TIME_NS + 1);
	set_times(2, TIME_NS + 1, TIME_NS + 1);
	check(STOP_COMPLETE, true, 1, STOP_NO_TABLE_YET);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(a_complete_walk_is_believed),
		TEST(another_one_is_believed_up_to_what_is_no_code),
		TEST(a_mapping_that_was_missing_for_the_walker_may_be_known_now),
		TEST(what_was_walked_by_the_table_of_something_else_is_cut),
		TEST(what_is_left_after_that_is_believed_up_to_what_is_no_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
