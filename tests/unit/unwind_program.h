/* SPDX-License-Identifier: Apache-2.0 */
/* A program of a few functions, whose rules and stack a test makes up, and walks from one of them.
 */
#ifndef EPROF_TESTS_UNIT_UNWIND_PROGRAM_H
#define EPROF_TESTS_UNIT_UNWIND_PROGRAM_H

#include "tests/unit/unwind_host.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CODE        0x400000ULL
#define STACK       0x7ff000000000ULL
#define OTHER_STACK 0x7ff800000000ULL
#define NOWHERE     0x123456789ULL
#define STACK_WORDS 1024

/* Functions of 256 bytes each. Behind those that a test has rules for are no rules. */
#define FUNCTION_SIZE 0x100
#define FUNCTIONS     16
enum function { END, A, B, C, HOLE = FUNCTIONS - 1 };

#define START_OF(function) (CODE + (uint64_t)FUNCTION_SIZE * (function))
#define IN(function)       (START_OF(function) + 0x29)
#define AT(word)           (STACK + 8 * (uint64_t)(word))

#define BY_RSP(offset)                                                                             \
	{                                                                                          \
		.cfa = CFA_REGISTER, .cfa_register = UNWIND_RSP, .cfa_offset = (offset), .ra = -8  \
	}
#define BY_RBP                                                                                     \
	{                                                                                          \
		.cfa = CFA_REGISTER, .cfa_register = UNWIND_RBP, .cfa_offset = 16, .ra = -8,       \
		.rbp_kind = RBP_AT_CFA, .rbp_offset = -16                                          \
	}
#define BY_REGISTER(number)                                                                        \
	{                                                                                          \
		.cfa = CFA_REGISTER, .cfa_register = (number), .cfa_offset = 8, .ra = -8           \
	}

#define R12 12

#define CALL 0xe8
#define NOP  0x90

struct fixture {
	uint8_t code[FUNCTIONS * FUNCTION_SIZE]; /* calls before each IN(), else nops */
	uint64_t stack[STACK_WORDS];
	struct host_walk walk;
};

static inline int program_set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture)
		return -1;
	host_reset();
	for (size_t i = 0; i < STACK_WORDS; i++)
		fixture->stack[i] = 0xb000 + i;
	for (size_t i = 0; i < UNWIND_REGISTERS; i++)
		fixture->walk.state.registers[i] = 0xa000 + i;
	memset(fixture->code, NOP, sizeof(fixture->code));
	for (int i = 0; i < FUNCTIONS; i++)
		fixture->code[IN(i) - CODE - 5] = CALL;
	host_add_region(STACK, fixture->stack, sizeof(fixture->stack));
	host_add_region(CODE, fixture->code, sizeof(fixture->code));
	return 0;
}

static inline int program_tear_down(void **state)
{
	host_reset();
	free(*state);
	return 0;
}

/* Rules of the functions from A on; END is where a thread begins. */
static inline void load(const struct unwind_rule *rules, size_t count)
{
	struct unwind_rule all[FUNCTIONS] = { { 0 }, { .cfa = CFA_REGISTER, .ra_kind = RA_END } };
	struct host_row rows[FUNCTIONS] = { { 0, 1 } };

	assert_in_range(count, 0, FUNCTIONS - 3);
	for (size_t i = 0; i < count; i++) {
		all[i + 2] = rules[i];
		rows[i + 1] =
			(struct host_row){ (uint32_t)(i + 1) * FUNCTION_SIZE, (uint32_t)i + 2 };
	}
	rows[count + 1] = (struct host_row){ (uint32_t)(count + 1) * FUNCTION_SIZE, 0 };
	host_add_mapping(CODE, FUNCTIONS * FUNCTION_SIZE, 0x1000,
			 host_add_table(&(struct host_table){
				 .rules = all,
				 .rule_count = count + 2,
				 .rows = rows,
				 .row_count = count + 2,
				 .code_start = 0x1000,
				 .block_count = FUNCTIONS * FUNCTION_SIZE / UNWIND_BLOCK_SIZE,
			 }));
}

#define LOAD(...)                                                                                  \
	load((const struct unwind_rule[]){ __VA_ARGS__ },                                          \
	     sizeof((const struct unwind_rule[]){ __VA_ARGS__ }) / sizeof(struct unwind_rule))

static inline void walk_from(struct fixture *fixture, uint64_t pc, uint64_t rsp, uint64_t rbp)
{
	fixture->walk.state.pc = pc;
	fixture->walk.state.registers[UNWIND_RSP] = rsp;
	fixture->walk.state.registers[UNWIND_RBP] = rbp;
	host_walk(&fixture->walk);
}

static inline void check_addresses(const struct fixture *fixture, enum stop_reason stop,
				   const uint64_t *expected, size_t count)
{
	assert_int_equal(fixture->walk.stop, stop);
	assert_int_equal(fixture->walk.depth, count);
	for (size_t i = 0; i < count; i++)
		assert_true(fixture->walk.addresses[i] == expected[i]);
}

#define CHECK(fixture, stop, ...)                                                                  \
	check_addresses(fixture, stop, (const uint64_t[]){ __VA_ARGS__ },                          \
			sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)

/* Of the outermost frame; its rbp may still be on the stack. */
static inline void check_register(struct fixture *fixture, uint32_t number, uint64_t expected)
{
	if (number == UNWIND_RBP)
		assert_int_equal(unwind_load_rbp(&fixture->walk.state), STOP_NONE);
	assert_true(fixture->walk.state.registers[number] == expected);
}

#define WALK(test) cmocka_unit_test_setup_teardown(test, program_set_up, program_tear_down)

#endif
