// SPDX-License-Identifier: Apache-2.0
/* What compilers make of calls, frames and registers. */
#include <alloca.h>
#include <setjmp.h>

#include "tests/programs/shapes/shape.h"

FRAME uint64_t leaf(void)
{
	return shape_burn();
}

/* --- recursion --- */

/* Not a tail call, and no loop that can be made of it. */
FRAME uint64_t recurse(unsigned int more)
{
	uint64_t value = more > 1 ? recurse(more - 1) : leaf();

	OPAQUE(value);
	return value;
}

static void deep(void)
{
	recurse(400);
}

static void too_deep(void)
{
	recurse(600);
}

/* --- frames of a size that is known when they are made --- */

FRAME uint64_t variable_frame(size_t size)
{
	char *memory = alloca(size);

	OPAQUE(memory);
	memory[0] = 1;
	return leaf() + (uint64_t)memory[0];
}

static void variable(void)
{
	for (size_t size = 16; size <= 16384; size *= 32)
		variable_frame(size);
}

/* More than what 16 bits of offset reach. */
FRAME uint64_t huge_frame(void)
{
	char memory[300000];
	char *first = memory;

	OPAQUE(first);
	first[0] = 1;
	return leaf() + (uint64_t)first[0];
}

static void huge(void)
{
	huge_frame();
}

/* --- stacks that are aligned further than the caller's --- */

FRAME uint64_t aligned_frame(void)
{
	char memory[256] __attribute__((aligned(64)));
	char *first = memory;

	OPAQUE(first);
	first[0] = 1;
	return leaf() + (uint64_t)first[0];
}

/* Of variable size besides: gcc keeps the CFA itself in memory, and rbp beside it. */
FRAME uint64_t aligned_variable_frame(size_t size)
{
	char memory[256] __attribute__((aligned(64)));
	char *first = memory, *more = alloca(size);

	OPAQUE(first);
	OPAQUE(more);
	first[0] = 1;
	more[0] = 1;
	return leaf() + (uint64_t)first[0] + (uint64_t)more[0];
}

static void realigned(void)
{
	aligned_frame();
	aligned_variable_frame(1000);
}

/* --- registers --- */

#define CHANGE_SAVED_REGISTERS()                                                                   \
	__asm__ volatile("mov $-1, %%rbp; mov %%rbp, %%rbx; mov %%rbp, %%r12"                      \
			 :                                                                         \
			 :                                                                         \
			 : "rbp", "rbx", "r12", "r13", "r14", "r15", "cc")

/* Takes all registers that a callee has to preserve, rbp among them. */
FRAME uint64_t register_hungry(uint64_t a)
{
	CHANGE_SAVED_REGISTERS();
	a += leaf();
	CHANGE_SAVED_REGISTERS();
	return a;
}

/* Of variable size: it finds its way by rbp, which what it calls has changed. */
FRAME uint64_t clobbering_frame(size_t size)
{
	char *memory = alloca(size);

	OPAQUE(memory);
	memory[0] = 1;
	return register_hungry(size) + (uint64_t)memory[0];
}

static void registers(void)
{
	clobbering_frame(100);
}

/* More arguments than registers: they are pushed, and the stack pointer moves inside of a body. */
FRAME uint64_t many_arguments(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
			      uint64_t f, uint64_t g, uint64_t h, uint64_t i)
{
	return leaf() + a + b + c + d + e + f + g + h + i;
}

FRAME uint64_t pushing_frame(uint64_t a)
{
	return many_arguments(a, 2, 3, 4, 5, 6, 7, a + 8, a + 9) + 1;
}

static void arguments(void)
{
	pushing_frame(1);
}

/* A leaf keeps its variables below the stack pointer. */
FRAME uint64_t red_zone_leaf(uint64_t count)
{
	volatile uint64_t below[12];

	for (size_t i = 0; i < 12; i++)
		below[i] = i;
	for (uint64_t i = 0; i < count; i++)
		below[i % 12] += below[(i + 1) % 12];
	return below[0];
}

static void red_zone(void)
{
	red_zone_leaf(SHAPE_SPINS);
}

/* --- calls that do not come back, or not to where they came from --- */

static FRAME uint64_t tail_target(uint64_t value)
{
	OPAQUE(value);
	return leaf() + value;
}

/* It jumps, and is gone. */
FRAME uint64_t tail_caller(uint64_t value)
{
	OPAQUE(value);
	return tail_target(value + 1);
}

FRAME uint64_t above_tail(void)
{
	return tail_caller(1) + 1;
}

static void tail(void)
{
	above_tail();
}

static jmp_buf away;

__attribute__((noreturn)) FRAME void never_returns(void)
{
	leaf();
	longjmp(away, 1);
}

/*
 * Its last instruction is a call, whose return address is another function's. Functions are not
 * aligned here.
 */
FRAME void ends_in_a_call(uint64_t value)
{
	OPAQUE(value);
	never_returns();
}

FRAME uint64_t behind_the_call(uint64_t value)
{
	OPAQUE(value);
	return value;
}

static void no_return(void)
{
	if (!setjmp(away))
		ends_in_a_call(1);
	behind_the_call(1);
}

FRAME void jump_back(unsigned int more)
{
	if (more > 0)
		jump_back(more - 1);
	else if (run_stop >= 0) /* always, but compilers do not know */
		longjmp(away, 1);
	OPAQUE(more);
}

FRAME uint64_t after_jump(void)
{
	return leaf() + 1;
}

static void long_jump(void)
{
	if (!setjmp(away))
		jump_back(5);
	after_jump();
}

/* --- called by the C library --- */

static int compare(const void *a, const void *b)
{
	leaf();
	return *(const char *)a - *(const char *)b;
}

static void sort(void)
{
	char letters[] = { 'b', 'a', 'd', 'c' };

	qsort(letters, sizeof(letters), 1, compare);
}

FRAME void last_work(void)
{
	struct run run = shape_begin((char *[]){ "exit" });

	while (!run_is_over(&run))
		leaf();
}

static void at_exit(void)
{
	atexit(last_work);
	exit(0);
}

static const struct shape shapes[] = {
	{ "deep", deep },           { "too_deep", too_deep },   { "variable", variable },
	{ "huge", huge },           { "realigned", realigned }, { "registers", registers },
	{ "arguments", arguments }, { "red_zone", red_zone },   { "tail", tail },
	{ "no_return", no_return }, { "long_jump", long_jump }, { "sort", sort },
	{ "at_exit", at_exit },
};

SHAPE_MAIN(shapes)
