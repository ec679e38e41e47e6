/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Taking the stacks of one sample: the addresses, why there are no more, and their ids. */
#ifndef EPROF_BPF_STACK_BPF_H
#define EPROF_BPF_STACK_BPF_H

#include "bpf/abi.h"
#include "bpf/unwind_maps.bpf.h"

/* More than a program's own stack can hold; one sample a CPU is in flight at a time. */
struct scratch {
	struct stack pieces[PIECES_MAX];
	struct unwind_state unwind;
};

__u64 stack_id_of(struct stack *stack, __u64 seed);
int stack_point_at_calls(struct stack *stack, __u32 depth);

/* Return addresses become the last byte of their calls: see struct stack. */
__attribute__((noinline)) int stack_point_at_calls(struct stack *stack, __u32 depth)
{
	if (!stack)
		return 0;
	for (__u32 i = 1; i < KERNEL_FRAMES_MAX; i++) {
		if (i >= depth)
			break;
		stack->pc[i]--;
	}
	return 0;
}

/* The user stack as the kernel follows it (arch/x86/events/core.c, perf_callchain_user). */
static __always_inline enum stop_reason walk_by_frame_pointers(void *ctx, struct scratch *scratch,
							       __u32 frames_max)
{
	struct stack *stack = scratch->pieces;
	long bytes = bpf_get_stack(ctx, stack->pc, KERNEL_FRAMES_MAX * sizeof(stack->pc[0]),
				   BPF_F_USER_STACK);
	__u32 depth;

	if (bytes < 0)
		return STOP_UNREADABLE;
	depth = bytes / sizeof(stack->pc[0]);
	if (depth == 0)
		return STOP_NONE;
	stack_point_at_calls(stack, depth);
	scratch->unwind.depth = depth;
	return depth >= frames_max ? STOP_TOO_DEEP : STOP_FRAME_POINTERS;
}

/* Walks the user stack of the current thread: scratch->unwind.depth addresses in pieces. */
static __always_inline enum stop_reason
walk_user_stack(struct bpf_perf_event_data *ctx, struct scratch *scratch,
		const volatile struct sampler_config *config, const struct sample_key *key)
{
	struct unwind_process *process;
	__u32 tgid = key->tgid;

	scratch->unwind.depth = 0;
	if (config->unwind != UNWIND_TABLES || !unwind_begin(ctx, &scratch->unwind))
		return walk_by_frame_pointers(ctx, scratch, config->frames_max);
	scratch->unwind.process.count = 0;
	process = bpf_map_lookup_elem(&unwind_processes, &tgid);
	if (process && !process->generation)
		process->generation = key->generation;
	if (process && process->generation == key->generation)
		scratch->unwind.process = *process;
	return unwind_walk(&scratch->unwind, scratch->pieces);
}

/* The kernel stack, walked by the kernel's own unwinder. Depth 0 when the sample hit user code. */
static __always_inline void walk_kernel_stack(void *ctx, struct stack *stack)
{
	long bytes = bpf_get_stack(ctx, stack->pc, KERNEL_FRAMES_MAX * sizeof(stack->pc[0]), 0);

	stack->depth = bytes > 0 ? bytes / sizeof(stack->pc[0]) : 0;
	stack->rest = STACK_ID_NONE;
}

/*
 * A multiply-xorshift step for each address; never one of the reserved ids. A function of its own
 * to the verifier, or its loop would be walked once for each caller.
 */
__attribute__((noinline)) __u64 stack_id_of(struct stack *stack, __u64 seed)
{
	__u64 hash = seed;

	if (!stack)
		return STACK_ID_LOST;
	hash = ((hash + stack->depth) ^ stack->rest) * 0xff51afd7ed558ccdULL;
	hash ^= hash >> 32;
	for (__u32 i = 0; i < PIECE_FRAMES_MAX; i++) {
		if (i >= stack->depth)
			break;
		hash = (hash ^ stack->pc[i]) * 0xff51afd7ed558ccdULL;
		hash ^= hash >> 32;
	}
	return hash > STACK_ID_LOST ? hash : hash + 2;
}

#endif
