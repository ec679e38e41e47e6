/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The record of one thread: since when it is where it is, and where its time went until then.
 *
 * It is written at each switch, by whichever CPU has the thread (one at a time, in order), and by
 * one iterator at the end of a window. They share one word, the mark: the time up to which all is
 * accounted for, and whether the thread is off since. Who exchanges it owns the time in between, so
 * that none is lost and none counted twice; nobody else writes to the ledger of that time's window.
 * (Programs learn of a boundary 200 us ahead. A switch that a hypervisor holds up for longer,
 * between its exchange and its sums, could meet the iterator there.)
 */
#ifndef EPROF_BPF_OFF_THREAD_BPF_H
#define EPROF_BPF_OFF_THREAD_BPF_H

#include "bpf/abi.h"
#include "bpf/off_length.bpf.h"

#define OFF_CHECKED_ONCE __attribute__((noinline))

#define MARK_OFF       1ULL
#define MARK_SHIFT     1
#define MARK_NONE      0ULL /* nothing is accounted for: a new record, or that of a dead thread */
#define MARK_TIME(m)   ((m) >> MARK_SHIFT)
#define MARK_AT(t)     ((t) << MARK_SHIFT)
#define MARK_OFF_AT(t) ((t) << MARK_SHIFT | MARK_OFF)

/* Of an interval, by when it began: user space walks its stack, or has, and it is as it was. */
#define WALK_BEGUN_AT(t) ((t) << 1)
#define WALKED_AT(t)     ((t) << 1 | 1)

/* The time that a thread is off a CPU, and where that is: what stands while it lasts. */
struct off_interval {
	__u64 began;
	__u64 run_delay; /* sched_info.run_delay then */
	__u64 who_hash;  /* of what in the key is the thread's, not the stack's */
	__u64 task;      /* where the thread's task_struct is: it lives as long as its record */
	struct off_key key;
};

/* What a thread's switches count: it costs less than counters do. */
struct off_tally {
	__u32 shown, hidden; /* intervals that have ended */
	__u32 user_known, kernel_known;
};

/*
 * Time under the key that the thread's last interval had: the next one mostly has the same, and
 * then need not look for it in the counts, where it is. Time is added by switches, and taken out by
 * whoever comes upon another key, or is to read that half of the counts.
 */
struct off_pending {
	__u64 id; /* in the counts; 0: nothing is kept */
	__u64 who_hash, user_stack, kernel_stack, waker;
	__u32 state, stop;
	__u64 blocked_ns, runqueue_ns;
};

struct off_thread {
	__u64 mark;
	struct off_interval interval;
	__u64 early_waker; /* of the interval that is about to begin */
	__u64 born;        /* as in struct off_account */
	__u64 intervals;   /* since the record was made */
	__u64 execs;       /* task_struct.self_exec_id of its leader that the name is of */
	__u32 pid;         /* task_struct.pid that the numbers are of */
	__u32 tid;         /* as eprof's pid namespace numbers it */
	char thread_name[COMM_SIZE];
	/* Short intervals whose stacks were not taken: see off_pace.bpf.h. */
	__u64 bank_blocked, bank_runqueue;
	__s64 bank_left;  /* until a sample is due */
	__u32 short_run;  /* short intervals in a row */
	__u32 is_banked;  /* the one that is going on */
	__u32 bank_state; /* enum off_state of what was put in last */
	/* Of being preempted: see off_preempted.bpf.h. */
	__u64 preempted_bank, preempted_usual;
	__s64 preempted_left; /* until a sample is due */
	__u32 is_ending;      /* it is counted in off_ending */
	__u32 is_child;       /* made at its fork: before that there is nothing to account for */
	__u64 walked;         /* by iterators only: WALK_BEGUN_AT() or WALKED_AT() */
	/* Switches write the first, whoever tells of the thread the second: what it has told of. */
	struct off_tally tally, told;
	struct off_pending pending[HALVES]; /* by half of the counts */
	struct off_ledger ledgers[HALVES];
};

static __always_inline __u64 off_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
	return hash ^ hash >> 32;
}

static __always_inline __u64 off_id(__u64 hash)
{
	return hash > STACK_ID_LOST ? hash : hash + 2;
}

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct off_thread);
} off_threads SEC(".maps");

/* The same in raw tracepoints, by where the task is. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct off_thread);
} off_threads_raw SEC(".maps");

/* struct off_account of threads that have ended. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} off_ended SEC(".maps");

#endif
