/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Where the walker finds mappings and tables: maps that agent/unwinder.c fills, and whose sizes it
 * sets before they are made. Also the registers that a walk begins with.
 */
#ifndef EPROF_BPF_UNWIND_MAPS_BPF_H
#define EPROF_BPF_UNWIND_MAPS_BPF_H

#include "bpf/abi.h"

/* tgid, as eprof's pid namespace numbers it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_process);
} unwind_processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_mapping);
} unwind_mappings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_slot);
} unwind_slots SEC(".maps");

struct unwind_chunk_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, UNWIND_CHUNK_SIZE);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct unwind_chunk_map);
} unwind_chunks SEC(".maps");

/* Numbers of slots whose table is wanted. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536); /* a page at least; the largest page there is */
} unwind_wants SEC(".maps");

/* Counted up by user space at every drain. */
__u32 unwind_now;

static __always_inline long unwind_read_user(void *to, __u32 size, __u64 address)
{
	return bpf_probe_read_user(to, size, (const void *)address);
}

static __always_inline const struct unwind_mapping *unwind_mapping_at(__u32 index)
{
	return bpf_map_lookup_elem(&unwind_mappings, &index);
}

static __always_inline struct unwind_slot *unwind_slot_at(__u32 number)
{
	return bpf_map_lookup_elem(&unwind_slots, &number);
}

static __always_inline const char *unwind_chunk_at(__u32 number)
{
	void *chunk = bpf_map_lookup_elem(&unwind_chunks, &number);
	__u32 zero = 0;

	return chunk ? bpf_map_lookup_elem(chunk, &zero) : 0;
}

static __always_inline void unwind_want(__u32 number, struct unwind_slot *slot)
{
	if (!slot->wanted && !bpf_ringbuf_output(&unwind_wants, &number, sizeof(number), 0))
		slot->wanted = 1;
}

static __always_inline __u32 unwind_clock(void)
{
	return unwind_now;
}

#include "bpf/unwind.bpf.h"

#if defined(__TARGET_ARCH_x86)

/* Segment selectors of 64-bit user code and of its stack (arch/x86/include/asm/segment.h). */
#define USER_CS 0x33
#define USER_DS 0x2b

/* False for kernel threads, which may have anything there, and for 32-bit code. */
static __always_inline bool unwind_load(const struct pt_regs *regs, struct unwind_state *state)
{
	if ((regs->cs & 0xffff) != USER_CS || (regs->ss & 0xffff) != USER_DS)
		return false;
	state->registers[0] = regs->rax;
	state->registers[1] = regs->rdx;
	state->registers[2] = regs->rcx;
	state->registers[3] = regs->rbx;
	state->registers[4] = regs->rsi;
	state->registers[5] = regs->rdi;
	state->registers[UNWIND_RBP] = regs->rbp;
	state->registers[UNWIND_RSP] = regs->rsp;
	state->registers[8] = regs->r8;
	state->registers[9] = regs->r9;
	state->registers[10] = regs->r10;
	state->registers[11] = regs->r11;
	state->registers[12] = regs->r12;
	state->registers[13] = regs->r13;
	state->registers[14] = regs->r14;
	state->registers[15] = regs->r15;
	state->pc = regs->rip;
	return true;
}

/* The registers that user code had when it entered the kernel, for a task that is in there. */
static __always_inline bool unwind_begin_saved(struct task_struct *task, struct unwind_state *state)
{
	void *saved = (void *)bpf_task_pt_regs(task);

	/* Not on the stack, of which programs have little; the window is not in use yet. */
	_Static_assert(sizeof(struct pt_regs) <= sizeof(state->window), "registers fit");
	if (bpf_probe_read_kernel(state->window, sizeof(struct pt_regs), saved))
		return false;
	return unwind_load((const struct pt_regs *)state->window, state);
}

/*
 * The registers that user code of this thread has: the sample's own when it hit user code, else
 * those saved on entry to the kernel. False as above.
 */
static __always_inline bool unwind_begin(struct bpf_perf_event_data *ctx,
					 struct unwind_state *state)
{
	const struct pt_regs *from = (const void *)&ctx->regs;
	struct pt_regs regs;

	/* A plain read may be narrowed to two bytes, which the verifier refuses for the context. */
	if (*(volatile __u64 *)&ctx->regs.cs == USER_CS) {
		for (__u32 i = 0; i < sizeof(regs) / 8; i++)
			((__u64 *)&regs)[i] = ((volatile __u64 *)from)[i];
	} else {
		void *saved = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());

		if (bpf_probe_read_kernel(&regs, sizeof(regs), saved))
			return false;
	}
	return unwind_load(&regs, state);
}

#else

static __always_inline bool unwind_begin_saved(struct task_struct *task, struct unwind_state *state)
{
	return false;
}

static __always_inline bool unwind_begin(struct bpf_perf_event_data *ctx,
					 struct unwind_state *state)
{
	return false;
}

#endif
#endif
