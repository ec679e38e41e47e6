/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * What a walk looks up: the mapping of an address, the rule of an address, a word of the stack.
 *
 * A program's samples meet the same frames again and again, and by the next sample the caches of
 * the CPU hold something else: finding a rule is ten lines of memory that must be fetched. So rules
 * that were found are kept where one line has it all.
 */
#ifndef EPROF_BPF_UNWIND_TABLE_BPF_H
#define EPROF_BPF_UNWIND_TABLE_BPF_H

#include "bpf/abi.h"

#define UNWIND_CHECKED_ONCE __attribute__((noinline))

/* Makes the compiler forget what it knows of a number: that may be more than the verifier knows. */
#define UNWIND_FORGET(number) __asm__ volatile("" : "+r"(number))

/* What the steps need of the stack lies mostly close together: read at once, it costs a fifth. */
#define UNWIND_WINDOW_WORDS 64

#define UNWIND_CHUNK_WORDS_SHIFT (UNWIND_CHUNK_SHIFT - 2)

/* struct sigcontext has 16 general registers and rip (asm/sigcontext.h). */
#define SIGNAL_REGISTERS 17

/* Rules kept. Half of what a per-CPU map's value may have from Linux 5.15 on (PCPU_MIN_UNIT_SIZE).
 */
#define UNWIND_KNOWN_SHIFT 9
#define UNWIND_KNOWN_MAX   (1u << UNWIND_KNOWN_SHIFT)

/*
 * After so many drains a rule is looked up again: the tables in use are to be known by last_used,
 * though they are seldom read.
 */
#define UNWIND_KNOWN_DRAINS_SHIFT 3

/*
 * The rule of an address: true as long as the process has these mappings. Written by one program
 * on one CPU: nothing may interrupt it that writes here, too.
 */
struct unwind_known {
	__u64 address;
	__u32 number; /* unwind_process.number, never 0 */
	__u32 period; /* unwind_clock() >> UNWIND_KNOWN_DRAINS_SHIFT, when it was found */
	struct unwind_rule rule;
};
_Static_assert(sizeof(struct unwind_known) == 32, "two in a line of the cache");

/* Addresses, innermost first, as struct stack wants them. */
struct call_stack {
	/* Kept in memory: the verifier forgets it, and need not check what follows for each. */
	__u32 depth;
	__u32 unused;
	__u64 pc[USER_FRAMES_MAX];
	__u64 ids[PIECES_MAX]; /* of its pieces, the outermost first */
};

/* One walk: the registers of the frame it is in, and what it has found so far. */
struct unwind_state {
	/* By DWARF number. rsp is always right; rbp and rbx where the next two say so; the others
	 * in a frame that was interrupted. */
	__u64 registers[UNWIND_REGISTERS];
	/* Where on the stack the frame's rbp and rbx are: callees save them, few frames need them.
	 * 0: in registers. UNWIND_LOST: nobody knows. */
	__u64 rbp_at, rbx_at;
	__u64 pc;
	__u64 address;        /* of this frame, as struct stack wants it */
	__u32 is_caller;      /* pc is a return address */
	__u32 is_interrupted; /* all registers are this frame's */
	__u32 stacks;         /* how often the stack pointer went backwards */
	__u32 period;         /* now: see struct unwind_known */
	struct unwind_process process;
	struct unwind_mapping mapping; /* the last one found: mostly the next one, too */
	struct unwind_rule rule;       /* the last one found */
	__u64 window_start;
	__u64 window_size; /* in bytes; 0: nothing there */
	__u64 window[UNWIND_WINDOW_WORDS];
	__u64 signal[SIGNAL_REGISTERS];
	__u64 word; /* that unwind_read_stack() has read */
#ifdef UNWIND_READS_MAX
	/* What the walk has read of the stack; more than there is room for: it is not known. */
	__u32 read_count;
	__u32 read_other; /* registers other than rsp and rbp, or all of a signal's */
	struct unwind_read {
		__u64 address, word;
	} reads[UNWIND_READS_MAX];
#endif
	struct call_stack stack;
	struct unwind_known known[UNWIND_KNOWN_MAX]; /* stays from walk to walk */
};

#define UNWIND_LOST 1 /* no word of a stack is there */

int unwind_find_mapping(struct unwind_state *state, __u64 address);
int unwind_find_row(__u32 word, __u32 count, __u32 offset);
int unwind_find_rule(struct unwind_state *state, const struct unwind_slot *slot, __u64 address);
int unwind_read_stack(struct unwind_state *state, __u64 address);

/* Finds the mapping of address; true or false. */
UNWIND_CHECKED_ONCE int unwind_find_mapping(struct unwind_state *state, __u64 address)
{
	const struct unwind_mapping *mapping;
	__u32 low = 0, high;

	if (!state)
		return false;
	high = state->process.count;
	if (address - state->mapping.start < state->mapping.end - state->mapping.start)
		return true;
	for (__u32 i = 0; i <= UNWIND_MAPPINGS_SHIFT; i++) {
		__u32 middle = low + (high - low) / 2;

		if (low >= high)
			break;
		mapping = unwind_mapping_at(state->process.first + middle);
		if (!mapping)
			return false;
		if (mapping->end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low >= state->process.count)
		return false;
	mapping = unwind_mapping_at(state->process.first + low);
	if (!mapping)
		return false;
	state->mapping = *mapping;
	asm volatile("" ::: "memory");
	/* Read again, after the rest: who wrote here meanwhile took the number away before. */
	if (*(volatile const __u32 *)&mapping->number != state->process.number ||
	    address < state->mapping.start || address >= state->mapping.end) {
		state->mapping.start = state->mapping.end = 0;
		return false;
	}
	return true;
}

/* The rule of the last of count rows, from word on, that begins at offset or before; or -1. */
UNWIND_CHECKED_ONCE int unwind_find_row(__u32 word, __u32 count, __u32 offset)
{
	const char *chunk = unwind_chunk_at(word >> UNWIND_CHUNK_WORDS_SHIFT);
	__u32 low = 0, high = count;
	int rule = -1;

	if (!chunk)
		return -1;

	for (__u32 i = 0; i <= UNWIND_BLOCK_SHIFT; i++) {
		__u32 middle = low + (high - low) / 2;
		__u64 byte = ((__u64)(word + middle) << 2) & (UNWIND_CHUNK_SIZE - 4);
		const struct unwind_row *row = (const void *)(chunk + byte);

		if (low >= high)
			break;
		if (row->offset <= offset) {
			low = middle + 1;
			rule = row->rule;
		} else {
			high = middle;
		}
	}
	return rule;
}

/* Copies the rule of address, which is in state->mapping; true, or false when there is none. */
UNWIND_CHECKED_ONCE int unwind_find_rule(struct unwind_state *state, const struct unwind_slot *slot,
					 __u64 address)
{
	struct unwind_block block;
	__u64 offset, number;
	const char *chunk;
	__u32 word, rule;

	if (!state || !slot)
		return false;
	offset = address - state->mapping.start + state->mapping.address - slot->code_start;
	number = offset >> UNWIND_BLOCK_SHIFT;
	if (number >= slot->block_count)
		return false;
	word = slot->image + slot->first_block + 2 * (__u32)number;
	chunk = unwind_chunk_at(word >> UNWIND_CHUNK_WORDS_SHIFT);
	if (!chunk)
		return false;
	block = *(const struct unwind_block *)(chunk +
					       (((__u64)word << 2) & (UNWIND_CHUNK_SIZE - 8)));
	rule = block.rule;
	if (block.row_count) {
		int row = unwind_find_row(slot->image + block.first_row, block.row_count,
					  offset & (UNWIND_BLOCK_SIZE - 1));

		if (row >= 0)
			rule = row;
	}
	word = slot->image + rule * (sizeof(struct unwind_rule) / 4);
	chunk = unwind_chunk_at(word >> UNWIND_CHUNK_WORDS_SHIFT);
	if (!chunk)
		return false;
	state->rule = *(const struct unwind_rule *)(chunk + (((__u64)word << 2) &
							     (UNWIND_CHUNK_SIZE - 16)));
	return state->rule.cfa != CFA_NO_RULE;
}

/* Where the rule of address is, if it is known. */
static __always_inline struct unwind_known *unwind_known_at(struct unwind_state *state,
							    __u64 address)
{
	/* Fibonacci hashing: the upper bits of a product with 2^64 / phi (Knuth, TAOCP 6.4). */
	__u64 index = (address * 0x9e3779b97f4a7c15ULL) >> (64 - UNWIND_KNOWN_SHIFT);

	return &state->known[index & (UNWIND_KNOWN_MAX - 1)];
}

static __always_inline bool unwind_knows_rule(struct unwind_state *state, __u64 address)
{
	const struct unwind_known *known = unwind_known_at(state, address);

	if (known->address != address || known->number != state->process.number ||
	    known->period != state->period || !known->number)
		return false;
	state->rule = known->rule;
	return true;
}

static __always_inline void unwind_remember_rule(struct unwind_state *state, __u64 address)
{
	struct unwind_known *known = unwind_known_at(state, address);

	known->address = address;
	known->number = state->process.number;
	known->period = state->period;
	known->rule = state->rule;
}

/* Notes what the walk depends on, for who wants to know (bpf/off_memo.bpf.h). */
#ifdef UNWIND_READS_MAX

static __always_inline void unwind_note_read(struct unwind_state *state, __u64 address)
{
	__u32 index = state->read_count++;

	UNWIND_FORGET(index);
	index &= UNWIND_READS_MAX - 1;
	state->reads[index].address = address;
	state->reads[index].word = state->word;
}

static __always_inline void unwind_note_other(struct unwind_state *state)
{
	state->read_other = true;
}

#else

#define unwind_note_read(state, address) ((void)0)
#define unwind_note_other(state)         ((void)0)

#endif

/* Reads a word of the stack, through the window, to state->word; true or false. */
UNWIND_CHECKED_ONCE int unwind_read_stack(struct unwind_state *state, __u64 address)
{
	__u64 offset;

	if (!state || address & 7)
		return false;
	offset = address - state->window_start;
	if (offset >= state->window_size) {
		state->window_start = address;
		state->window_size = sizeof(state->window);
		offset = 0;
		if (unwind_read_user(state->window, sizeof(state->window), address)) {
			/* The end of the stack may be near. */
			state->window_size = 0;
			if (unwind_read_user(&state->word, sizeof(state->word), address)) {
				unwind_note_other(state); /* it may be readable the next time */
				return false;
			}
			unwind_note_read(state, address);
			return true;
		}
	}
	state->word = state->window[(offset >> 3) & (UNWIND_WINDOW_WORDS - 1)];
	unwind_note_read(state, address);
	return true;
}

#endif
