/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user stack, and where each of its addresses lay when it was taken: found once, as others go on
 * telling what processes map. How much of the stack is believed, and why no more.
 */
#ifndef EPROF_AGENT_LOCATED_STACK_H
#define EPROF_AGENT_LOCATED_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/processes.h"
#include "bpf/abi.h"

/* As the walker left it. */
struct walked_stack {
	int32_t pid;
	uint64_t time_ns;          /* CLOCK_MONOTONIC */
	const uint64_t *addresses; /* innermost first; up to USER_FRAMES_MAX; borrowed */
	size_t depth;
	enum stop_reason stop;
};

struct located_stack {
	struct walked_stack walked;
	size_t depth;                             /* of what is believed */
	enum stop_reason stop;                    /* why that is all */
	struct mapping mappings[USER_FRAMES_MAX]; /* of walked; a binary of NULL: none is known */
};

/*
 * Where the walk did not reach the entry, return addresses are believed up to the first that lies
 * in no executable memory.
 */
void located_stack_find(struct processes *processes, const struct walked_stack *walked,
			struct located_stack *ret);

/*
 * Leaves out what the walker has found by the table of something else: until it is told of a new
 * mapping, it goes by what lay there before.
 */
void located_stack_cut_unsettled(struct located_stack *stack);

/* The binary of address number i, and where in its file; NULL: it lies in none that can be read. */
struct module *located_stack_module(const struct located_stack *stack, size_t i,
				    uint64_t *ret_offset);

/* Whether its outermost address is where a program begins: without a name, the file says so. */
bool located_stack_ends_at_entry(const struct located_stack *stack);

#endif
