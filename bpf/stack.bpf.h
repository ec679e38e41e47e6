/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Taking the stacks of one sample: the addresses, why there are no more, and their ids. */
#ifndef EPROF_BPF_STACK_BPF_H
#define EPROF_BPF_STACK_BPF_H

#include "bpf/abi.h"
#include "bpf/target.bpf.h"
#include "bpf/unwind_maps.bpf.h"

/* More than a program's own stack can hold; one sample a CPU is in flight at a time. */
struct scratch {
	struct call_stack kernel;
	struct stack piece;
	struct unwind_state unwind; /* with the user stack */
};

int stack_point_at_calls(struct call_stack *stack);
__u64 stack_piece_id(const struct call_stack *stack, __u32 number, __u64 before);
int stack_copy_piece(const struct call_stack *stack, __u32 number, struct stack *piece);

/* Return addresses become the last byte of their calls: see struct stack. */
UNWIND_CHECKED_ONCE int stack_point_at_calls(struct call_stack *stack)
{
	if (!stack)
		return 0;
	for (__u32 i = 1; i < KERNEL_FRAMES_MAX; i++) {
		if (i >= stack->depth)
			break;
		stack->pc[i]--;
	}
	return 0;
}

/* The user stack as the kernel follows it (arch/x86/events/core.c, perf_callchain_user). */
static __always_inline enum stop_reason walk_by_frame_pointers(void *ctx, struct scratch *scratch,
							       __u32 frames_max)
{
	struct call_stack *stack = &scratch->unwind.stack;
	long bytes = bpf_get_stack(ctx, stack->pc, KERNEL_FRAMES_MAX * sizeof(stack->pc[0]),
				   BPF_F_USER_STACK);

	if (bytes < 0)
		return STOP_UNREADABLE;
	stack->depth = bytes / sizeof(stack->pc[0]);
	if (stack->depth == 0)
		return STOP_NONE;
	stack_point_at_calls(stack);
	return stack->depth >= frames_max ? STOP_TOO_DEEP : STOP_FRAME_POINTERS;
}

/*
 * What is bound to the process and the program of a sample; all zero when nothing is. The element
 * that was looked up may be written anew for another process at any time, from its beginning to its
 * end: so it is read from the end, and only what was read is compared. Rows have the number, too.
 */
static __always_inline void copy_process(const struct sample_key *key, struct unwind_process *ret)
{
	__u32 tgid = key->tgid;
	struct unwind_process *process = bpf_map_lookup_elem(&unwind_processes, &tgid);
	struct unwind_process fresh = {}, own = {};
	__u64 identity, before;

	*ret = fresh;
	if (!process)
		return;
	identity = *(volatile __u64 *)&process->identity;
	if (*(volatile __u32 *)&process->tgid != tgid)
		return;
	own.identity = identity;
	own.program = (key->generation ^ key->generation >> 32) | 1;
	if (identity != own.identity) {
		fresh.number = own.number;
		before = __sync_val_compare_and_swap(&process->identity, fresh.identity,
						     own.identity);
		/* Another CPU may have been faster. */
		if (before != fresh.identity && before != own.identity)
			return;
	}
	ret->first = *(volatile __u32 *)&process->first;
	ret->count = *(volatile __u32 *)&process->count;
	ret->identity = own.identity;
}

/* Walks the user stack of the current thread: to scratch->unwind.stack. */
static __always_inline enum stop_reason
walk_user_stack(struct bpf_perf_event_data *ctx, struct scratch *scratch,
		const volatile struct sampler_config *config, const struct sample_key *key)
{
	scratch->unwind.stack.depth = 0;
	if (config->unwind != UNWIND_TABLES || !unwind_begin(ctx, &scratch->unwind))
		return walk_by_frame_pointers(ctx, scratch, config->frames_max);
	copy_process(key, &scratch->unwind.process);
	return unwind_walk(&scratch->unwind);
}

/*
 * Of a kernel stack: what the helper that took it returned. False: it could not, as while somebody
 * else has the CPU's buffer for it (kernel/events/callchain.c, get_callchain_entry()).
 */
static __always_inline bool stack_is_taken(struct call_stack *stack, long bytes)
{
	stack->depth = bytes > 0 ? bytes / sizeof(stack->pc[0]) : 0;
	if (bytes < 0)
		count_event(COUNTER_KERNEL_UNREADABLE);
	return bytes >= 0;
}

/* The kernel stack, walked by the kernel's own unwinder. Depth 0 when the sample hit user code. */
static __always_inline bool walk_kernel_stack(void *ctx, struct call_stack *stack)
{
	return stack_is_taken(
		stack, bpf_get_stack(ctx, stack->pc, KERNEL_FRAMES_MAX * sizeof(stack->pc[0]), 0));
}

/* Where piece number begins, of those counted from the outermost on, and how many it has. */
static __always_inline __u32 stack_piece_at(__u32 depth, __u32 number, __u32 *ret_count)
{
	__u32 end = depth - number * PIECE_FRAMES_MAX;
	__u32 first = end > PIECE_FRAMES_MAX ? end - PIECE_FRAMES_MAX : 0;

	*ret_count = end - first;
	return first;
}

/*
 * The id of a piece, given the one further out (its id, or the seed): a multiply-xorshift step for
 * each address; never one of the reserved ids.
 */
UNWIND_CHECKED_ONCE __u64 stack_piece_id(const struct call_stack *stack, __u32 number, __u64 before)
{
	__u64 hash = before;
	__u32 first, count;

	if (!stack)
		return STACK_ID_LOST;
	first = stack_piece_at(stack->depth, number, &count);
	hash = (hash + count) * 0xff51afd7ed558ccdULL;
	hash ^= hash >> 32;
	for (__u32 i = 0; i < PIECE_FRAMES_MAX; i++) {
		if (i >= count)
			break;
		hash = (hash ^ stack->pc[(first + i) & (USER_FRAMES_MAX - 1)]) *
		       0xff51afd7ed558ccdULL;
		hash ^= hash >> 32;
	}
	return hash > STACK_ID_LOST ? hash : hash + 2;
}

/* The id of a stack, which is that of its innermost piece; and those of all pieces. */
static __always_inline __u64 stack_find_id(struct call_stack *stack, __u64 seed)
{
	__u64 id = seed;

	if (!stack->depth)
		return STACK_ID_NONE;
	for (__u32 i = 0; i < PIECES_MAX; i++) {
		if (i * PIECE_FRAMES_MAX >= stack->depth)
			break;
		id = stack_piece_id(stack, i, id);
		stack->ids[i] = id;
	}
	return id;
}

/* Makes piece number of the stack; its id must be known. */
UNWIND_CHECKED_ONCE int stack_copy_piece(const struct call_stack *stack, __u32 number,
					 struct stack *piece)
{
	__u32 first, count;

	if (!stack || !piece)
		return 0;
	first = stack_piece_at(stack->depth, number, &count);
	piece->depth = count;
	piece->rest = number ? stack->ids[(number - 1) & (PIECES_MAX - 1)] : STACK_ID_NONE;
	for (__u32 i = 0; i < PIECE_FRAMES_MAX; i++) {
		if (i >= count)
			break;
		piece->pc[i] = stack->pc[(first + i) & (USER_FRAMES_MAX - 1)];
	}
	return 0;
}

/* Stores in a map what it does not have of a stack whose ids are known. False: no room. */
static __always_inline bool save_stack(void *stacks, const struct call_stack *stack,
				       struct stack *piece)
{
	for (__u32 i = 0; i < PIECES_MAX; i++) {
		__u64 id = stack->ids[i];
		long err;

		if (i * PIECE_FRAMES_MAX >= stack->depth)
			break;
		if (bpf_map_lookup_elem(stacks, &id))
			continue;
		stack_copy_piece(stack, i, piece);
		err = bpf_map_update_elem(stacks, &id, piece, BPF_NOEXIST);
		if (err && err != -EEXIST) /* another CPU was faster */
			return false;
	}
	return true;
}

/*
 * An exiting thread has given up its memory before it is gone, and an exec has replaced it before
 * there are registers to go with it: there is no user stack then.
 */
static __always_inline bool is_without_memory(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!BPF_CORE_READ(task, mm))
		return true;
	return bpf_core_field_exists(task->in_execve) &&
	       BPF_CORE_READ_BITFIELD_PROBED(task, in_execve);
}

#endif
