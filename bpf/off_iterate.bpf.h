/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What looks at all threads: at the beginning of a recording, and at the end of a window. */
#ifndef EPROF_BPF_OFF_ITERATE_BPF_H
#define EPROF_BPF_OFF_ITERATE_BPF_H

#include "bpf/off_account.bpf.h"

/* Whether user space may find more of the stack than was found here. */
static __always_inline bool wants_walk(const struct off_interval *interval)
{
	__u32 stop = interval->key.who.stop;

	/* It was blocked before the recording began. */
	if (interval->key.who.user_stack == STACK_ID_NONE)
		return stop == STOP_NONE && interval->began == off_began;
	return stop == STOP_NO_TABLE_YET || stop == STOP_NO_MAPPING;
}

/*
 * The user stack of a thread that is blocked is found by user space, as its memory is not to be
 * read from here: it is told the registers, and the id that the stack has from now on. Called
 * again, this tells who has not run since.
 */
static __always_inline void seed_blocked(struct bpf_iter__task *ctx, struct task_struct *task,
					 struct off_thread *thread, struct off_scratch *scratch)
{
	struct off_interval *interval = &thread->interval;
	struct unwind_state *state = &scratch->stacks.unwind;
	struct off_seed seed = { .generation = interval->key.who.generation,
				 .tgid = interval->key.who.tgid,
				 .tid = thread->tid };

	if (task->flags & (TASK_IS_KERNEL | TASK_IS_IO_WORKER) || config.unwind != UNWIND_TABLES ||
	    !unwind_begin_saved(task, state))
		return;
	seed.stack = off_id(off_mix(off_mix(config.stack_seed, interval->began), thread->tid));
	if (interval->key.who.user_stack != seed.stack) {
		if (!wants_walk(interval))
			return;
		seed.before = interval->key.who.user_stack;
		interval->key.who.user_stack = seed.stack;
	}
	seed.pc = state->pc;
	__builtin_memcpy(seed.registers, state->registers, sizeof(seed.registers));
	bpf_seq_write(ctx->meta->seq, &seed, sizeof(seed));
}

/*
 * Makes the records of what is there when the recording begins, as of off_began; and tells of those
 * that are blocked.
 */
/* False: it has switched meanwhile, and its record goes by that. */
static __always_inline bool begin_thread(struct task_struct *task, struct off_thread *thread,
					 struct off_scratch *scratch)
{
	struct off_interval *interval = &thread->interval;
	__u64 mark = task->on_cpu ? MARK_AT(off_began) : MARK_OFF_AT(off_began);

	if (thread->mark != MARK_NONE)
		return true;
	/* It has not run yet, or not any more. */
	if (!off_seeding || thread->is_child)
		return false;
	interval->began = off_began;
	interval->run_delay = task->sched_info.run_delay;
	/* Not on_rq: who sleeps may stay there a while (DELAY_DEQUEUE, Linux 6.12). */
	interval->key.state =
		task->sched_info.last_queued ? OFF_RUNQUEUE : off_state_of(false, task->__state);
	/* Later it is not to be had: take_stacks(). */
	if (off_config.is_raw && config.kernel_stacks)
		interval->key.who.kernel_stack = walk_off_kernel_stack(task, scratch);
	return __sync_val_compare_and_swap(&thread->mark, MARK_NONE, mark) == MARK_NONE;
}

SEC("iter/task")
int off_seed_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct off_scratch *scratch;
	struct off_thread *thread;

	scratch = find_scratch(true);
	if (!task || !scratch || !is_told(task->pid, task->flags) || task->exit_state ||
	    !is_target_task(task))
		return 0;
	thread = off_seeding ? make_record(task, &scratch->fresh) : find_record(task);
	if (!thread) {
		if (off_seeding)
			count_event(COUNTER_OFF_NO_RECORD);
		return 0;
	}
	/* The first time, before switches are looked at: it is made while there is memory. */
	if (!off_began) {
		name_thread(task, thread);
		return 0;
	}
	if (!begin_thread(task, thread, scratch))
		return 0;
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

	scratch = find_scratch(true);
	if (!task || !scratch)
		return 0;
	thread = find_record(task);
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
		span.kernel_stack = walk_off_kernel_stack(task, scratch);
	if (__sync_val_compare_and_swap(&thread->mark, mark, MARK_OFF_AT(boundary)) == mark)
		account_off(thread, &scratch->interval, scratch, &span);
	return 0;
}

/* Hands out the account of the window before, and empties it. */
SEC("iter/task")
int off_collect(struct bpf_iter__task *ctx)
{
	__u32 window = (off_control & OFF_CONTROL_WINDOW) == 0;
	struct task_struct *task = ctx->task;
	struct off_scratch *scratch;
	struct off_account *account;
	struct off_thread *thread;

	scratch = find_scratch(true);
	if (!task || !scratch)
		return 0;
	thread = find_record(task);
	if (!thread || thread->mark == MARK_NONE)
		return 0;
	account = &scratch->account;
	fill_account(thread, account, 0);
	/* Without room it is asked for again, with more. */
	if (bpf_seq_write(ctx->meta->seq, account, sizeof(*account)))
		return 0;
	__builtin_memset(&thread->ledgers[window & 1], 0, sizeof(thread->ledgers[0]));
	return 0;
}

#endif
