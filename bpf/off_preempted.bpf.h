/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Threads that are preempted (--preempt-sample). Where one was is chance: on a busy machine there
 * are thousands of such stacks a second, and nearly each is another one. So the time that threads
 * wait for a CPU for that reason is sampled, as the time on one is: each thread's is put in a bank,
 * and the interval in which the bank reaches a sum that is drawn anew each time is given all of it.
 *
 * An interval's stack is taken when it begins. Then its length is not known, but it is much like
 * those before it: stacks are taken when the sum may be reached within twice the usual length.
 * Where it is reached without one, the thread's next interval stands for the time.
 */
#ifndef EPROF_BPF_OFF_PREEMPTED_BPF_H
#define EPROF_BPF_OFF_PREEMPTED_BPF_H

#include "bpf/off_account.bpf.h"

/* The usual length follows with so much of each one that ended. */
#define PREEMPTED_USUAL_SHIFT 3

/* The first sum is of any size, so that short lives have their share of samples. */
static __always_inline void preempted_begin(struct off_thread *thread, struct off_pace *pace,
					    __u64 now)
{
	if (thread->preempted_usual)
		return;
	thread->preempted_usual = 1;
	thread->preempted_left = pace_random(pace, now) % off_config.preempted_ns;
}

/* Whether the stacks of the interval that begins now are left out. */
static __always_inline bool preempted_skips(struct off_thread *thread, struct off_pace *pace,
					    __u64 now)
{
	preempted_begin(thread, pace, now);
	return thread->preempted_left > (__s64)(2 * thread->preempted_usual);
}

/* Whether an interval of that length will be shown, as far as is known now. */
static __always_inline bool preempted_wants_stack(const struct off_thread *thread, __u64 length)
{
	return !thread->is_banked && thread->preempted_left <= (__s64)length;
}

/* Where the time of an interval of that length goes. */
static __always_inline enum off_bank
preempted_choose(struct off_thread *thread, struct off_pace *pace, __u64 length, __u64 now)
{
	__u64 usual;

	preempted_begin(thread, pace, now);
	usual = thread->preempted_usual;
	usual -= usual >> PREEMPTED_USUAL_SHIFT;
	thread->preempted_usual = usual + (length >> PREEMPTED_USUAL_SHIFT) + 1;
	thread->preempted_left -= length;
	if (thread->is_banked || thread->preempted_left > 0) {
		count_event(COUNTER_OFF_PREEMPTED_NOT_SAMPLED);
		return OFF_BANK_PUT;
	}
	thread->preempted_left = pace_draw(pace, off_config.preempted_ns, now);
	count_event(COUNTER_OFF_PREEMPTED_SAMPLED);
	return OFF_BANK_TAKE;
}

#endif
