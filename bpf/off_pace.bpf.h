/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * When threads switch faster than stacks are to be taken (--max-events), short intervals are
 * sampled. Of a thread that only has short ones the time off is put in a bank, and the interval in
 * which the bank reaches a sum that is drawn anew each time is given all of it. So an interval is
 * chosen in proportion to its length, and sums stay right. Whether it will be chosen must be known
 * before it has begun, as its stacks are taken then: they are taken when any short interval could
 * be the one.
 */
#ifndef EPROF_BPF_OFF_PACE_BPF_H
#define EPROF_BPF_OFF_PACE_BPF_H

#include "bpf/off_thread.bpf.h"

/* Below this an interval is short. */
#define PACE_SHORT_NS  100000
/* What a sample stands for, about: of short intervals, one in ten has its stacks taken. */
#define PACE_SAMPLE_NS (10 * PACE_SHORT_NS)
/* So many short ones in a row, and the next is taken for one. */
#define PACE_RUN       64
#define PACE_SECOND_NS 1000000000ULL

/* Of one CPU. */
struct off_pace {
	__u64 began; /* the second in which events are counted */
	__u64 events;
	__u64 random;
	__u64 is_fast; /* there were too many, in this second or the one before */
};

/* Counts an event. True: there are too many. */
static __always_inline bool pace_is_fast(struct off_pace *pace, __u64 now)
{
	if (!off_config.max_events)
		return false;
	if (now - pace->began >= PACE_SECOND_NS) {
		pace->is_fast = pace->events > off_config.max_events;
		pace->events = 0;
		pace->began = now;
	}
	if (++pace->events > off_config.max_events)
		pace->is_fast = true;
	return pace->is_fast;
}

/* Whether the stacks of the interval that begins now are left out. */
static __always_inline bool pace_skips(const struct off_thread *thread, struct off_pace *pace,
				       __u64 now)
{
	return pace_is_fast(pace, now) && thread->short_run >= PACE_RUN &&
	       thread->bank_left > PACE_SHORT_NS;
}

/* 32 bits of xorshift64 (Marsaglia, "Xorshift RNGs"). */
static __always_inline __u64 pace_random(struct off_pace *pace, __u64 now)
{
	__u64 x = pace->random ? pace->random : now | 1;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	pace->random = x;
	return x >> 32;
}

/* Half to one and a half times the sum, evenly. */
static __always_inline __s64 pace_draw(struct off_pace *pace, __u64 sum, __u64 now)
{
	return sum / 2 + pace_random(pace, now) % sum;
}

#endif
