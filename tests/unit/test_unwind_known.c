/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that were found are kept, for as long as they are right. */
#include "tests/unit/unwind_program.h"

/* A calls B, both known after a first walk. */
static struct fixture *walk_once(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(16), BY_RSP(8));
	fixture->stack[0] = IN(A);
	fixture->stack[2] = IN(END);
	host.keeps_rules = true;
	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(B), IN(A) - 1, IN(END) - 1);
	assert_true(host.mapping_reads > 0);
	host.mapping_reads = 0;
	return fixture;
}

static void a_frame_seen_before_needs_no_look_up(void **state)
{
	struct fixture *fixture = walk_once(state);

	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(B), IN(A) - 1, IN(END) - 1);
	assert_int_equal(host.mapping_reads, 0);
	/* Not even of its table, which may have had to make room. */
	host.slots[1].state = TABLE_NOT_YET;
	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(B), IN(A) - 1, IN(END) - 1);
	assert_int_equal(host.wanted_count, 0);
	/* Another address of the same function is another one. */
	walk_from(fixture, IN(B) + 1, AT(0), 0);
	CHECK(fixture, STOP_NO_TABLE_YET, IN(B) + 1);
}

static void what_is_known_of_one_process_is_not_known_of_another(void **state)
{
	struct fixture *fixture = walk_once(state);

	for (size_t i = 0; i < UNWIND_KNOWN_MAX; i++) {
		if (fixture->walk.state.known[i].number)
			fixture->walk.state.known[i].number = HOST_NUMBER + 1;
	}
	host.slots[1].state = TABLE_NOT_YET;
	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_NO_TABLE_YET, IN(B));
}

static void nothing_is_known_of_a_process_without_mappings(void **state)
{
	struct fixture *fixture = walk_once(state);
	struct unwind_state *walk = &fixture->walk.state;

	/* As memory is at the beginning: address 0 of process 0 in period 0. */
	memset(walk->known, 0, sizeof(walk->known));
	host.clock = 0;
	walk->process = (struct unwind_process){ 0 };
	walk->pc = 0;
	assert_int_equal(unwind_walk(walk), STOP_NO_MAPPING);
	assert_int_equal(walk->stack.depth, 1);
}

static void after_some_drains_it_is_looked_up_again(void **state)
{
	const uint32_t period = 1u << UNWIND_KNOWN_DRAINS_SHIFT;
	struct fixture *fixture = walk_once(state);

	host.clock = period - 1;
	walk_from(fixture, IN(B), AT(0), 0);
	assert_int_equal(host.mapping_reads, 0);
	assert_int_equal(host.slots[1].last_used, 1);
	host.clock = period;
	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(B), IN(A) - 1, IN(END) - 1);
	assert_true(host.mapping_reads > 0);
	assert_int_equal(host.slots[1].last_used, period);
}

/* Two addresses with one place: the later takes it, and both walks are right. */
static void addresses_may_share_a_place(void **state)
{
	struct fixture *fixture = *state;
	struct unwind_state *walk = &fixture->walk.state;
	uint64_t other = 0;

	LOAD(BY_RSP(16), BY_RSP(8));
	host.keeps_rules = true;
	for (uint64_t address = START_OF(B); address < START_OF(B) + FUNCTION_SIZE; address++) {
		if (unwind_known_at(walk, address) == unwind_known_at(walk, START_OF(A)))
			other = address;
	}
	assert_true(other != 0);
	for (int i = 0; i < 4; i++) {
		memset(fixture->stack, 0, sizeof(fixture->stack));
		fixture->stack[i % 2] = IN(END);
		walk_from(fixture, i % 2 ? START_OF(A) : other, AT(0), 0);
		CHECK(fixture, STOP_COMPLETE, i % 2 ? START_OF(A) : other, IN(END) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK(a_frame_seen_before_needs_no_look_up),
		WALK(what_is_known_of_one_process_is_not_known_of_another),
		WALK(nothing_is_known_of_a_process_without_mappings),
		WALK(after_some_drains_it_is_looked_up_again),
		WALK(addresses_may_share_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
