/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* From a frame to its caller where no rule helps: out of a signal, and along the frame pointer. */
#ifndef EPROF_BPF_UNWIND_FRAME_BPF_H
#define EPROF_BPF_UNWIND_FRAME_BPF_H

#include "bpf/unwind_table.bpf.h"

/* Coroutines, signal stacks and the like: a chain of more stacks than this is no chain. */
#define UNWIND_STACKS_MAX 8

/* struct rt_sigframe at rsp of a signal trampoline (arch/x86/include/asm/sigframe.h): a ucontext,
 * its general registers behind flags, link and stack. Their order: asm/sigcontext.h. */
#define SIGNAL_REGISTERS_OFFSET 40
#define SIGNAL_RIP              16

int unwind_follows_call(__u64 address);
int unwind_load_rbp(struct unwind_state *state);

/* What the C library's and Go's trampolines consist of: rt_sigreturn(), by its number 15. */
static __always_inline bool unwind_is_signal_return(__u64 pc, __u64 code)
{
	__u8 last = 0;

	/* mov $15,%eax; syscall */
	if ((code & 0xffffffffffffffULL) == 0x050f0000000fb8ULL)
		return true;
	/* mov $15,%rax; syscall */
	return code == 0x0f0000000fc0c748ULL && !unwind_read_user(&last, 1, pc + 8) && last == 5;
}

/* Whether these eight bytes of code end in a call: E8 and an offset, or FF /2 of any length. */
static __always_inline bool unwind_is_call(__u64 code)
{
	if ((code >> 24 & 0xff) == 0xe8)
		return true;
	for (__u32 shift = 8; shift < 56; shift += 8) {
		if ((code >> shift & 0x38ff) == 0x10ff)
			return true;
	}
	return false;
}

/* The frame that a signal interrupted: all of its registers were saved. */
static __always_inline int unwind_leave_signal(struct unwind_state *state)
{
	/* Numbers by position in struct sigcontext: r8..r15 rdi rsi rbp rbx rdx rax rcx rsp. */
	static const __u8 numbers[UNWIND_REGISTERS] = { 8, 9, 10, 11, 12, 13, 14, 15,
							5, 4, 6,  3,  1,  0,  2,  7 };
	__u64 at = state->registers[UNWIND_RSP] + SIGNAL_REGISTERS_OFFSET;

	/* The kernel has put the trampoline's address there: no call is before it. */
	state->address = state->pc;
	unwind_note_other(state);
	if (unwind_read_user(state->signal, sizeof(state->signal), at))
		return STOP_BAD_READ;
	for (__u32 i = 0; i < UNWIND_REGISTERS; i++)
		state->registers[numbers[i]] = state->signal[i];
	state->rbp_at = state->rbx_at = 0;
	state->pc = state->signal[SIGNAL_RIP];
	state->is_caller = false;
	state->is_interrupted = true;
	/* It may have run on a stack of its own. */
	state->window_size = 0;
	return state->pc ? STOP_NONE : STOP_NO_MAPPING;
}

/* Goes to the caller, whose rbp and rbx have been told where they are. */
static __always_inline int unwind_enter(struct unwind_state *state, __u64 pc, __u64 rsp)
{
	if (rsp <= state->registers[UNWIND_RSP] && ++state->stacks > UNWIND_STACKS_MAX)
		return STOP_NO_PROGRESS;
	state->registers[UNWIND_RSP] = rsp;
	state->is_caller = true;
	state->is_interrupted = false;
	state->pc = pc;
	/* Nothing returns to 0: the convention for the outermost frame where there are no rules. */
	return pc ? STOP_NONE : STOP_FRAME_POINTERS;
}

/* Sees to it that registers has rbp. 0, or a stop reason. */
UNWIND_CHECKED_ONCE int unwind_load_rbp(struct unwind_state *state)
{
	if (!state)
		return STOP_UNREADABLE;
	if (!state->rbp_at)
		return STOP_NONE;
	if (state->rbp_at == UNWIND_LOST)
		return STOP_LOST_REGISTER;
	if (!unwind_read_stack(state, state->rbp_at))
		return STOP_BAD_READ;
	state->registers[UNWIND_RBP] = state->word;
	state->rbp_at = 0;
	return STOP_NONE;
}

/* Go lets the first function of a goroutine return behind the first byte of another one. */
#define CODE_NOP 0x90

/* Whether address can be where a call returns to. */
UNWIND_CHECKED_ONCE int unwind_follows_call(__u64 address)
{
	__u64 code = 0;

	if (unwind_read_user(&code, sizeof(code), address - sizeof(code)))
		return false;
	return unwind_is_call(code) || (code >> 56 == CODE_NOP && (address & 15) == 1);
}

/* Whether there is a return address at rsp + offset: to state->word. */
static __always_inline bool unwind_returns_by(struct unwind_state *state, __u64 offset)
{
	return unwind_read_stack(state, state->registers[UNWIND_RSP] + offset) &&
	       unwind_find_mapping(state, state->word - 1) && unwind_follows_call(state->word);
}

/*
 * Where code was interrupted before it had made its frame, or after it had left it, the return
 * address is on top of the stack, and a step along the frame pointer would pass the caller over.
 * Code that makes frames shows where that is; functions in assembly often never make one.
 */
static __always_inline int unwind_leave_without_frame(struct unwind_state *state, bool makes_frames)
{
	__u64 rsp = state->registers[UNWIND_RSP];
	__u32 code = 0;

	if (unwind_read_user(&code, sizeof(code), state->pc))
		return STOP_NO_RULE;
	/* push %rbp has been, mov %rsp,%rbp comes */
	if ((code & 0xffffff) == 0xe58948 && unwind_returns_by(state, 8)) {
		state->rbp_at = rsp;
		return unwind_enter(state, state->word, rsp + 16);
	}
	/* endbr64, push %rbp, ret */
	if (makes_frames && code != 0xfa1e0ff3 && (code & 0xff) != 0x55 && (code & 0xff) != 0xc3)
		return STOP_NO_RULE;
	if (!unwind_returns_by(state, 0))
		return STOP_NO_RULE;
	return unwind_enter(state, state->word, rsp + 8);
}

/* One step along the frame pointer, if what is there can be a frame. */
static __always_inline int unwind_step_by_frame_pointer(struct unwind_state *state,
							bool makes_frames)
{
	__u64 frame, pc;

	if (unwind_load_rbp(state))
		return STOP_NO_RULE;
	frame = state->registers[UNWIND_RBP];
	if (!frame)
		return STOP_FRAME_POINTERS;
	if (!unwind_read_stack(state, frame))
		return STOP_NO_RULE;
	state->registers[UNWIND_RBP] = state->word;
	if (!unwind_read_stack(state, frame + 8))
		return STOP_NO_RULE;
	pc = state->word;
	if (pc && !unwind_find_mapping(state, pc - 1))
		return STOP_NO_RULE;
	/* JIT code may put return addresses there itself. */
	if (pc && !makes_frames && !unwind_follows_call(pc))
		return STOP_NO_RULE;
	state->rbx_at = UNWIND_LOST;
	return unwind_enter(state, pc, frame + 16);
}

/* JIT code and that of Go make frames; what has no rules among code that has them may not. */
static __always_inline int unwind_step_without_rule(struct unwind_state *state, bool makes_frames)
{
	int stop = STOP_NO_RULE;

	if (state->is_interrupted)
		stop = unwind_leave_without_frame(state, makes_frames);
	if (stop == STOP_NO_RULE)
		stop = unwind_step_by_frame_pointer(state, makes_frames);
	if (stop == STOP_NO_RULE && makes_frames)
		return STOP_FRAME_POINTERS;
	return stop;
}

#endif
