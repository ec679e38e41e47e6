/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What looks at all threads: at the beginning of a recording, and at the end of a window. */
#ifndef EPROF_BPF_OFF_ITERATE_BPF_H
#define EPROF_BPF_OFF_ITERATE_BPF_H

#include "bpf/off_preempted.bpf.h"

__u32 off_look;      /* enum off_look: what off_seed_threads() is asked for */
__u32 off_look_left; /* so many may be told of for the first time */
/* Tables that walks in user space have ended for want of: numbers of their slots. */
__u32 off_wants[OFF_WANTS_MAX], off_want_count;

/* Whether it has a user stack that is to be shown. */
static __always_inline bool has_user_stack(const struct task_struct *task)
{
	return config.unwind != UNWIND_NONE && task->mm &&
	       !(task->flags & (TASK_IS_KERNEL | TASK_IS_IO_WORKER));
}

/* Whether user space may find more of the stack than was found here. */
static __always_inline bool wants_walk(const struct off_interval *interval)
{
	__u32 stop = interval->key.who.stop;

	/* It was blocked before the recording began. */
	if (interval->key.who.user_stack == STACK_ID_NONE)
		return stop == STOP_UNREADABLE && interval->began == off_began;
	return stop == STOP_NO_TABLE_YET || stop == STOP_NO_MAPPING;
}

/* Whether this look is about the interval that began then. */
static __always_inline bool is_looked_for(const struct off_thread *thread, __u64 began)
{
	if (thread->walked == WALKED_AT(began))
		return off_look & OFF_LOOK_AGAIN;
	if (off_look & OFF_LOOK_SLEPT)
		return thread->walked == WALK_BEGUN_AT(began);
	return off_look_left && wants_walk(&thread->interval);
}

/*
 * The user stack of a thread that is blocked is found by user space, as its memory is not to be
 * read from here: it is told the registers, and the id that the stack will have. The stack is its
 * own only when a second look finds it in the same interval: until then it may be of any time.
 */
static __always_inline void tell_blocked(struct bpf_iter__task *ctx, struct task_struct *task,
					 struct off_thread *thread, struct off_scratch *scratch)
{
	/* First of all: if the thread runs from here on, the second look finds another time. */
	__u64 began = *(volatile __u64 *)&thread->interval.began;
	struct unwind_state *state = &scratch->stacks.unwind;
	struct off_seed seed = { .stack = off_walked_id(began, thread->tid),
				 .generation = thread->interval.key.who.generation,
				 .tgid = thread->interval.key.who.tgid,
				 .tid = thread->tid };

	if (config.unwind != UNWIND_TABLES || !has_user_stack(task) ||
	    !is_looked_for(thread, began) || !unwind_begin_saved(task, state))
		return;
	seed.pc = state->pc;
	__builtin_memcpy(seed.registers, state->registers, sizeof(seed.registers));
	/* Without room it is asked for again, with more. */
	if (bpf_seq_write(ctx->meta->seq, &seed, sizeof(seed)))
		return;
	if (off_look & OFF_LOOK_SLEPT) {
		thread->walked = WALKED_AT(began);
	} else if (thread->walked != WALKED_AT(began)) {
		thread->walked = WALK_BEGUN_AT(began);
		off_look_left--;
	}
}

/* A record that no switch and no fork has made. */
static __always_inline void name_found(struct task_struct *task, struct off_thread *thread)
{
	if (thread->pid || thread->mark != MARK_NONE || thread->is_child)
		return;
	/* If it is blocked, this is so until its stack has been walked. */
	if (has_user_stack(task))
		thread->interval.key.who.stop = STOP_UNREADABLE;
	name_thread(task, thread);
}

/* Whether it has a CPU: an int, and not any more in Linux 7. */
static __always_inline bool is_running(const struct task_struct *task)
{
	return BPF_CORE_READ_BITFIELD_PROBED(task, on_cpu) != 0;
}

/* Of who was there when the recording began. False: it has switched since, which is what counts. */
static __always_inline bool begin_thread(struct task_struct *task, struct off_thread *thread,
					 struct off_scratch *scratch)
{
	struct off_interval *interval = &thread->interval;
	__u64 mark = is_running(task) ? MARK_AT(off_began) : MARK_OFF_AT(off_began);
	__u64 kernel_stack = STACK_ID_NONE;

	if (thread->mark != MARK_NONE)
		return true;
	/* It has not run yet, or not any more. */
	if (!off_seeding || thread->is_child)
		return false;
	/* Later it is not to be had: take_stacks(). */
	if (off_config.is_raw && config.kernel_stacks)
		kernel_stack = walk_off_kernel_stack(task, scratch);
	/* That took a while, and what a switch has written stays. */
	if (*(volatile __u64 *)&thread->mark != MARK_NONE)
		return false;
	interval->began = off_began;
	interval->run_delay = task->sched_info.run_delay;
	/* Not on_rq: who sleeps may stay there a while (DELAY_DEQUEUE, Linux 6.12). */
	interval->key.state =
		task->sched_info.last_queued ? OFF_RUNQUEUE : off_state_of(false, task->__state);
	interval->key.who.kernel_stack = kernel_stack;
	return __sync_val_compare_and_swap(&thread->mark, MARK_NONE, mark) == MARK_NONE;
}

static __always_inline void tell_wants(void)
{
	__u32 count = off_want_count;

	for (__u32 i = 0; i < OFF_WANTS_MAX && i < count; i++) {
		__u32 number = off_wants[i];
		struct unwind_slot *slot = unwind_slot_at(number);

		if (slot)
			unwind_want(number, slot);
	}
	off_want_count = 0;
}

/*
 * Makes the records of what is there when the recording begins, as of off_began; and tells of those
 * that are blocked, by off_look.
 */
SEC("iter/task")
int off_seed_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct off_scratch *scratch;
	struct off_thread *thread;

	if (!task) {
		tell_wants();
		return 0;
	}
	scratch = find_scratch(true);
	if (!scratch || !is_told(task->pid, task->flags) || task->exit_state ||
	    !is_target_task(task))
		return 0;
	thread = off_seeding ? make_record(task, &scratch->fresh) : find_record(task);
	if (!thread) {
		if (off_seeding)
			count_event(COUNTER_OFF_NO_RECORD);
		return 0;
	}
	name_found(task, thread);
	/* The first time, before switches are looked at: it is made while there is memory. */
	if (!off_began || !begin_thread(task, thread, scratch))
		return 0;
	if (thread->mark & MARK_OFF)
		tell_blocked(ctx, task, thread, scratch);
	return 0;
}

static __always_inline void settle_time(struct task_struct *task, struct off_thread *thread,
					struct off_scratch *scratch, __u64 boundary)
{
	__u64 mark = *(volatile __u64 *)&thread->mark;
	struct off_span span = { .from = MARK_TIME(mark), .to = boundary };
	struct off_facts facts;

	if (mark == MARK_NONE || MARK_TIME(mark) >= boundary)
		return;
	if (!(mark & MARK_OFF)) {
		if (__sync_val_compare_and_swap(&thread->mark, mark, MARK_AT(boundary)) == mark)
			account_on(thread, span.from, boundary);
		return;
	}
	/* A copy: from the exchange on the thread may be off for another time. */
	scratch->interval = thread->interval;
	read_facts(task, false, &facts);
	span.ready = ready_since(&scratch->interval, &facts, boundary);
	if (config.kernel_stacks)
		span.kernel_stack = walk_off_kernel_stack(task, scratch);
	if (__sync_val_compare_and_swap(&thread->mark, mark, MARK_OFF_AT(boundary)) == mark)
		account_off(thread, &scratch->interval, scratch, &span);
}

/*
 * Before the quiet half of the counts is read: brings the account of a thread up to the end of the
 * window, which is the boundary by now, unless it is there; and counts what the thread has kept to
 * itself.
 */
SEC("iter/task")
int off_settle(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct off_windows windows;
	struct off_scratch *scratch;
	struct off_thread *thread;

	scratch = find_scratch(true);
	if (!task || !scratch)
		return 0;
	thread = find_record(task);
	if (!thread)
		return 0;
	read_windows(&windows);
	settle_time(task, thread, scratch, windows.boundary);
	/* No other interval will stand for what is in the banks. */
	if (windows.is_over)
		empty_banks(thread, scratch, windows.half ^ 1);
	off_put_pending(&thread->pending[(windows.half ^ 1) & 1], windows.half ^ 1);
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
	account->is_ending = thread->is_ending;
	/* Without room it is asked for again, with more. */
	if (bpf_seq_write(ctx->meta->seq, account, sizeof(*account)))
		return 0;
	__builtin_memset(&thread->ledgers[window & 1], 0, sizeof(thread->ledgers[0]));
	return 0;
}

#endif
