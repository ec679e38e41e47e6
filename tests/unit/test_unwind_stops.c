/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason to end a walk, and what is there to go on without rules. */
#include "tests/unit/unwind_program.h"

static void write_code(struct fixture *fixture, uint64_t address, const char *bytes, size_t size)
{
	memcpy(fixture->code + (address - CODE), bytes, size);
}

static void code_without_rules_is_left_along_the_frame_pointer(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(16), BY_RSP(8));
	fixture->stack[0] = IN(HOLE);
	fixture->stack[6] = 55;
	fixture->stack[7] = IN(A);
	fixture->stack[9] = IN(END);
	walk_from(fixture, IN(B), AT(0), AT(6));
	CHECK(fixture, STOP_COMPLETE, IN(B), IN(HOLE) - 1, IN(A) - 1, IN(END) - 1);
	check_register(fixture, UNWIND_RBP, 55);
	check_register(fixture, UNWIND_RSP, AT(10));
	/* The same where it was interrupted, with no return address on top of the stack. */
	fixture->stack[0] = NOWHERE;
	walk_from(fixture, IN(HOLE), AT(0), AT(6));
	CHECK(fixture, STOP_COMPLETE, IN(HOLE), IN(A) - 1, IN(END) - 1);
}

/* What a frame pointer leads to must be a stack, and code that a call returns to. */
static void a_register_that_is_no_frame_pointer_is_not_followed(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(16));
	fixture->stack[6] = AT(20);
	fixture->stack[7] = NOWHERE;
	for (int has_table = 1; has_table >= 0; has_table--) {
		enum stop_reason stop = has_table ? STOP_NO_RULE : STOP_FRAME_POINTERS;

		host.slots[1].state = has_table ? TABLE_READY : TABLE_FRAME_POINTERS;
		walk_from(fixture, IN(HOLE), AT(0), AT(6));
		CHECK(fixture, stop, IN(HOLE));
		walk_from(fixture, IN(HOLE), AT(0), AT(6) + 1);
		CHECK(fixture, stop, IN(HOLE));
		walk_from(fixture, IN(HOLE), AT(0), NOWHERE - 1);
		CHECK(fixture, stop, IN(HOLE));
		walk_from(fixture, IN(HOLE), AT(0), AT(STACK_WORDS - 1)); /* half of it */
		CHECK(fixture, stop, IN(HOLE));
		/* This is how chains of frame pointers end. */
		walk_from(fixture, IN(HOLE), AT(0), 0);
		CHECK(fixture, STOP_FRAME_POINTERS, IN(HOLE));
	}
	host.slots[1].state = TABLE_READY;
	fixture->stack[7] = IN(A) + 1; /* code, but no call before it */
	walk_from(fixture, IN(HOLE), AT(0), AT(6));
	CHECK(fixture, STOP_NO_RULE, IN(HOLE));
}

/* What was compiled without frame pointers has anything in that register. */
static void code_whose_rules_cannot_be_used_is_left_by_what_looks_like_a_frame(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8));
	/* The same for a file that found no slot. */
	host.mappings[0].slot = UNWIND_SLOT_UNUSABLE;
	fixture->stack[7] = IN(A) + 1;
	walk_from(fixture, IN(HOLE), AT(0), AT(6));
	CHECK(fixture, STOP_NO_RULE, IN(HOLE));
	host.mappings[0].slot = 1;
	host.slots[1].state = TABLE_UNUSABLE;
	fixture->stack[6] = 0;
	fixture->stack[7] = IN(A) + 1; /* code, but no call before it */
	walk_from(fixture, IN(HOLE), AT(0), AT(6));
	CHECK(fixture, STOP_NO_RULE, IN(HOLE));
	fixture->stack[7] = IN(A);
	walk_from(fixture, IN(HOLE), AT(0), AT(6));
	CHECK(fixture, STOP_FRAME_POINTERS, IN(HOLE), IN(A) - 1);
	/* That of a function without any is on top of the stack. */
	fixture->stack[0] = IN(B);
	walk_from(fixture, IN(HOLE), AT(0), AT(6));
	CHECK(fixture, STOP_FRAME_POINTERS, IN(HOLE), IN(B) - 1, IN(A) - 1);
	/* Where code makes frames, nothing else is needed. */
	host.slots[1].state = TABLE_FRAME_POINTERS;
	fixture->stack[7] = IN(A) + 1;
	walk_from(fixture, IN(HOLE), AT(0), AT(6));
	CHECK(fixture, STOP_FRAME_POINTERS, IN(HOLE), IN(A));
}

static void code_without_a_file_has_frame_pointers(void **state)
{
	const uint64_t jit = 0x10000000;
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8));
	host_add_mapping(jit, 0x1000, 0, 0);
	fixture->stack[4] = AT(8);
	fixture->stack[5] = jit + 0x500;
	fixture->stack[8] = 0;
	fixture->stack[9] = IN(A);
	fixture->stack[10] = IN(END);
	walk_from(fixture, jit + 3, AT(0), AT(4));
	CHECK(fixture, STOP_COMPLETE, jit + 3, jit + 0x4ff, IN(A) - 1, IN(END) - 1);
	fixture->stack[5] = 0;
	walk_from(fixture, jit + 3, AT(0), AT(4));
	CHECK(fixture, STOP_FRAME_POINTERS, jit + 3);
}

static void assembly_without_a_frame_has_its_caller_on_top_of_the_stack(void **state)
{
	static const char push[] = "\x55", move[] = "\x48\x89\xe5", ret[] = "\xc3";
	struct fixture *fixture = *state;
	uint64_t pc = IN(HOLE) + 16;

	LOAD(BY_RSP(8));
	fixture->stack[0] = IN(A);
	fixture->stack[1] = IN(END);
	walk_from(fixture, pc, AT(0), AT(6));
	CHECK(fixture, STOP_COMPLETE, pc, IN(A) - 1, IN(END) - 1);
	check_register(fixture, UNWIND_RBP, AT(6));
	/* What makes frames says by its next instruction whether it has one. */
	host.slots[2] = (struct unwind_slot){ .state = TABLE_FRAME_POINTERS };
	host.slot_count = 3;
	host.mappings[0].end = START_OF(HOLE);
	host_add_mapping(START_OF(HOLE), FUNCTION_SIZE, 0, 2);
	walk_from(fixture, pc, AT(0), 0);
	CHECK(fixture, STOP_FRAME_POINTERS, pc);
	write_code(fixture, pc, push, 1);
	walk_from(fixture, pc, AT(0), 77);
	CHECK(fixture, STOP_COMPLETE, pc, IN(A) - 1, IN(END) - 1);
	check_register(fixture, UNWIND_RBP, 77);
	write_code(fixture, pc, ret, 1);
	walk_from(fixture, pc, AT(0), 77);
	CHECK(fixture, STOP_COMPLETE, pc, IN(A) - 1, IN(END) - 1);
	/* One word more, the caller's frame pointer, is on the stack before this instruction. */
	write_code(fixture, pc, move, 3);
	fixture->stack[0] = 88;
	fixture->stack[1] = IN(A);
	fixture->stack[2] = IN(END);
	walk_from(fixture, pc, AT(0), 77);
	CHECK(fixture, STOP_COMPLETE, pc, IN(A) - 1, IN(END) - 1);
	check_register(fixture, UNWIND_RBP, 88);
}

/* Every form of a call, at the end of eight bytes; anything else is none. */
static void a_return_address_follows_a_call(void **state)
{
	static const struct {
		const char *bytes;
		int is_call;
	} cases[] = {
		{ "\x90\x90\x90\xe8\x01\x02\x03\x04", 1 }, /* call rel32 */
		{ "\x90\x90\x90\x90\x90\x90\xff\xd0", 1 }, /* call *%rax */
		{ "\x90\x90\x90\x90\x90\x41\xff\xd3", 1 }, /* call *%r11 */
		{ "\x90\x90\x90\x90\x90\xff\x50\x18", 1 }, /* call *0x18(%rax) */
		{ "\x90\x90\x90\x90\xff\x54\xc3\x08", 1 }, /* call *8(%rbx,%rax,8) */
		{ "\x90\x90\xff\x15\x01\x02\x03\x04", 1 }, /* call *x(%rip) */
		{ "\x90\xff\x94\xc3\x01\x02\x03\x04", 1 }, /* call *x(%rbx,%rax,8) */
		{ "\x90\x90\x90\x90\xe8\x02\x03\x04", 0 },
		{ "\x90\x90\x90\x90\x90\x90\xff\xe0", 0 }, /* jmp *%rax */
		{ "\x90\x90\x90\x90\x90\x90\x90\x90", 0 },
		{ "\xff\x10\x90\x90\x90\x90\x90\x90", 0 }, /* too long ago */
	};
	struct fixture *fixture = *state;
	uint64_t caller = START_OF(A) + 8;

	LOAD(BY_RSP(8));
	fixture->stack[7] = caller;
	fixture->stack[8] = IN(END);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_code(fixture, START_OF(A), cases[i].bytes, 8);
		walk_from(fixture, IN(HOLE), AT(0), AT(6));
		if (cases[i].is_call)
			CHECK(fixture, STOP_COMPLETE, IN(HOLE), caller - 1, IN(END) - 1);
		else
			CHECK(fixture, STOP_NO_RULE, IN(HOLE));
	}
	fixture->stack[7] = CODE + 7; /* not all of it can be read */
	walk_from(fixture, IN(HOLE), AT(0), AT(6));
	CHECK(fixture, STOP_NO_RULE, IN(HOLE));
}

/* Who makes a stack for a coroutine has its first function return to the one that ends it. */
static void a_function_that_was_put_there_to_return_to_is_the_end(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8), BY_RSP(8));
	fixture->stack[0] = START_OF(B);
	fixture->stack[1] = IN(A);
	walk_from(fixture, IN(A), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(A), START_OF(B));
	/* Without rules it is left like other code: here its frame pointer is 0. */
	fixture->stack[0] = START_OF(HOLE);
	walk_from(fixture, IN(A), AT(0), 0);
	CHECK(fixture, STOP_FRAME_POINTERS, IN(A), START_OF(HOLE));
	/* After a call it is a caller like others. */
	fixture->code[START_OF(B) - CODE - 5] = CALL;
	fixture->stack[0] = START_OF(B);
	fixture->stack[1] = IN(END);
	walk_from(fixture, IN(A), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, IN(A), START_OF(B) - 1, IN(END) - 1);
	/* And where it is interrupted there is no question. */
	fixture->stack[0] = IN(END);
	walk_from(fixture, START_OF(A), AT(0), 0);
	CHECK(fixture, STOP_COMPLETE, START_OF(A), IN(END) - 1);
}

static void a_table_that_is_not_there_yet_is_asked_for_once(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8));
	host_add_mapping(CODE + 0x10000, 0x1000, 0, host_add_slot(&(struct unwind_slot){ 0 }));
	host_add_mapping(CODE + 0x20000, 0x1000, 0, 15); /* no such slot */
	fixture->stack[0] = CODE + 0x10500;
	for (int i = 0; i < 3; i++) {
		walk_from(fixture, IN(A), AT(0), AT(4));
		CHECK(fixture, STOP_NO_TABLE_YET, IN(A), CODE + 0x104ff);
	}
	assert_int_equal(host.wanted_count, 1);
	assert_int_equal(host.wanted[0], 2);
	assert_int_equal(host.slots[2].last_used, 0);
	fixture->stack[0] = CODE + 0x20500;
	walk_from(fixture, IN(A), AT(0), AT(4));
	CHECK(fixture, STOP_NO_TABLE_YET, IN(A), CODE + 0x204ff);
	assert_int_equal(host.wanted_count, 1);
}

static void a_table_that_is_used_says_when(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8));
	fixture->stack[0] = IN(END);
	for (uint32_t now = 5; now < 8; now++) {
		host.clock = now;
		walk_from(fixture, IN(A), AT(0), 0);
		assert_int_equal(host.slots[1].last_used, now);
	}
	assert_int_equal(host.slots[0].last_used, 0);
}

static void an_address_in_no_mapping_ends_the_walk(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8));
	fixture->stack[0] = NOWHERE;
	walk_from(fixture, IN(A), AT(0), AT(4));
	CHECK(fixture, STOP_NO_MAPPING, IN(A), NOWHERE - 1);
	walk_from(fixture, NOWHERE, AT(0), AT(4));
	CHECK(fixture, STOP_NO_MAPPING, NOWHERE);
	host.mapping_count = 0;
	walk_from(fixture, IN(A), AT(0), AT(4));
	CHECK(fixture, STOP_NO_MAPPING, IN(A));
}

static void a_return_address_of_0_is_an_end(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8));
	fixture->stack[0] = 0;
	walk_from(fixture, IN(A), AT(0), AT(4));
	CHECK(fixture, STOP_FRAME_POINTERS, IN(A));
}

static void a_stack_that_cannot_be_read_ends_the_walk(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8), BY_RBP);
	walk_from(fixture, IN(A), NOWHERE - 1, AT(4));
	CHECK(fixture, STOP_BAD_READ, IN(A));
	walk_from(fixture, IN(A), AT(0) + 4, AT(4)); /* stacks are aligned */
	CHECK(fixture, STOP_BAD_READ, IN(A));
	walk_from(fixture, IN(A), UINT64_MAX - 7, AT(4));
	CHECK(fixture, STOP_BAD_READ, IN(A));
	walk_from(fixture, IN(B), AT(0), UINT64_MAX - 7);
	CHECK(fixture, STOP_BAD_READ, IN(B));
	fixture->stack[0] = IN(A);
	walk_from(fixture, IN(A), AT(STACK_WORDS), AT(4));
	CHECK(fixture, STOP_BAD_READ, IN(A));
}

/* The outermost frames lie closer to the end than what is read at once. */
static void a_stack_is_read_up_to_its_last_word(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8));
	for (size_t words = 1; words < 2 * UNWIND_WINDOW_WORDS; words++) {
		for (size_t i = 0; i + 1 < words; i++)
			fixture->stack[i] = IN(A);
		fixture->stack[words - 1] = IN(END);
		host.regions[0].size = words * 8;
		walk_from(fixture, IN(A), AT(0), 0);
		assert_int_equal(fixture->walk.stop, STOP_COMPLETE);
		assert_int_equal(fixture->walk.depth, words + 1);
		host.regions[0].size -= 8;
		walk_from(fixture, IN(A), AT(0), 0);
		assert_int_equal(fixture->walk.stop, STOP_BAD_READ);
		assert_int_equal(fixture->walk.depth, words);
	}
}

static void a_stack_is_read_in_large_pieces(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8));
	for (size_t i = 0; i < 4 * UNWIND_WINDOW_WORDS; i++)
		fixture->stack[i] = IN(A);
	fixture->stack[4 * UNWIND_WINDOW_WORDS - 1] = IN(END);
	walk_from(fixture, IN(A), AT(0), 0);
	assert_int_equal(fixture->walk.stop, STOP_COMPLETE);
	assert_int_equal(fixture->walk.depth, 4 * UNWIND_WINDOW_WORDS + 1);
	assert_int_equal(host.reads, 4);
}

static void a_stack_is_cut_where_there_is_no_room_for_more(void **state)
{
	struct fixture *fixture = *state;

	LOAD(BY_RSP(8));
	for (size_t i = 0; i < STACK_WORDS; i++)
		fixture->stack[i] = IN(A);
	fixture->stack[USER_FRAMES_MAX - 2] = IN(END); /* frame number USER_FRAMES_MAX */
	walk_from(fixture, IN(A), AT(0), 0);
	assert_int_equal(fixture->walk.stop, STOP_COMPLETE);
	assert_int_equal(fixture->walk.depth, USER_FRAMES_MAX);
	assert_true(fixture->walk.addresses[USER_FRAMES_MAX - 1] == IN(END) - 1);
	fixture->stack[USER_FRAMES_MAX - 2] = IN(A);
	fixture->stack[USER_FRAMES_MAX - 1] = IN(END);
	walk_from(fixture, IN(A), AT(0), 0);
	assert_int_equal(fixture->walk.stop, STOP_TOO_DEEP);
	assert_int_equal(fixture->walk.depth, USER_FRAMES_MAX);
	assert_true(fixture->walk.addresses[USER_FRAMES_MAX - 1] == IN(A) - 1);
}

/* Some programs change stacks; a chain that goes backwards again and again is none. */
static void a_chain_of_too_many_stacks_is_no_progress(void **state)
{
	const int32_t offsets[] = { -16, 0 };
	struct fixture *fixture = *state;

	LOAD({ .cfa = CFA_REGISTER, .cfa_register = UNWIND_RSP, .cfa_offset = -16, .ra = 16 },
	     { .cfa = CFA_REGISTER, .cfa_register = UNWIND_RSP, .ra = 0 });
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		uint64_t rsp = AT(100);

		for (uint32_t frame = 0; frame < UNWIND_STACKS_MAX + 2; frame++)
			fixture->stack[100 + (int32_t)frame * offsets[i] / 8] = IN(A + i);
		walk_from(fixture, IN(A + i), rsp, 0);
		assert_int_equal(fixture->walk.stop, STOP_NO_PROGRESS);
		assert_int_equal(fixture->walk.depth, UNWIND_STACKS_MAX + 1);
	}
	fixture->stack[100] = IN(A);
	fixture->stack[100 - 2 * (UNWIND_STACKS_MAX - 1)] = IN(END);
	walk_from(fixture, IN(A), AT(100), 0);
	assert_int_equal(fixture->walk.stop, STOP_COMPLETE);
	assert_int_equal(fixture->walk.depth, UNWIND_STACKS_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK(code_without_rules_is_left_along_the_frame_pointer),
		WALK(a_register_that_is_no_frame_pointer_is_not_followed),
		WALK(code_whose_rules_cannot_be_used_is_left_by_what_looks_like_a_frame),
		WALK(code_without_a_file_has_frame_pointers),
		WALK(assembly_without_a_frame_has_its_caller_on_top_of_the_stack),
		WALK(a_return_address_follows_a_call),
		WALK(a_function_that_was_put_there_to_return_to_is_the_end),
		WALK(a_table_that_is_not_there_yet_is_asked_for_once),
		WALK(a_table_that_is_used_says_when),
		WALK(an_address_in_no_mapping_ends_the_walk),
		WALK(a_return_address_of_0_is_an_end),
		WALK(a_stack_that_cannot_be_read_ends_the_walk),
		WALK(a_stack_is_read_up_to_its_last_word),
		WALK(a_stack_is_read_in_large_pieces),
		WALK(a_stack_is_cut_where_there_is_no_room_for_more),
		WALK(a_chain_of_too_many_stacks_is_no_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
