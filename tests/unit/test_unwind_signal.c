/* SPDX-License-Identifier: Apache-2.0 */
/* Through the frames of signal handlers, to what they interrupted. */
#include "tests/unit/unwind_program.h"

/* A: a handler. B: what is interrupted, and found by a register that callers have lost. */
#define TRAMPOLINE C

static const struct unwind_rule rules[] = {
	BY_RSP(8),
	BY_REGISTER(R12),
	{ .cfa = CFA_REGISTER, .cfa_register = UNWIND_RSP, .ra_kind = RA_SIGNAL }
};

/* mov $15,%eax; syscall (musl), and mov $15,%rax; syscall (glibc, Go). */
static const uint8_t short_return[] = { 0xb8, 15, 0, 0, 0, 0x0f, 0x05 };
static const uint8_t long_return[] = { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05 };

#define RETURNS_MAX 2

/* What struct sigcontext has, in words from rsp of the trampoline on. */
enum {
	SAVED_R8 = 5,
	SAVED_R12 = 9,
	SAVED_RBP = 15,
	SAVED_RBX = 16,
	SAVED_RSP = 20,
	SAVED_RIP = 21
};

/* A signal frame at words, as the kernel makes it; all registers differ. */
static void put_signal_frame(uint64_t *words, uint64_t pc, uint64_t rsp)
{
	for (size_t i = SAVED_R8; i <= SAVED_RIP; i++)
		words[i] = 0xc000 + i;
	words[SAVED_R12] = AT(50);
	words[SAVED_RBP] = 66;
	words[SAVED_RSP] = rsp;
	words[SAVED_RIP] = pc;
}

/* A handler whose caller is the trampoline, which is entered at its first byte or further on. */
static void put_handler(struct fixture *fixture, uint64_t trampoline, uint64_t pc)
{
	fixture->stack[0] = trampoline;
	put_signal_frame(&fixture->stack[1], pc, AT(40));
	fixture->stack[50] = IN(END);
}

static void write_return(struct fixture *fixture, uint64_t address, size_t which)
{
	memset(fixture->code + (address - CODE), NOP, sizeof(long_return));
	if (which)
		memcpy(fixture->code + (address - CODE), long_return, sizeof(long_return));
	else
		memcpy(fixture->code + (address - CODE), short_return, sizeof(short_return));
}

static void a_signal_frame_is_left_by_its_rule(void **state)
{
	struct fixture *fixture = *state;

	load(rules, 3);
	put_handler(fixture, IN(TRAMPOLINE), IN(B));
	walk_from(fixture, IN(A), AT(0), 5);
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(TRAMPOLINE), IN(B), IN(END) - 1);
	check_register(fixture, UNWIND_RBP, 66);
	check_register(fixture, UNWIND_RSP, AT(51));
}

/* Interrupted at its very first byte, it is not the function before: and r12 is known again. */
static void what_was_interrupted_is_where_it_was(void **state)
{
	struct fixture *fixture = *state;

	load(rules, 3);
	put_handler(fixture, IN(TRAMPOLINE), START_OF(B));
	walk_from(fixture, IN(A), AT(0), 5);
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(TRAMPOLINE), START_OF(B), IN(END) - 1);
}

/* The order of struct sigcontext against that of DWARF, told by a register each. */
static void every_register_is_taken_from_its_place(void **state)
{
	static const uint32_t expected[UNWIND_REGISTERS] = { 18, 17, 19, 16, 14, 13, 15, 20,
							     5,  6,  7,  8,  9,  10, 11, 12 };
	struct fixture *fixture = *state;

	load(rules, 3);
	put_handler(fixture, IN(TRAMPOLINE), NOWHERE);
	fixture->stack[1 + SAVED_R12] = 0xc000 + SAVED_R12;
	fixture->stack[1 + SAVED_RBP] = 0xc000 + SAVED_RBP;
	fixture->stack[1 + SAVED_RSP] = 0xc000 + SAVED_RSP;
	walk_from(fixture, IN(A), AT(0), 5);
	CHECK(fixture, STOP_NO_MAPPING, IN(A), IN(TRAMPOLINE), NOWHERE);
	for (uint32_t i = 0; i < UNWIND_REGISTERS; i++)
		check_register(fixture, i, 0xc000 + expected[i]);
}

/* Handlers save registers, too: of the trampoline, not of what was interrupted. */
static void what_a_handler_has_saved_is_not_what_was_interrupted(void **state)
{
	struct fixture *fixture = *state;

	LOAD({ .cfa = CFA_REGISTER,
	       .cfa_register = UNWIND_RSP,
	       .cfa_offset = 24,
	       .ra = -8,
	       .rbp_kind = RBP_AT_CFA,
	       .rbp_offset = -16,
	       .rbx_offset = -24 },
	     BY_REGISTER(UNWIND_RBX), { .cfa = CFA_REGISTER, .ra_kind = RA_SIGNAL });
	fixture->stack[0] = fixture->stack[1] = NOWHERE;
	fixture->stack[2] = IN(TRAMPOLINE);
	put_signal_frame(&fixture->stack[3], IN(B), AT(40));
	fixture->stack[3 + SAVED_RBX] = AT(50);
	fixture->stack[50] = IN(END);
	walk_from(fixture, IN(A), AT(0), 5);
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(TRAMPOLINE), IN(B), IN(END) - 1);
	check_register(fixture, UNWIND_RBP, 66);
}

/* Their rules, if they have some, cover the byte before them or not, and are wrong in musl. */
static void trampolines_are_known_by_their_code(void **state)
{
	struct fixture *fixture = *state;

	load(rules, 2);
	for (size_t which = 0; which < RETURNS_MAX; which++) {
		write_return(fixture, START_OF(C), which);
		put_handler(fixture, START_OF(C), IN(B));
		walk_from(fixture, IN(A), AT(0), 5);
		CHECK(fixture, STOP_COMPLETE, IN(A), START_OF(C), IN(B), IN(END) - 1);
		/* And where they are interrupted themselves. */
		put_signal_frame(fixture->stack, IN(B), AT(40));
		walk_from(fixture, START_OF(C), AT(0), 5);
		CHECK(fixture, STOP_COMPLETE, START_OF(C), IN(B), IN(END) - 1);
	}
	/* In code that has no table at all. */
	host.slots[1].state = TABLE_FRAME_POINTERS;
	walk_from(fixture, START_OF(C), AT(0), 0);
	CHECK(fixture, STOP_FRAME_POINTERS, START_OF(C), IN(B));
}

static void other_system_calls_are_no_trampolines(void **state)
{
	struct fixture *fixture = *state;

	load(rules, 2);
	fixture->code[START_OF(C) - CODE - 5] = CALL;
	for (size_t which = 0; which < RETURNS_MAX; which++) {
		size_t size = which ? sizeof(long_return) : sizeof(short_return);

		for (size_t i = 0; i < size; i++) {
			write_return(fixture, START_OF(C), which);
			fixture->code[START_OF(C) - CODE + i] ^= 1;
			put_handler(fixture, START_OF(C), IN(B));
			walk_from(fixture, IN(A), AT(0), 5);
			/* Before it is B, and its rule by a lost register. */
			CHECK(fixture, STOP_LOST_REGISTER, IN(A), START_OF(C) - 1);
		}
	}
	/* Its last byte cannot be read. */
	write_return(fixture, START_OF(C), 1);
	host.regions[1].size = START_OF(C) - CODE + sizeof(long_return) - 1;
	walk_from(fixture, IN(A), AT(0), 5);
	CHECK(fixture, STOP_LOST_REGISTER, IN(A), START_OF(C) - 1);
}

/* sigaltstack(): the interrupted stack may be below. */
static void a_handler_may_run_on_a_stack_of_its_own(void **state)
{
	struct fixture *fixture = *state;
	uint64_t other[64] = { IN(A), IN(TRAMPOLINE) };

	load(rules, 3);
	host_add_region(OTHER_STACK, other, sizeof(other));
	put_signal_frame(&other[2], IN(A), AT(2));
	fixture->stack[2] = IN(A);
	fixture->stack[3] = IN(END);
	walk_from(fixture, IN(A), OTHER_STACK, 5);
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(A) - 1, IN(TRAMPOLINE), IN(A), IN(A) - 1,
	      IN(END) - 1);
	assert_int_equal(fixture->walk.state.stacks, 0);
	host_reset();
}

static void a_signal_within_a_signal_is_left_twice(void **state)
{
	struct fixture *fixture = *state;

	load(rules, 3);
	put_handler(fixture, IN(TRAMPOLINE), IN(A)); /* the first handler was interrupted */
	fixture->stack[40] = IN(TRAMPOLINE);
	put_signal_frame(&fixture->stack[41], IN(B), AT(100));
	fixture->stack[41 + SAVED_R12] = AT(90);
	fixture->stack[90] = IN(END);
	walk_from(fixture, IN(A), AT(0), 5);
	CHECK(fixture, STOP_COMPLETE, IN(A), IN(TRAMPOLINE), IN(A), IN(TRAMPOLINE), IN(B),
	      IN(END) - 1);
}

static void a_damaged_signal_frame_ends_the_walk(void **state)
{
	struct fixture *fixture = *state;

	load(rules, 3);
	put_handler(fixture, IN(TRAMPOLINE), 0); /* a null function pointer was called */
	walk_from(fixture, IN(A), AT(0), 5);
	CHECK(fixture, STOP_NO_MAPPING, IN(A), IN(TRAMPOLINE));
	put_handler(fixture, IN(TRAMPOLINE), NOWHERE);
	walk_from(fixture, IN(A), AT(0), 5);
	CHECK(fixture, STOP_NO_MAPPING, IN(A), IN(TRAMPOLINE), NOWHERE);
	host.regions[0].size = 8 * (1 + SAVED_RIP); /* its last word is missing */
	walk_from(fixture, IN(A), AT(0), 5);
	CHECK(fixture, STOP_BAD_READ, IN(A), IN(TRAMPOLINE));
}

/* It says that it interrupted the trampoline by which it is left. */
static void a_signal_frame_in_a_circle_comes_to_an_end(void **state)
{
	struct fixture *fixture = *state;

	load(rules, 3);
	put_signal_frame(fixture->stack, IN(TRAMPOLINE), AT(0));
	walk_from(fixture, IN(TRAMPOLINE), AT(0), 5);
	assert_int_equal(fixture->walk.stop, STOP_TOO_DEEP);
	assert_int_equal(fixture->walk.depth, USER_FRAMES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK(a_signal_frame_is_left_by_its_rule),
		WALK(what_was_interrupted_is_where_it_was),
		WALK(every_register_is_taken_from_its_place),
		WALK(what_a_handler_has_saved_is_not_what_was_interrupted),
		WALK(trampolines_are_known_by_their_code),
		WALK(other_system_calls_are_no_trampolines),
		WALK(a_handler_may_run_on_a_stack_of_its_own),
		WALK(a_signal_within_a_signal_is_left_twice),
		WALK(a_damaged_signal_frame_ends_the_walk),
		WALK(a_signal_frame_in_a_circle_comes_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
