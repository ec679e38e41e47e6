/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which code lies where in memory that is written at run time, and since when. Whoever comes later
 * takes the place of what was there, in whole or in part: pieces never overlap, and are kept
 * sorted. What was taken away is remembered for a while, for those who ask about a time before.
 */
#ifndef EPROF_SYMBOLIZE_JIT_RANGES_H
#define EPROF_SYMBOLIZE_JIT_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jit_range {
	uint64_t start, end; /* start < end */
	uint64_t since_ns;   /* 0: always */
	uint32_t code;       /* the caller's number */
	uint32_t skipped;    /* bytes of the code that lie before start: of somebody else by now */
};

struct jit_slot; /* some pieces that are neighbours */
struct jit_past; /* a piece that was taken away */

/* The zero value is empty. */
struct jit_ranges {
	struct jit_slot *slots; /* by address */
	size_t slot_count, slot_capacity;
	size_t count;          /* pieces in all slots */
	struct jit_past *past; /* in the order in which they were taken away */
	size_t past_count, past_capacity;
	uint64_t keep_ns; /* what ended before is not remembered */
};

void jit_ranges_done(struct jit_ranges *ranges); /* empty, and usable, afterwards */

/*
 * 0, or -ENOMEM: what lay there is gone then, and the new one is not there. *ret_replaced becomes
 * true (never false) when something lay there.
 */
int jit_ranges_insert(struct jit_ranges *ranges, const struct jit_range *range, bool *ret_replaced);

/*
 * What was at address at a time. Writers may tell of code after it has begun to run: when nothing
 * was there yet, it is the first that came after. NULL: nothing at any time that is remembered. The
 * piece lives until the next change.
 */
const struct jit_range *jit_ranges_find(const struct jit_ranges *ranges, uint64_t address,
					uint64_t time_ns);

/* Nobody will ask about times before. */
void jit_ranges_forget(struct jit_ranges *ranges, uint64_t before_ns);

/* Every piece, those remembered included; code may be changed. */
void jit_ranges_visit(struct jit_ranges *ranges,
		      void (*visitor)(void *context, struct jit_range *range), void *context);

size_t jit_ranges_bytes(const struct jit_ranges *ranges); /* of memory */

#endif
