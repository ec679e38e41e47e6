/* SPDX-License-Identifier: Apache-2.0 */
/* What the files naming*.c share; nobody else includes it. */
#ifndef EPROF_AGENT_NAMING_PARTS_H
#define EPROF_AGENT_NAMING_PARTS_H

#include "agent/located_stack.h"
#include "agent/naming.h"
#include "agent/prepared_names.h"

/* "[NAME_MAX bytes+0x16 digits]" for every user address of two stacks, and the notes. */
#define NAMING_TEXT_SIZE (2 * USER_FRAMES_MAX * 288 + 1024)

struct naming {
	struct symbolizer *symbolizer;
	struct processes *processes;
	struct jit *jit; /* or NULL */
	struct prepared_names prepared;
	struct kernel_code *kernel_code; /* or NULL */
	struct located_stack stack;      /* that is being named */
	struct frame frames[FRAMES_MAX];
	size_t count;
	char text[NAMING_TEXT_SIZE]; /* names made up for this sample */
	size_t text_used;
	struct naming_stats stats;
	uint64_t rested_s; /* when a window ended last; 0: not yet */
	uint64_t window_s; /* of that window */
};

enum naming_order { NAMING_OUTERMOST_FIRST, NAMING_INNERMOST_FIRST };

void naming_push(struct naming *naming, const struct frame *frame);
void naming_push_note(struct naming *naming, const char *text); /* lives as long as the sample */

/* A string that lives until the next sample. */
__attribute__((format(printf, 2, 3))) const char *naming_text(struct naming *naming,
							      const char *format, ...);

/*
 * The frames of naming->stack. version: with which it was prepared (naming_name_prepared()), or
 * NULL.
 */
void naming_push_user(struct naming *naming, const uint64_t *version, enum naming_order order);

/* Where the addresses of a sample lie, as far as they are believed. */
void naming_locate(struct naming *naming, const struct sample *sample);

/* Parts of a sample: before its user addresses, one of these (0 is the innermost), and behind. */
void naming_push_root(struct naming *naming, const struct sample *sample);
void naming_push_user_at(struct naming *naming, size_t i);
void naming_push_rest(struct naming *naming, const struct sample *sample);

/* The debug information of naming->stack is asked for at once, with the first name. */
void naming_want_user(struct naming *naming);

/* Looks at the files that will be asked for the names of naming->stack, and notes what changes. */
void naming_prepare_user(struct naming *naming, uint64_t version);

/* Kernel addresses, innermost first. first_ns: when the first sample of them was taken. */
struct naming_kernel_stack {
	const uint64_t *addresses;
	size_t depth;
	uint64_t first_ns;
};

void naming_push_kernel(struct naming *naming, const struct naming_kernel_stack *stack,
			enum naming_order order);

#endif
