/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Where time goes once it is known: to the ledger of its thread, and under its stacks. */
#ifndef EPROF_BPF_OFF_COUNT_BPF_H
#define EPROF_BPF_OFF_COUNT_BPF_H

#include "bpf/off_stack.bpf.h"

/* Sizes are set by user space. */
struct off_counts_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64); /* hash of the value's key */
	__type(value, struct off_count);
	__uint(max_entries, 1024);
} off_counts_0 SEC(".maps"), off_counts_1 SEC(".maps");

/* Without stacks, for when there is no room: a few rows for each thread or process. */
struct off_lost_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64);
	__type(value, struct off_count);
	__uint(max_entries, 8192);
} off_lost_0 SEC(".maps"), off_lost_1 SEC(".maps");

extern __u64 off_control, off_began;
extern __u32 off_seeding;
extern __s32 off_ending;

/* Time off a CPU of one thread: what of it lies in one window. */
struct off_piece {
	__u64 blocked, runqueue;
	__u64 more_blocked, more_runqueue; /* of intervals that this one stands for */
	__u64 kernel_stack;
	__u32 half; /* of the counts */
	__u32 is_hidden;
	__u32 is_banked; /* another interval will stand for it */
	__u32 is_ending; /* the thread exits: iterators may miss what it would keep to itself */
};

int off_count_piece(struct off_ledger *ledger, struct off_pending *pending,
		    const struct off_interval *interval, struct off_scratch *scratch,
		    struct off_piece *piece);

static __always_inline __u64 hash_key(const struct off_interval *interval, __u64 kernel_stack)
{
	__u64 hash = off_mix(interval->who_hash, interval->key.who.user_stack);

	hash = off_mix(hash, kernel_stack);
	hash = off_mix(hash, (__u64)interval->key.state << 32 | interval->key.who.stop);
	return off_id(interval->key.waker ? off_mix(hash, interval->key.waker) : hash);
}

static __always_inline void add_to(struct off_count *count, const struct off_piece *piece)
{
	__u64 blocked = piece->blocked + piece->more_blocked;
	__u64 runqueue = piece->runqueue + piece->more_runqueue;

	if (blocked)
		__sync_fetch_and_add(&count->blocked_ns, blocked);
	if (runqueue)
		__sync_fetch_and_add(&count->runqueue_ns, runqueue);
}

static __always_inline void add_pending(struct off_pending *pending, const struct off_piece *piece)
{
	__u64 blocked = piece->blocked + piece->more_blocked;
	__u64 runqueue = piece->runqueue + piece->more_runqueue;

	if (blocked)
		__sync_fetch_and_add(&pending->blocked_ns, blocked);
	if (runqueue)
		__sync_fetch_and_add(&pending->runqueue_ns, runqueue);
}

static __always_inline void take_pending(struct off_pending *pending, struct off_piece *ret)
{
	ret->blocked = __sync_lock_test_and_set(&pending->blocked_ns, 0);
	ret->runqueue = __sync_lock_test_and_set(&pending->runqueue_ns, 0);
	ret->more_blocked = ret->more_runqueue = 0;
}

/* Under a key that is not there yet. False: there is no room. */
static __always_inline bool add_new(void *map, __u64 id, struct off_count *fresh,
				    const struct off_piece *piece)
{
	struct off_count *count;

	fresh->blocked_ns = piece->blocked + piece->more_blocked;
	fresh->runqueue_ns = piece->runqueue + piece->more_runqueue;
	fresh->first_ns = bpf_ktime_get_ns();
	if (!bpf_map_update_elem(map, &id, fresh, BPF_NOEXIST))
		return true;
	count = bpf_map_lookup_elem(map, &id); /* another CPU was faster */
	if (count)
		add_to(count, piece);
	return count != 0;
}

static __always_inline bool is_same(const struct off_pending *pending,
				    const struct off_interval *interval, __u64 kernel_stack)
{
	return pending->id && pending->user_stack == interval->key.who.user_stack &&
	       pending->kernel_stack == kernel_stack && pending->state == interval->key.state &&
	       pending->stop == interval->key.who.stop && pending->waker == interval->key.waker &&
	       pending->who_hash == interval->who_hash;
}

/*
 * The counts' row of that id is there, and stays, until all of that half is taken out. An iterator
 * and a switch may be at it at once: who gets the id puts what there is, and a switch that has
 * added to it meanwhile sees that the id is gone. (What a switch adds under its next id before the
 * iterator takes the amounts comes to the one before: the same thread, a moment earlier.)
 */
static __always_inline void put_pending(void *map, struct off_pending *pending)
{
	struct off_piece piece = {};
	struct off_count *count;
	__u64 id = __sync_lock_test_and_set(&pending->id, 0);

	if (!id)
		return;
	take_pending(pending, &piece);
	if (!piece.blocked && !piece.runqueue)
		return;
	count = bpf_map_lookup_elem(map, &id);
	if (count)
		add_to(count, &piece);
	else
		add_counter(COUNTER_OFF_LOST_NS, piece.blocked + piece.runqueue);
}

int off_put_pending(struct off_pending *pending, __u32 half);

/* To the counts of its half, before they are read. */
OFF_CHECKED_ONCE int off_put_pending(struct off_pending *pending, __u32 half)
{
	if (!pending)
		return 0;
	if (half & 1)
		put_pending(&off_counts_1, pending);
	else
		put_pending(&off_counts_0, pending);
	return 0;
}

static __always_inline void keep_pending(struct off_pending *pending,
					 const struct off_interval *interval, __u64 kernel_stack,
					 __u64 id)
{
	pending->id = id;
	pending->who_hash = interval->who_hash;
	pending->user_stack = interval->key.who.user_stack;
	pending->kernel_stack = kernel_stack;
	pending->waker = interval->key.waker;
	pending->state = interval->key.state;
	pending->stop = interval->key.who.stop;
}

/* Where there is no room for another key: what the thread did is known still, but not where. */
static __always_inline void count_lost(void *lost_map, const struct off_interval *interval,
				       struct off_count *fresh, const struct off_piece *piece)
{
	__u64 id = off_id(off_mix(interval->who_hash, interval->key.state));
	struct off_count *count;

	count_event(COUNTER_OFF_COUNTS_FULL);
	fresh->key.who.user_stack = fresh->key.who.kernel_stack = STACK_ID_LOST;
	fresh->key.who.stop = STOP_STACK_LOST;
	fresh->key.waker = STACK_ID_NONE;
	count = bpf_map_lookup_elem(lost_map, &id);
	if (count)
		add_to(count, piece);
	else if (!add_new(lost_map, id, fresh, piece))
		add_counter(COUNTER_OFF_LOST_NS, piece->blocked + piece->runqueue +
							 piece->more_blocked +
							 piece->more_runqueue);
}

static __always_inline void count_in(void *map, void *lost_map, const struct off_interval *interval,
				     struct off_pending *pending, struct off_count *fresh,
				     const struct off_piece *piece)
{
	struct off_count *count;
	__u64 id = hash_key(interval, piece->kernel_stack);

	put_pending(map, pending);
	count = bpf_map_lookup_elem(map, &id);
	if (count) {
		add_to(count, piece);
	} else {
		fresh->key = interval->key;
		fresh->key.who.kernel_stack = piece->kernel_stack;
		fresh->cgroup_id = task_cgroup_id((struct task_struct *)interval->task);
		if (!add_new(map, id, fresh, piece)) {
			count_lost(lost_map, interval, fresh, piece);
			return;
		}
	}
	if (!piece->is_ending)
		keep_pending(pending, interval, piece->kernel_stack, id);
}

static __always_inline bool off_is_shown(__u32 state)
{
	return off_config.states >> (state & 31) & 1;
}

/* The ledger of the piece's window, and what is pending in its half. */
OFF_CHECKED_ONCE int off_count_piece(struct off_ledger *ledger, struct off_pending *pending,
				     const struct off_interval *interval,
				     struct off_scratch *scratch, struct off_piece *piece)
{
	struct off_scratch *own;
	__u32 state;

	if (!ledger || !pending || !interval || !scratch || !piece)
		return 0;
	state = interval->key.state;
	if (state >= OFF_STATE_COUNT)
		return 0;
	ledger->off_ns[state] += piece->blocked;
	ledger->off_ns[OFF_RUNQUEUE] += piece->runqueue;
	if (piece->is_banked)
		return 0;
	if (!off_is_shown(state) || piece->is_hidden) {
		add_counter(COUNTER_OFF_HIDDEN_NS, piece->blocked + piece->more_blocked);
		piece->blocked = piece->more_blocked = 0;
	}
	if (!off_is_shown(OFF_RUNQUEUE) || piece->is_hidden) {
		add_counter(COUNTER_OFF_HIDDEN_NS, piece->runqueue + piece->more_runqueue);
		piece->runqueue = piece->more_runqueue = 0;
	}
	if (!(piece->blocked + piece->more_blocked + piece->runqueue + piece->more_runqueue))
		return 0;
	if (is_same(pending, interval, piece->kernel_stack)) {
		add_pending(pending, piece);
		/* A read in the order of the additions before it, which a plain one need not be. */
		if (__sync_fetch_and_add(&pending->id, 0))
			return 0;
		/* It was put meanwhile: what was not taken along is counted from here. */
		take_pending(pending, piece);
		if (!piece->blocked && !piece->runqueue)
			return 0;
	}
	own = find_scratch(scratch->is_iterators);
	if (!own)
		return 0;
	if (piece->half & 1)
		count_in(&off_counts_1, &off_lost_1, interval, pending, &own->count, piece);
	else
		count_in(&off_counts_0, &off_lost_0, interval, pending, &own->count, piece);
	return 0;
}

#endif
