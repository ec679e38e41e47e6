/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Whose time it is, and which: the records of threads, and the pieces of time that switches and the
 * ends of windows cut.
 */
#ifndef EPROF_BPF_OFF_ACCOUNT_BPF_H
#define EPROF_BPF_OFF_ACCOUNT_BPF_H

#include "bpf/off_bank.bpf.h"

/* include/linux/sched.h: __TASK_STOPPED, and TASK_DEAD or EXIT_DEAD and EXIT_ZOMBIE */
#define TASK_SLEEPS          0x0001
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_STOPPED         0x0004
#define TASK_TRACED          0x0008
#define TASK_DEAD            0x0080
#define TASK_NOLOAD          0x0400
#define TASK_LOCK_WAIT       0x1000 /* a spinlock that sleeps (PREEMPT_RT) */
#define TASK_FROZEN          0x8000

static __always_inline enum off_state off_state_of(bool preempt, __u32 state)
{
	if (preempt || !state)
		return OFF_RUNQUEUE;
	if (state & (TASK_STOPPED | TASK_TRACED | TASK_FROZEN))
		return OFF_STOPPED;
	if (state & TASK_LOCK_WAIT)
		return OFF_UNINTERRUPTIBLE;
	if (state & TASK_UNINTERRUPTIBLE)
		return state & TASK_NOLOAD ? OFF_SLEEP : OFF_UNINTERRUPTIBLE;
	return state & TASK_SLEEPS ? OFF_SLEEP : OFF_OTHER;
}

/* What is read of a task by all means: in a raw tracepoint the verifier does not know the next one.
 */
struct off_facts {
	__u32 pid, flags;
	__u64 run_delay, last_queued;
};

static __always_inline void read_facts(struct task_struct *task, bool is_raw,
				       struct off_facts *facts)
{
	facts->pid = is_raw ? BPF_CORE_READ(task, pid) : task->pid;
	facts->flags = is_raw ? BPF_CORE_READ(task, flags) : task->flags;
	facts->run_delay =
		is_raw ? BPF_CORE_READ(task, sched_info.run_delay) : task->sched_info.run_delay;
	facts->last_queued =
		is_raw ? BPF_CORE_READ(task, sched_info.last_queued) : task->sched_info.last_queued;
}

/* Whether this is a thread whose time is told. */
static __always_inline bool is_told(__u32 pid, __u32 flags)
{
	return pid && (off_config.kernel_threads || !(flags & TASK_IS_KERNEL));
}

/* kernel/cgroup/cgroup.c: CGROUP_DEPTH_MAX is INT_MAX, and nobody nests like that. */
#define CGROUP_DEPTH_MAX 32

/* Whether a task, whichever it is, is in the cgroup that is looked at, or below. */
static __always_inline bool is_in_cgroup(struct task_struct *task)
{
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);

	for (__u32 i = 0; i < CGROUP_DEPTH_MAX && cgroup; i++) {
		struct cgroup_subsys_state *parent;

		if (BPF_CORE_READ(cgroup, kn, id) == off_config.cgroup)
			return true;
		parent = BPF_CORE_READ(cgroup, self.parent);
		cgroup = parent ? BPF_CORE_READ(parent, cgroup) : 0;
	}
	return false;
}

static __always_inline bool is_target_task(struct task_struct *task)
{
	__u32 tid;

	if (config.filter == FILTER_CGROUP)
		return is_in_cgroup(task);
	if (config.filter == FILTER_ALL && !config.pid_namespace)
		return true;
	/* Who has no number in our namespace is not seen by iterators, either. */
	tid = pid_in_namespace(task, config.pid_namespace);
	return tid &&
	       is_target(&config,
			 pid_in_namespace(BPF_CORE_READ(task, group_leader), config.pid_namespace),
			 tid);
}

static __always_inline struct off_thread *find_record(struct task_struct *task)
{
	__u64 address = (__u64)task;

	if (off_config.is_raw)
		return bpf_map_lookup_elem(&off_threads_raw, &address);
	return bpf_task_storage_get(&off_threads, task, 0, 0);
}

/*
 * fresh is a record of zeros. NULL: there is no memory. While threads switch, the kernel has little
 * at hand, and more soon after.
 */
static __always_inline struct off_thread *make_record(struct task_struct *task,
						      const struct off_thread *fresh)
{
	__u64 address = (__u64)task;

	if (!off_config.is_raw)
		return bpf_task_storage_get(&off_threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	bpf_map_update_elem(&off_threads_raw, &address, fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&off_threads_raw, &address);
}

static __always_inline void hash_thread(struct off_thread *thread)
{
	struct sample_key *who = &thread->interval.key.who;
	const __u64 *process = (const void *)who->process_name;
	const __u64 *name = (const void *)who->thread_name;
	__u64 hash = off_mix(config.stack_seed, who->generation);

	hash = off_mix(hash, (__u64)who->tgid << 32 | who->tid);
	hash = off_mix(off_mix(hash, process[0]), process[1]);
	if (config.by_thread)
		hash = off_mix(off_mix(hash, name[0]), name[1]);
	thread->interval.who_hash = hash;
}

/* The numbers and names that are in the key, of any task. */
static __always_inline void name_thread(struct task_struct *task, struct off_thread *thread)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct sample_key *who = &thread->interval.key.who;
	__u64 execs = BPF_CORE_READ(leader, self_exec_id);

	thread->pid = BPF_CORE_READ(task, pid);
	thread->execs = execs;
	thread->interval.task = (__u64)task;
	who->generation = task_mix_generation(BPF_CORE_READ(leader, start_boottime), execs);
	BPF_CORE_READ_INTO(&who->process_name, leader, comm);
	BPF_CORE_READ_INTO(&thread->thread_name, task, comm);
	who->tgid = pid_in_namespace(leader, config.pid_namespace);
	thread->tid = pid_in_namespace(task, config.pid_namespace);
	if (config.by_thread) {
		who->tid = thread->tid;
		__builtin_memcpy(who->thread_name, thread->thread_name, COMM_SIZE);
	}
	hash_thread(thread);
}

/* They change when it execs, or is given a name. The task is one that the verifier knows. */
static __always_inline bool is_named(const struct task_struct *task,
				     const struct off_thread *thread)
{
	const struct task_struct *leader = task->group_leader;
	const struct sample_key *who = &thread->interval.key.who;
	const __u64 *process = (const void *)leader->comm, *name = (const void *)task->comm;
	const __u64 *kept_process = (const void *)who->process_name;
	const __u64 *kept_name = (const void *)thread->thread_name;

	return thread->pid == (__u32)task->pid && thread->execs == leader->self_exec_id &&
	       kept_process[0] == process[0] && kept_process[1] == process[1] &&
	       kept_name[0] == name[0] && kept_name[1] == name[1];
}

/* From when on the thread was ready, and waited for a CPU: up to now, to the end. */
static __always_inline __u64 ready_since(const struct off_interval *interval,
					 const struct off_facts *facts, __u64 now)
{
	__u64 time = facts->run_delay - interval->run_delay, queued = facts->last_queued;

	if (interval->key.state == OFF_RUNQUEUE)
		return interval->began;
	if (queued && now > queued)
		time += now - queued;
	return now - time;
}

static __always_inline bool is_hidden(const struct off_interval *interval, __u64 length)
{
	return length < off_config.min_ns || (off_config.max_ns && length > off_config.max_ns);
}

/* Whether another one's stack may stand for it: off_preempted.bpf.h. */
static __always_inline bool preempted_is_sampled(const struct off_interval *interval)
{
	return off_config.preempted_ns && interval->key.state == OFF_RUNQUEUE;
}

/* Where the time of an interval goes: off_pace.bpf.h, off_preempted.bpf.h. */
enum off_bank {
	OFF_BANK_NONE, /* under its stacks */
	OFF_BANK_PUT,  /* to the bank */
	OFF_BANK_TAKE, /* under its stacks, and what is in the bank as well */
};

/* Time off a CPU, from..to; the thread was ready from some time on. */
struct off_span {
	__u64 from, to, ready;
	__u64 kernel_stack;
	__u32 is_end; /* of the interval */
	__u32 bank;   /* enum off_bank */
};

/* Which window it is, and since when: off_control, read once. */
struct off_windows {
	__u64 boundary;
	__u32 half, window;
	__u32 is_over; /* nobody's is what comes from the boundary on */
};

static __always_inline void read_windows(struct off_windows *windows)
{
	__u64 control = *(volatile __u64 *)&off_control;

	windows->boundary = control >> OFF_CONTROL_BEGAN_SHIFT;
	windows->half = (control & OFF_CONTROL_HALF) != 0;
	windows->window = (control & OFF_CONTROL_WINDOW) != 0;
	windows->is_over = (control & OFF_CONTROL_LAST) != 0;
}

int account_off(struct off_thread *thread, struct off_interval *interval,
		struct off_scratch *scratch, struct off_span *span);

/* What user space calls the stack of an interval that it has walked. */
static __always_inline __u64 off_walked_id(__u64 began, __u32 tid)
{
	return off_id(off_mix(off_mix(config.stack_seed, began), tid));
}

/* What of it is in one window. */
static __always_inline void account_piece(struct off_thread *thread,
					  const struct off_interval *interval,
					  struct off_scratch *scratch, const struct off_span *span,
					  const struct off_windows *windows)
{
	__u64 start = span->ready > span->from ? span->ready : span->from;
	struct off_piece piece = {
		.kernel_stack = span->kernel_stack,
		.half = windows->half,
		.is_hidden = is_hidden(interval, span->to - interval->began),
		.is_ending = thread->is_ending,
	};

	piece.runqueue = span->to > start ? span->to - start : 0;
	piece.blocked = span->to - span->from - piece.runqueue;
	if (span->bank == OFF_BANK_PUT && preempted_is_sampled(interval)) {
		__sync_fetch_and_add(&thread->preempted_bank, piece.runqueue);
		piece.is_banked = true;
	} else if (span->bank == OFF_BANK_PUT) {
		thread->bank_blocked += piece.blocked;
		thread->bank_runqueue += piece.runqueue;
		thread->bank_state = interval->key.state;
		piece.is_banked = true;
	} else if (span->bank == OFF_BANK_TAKE && span->is_end && preempted_is_sampled(interval)) {
		piece.more_runqueue = __sync_lock_test_and_set(&thread->preempted_bank, 0);
	} else if (span->bank == OFF_BANK_TAKE && span->is_end) {
		piece.more_blocked = thread->bank_blocked;
		piece.more_runqueue = thread->bank_runqueue;
		thread->bank_blocked = thread->bank_runqueue = 0;
	}
	off_count_piece(&thread->ledgers[windows->window & 1], &thread->pending[windows->half & 1],
			interval, scratch, &piece);
}

/* Time before the first window is nobody's. The interval is the caller's own by now. */
OFF_CHECKED_ONCE int account_off(struct off_thread *thread, struct off_interval *interval,
				 struct off_scratch *scratch, struct off_span *span)
{
	struct off_windows windows;
	bool is_end;
	__u64 to;

	if (!thread || !interval || !scratch || !span)
		return 0;
	if (thread->walked == WALKED_AT(interval->began))
		interval->key.who.user_stack = off_walked_id(interval->began, thread->tid);
	read_windows(&windows);
	to = span->to;
	is_end = span->is_end;
	if (!off_began || to < off_began)
		return 0;
	if (span->from < off_began)
		span->from = off_began;
	if (span->from < windows.boundary) {
		span->to = to < windows.boundary ? to : windows.boundary;
		span->is_end = false;
		windows.half ^= 1;
		windows.window ^= 1;
		account_piece(thread, interval, scratch, span, &windows);
		/* Who settles this window's accounts may have looked already. */
		off_put_pending(&thread->pending[windows.half & 1], windows.half);
		windows.half ^= 1;
		windows.window ^= 1;
		span->from = span->to;
		span->to = to;
		span->is_end = is_end;
	}
	if (!windows.is_over && (span->from < to || is_end))
		account_piece(thread, interval, scratch, span, &windows);
	return 0;
}

static __always_inline void account_end(struct off_thread *thread, __u64 length)
{
	struct off_ledger *ledger;
	struct off_windows windows;
	__u32 class;

	thread->intervals++;
	read_windows(&windows);
	if (!off_began || windows.is_over)
		return;
	ledger = &thread->ledgers[windows.window];
	ledger->intervals++;
	class = off_length_class(length);
	if (class < OFF_LENGTHS)
		ledger->lengths[class]++;
	if (is_hidden(&thread->interval, length) || !off_is_shown(thread->interval.key.state))
		thread->tally.hidden++;
	else
		thread->tally.shown++;
}

static __always_inline void account_on(struct off_thread *thread, __u64 from, __u64 to)
{
	struct off_windows windows;

	if (!off_began || to < off_began)
		return;
	if (from < off_began)
		from = off_began;
	read_windows(&windows);
	if (from < windows.boundary) {
		__u64 middle = to < windows.boundary ? to : windows.boundary;

		thread->ledgers[windows.window ^ 1].on_ns += middle - from;
		from = middle;
	}
	if (from < to && !windows.is_over)
		thread->ledgers[windows.window].on_ns += to - from;
}

/*
 * Takes the mark, and leaves one of the time now. An iterator may have moved it beyond that while
 * stacks were taken: *now follows, as time does not go back. Returns the mark that was there.
 */
static __always_inline __u64 take_mark(struct off_thread *thread, __u64 flag, __u64 *now)
{
	__u64 mark = *(volatile __u64 *)&thread->mark, seen;

	/* There is one iterator, which moves a mark once. */
	for (int i = 0; i < 3; i++) {
		if (MARK_TIME(mark) > *now)
			*now = MARK_TIME(mark);
		seen = __sync_val_compare_and_swap(&thread->mark, mark, MARK_AT(*now) | flag);
		if (seen == mark)
			break;
		mark = seen;
	}
	return mark;
}

/*
 * The switch to this CPU was missed, but not by the scheduler, which knows when it was and how long
 * the thread had waited: only the kernel stack is lost.
 */
static __always_inline void account_missed(const struct task_struct *task,
					   struct off_thread *thread, struct off_scratch *scratch,
					   __u64 from, __u64 now)
{
	struct off_interval *interval = &thread->interval;
	__u64 arrival = task->sched_info.last_arrival;
	struct off_span span = { .from = from, .kernel_stack = STACK_ID_LOST, .is_end = true };

	if (arrival > now)
		arrival = now;
	if (arrival < from)
		arrival = from;
	span.to = arrival;
	span.ready = arrival - (task->sched_info.run_delay - interval->run_delay);
	if (interval->key.state == OFF_RUNQUEUE)
		span.ready = from;
	if (off_config.is_raw)
		span.kernel_stack = interval->key.who.kernel_stack;
	account_off(thread, interval, scratch, &span);
	account_end(thread, arrival - interval->began);
	account_on(thread, arrival, now);
}

/* A record made while its thread runs: it tells of what is to come, and since it has its CPU. */
static __always_inline void begin_running(const struct task_struct *task, struct off_thread *thread,
					  __u64 now)
{
	__u64 arrival = task->sched_info.last_arrival;

	if (arrival > now || arrival < off_began)
		arrival = arrival > now ? now : off_began;
	if (!off_seeding)
		thread->born = arrival;
	account_on(thread, arrival, now);
}

/* Counts what the thread has counted since the last time. */
static __always_inline void tell_tally(struct off_thread *thread)
{
	struct off_tally now = thread->tally;

	add_counter(COUNTER_OFF_INTERVALS, now.shown - thread->told.shown);
	add_counter(COUNTER_OFF_HIDDEN, now.hidden - thread->told.hidden);
	add_counter(COUNTER_OFF_USER_MEMO, now.user_known - thread->told.user_known);
	add_counter(COUNTER_OFF_KERNEL_MEMO, now.kernel_known - thread->told.kernel_known);
	thread->told = now;
}

static __always_inline void fill_account(struct off_thread *thread, struct off_account *account,
					 __u64 ended)
{
	const struct sample_key *who = &thread->interval.key.who;

	tell_tally(thread);

	account->generation = who->generation;
	account->tgid = who->tgid;
	account->tid = thread->tid;
	__builtin_memcpy(account->process_name, who->process_name, COMM_SIZE);
	__builtin_memcpy(account->thread_name, thread->thread_name, COMM_SIZE);
	account->born = thread->born;
	account->ended = ended;
	__builtin_memcpy(account->ledgers, thread->ledgers, sizeof(account->ledgers));
}

/* What the thread has waited under the name that it had, nothing with its new one stands for. */
static __always_inline void rename_thread(struct task_struct *task, struct off_thread *thread,
					  struct off_scratch *scratch)
{
	struct off_windows windows;

	read_windows(&windows);
	empty_banks(thread, scratch, windows.half ^ windows.is_over);
	name_thread(task, thread);
}

static __always_inline void put_pendings(struct off_thread *thread)
{
	off_put_pending(&thread->pending[0], 0);
	off_put_pending(&thread->pending[1], 1);
}

/*
 * The last of a thread. Its record may stay for longer, as a dead task does for which its parent
 * has not waited: iterators leave it alone.
 */
static __always_inline void tell_end(struct task_struct *task, struct off_thread *thread,
				     struct off_scratch *scratch, __u64 now)
{
	struct off_account *account = &scratch->account;
	__u64 address = (__u64)task;
	struct off_windows windows;

	read_windows(&windows);
	empty_banks(thread, scratch, windows.half ^ windows.is_over);
	put_pendings(thread);
	fill_account(thread, account, now);
	thread->mark = MARK_NONE;
	if (bpf_ringbuf_output(&off_ended, account, sizeof(*account), BPF_RB_NO_WAKEUP))
		count_event(COUNTER_OFF_ACCOUNTS_FULL);
	if (thread->is_ending)
		__sync_fetch_and_add(&off_ending, -1);
	if (off_config.is_raw)
		bpf_map_delete_elem(&off_threads_raw, &address);
}

#endif
