/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Time that is to stand under the stacks of a later interval, and what if there is none. */
#ifndef EPROF_BPF_OFF_BANK_BPF_H
#define EPROF_BPF_OFF_BANK_BPF_H

#include "bpf/off_count.bpf.h"

/* What is in a bank goes under no stack: there will be none to stand for it. */
static __always_inline void empty_bank(struct off_thread *thread, struct off_scratch *scratch,
				       struct off_piece *piece, enum off_state state)
{
	struct off_interval *interval = &scratch->interval;

	if (!piece->more_blocked && !piece->more_runqueue)
		return;
	*interval = thread->interval;
	interval->key.state = state;
	interval->key.who.user_stack = STACK_ID_NONE;
	interval->key.who.stop = STOP_NOT_TAKEN;
	off_count_piece(&thread->ledgers[piece->half & 1], &thread->pending[piece->half & 1],
			interval, scratch, piece);
}

static __always_inline void empty_banks(struct off_thread *thread, struct off_scratch *scratch,
					__u32 half)
{
	struct off_piece piece = { .more_blocked = thread->bank_blocked,
				   .more_runqueue = thread->bank_runqueue,
				   .half = half };
	struct off_piece preempted = { .half = half };

	preempted.more_runqueue = __sync_lock_test_and_set(&thread->preempted_bank, 0);
	empty_bank(thread, scratch, &piece, thread->bank_state);
	empty_bank(thread, scratch, &preempted, OFF_RUNQUEUE);
	thread->bank_blocked = thread->bank_runqueue = 0;
}

#endif
