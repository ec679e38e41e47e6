/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of rule. How rules are found: test_unwind_find.c; why a walk ends: test_unwind_stops.c.
 */
#include "tests/unit/unwind_program.h"

static void a_frame_is_found_by_the_stack_pointer(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(16), BY_RSP(32));
	fixture->stack[1] = IN(B);
	fixture->stack[5] = IN(END);
	walk_from(fixture, IN(A), AT(0), 77);
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(B) - 1, IN(END) - 1);
	check_register(fixture, UNWIND_RSP, AT(6));
	check_register(fixture, UNWIND_RBP, 77);
}

static void a_frame_is_found_by_the_frame_pointer(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RBP, BY_RBP);
	fixture->stack[4] = AT(20);
	fixture->stack[5] = IN(B);
	fixture->stack[20] = 99;
	fixture->stack[21] = IN(END);
	walk_from(fixture, IN(A), AT(0), AT(4));
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(B) - 1, IN(END) - 1);
	check_register(fixture, UNWIND_RSP, AT(22));
	check_register(fixture, UNWIND_RBP, 99);
}

static void other_registers_are_known_only_where_a_thread_was_interrupted(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_REGISTER(R12), BY_RSP(8));
	fixture->walk.state.registers[R12] = AT(3);
	fixture->stack[3] = IN(END);
	walk_from(fixture, IN(A), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(END) - 1);
	fixture->stack[0] = IN(A);
	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_LOST_REGISTER, IN(B), IN(A) - 1);
}

/* OpenSSL's assembly keeps its CFA in rax, over calls of what leaves that alone. */
static void a_register_that_calls_may_change_is_believed_with_a_return_address(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_REGISTER(0), BY_RSP(8));
	fixture->stack[0] = IN(A);
	fixture->stack[12] = IN(END);
	fixture->walk.state.registers[0] = AT(12);
	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(B), IN(A) - 1, IN(END) - 1);
	/* Code, but no call has left it there. */
	fixture->stack[12] = IN(END) + 2;
	fixture->walk.state.registers[0] = AT(12);
	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_LOST_REGISTER, IN(B), IN(A) - 1);
	/* Somewhere else. */
	fixture->walk.state.registers[0] = OTHER_STACK;
	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_LOST_REGISTER, IN(B), IN(A) - 1);
}

static void a_frame_is_found_by_an_indexed_word(void **state)
{
	struct fixture *fixture = *state;

	LOAD({ .cfa = CFA_INDEXED,
	       .cfa_register = 9 << 4 | UNWIND_RSP,
	       .cfa_offset = 8,
	       .cfa_add = 8,
	       .ra = -8 },
	     BY_RSP(8));
	fixture->stack[1 + 5] = AT(20);
	fixture->stack[20] = IN(END);
	fixture->walk.state.registers[9] = 5;
	walk_from(fixture, IN(A), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(END) - 1);
	check_register(fixture, UNWIND_RSP, AT(21));
	fixture->stack[0] = IN(A);
	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_LOST_REGISTER, IN(B), IN(A) - 1);
}

static void a_frame_is_found_by_what_its_register_points_to(void **state)
{
	struct fixture *fixture = *state;

	LOAD({ .cfa = CFA_DEREF,
	       .cfa_register = UNWIND_RBP,
	       .cfa_offset = -16,
	       .cfa_add = -24,
	       .ra = -8 });
	fixture->stack[8] = AT(33);
	fixture->stack[29] = IN(END);
	walk_from(fixture, IN(A), AT(0), AT(10));
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(END) - 1);
	check_register(fixture, UNWIND_RSP, AT(30));
	walk_from(fixture, IN(A), AT(0), NOWHERE);
	CHECK(fixture, STOP_BAD_READ, IN(A));
}

/* A PLT stub of 16 bytes pushes a word at its byte 11. */
static void a_plt_stub_has_pushed_a_word_or_not(void **state)
{
	struct fixture *fixture = *state;

	LOAD({ .cfa = CFA_PLT,
	       .cfa_register = UNWIND_RSP,
	       .cfa_offset = 8,
	       .cfa_add = 11,
	       .ra = -8 });
	fixture->stack[0] = IN(END);
	for (uint64_t pc = START_OF(A); pc < START_OF(A) + 64; pc++) {
		uint64_t word = pc % 16 >= 11 ? 1 : 0;

		fixture->stack[word] = IN(END);
		fixture->stack[1 - word] = NOWHERE;
		walk_from(fixture, pc, AT(0), 0);
		CHECK(fixture, STOP_COMPLETE, pc, IN(END) - 1);
		check_register(fixture, UNWIND_RSP, AT(word + 1));
	}
}

static void a_return_address_may_be_in_a_register(void **state)
{
	struct fixture *fixture = *state;

	LOAD({ .cfa = CFA_REGISTER,
	       .cfa_register = UNWIND_RSP,
	       .cfa_offset = 8,
	       .ra_kind = RA_REGISTER,
	       .ra = 5 },
	     BY_RSP(8));
	fixture->walk.state.registers[5] = IN(END);
	walk_from(fixture, IN(A), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(END) - 1);
	check_register(fixture, UNWIND_RSP, AT(1));
	fixture->stack[0] = IN(A);
	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_LOST_REGISTER, IN(B), IN(A) - 1);
}

static void the_outermost_frame_is_the_end(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8));
	walk_from(fixture, IN(END), NOWHERE, 0); /* its stack is not even read */
	CHECK(fixture, STOP_COMPLETE, IN(END));
	assert_int_equal(host.reads, 0);
}

static void a_return_address_is_looked_up_inside_of_its_call(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8), BY_RSP(16), BY_RSP(24));
	/* The call ends B, and returns to where C would begin. */
	fixture->code[START_OF(C) - CODE - 5] = CALL;
	fixture->stack[0] = START_OF(C);
	fixture->stack[2] = IN(END);
	walk_from(fixture, IN(A), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(A), START_OF(C) - 1, IN(END) - 1);
	/* But the innermost address is where it is. */
	fixture->stack[2] = IN(END);
	walk_from(fixture, START_OF(C), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, START_OF(C), IN(END) - 1);
}

static void the_callers_frame_pointer_is_found_in_many_places(void **state)
{
	static const struct {
		uint8_t kind;
		int32_t offset;
		uint64_t expected;
	} cases[] = {
		{ RBP_SAME, 123, AT(10) },
		{ RBP_AT_CFA, 16, 0xb000 + 4 },
		{ RBP_AT_CFA, -16, 0xb000 },
		{ RBP_AT_RBP, -8, 0xb000 + 9 },
		{ RBP_AT_RSP, 24, 0xb000 + 3 },
		{ RBP_CFA_PLUS, -32, STACK - 16 },
		{ RBP_REGISTER, R12, 0xa000 + 12 },
		{ RBP_REGISTER, UNWIND_RSP, AT(0) },
		{ RBP_REGISTER, UNWIND_RBX, 0xa000 + 3 },
	};
	struct fixture *fixture = *state;
	struct unwind_rule rules[sizeof(cases) / sizeof(cases[0])];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rules[i] = (struct unwind_rule)BY_RSP(16);
		rules[i].rbp_kind = cases[i].kind;
		rules[i].rbp_offset = cases[i].offset;
	}
	load(rules, sizeof(cases) / sizeof(cases[0]));
	fixture->stack[1] = IN(END);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		walk_from(fixture, IN(A + i), AT(0), AT(10));
		CHECK(fixture, STOP_COMPLETE, IN(A + i), IN(END) - 1);
		check_register(fixture, UNWIND_RBP, cases[i].expected);
	}
}

#define WITH_RBP(kind, offset)                                                                     \
	{                                                                                          \
		.cfa = CFA_REGISTER, .cfa_register = UNWIND_RSP, .cfa_offset = 8, .ra = -8,        \
		.rbp_kind = (kind), .rbp_offset = (offset)                                         \
	}

static void a_frame_pointer_is_missed_by_those_who_need_it(void **state)
{
	struct fixture *fixture = *state;

	/* Undefined, and at a place that cannot be read. */
	LOAD(WITH_RBP(RBP_UNDEFINED, 5), WITH_RBP(RBP_AT_RBP, 8), BY_RBP);
	for (int i = A; i <= B; i++) {
		enum stop_reason stop = i == A ? STOP_LOST_REGISTER : STOP_BAD_READ;

		fixture->stack[0] = IN(C);
		walk_from(fixture, IN(i), AT(0), NOWHERE - 1);
		CHECK(fixture, stop, IN(i), IN(C) - 1);
		fixture->stack[0] = IN(HOLE);
		walk_from(fixture, IN(i), AT(0), NOWHERE - 1);
		CHECK(fixture, STOP_NO_RULE, IN(i), IN(HOLE) - 1);
		fixture->stack[0] = IN(END);
		walk_from(fixture, IN(i), AT(0), NOWHERE - 1);
		CHECK(fixture, STOP_COMPLETE, IN(i), IN(END) - 1);
	}
}

static void a_frame_pointer_in_a_lost_register_is_lost(void **state)
{
	struct fixture *fixture = *state;

	LOAD(WITH_RBP(RBP_REGISTER, R12), BY_RSP(8));
	fixture->stack[0] = IN(A);
	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_LOST_REGISTER, IN(B), IN(A) - 1);
}

/* It may be saved many frames further in than where it is needed. */
static void a_frame_pointer_is_read_when_it_is_needed(void **state)
{
	struct fixture *fixture = *state;

	LOAD(WITH_RBP(RBP_AT_CFA, 0), BY_RSP(16), BY_RBP);
	fixture->stack[0] = IN(B);
	fixture->stack[1] = AT(30);
	for (size_t i = 1; i < 10; i++)
		fixture->stack[2 * i] = IN(B);
	fixture->stack[20] = IN(C);
	fixture->stack[31] = IN(END);
	fixture->stack[30] = 44;
	walk_from(fixture, IN(A), AT(0), 0);
	assert_int_equal(fixture->walk.stop, STOP_COMPLETE);
	check_register(fixture, UNWIND_RSP, AT(32));
	check_register(fixture, UNWIND_RBP, 44);
}

/* What is told last holds, whatever was saved further in. */
static void a_frame_pointer_that_is_computed_replaces_the_saved_one(void **state)
{
	struct fixture *fixture = *state;

	LOAD(WITH_RBP(RBP_AT_CFA, 0), WITH_RBP(RBP_CFA_PLUS, 32));
	fixture->stack[0] = IN(B);
	fixture->stack[1] = IN(END);
	walk_from(fixture, IN(A), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(B) - 1, IN(END) - 1);
	check_register(fixture, UNWIND_RBP, AT(6));
}

#define SAVES_RBX(offset)                                                                          \
	{                                                                                          \
		.cfa = CFA_REGISTER, .cfa_register = UNWIND_RSP, .cfa_offset = 16, .ra = -8,       \
		.rbx_offset = (offset)                                                             \
	}

/* The dynamic linker's frame at the first call of a function. */
static void a_frame_is_found_by_rbx(void **state)
{
	struct fixture *fixture = *state;

	LOAD(SAVES_RBX(-16), BY_REGISTER(UNWIND_RBX), BY_RSP(16));
	fixture->walk.state.registers[UNWIND_RBX] = AT(20);
	fixture->stack[20] = IN(END);
	walk_from(fixture, IN(B), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(B), IN(END) - 1);
	/* Saved by its callee, or by the callee of that. */
	fixture->walk.state.registers[UNWIND_RBX] = NOWHERE;
	fixture->stack[0] = AT(20);
	fixture->stack[1] = IN(B);
	walk_from(fixture, IN(A), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(B) - 1, IN(END) - 1);
	fixture->stack[1] = IN(C);
	fixture->stack[3] = IN(B);
	walk_from(fixture, IN(A), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(C) - 1, IN(B) - 1, IN(END) - 1);
}

static void rbx_is_missed_by_those_who_need_it(void **state)
{
	struct fixture *fixture = *state;

	LOAD(SAVES_RBX(UNWIND_RBX_LOST), BY_REGISTER(UNWIND_RBX), SAVES_RBX(-4096));
	fixture->walk.state.registers[UNWIND_RBX] = AT(20);
	fixture->stack[20] = IN(END);
	fixture->stack[1] = IN(B);
	walk_from(fixture, IN(A), AT(0), 0);
	CHECK(fixture, STOP_LOST_REGISTER, IN(A), IN(B) - 1);
	walk_from(fixture, IN(C), AT(0), 0);
	CHECK(fixture, STOP_BAD_READ, IN(C), IN(B) - 1);
	/* Code without rules may have saved it anywhere. */
	fixture->stack[7] = IN(B);
	walk_from(fixture, IN(HOLE), AT(0), AT(6));
	CHECK(fixture, STOP_LOST_REGISTER, IN(HOLE), IN(B) - 1);
}

static void a_rule_that_the_table_cannot_express_says_so(void **state)
{
	struct fixture *fixture = *state;

	LOAD({ .cfa = CFA_UNSUPPORTED }, BY_RSP(8));
	fixture->stack[0] = IN(A);
	walk_from(fixture, IN(B), AT(0), AT(4));
	CHECK(fixture, STOP_UNSUPPORTED, IN(B), IN(A) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK(a_frame_is_found_by_the_stack_pointer),
		WALK(a_frame_is_found_by_the_frame_pointer),
		WALK(other_registers_are_known_only_where_a_thread_was_interrupted),
		WALK(a_register_that_calls_may_change_is_believed_with_a_return_address),
		WALK(a_frame_is_found_by_an_indexed_word),
		WALK(a_frame_is_found_by_what_its_register_points_to),
		WALK(a_plt_stub_has_pushed_a_word_or_not),
		WALK(a_return_address_may_be_in_a_register),
		WALK(the_outermost_frame_is_the_end),
		WALK(a_return_address_is_looked_up_inside_of_its_call),
		WALK(the_callers_frame_pointer_is_found_in_many_places),
		WALK(a_frame_pointer_is_missed_by_those_who_need_it),
		WALK(a_frame_pointer_in_a_lost_register_is_lost),
		WALK(a_frame_pointer_is_read_when_it_is_needed),
		WALK(a_frame_pointer_that_is_computed_replaces_the_saved_one),
		WALK(a_frame_is_found_by_rbx),
		WALK(rbx_is_missed_by_those_who_need_it),
		WALK(a_rule_that_the_table_cannot_express_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
