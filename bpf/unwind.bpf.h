/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Walking a user stack by unwind tables (bpf/abi.h says what they look like).
 *
 * One step takes the registers of a frame to those of its caller: the mapping that holds the pc
 * leads to a table, the table to a rule, and the rule says where the caller's stack pointer, return
 * address, rbp and rbx are. Only those are followed; other registers are known where a thread was
 * interrupted, by the sample or by a signal, and lost in its callers. Code without rules (JIT, some
 * assembly) is left by one step along the frame pointer, after which rules apply again. Nothing is
 * guessed: a walk that cannot go on says why.
 *
 * The verifier wants it so: the functions marked UNWIND_CHECKED_ONCE are global, and so checked
 * once instead of once a frame and a caller; all that they work on is one struct in a map.
 *
 * No map is named here, so that the same source also runs in a test, on recorded registers and
 * stacks. Who includes it defines:
 *
 *	static long unwind_read_user(void *to, __u32 size, __u64 address);	0, or not
 *	static const struct unwind_mapping *unwind_mapping_at(__u32 index);	or NULL
 *	static struct unwind_slot *unwind_slot_at(__u32 number);		or NULL
 *	static const char *unwind_chunk_at(__u32 number);	UNWIND_CHUNK_SIZE bytes, or NULL
 *	static void unwind_want(__u32 number, struct unwind_slot *slot);	asks for the table
 *	static __u32 unwind_clock(void);		what unwind_slot.last_used is set to
 */
#ifndef EPROF_BPF_UNWIND_BPF_H
#define EPROF_BPF_UNWIND_BPF_H

#include "bpf/unwind_frame.bpf.h"

/*
 * rax, rdx, rcx, rsi, rdi, r8 to r11: what a call may change. A bit for each: out of a comparison
 * the compiler would conclude more than the verifier.
 */
#define UNWIND_VOLATILE_REGISTERS 0x0f37u

/* A function that keeps its CFA in a register over a call is assembly; OpenSSL's have a page. */
#define UNWIND_KEPT_FRAME_MAX 65536

int unwind_step(struct unwind_state *state);
int unwind_step_by_rule(struct unwind_state *state);
int unwind_step_by_table(struct unwind_state *state, int is_planted);
int unwind_some(struct unwind_state *state);

static __always_inline __u64 unwind_value(const struct unwind_state *state, __u32 number)
{
	UNWIND_FORGET(number);
	return state->registers[number & (UNWIND_REGISTERS - 1)];
}

/* A register of this frame. 0, or a stop reason. */
static __always_inline int unwind_register(struct unwind_state *state, __u32 number, __u64 *ret)
{
	int stop = STOP_NONE;

	if (number != UNWIND_RSP && number != UNWIND_RBP)
		unwind_note_other(state);
	if (number == UNWIND_RBP)
		stop = unwind_load_rbp(state);
	else if (number != UNWIND_RSP && number != UNWIND_RBX && !state->is_interrupted)
		stop = STOP_LOST_REGISTER;
	*ret = unwind_value(state, number);
	if (number != UNWIND_RBX || !state->rbx_at)
		return stop;
	if (state->rbx_at == UNWIND_LOST)
		return STOP_LOST_REGISTER;
	stop = unwind_read_stack(state, state->rbx_at) ? STOP_NONE : STOP_BAD_READ;
	*ret = state->word;
	return stop;
}

/*
 * Some functions in assembly keep their CFA in a register that a call may change, over calls of
 * others that leave it alone. Whether it was so, the return address shows. 0, or a stop reason.
 */
static __always_inline int unwind_keep_cfa(struct unwind_state *state, __u32 number, __u64 *ret)
{
	__u64 base = unwind_value(state, number);
	__u64 cfa = base + state->rule.cfa_offset;

	unwind_note_other(state);
	if (cfa - 8 - state->registers[UNWIND_RSP] >= UNWIND_KEPT_FRAME_MAX ||
	    !unwind_read_stack(state, cfa - 8) || !unwind_find_mapping(state, state->word - 1) ||
	    !unwind_follows_call(state->word))
		return STOP_LOST_REGISTER;
	*ret = base;
	return STOP_NONE;
}

static __always_inline int unwind_find_cfa(struct unwind_state *state, __u64 *ret)
{
	const struct unwind_rule *rule = &state->rule;
	__u32 number;
	__u64 base;
	int stop;

	if (rule->cfa == CFA_UNSUPPORTED)
		return STOP_UNSUPPORTED;
	number = rule->cfa_register & (UNWIND_REGISTERS - 1);
	if (rule->cfa == CFA_REGISTER && UNWIND_VOLATILE_REGISTERS >> number & 1 &&
	    !state->is_interrupted)
		stop = unwind_keep_cfa(state, number, &base);
	else
		stop = unwind_register(state, number, &base);
	if (stop)
		return stop;
	base += rule->cfa_offset;
	if (rule->cfa == CFA_INDEXED) {
		if (!state->is_interrupted)
			return STOP_LOST_REGISTER;
		base += 8 * unwind_value(state, rule->cfa_register >> 4);
	}
	if (rule->cfa == CFA_PLT) {
		*ret = base + ((state->pc & 15) >= (__u64)rule->cfa_add ? 8 : 0);
		return STOP_NONE;
	}
	if (rule->cfa == CFA_DEREF || rule->cfa == CFA_INDEXED) {
		if (!unwind_read_stack(state, base))
			return STOP_BAD_READ;
		base = state->word + rule->cfa_add;
	}
	*ret = base;
	return STOP_NONE;
}

/* Notes where the caller's rbp is. */
static __always_inline int unwind_follow_rbp(struct unwind_state *state, __u64 cfa)
{
	const struct unwind_rule *rule = &state->rule;
	__u64 value;
	int stop;

	switch (rule->rbp_kind) {
	case RBP_SAME:
		return STOP_NONE;
	case RBP_AT_CFA:
		state->rbp_at = cfa + rule->rbp_offset;
		return STOP_NONE;
	case RBP_AT_RSP:
		state->rbp_at = state->registers[UNWIND_RSP] + rule->rbp_offset;
		return STOP_NONE;
	case RBP_AT_RBP:
		stop = unwind_load_rbp(state);
		state->rbp_at = state->registers[UNWIND_RBP] + rule->rbp_offset;
		return stop;
	case RBP_CFA_PLUS:
		value = cfa + rule->rbp_offset;
		break;
	case RBP_REGISTER:
		stop = unwind_register(state, rule->rbp_offset, &value);
		if (stop)
			return stop;
		break;
	default:
		state->rbp_at = UNWIND_LOST;
		return STOP_NONE;
	}
	state->registers[UNWIND_RBP] = value;
	state->rbp_at = 0;
	return STOP_NONE;
}

static __always_inline void unwind_follow_rbx(struct unwind_state *state, __u64 cfa)
{
	if (state->rule.rbx_offset == UNWIND_RBX_LOST)
		state->rbx_at = UNWIND_LOST;
	else if (state->rule.rbx_offset)
		state->rbx_at = cfa + state->rule.rbx_offset;
}

UNWIND_CHECKED_ONCE int unwind_step_by_rule(struct unwind_state *state)
{
	const struct unwind_rule *rule;
	__u64 cfa = 0, pc = 0;
	int stop;

	if (!state)
		return STOP_UNREADABLE;
	rule = &state->rule;
	if (rule->ra_kind == RA_END)
		return STOP_COMPLETE;
	if (rule->ra_kind == RA_SIGNAL)
		return unwind_leave_signal(state);
	stop = unwind_find_cfa(state, &cfa);
	if (stop)
		return stop;
	if (rule->ra_kind == RA_REGISTER) {
		stop = unwind_register(state, (__u32)rule->ra, &pc);
		if (stop)
			return stop;
	} else if (unwind_read_stack(state, cfa + rule->ra)) {
		pc = state->word;
	} else {
		return STOP_BAD_READ;
	}
	stop = unwind_follow_rbp(state, cfa);
	if (stop)
		return stop;
	unwind_follow_rbx(state, cfa);
	return unwind_enter(state, pc, cfa);
}

/* From a frame to its caller, when its rule is not known yet. */
UNWIND_CHECKED_ONCE int unwind_step_by_table(struct unwind_state *state, int is_planted)
{
	struct unwind_slot *slot;
	__u64 code = 0;
	__u32 table;

	if (!state)
		return STOP_UNREADABLE;
	if (!unwind_find_mapping(state, state->address))
		return STOP_NO_MAPPING;
	slot = unwind_slot_at(state->mapping.slot);
	if (!slot && state->mapping.slot != UNWIND_SLOT_UNUSABLE)
		return STOP_NO_TABLE_YET;
	table = slot ? slot->state : TABLE_UNUSABLE;
	if (slot && table == TABLE_NOT_YET) {
		unwind_want(state->mapping.slot, slot);
		return STOP_NO_TABLE_YET;
	}
	if (slot && slot->last_used != unwind_clock())
		slot->last_used = unwind_clock();
	if (slot && table == TABLE_READY && unwind_find_rule(state, slot, state->address)) {
		unwind_remember_rule(state, state->address);
		return is_planted ? STOP_COMPLETE : unwind_step_by_rule(state);
	}
	if (!unwind_read_user(&code, sizeof(code), state->pc) &&
	    unwind_is_signal_return(state->pc, code))
		return unwind_leave_signal(state);
	return unwind_step_without_rule(state, table == TABLE_FRAME_POINTERS);
}

/* From a frame to its caller. 0 (STOP_NONE): on; otherwise an enum stop_reason. */
UNWIND_CHECKED_ONCE int unwind_step(struct unwind_state *state)
{
	__u64 code[2] = { 0, 0 }; /* before pc, and from there on */
	bool is_planted = false;

	if (!state)
		return STOP_UNREADABLE;
	/* The byte before a return address is in the call, even where that ends a function. */
	state->address = state->pc - state->is_caller;
	if (state->is_caller && !(state->pc & 15) &&
	    !unwind_read_user(code, sizeof(code), state->pc - sizeof(code[0]))) {
		/* Trampolines have wrong rules, or none, outside of glibc; they are aligned. */
		if (unwind_is_signal_return(state->pc, code[1]))
			return unwind_leave_signal(state);
		/* Who made this stack has put a function there, for the first one to return to. */
		is_planted = !unwind_is_call(code[0]);
		state->address += is_planted;
	}
	if (unwind_knows_rule(state, state->address))
		return is_planted ? STOP_COMPLETE : unwind_step_by_rule(state);
	return unwind_step_by_table(state, is_planted);
}

/* How many steps the verifier looks at, in a loop within a loop. */
#define UNWIND_STEPS_AT_ONCE 16

/* Takes some steps; their addresses go to state->stack. STOP_NONE: there are more. */
UNWIND_CHECKED_ONCE int unwind_some(struct unwind_state *state)
{
	if (!state)
		return STOP_UNREADABLE;
	for (__u32 i = 0; i < UNWIND_STEPS_AT_ONCE; i++) {
		int stop = unwind_step(state);
		__u32 depth = state->stack.depth;

		UNWIND_FORGET(depth);
		state->stack.pc[depth & (USER_FRAMES_MAX - 1)] = state->address;
		state->stack.depth = depth + 1;
		if (stop)
			return stop;
	}
	return STOP_NONE;
}

/* Walks from the registers in state outwards, to state->stack. Returns the enum stop_reason. */
static __always_inline int unwind_walk(struct unwind_state *state)
{
	state->is_caller = false;
	state->is_interrupted = true;
	state->rbp_at = state->rbx_at = 0;
	state->stacks = 0;
	state->stack.depth = 0;
	state->mapping.start = state->mapping.end = 0;
	state->window_size = 0;
	state->period = unwind_clock() >> UNWIND_KNOWN_DRAINS_SHIFT;
	for (__u32 i = 0; i < USER_FRAMES_MAX / UNWIND_STEPS_AT_ONCE; i++) {
		int stop = unwind_some(state);

		if (stop)
			return stop;
	}
	return STOP_TOO_DEEP;
}

#endif
