/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Taking one stack: the addresses, why there are no more, and the id they are kept under. */
#ifndef EPROF_BPF_STACK_BPF_H
#define EPROF_BPF_STACK_BPF_H

#include "bpf/abi.h"

/*
 * Walks the user stack of the current thread into *stack: the one place that knows how. Today the
 * kernel follows frame pointers (arch/x86/events/core.c, perf_callchain_user).
 */
static __always_inline enum stop_reason walk_user_stack(void *ctx, struct stack *stack,
							__u32 frames_max)
{
	long bytes = bpf_get_stack(ctx, stack->pc, sizeof(stack->pc), BPF_F_USER_STACK);

	stack->depth = 0;
	if (bytes < 0)
		return STOP_UNREADABLE;
	stack->depth = bytes / sizeof(stack->pc[0]);
	if (stack->depth == 0)
		return STOP_NONE;
	return stack->depth >= frames_max ? STOP_TOO_DEEP : STOP_FRAME_POINTERS;
}

/* The kernel stack, walked by the kernel's own unwinder. Depth 0 when the sample hit user code. */
static __always_inline void walk_kernel_stack(void *ctx, struct stack *stack)
{
	long bytes = bpf_get_stack(ctx, stack->pc, sizeof(stack->pc), 0);

	stack->depth = bytes > 0 ? bytes / sizeof(stack->pc[0]) : 0;
}

/* A multiply-xorshift step for each address; never one of the reserved ids. */
static __always_inline __u64 stack_id_of(const struct stack *stack, __u64 seed)
{
	__u64 hash = seed + stack->depth;

	for (__u32 i = 0; i < STACK_FRAMES_MAX; i++) {
		if (i >= stack->depth)
			break;
		hash = (hash ^ stack->pc[i]) * 0xff51afd7ed558ccdULL;
		hash ^= hash >> 32;
	}
	return hash > STACK_ID_LOST ? hash : hash + 2;
}

#endif
