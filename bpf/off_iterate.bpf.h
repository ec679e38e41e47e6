/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What looks at all threads: at the beginning of a recording, and at the end of a window. */
#ifndef EPROF_BPF_OFF_ITERATE_BPF_H
#define EPROF_BPF_OFF_ITERATE_BPF_H

#include "bpf/off_account.bpf.h"

/* Iterators can be preempted, and run one at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct off_scratch);
} off_iterator_scratch SEC(".maps");

/*
 * Makes the records of what is there when the recording begins, as of off_began. Of a thread that
 * is blocked, user space finds the user stack: its memory is not to be read from here. It is told
 * the registers, and the id that the stack will have. Called again, it tells who has not run since.
 */
static __always_inline void seed_blocked(struct bpf_iter__task *ctx, struct task_struct *task,
					 struct off_thread *thread, struct off_scratch *scratch)
{
	struct unwind_state *state = &scratch->stacks.unwind;
	struct off_seed seed = { .generation = thread->interval.key.who.generation,
				 .tgid = thread->interval.key.who.tgid,
				 .tid = thread->tid };

	if (task->flags & (TASK_IS_KERNEL | TASK_IS_IO_WORKER) || config.unwind != UNWIND_TABLES ||
	    !unwind_begin_saved(task, state))
		return;
	seed.stack = off_id(off_mix(off_mix(config.stack_seed, off_began), thread->tid));
	if (thread->interval.key.who.user_stack == STACK_ID_NONE)
		thread->interval.key.who.user_stack = seed.stack;
	if (thread->interval.key.who.user_stack != seed.stack)
		return;
	seed.pc = state->pc;
	__builtin_memcpy(seed.registers, state->registers, sizeof(seed.registers));
	bpf_seq_write(ctx->meta->seq, &seed, sizeof(seed));
}

SEC("iter/task")
int off_seed_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct off_scratch *scratch;
	struct off_thread *thread;
	__u32 zero = 0;
	__u64 mark;

	scratch = bpf_map_lookup_elem(&off_iterator_scratch, &zero);
	if (!task || !scratch || !is_told(task->pid, task->flags) || !is_target_task(task))
		return 0;
	thread = make_record(task, task->pid, &scratch->fresh);
	if (!thread) {
		count_event(COUNTER_OFF_NO_RECORD);
		return 0;
	}
	/* The first time, before switches are looked at: it is made while there is memory. */
	if (!off_began)
		return 0;
	if (thread->mark == MARK_NONE) {
		name_thread(task, thread);
		thread->interval.began = off_began;
		thread->interval.run_delay = task->sched_info.run_delay;
		thread->interval.key.state =
			task->on_rq ? OFF_RUNQUEUE : off_state_of(false, task->__state);
		mark = task->on_cpu ? MARK_AT(off_began) : MARK_OFF_AT(off_began);
		if (__sync_val_compare_and_swap(&thread->mark, MARK_NONE, mark) != MARK_NONE)
			return 0;
	}
	if (thread->mark & MARK_OFF)
		seed_blocked(ctx, task, thread, scratch);
	return 0;
}

/* Brings the account of a thread up to the end of the window, which is the boundary by now. */
SEC("iter/task")
int off_settle(struct bpf_iter__task *ctx)
{
	__u64 boundary = off_control >> OFF_CONTROL_BEGAN_SHIFT, mark;
	struct off_span span = { .to = boundary };
	struct off_facts facts;
	struct task_struct *task = ctx->task;
	struct off_scratch *scratch;
	struct off_thread *thread;
	__u32 zero = 0;

	scratch = bpf_map_lookup_elem(&off_iterator_scratch, &zero);
	if (!task || !scratch)
		return 0;
	thread = find_record(task, task->pid);
	if (!thread)
		return 0;
	mark = *(volatile __u64 *)&thread->mark;
	if (mark == MARK_NONE || MARK_TIME(mark) >= boundary)
		return 0;
	span.from = MARK_TIME(mark);
	if (!(mark & MARK_OFF)) {
		if (__sync_val_compare_and_swap(&thread->mark, mark, MARK_AT(boundary)) == mark)
			account_on(thread, span.from, boundary);
		return 0;
	}
	/* A copy: from the exchange on the thread may be off for another time. */
	scratch->interval = thread->interval;
	read_facts(task, false, &facts);
	span.ready = ready_since(&scratch->interval, &facts, boundary);
	if (config.kernel_stacks)
		span.kernel_stack = walk_off_kernel_stack(task, scratch, &config);
	if (__sync_val_compare_and_swap(&thread->mark, mark, MARK_OFF_AT(boundary)) == mark)
		account_off(thread, &scratch->interval, scratch, &span);
	return 0;
}

/* Hands out the account of the window before, and empties it. */
SEC("iter/task")
int off_collect(struct bpf_iter__task *ctx)
{
	__u32 window = (off_control & OFF_CONTROL_WINDOW) == 0, zero = 0;
	struct task_struct *task = ctx->task;
	struct off_scratch *scratch;
	struct off_account *account;
	struct off_thread *thread;

	scratch = bpf_map_lookup_elem(&off_iterator_scratch, &zero);
	if (!task || !scratch)
		return 0;
	thread = find_record(task, task->pid);
	if (!thread || thread->mark == MARK_NONE)
		return 0;
	account = &scratch->account;
	fill_account(thread, account, 0);
	bpf_seq_write(ctx->meta->seq, account, sizeof(*account));
	__builtin_memset(&thread->ledgers[window & 1], 0, sizeof(thread->ledgers[0]));
	return 0;
}

#endif
