// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * Off-CPU time: all of it, of every thread that is looked at.
 *
 * on_switch() runs at each context switch. For who leaves, it takes the user stack, whose memory is
 * still there; for who comes, the kernel stack, which stands still until the switch is done, and
 * the time since it left: blocked, and then waiting for a CPU. The second is what the scheduler
 * says itself (sched_info), so nothing need run at wake-ups.
 *
 * There is one clock, the scheduler's (rq->clock): what sched_info goes by, and a read of memory
 * instead of a call. It is not CLOCK_MONOTONIC.
 *
 * A window ends at a time that user space writes to off_control, with the half of the counts that
 * is next. Then off_settle() brings all threads' accounts up to that time, and off_collect() hands
 * them out: see off_thread.bpf.h.
 */
#include "bpf/kernel_types.h"

#include <linux/errno.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* The walker notes what it reads of the stack. */
#define UNWIND_READS_MAX 64

#include "bpf/off_iterate.bpf.h"

/* bpf_get_stack() and the probe reads are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct sampler_config config = {};
const volatile struct off_cpu_config off_config = {};

__u64 off_control;   /* OFF_CONTROL_HALF and so on */
__u64 off_began;     /* when the recording did; 0: it has not, and nothing is accounted for */
__u32 off_seeding;   /* threads may be there that have no record yet */
__s32 off_ending;    /* threads that exit, and have not been told of yet */
__u32 off_unwalked;  /* intervals whose user stack is to be had a little later */
__u32 off_clock_tid; /* who asks for the time by leaving its CPU; 0: nobody */
__u64 off_clock, off_clock_monotonic; /* the answer */

static __always_inline __u64 scheduler_clock(const struct task_struct *current)
{
	return current->se.cfs_rq->rq->clock;
}

static __always_inline struct memos *memos_of(struct task_struct *task,
					      const struct off_thread *thread)
{
	if (!MEMO_IS_POSSIBLE || off_config.is_raw || thread->intervals < MEMO_INTERVALS)
		return 0;
	if (thread->intervals % MEMO_INTERVALS)
		return bpf_task_storage_get(&off_memos, task, 0, 0);
	return bpf_task_storage_get(&off_memos, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* The record of who leaves; NULL: it is not looked at. */
static __always_inline struct off_thread *record_leaving(struct task_struct *task,
							 struct off_scratch *scratch, __u64 now)
{
	struct off_thread *thread = find_record(task);

	if (thread && config.filter != FILTER_CGROUP)
		return thread;
	if (config.filter == FILTER_CGROUP ? bpf_current_task_under_cgroup(&target_cgroup, 0) != 1
					   : !is_target_task(task)) {
		/* It has left the cgroup: for us it ends. */
		if (thread && thread->mark != MARK_NONE) {
			account_on(thread, MARK_TIME(take_mark(thread, 0, &now)), now);
			tell_end(task, thread, scratch, now);
			if (!off_config.is_raw)
				bpf_task_storage_delete(&off_threads, task);
		}
		return 0;
	}
	if (!thread)
		thread = make_record(task, &scratch->fresh);
	if (!thread)
		count_event(COUNTER_OFF_NO_RECORD);
	return thread;
}

static __always_inline void take_stacks(void *ctx, struct task_struct *task,
					struct off_thread *thread, struct off_scratch *scratch,
					struct sample_key *ret)
{
	if (config.unwind != UNWIND_NONE && !(task->flags & (TASK_IS_KERNEL | TASK_IS_IO_WORKER)))
		ret->user_stack = take_off_user_stack(ctx, task, memos_of(task, thread), scratch,
						      thread, &ret->stop);
	/* The next one's stack is not to be had in a raw tracepoint: it is taken here. */
	if (off_config.is_raw && config.kernel_stacks) {
		ret->kernel_stack = walk_own_kernel_stack(ctx, scratch);
		count_event(COUNTER_OFF_KERNEL_WALKS);
	}
}

static __always_inline void leave(void *ctx, struct task_struct *task, struct off_scratch *scratch,
				  __u64 now, enum off_state state, bool is_dead)
{
	struct off_thread *thread = record_leaving(task, scratch, now);
	struct sample_key stacks = {};
	struct off_interval *interval;
	__u64 mark;

	if (!thread)
		return;
	interval = &thread->interval;
	if (!is_named(task, thread))
		rename_thread(task, thread, scratch);
	if (state == OFF_RUNQUEUE && off_config.preempted_ns)
		thread->is_banked = preempted_skips(thread, &scratch->pace, now);
	else
		thread->is_banked = pace_skips(thread, &scratch->pace, now);
	if (thread->is_banked)
		stacks.stop = STOP_NOT_TAKEN;
	else if (!is_dead)
		take_stacks(ctx, task, thread, scratch, &stacks);
	mark = *(volatile __u64 *)&thread->mark;
	if (mark == MARK_NONE || mark & MARK_OFF) {
		mark = take_mark(thread, 0, &now);
		if (mark & MARK_OFF) {
			count_event(COUNTER_OFF_REPAIRED);
			account_missed(task, thread, scratch, MARK_TIME(mark), now);
		} else if (mark == MARK_NONE) {
			begin_running(task, thread, now);
		}
	}
	if (stacks.stop == STOP_NO_TABLE_YET || stacks.stop == STOP_NO_MAPPING)
		off_unwalked++;
	interval->key.who.user_stack = stacks.user_stack;
	interval->key.who.kernel_stack = stacks.kernel_stack;
	interval->key.who.stop = stacks.stop;
	interval->key.state = state;
	interval->key.waker = STACK_ID_NONE;
	interval->began = now;
	interval->run_delay = task->sched_info.run_delay;
	mark = take_mark(thread, MARK_OFF, &now);
	account_on(thread, MARK_TIME(mark), now);
	if (is_dead)
		tell_end(task, thread, scratch, now);
}

/* Made by fork, it has waited for its first time on a CPU; or it was there before the recording. */
static __always_inline void begin_record(struct off_thread *thread, const struct off_facts *facts,
					 __u64 now)
{
	struct off_interval *interval = &thread->interval;

	interval->key.state = OFF_RUNQUEUE;
	interval->run_delay = facts->run_delay;
	interval->began = facts->last_queued && facts->last_queued < now ? facts->last_queued : now;
	if (!off_seeding || thread->is_child) {
		thread->born = interval->began;
		return;
	}
	/* It was blocked when the recording began, nobody has looked where. */
	if (interval->began > off_began)
		interval->key.state = OFF_OTHER;
	interval->began = off_began;
}

/* Whether an interval of that length is shown under its stacks, as far as is known now. */
static __always_inline bool wants_stacks(const struct off_thread *thread, __u64 length)
{
	if (preempted_is_sampled(&thread->interval))
		return preempted_wants_stack(thread, length);
	return !thread->is_banked || length >= PACE_SHORT_NS;
}

static __always_inline __u64 take_kernel_stack(struct task_struct *task, struct off_thread *thread,
					       struct off_scratch *scratch, __u64 now)
{
	if (!config.kernel_stacks || !wants_stacks(thread, now - thread->interval.began))
		return STACK_ID_NONE;
	if (off_config.is_raw)
		return thread->interval.key.who.kernel_stack;
	return take_off_kernel_stack(task, memos_of(task, thread), scratch, thread);
}

static __always_inline struct off_thread *record_entering(struct task_struct *task,
							  const struct off_facts *facts,
							  struct off_scratch *scratch)
{
	struct off_thread *thread = find_record(task);

	if (thread || !off_seeding || !is_target_task(task))
		return thread;
	thread = make_record(task, &scratch->fresh);
	if (!thread)
		return 0;
	name_thread(task, thread);
	/* Where it waited until now nobody has looked. */
	if (!(facts->flags & TASK_IS_KERNEL))
		thread->interval.key.who.stop = STOP_UNREADABLE;
	return thread;
}

/* Where the time of an interval of that length goes. */
static __always_inline enum off_bank choose_bank(struct off_thread *thread, struct off_pace *pace,
						 __u64 length, __u64 now)
{
	if (is_hidden(&thread->interval, length) || !off_is_shown(thread->interval.key.state))
		return OFF_BANK_NONE;
	if (preempted_is_sampled(&thread->interval))
		return preempted_choose(thread, pace, length, now);
	if (!off_config.max_events)
		return OFF_BANK_NONE;
	if (length >= PACE_SHORT_NS) {
		thread->short_run = 0;
		return OFF_BANK_NONE;
	}
	thread->short_run++;
	if (thread->short_run <= PACE_RUN ||
	    (!thread->bank_blocked && !thread->bank_runqueue && !pace->is_fast))
		return OFF_BANK_NONE;
	thread->bank_left -= length;
	if (thread->is_banked || thread->bank_left > 0) {
		count_event(COUNTER_OFF_NOT_SAMPLED);
		return OFF_BANK_PUT;
	}
	thread->bank_left = pace_draw(pace, PACE_SAMPLE_NS, now);
	count_event(COUNTER_OFF_SAMPLED);
	return OFF_BANK_TAKE;
}

/* It may have been there before the thread was off. */
static __always_inline void find_waker(struct off_thread *thread)
{
	struct off_key *key = &thread->interval.key;

	if (key->state != OFF_RUNQUEUE && !key->waker)
		key->waker = thread->early_waker;
	if (key->state != OFF_RUNQUEUE && !key->waker)
		count_event(COUNTER_OFF_WAKERS_MISSED);
	thread->early_waker = STACK_ID_NONE;
}

static __always_inline void enter(struct task_struct *task, const struct off_facts *facts,
				  struct off_scratch *scratch, __u64 now)
{
	struct off_thread *thread = record_entering(task, facts, scratch);
	struct off_span span = { .to = now, .is_end = true };
	struct off_interval *interval;
	__u64 mark;

	if (!thread)
		return;
	interval = &thread->interval;
	span.kernel_stack = take_kernel_stack(task, thread, scratch, now);
	mark = take_mark(thread, 0, &now);
	span.to = now;
	if (mark == MARK_NONE) {
		begin_record(thread, facts, now);
		mark = MARK_OFF_AT(interval->began);
	}
	if (!(mark & MARK_OFF)) {
		/* It was not seen to leave: since when it was off is not known. */
		count_event(COUNTER_OFF_REPAIRED);
		interval->began = MARK_TIME(mark);
		interval->key.state = OFF_OTHER;
		interval->key.who.user_stack = STACK_ID_LOST;
		interval->key.who.stop = STOP_STACK_LOST;
		interval->run_delay = facts->run_delay;
	}
	if (off_config.wakers)
		find_waker(thread);
	span.from = MARK_TIME(mark);
	span.ready = ready_since(interval, facts, now);
	span.bank = choose_bank(thread, &scratch->pace, now - interval->began, now);
	account_off(thread, interval, scratch, &span);
	account_end(thread, now - interval->began);
}

/* The one who wants to know what time it is has left its CPU for that. */
static __always_inline void tell_time(struct task_struct *task, __u64 now)
{
	if (!off_clock_tid || pid_in_namespace(task, config.pid_namespace) != off_clock_tid)
		return;
	off_clock_monotonic = bpf_ktime_get_ns();
	off_clock = now;
	off_clock_tid = 0;
}

/* What the tracepoint tells. */
struct off_switch {
	struct task_struct *prev, *next;
	__u32 state;
	bool preempt;
};

/* One switch of so many is timed, and stands for them: to look at a clock is not free. The number
 * is odd, as switches to and from idle, or between two threads, take turns. */
#define TIMED_SWITCHES 61

static __always_inline void account_switch(void *ctx, const struct off_switch *change)
{
	__u64 now = scheduler_clock(change->prev), began = 0;
	struct task_struct *prev = change->prev;
	struct off_scratch *scratch;
	struct off_facts facts;

	scratch = find_scratch(false);
	if (!scratch)
		return;
	if (++scratch->switches >= TIMED_SWITCHES) {
		scratch->switches = 0;
		began = bpf_ktime_get_ns();
	}
	tell_time(prev, now);
	if (is_told(prev->pid, prev->flags))
		leave(ctx, prev, scratch, now, off_state_of(change->preempt, change->state),
		      !change->preempt && change->state & TASK_DEAD);
	read_facts(change->next, off_config.is_raw, &facts);
	if (is_told(facts.pid, facts.flags))
		enter(change->next, &facts, scratch, now);
	if (began)
		add_counter(COUNTER_BPF_NS, TIMED_SWITCHES * (bpf_ktime_get_ns() - began));
}

SEC("tp_btf/sched_switch")
int on_switch(__u64 *ctx)
{
	struct off_switch change = { .prev = (void *)ctx[1],
				     .next = (void *)ctx[2],
				     .preempt = ctx[0] };

	change.state = off_config.switch_has_state ? (__u32)ctx[3] : change.prev->__state;
	account_switch(ctx, &change);
	return 0;
}

/* The same where there are no typed tracepoints: records by number, all stacks walked. */
SEC("raw_tp/sched_switch")
int on_switch_raw(struct bpf_raw_tracepoint_args *ctx)
{
	struct off_switch change = { .prev = bpf_get_current_task_btf(),
				     .next = (void *)ctx->args[2],
				     .preempt = ctx->args[0] };

	change.state = off_config.switch_has_state ? (__u32)ctx->args[3] : change.prev->__state;
	account_switch(ctx, &change);
	return 0;
}

/*
 * The child has not run: it is looked at if its parent is, and by now it has a number. Nothing here
 * is shared with who may run on this CPU meanwhile.
 */
static __always_inline void begin_child(struct task_struct *parent, struct task_struct *child)
{
	__u32 pid = BPF_CORE_READ(child, pid);
	struct off_scratch *scratch = find_scratch(false);
	struct off_thread *thread;

	if (!scratch || config.filter == FILTER_TIDS ||
	    !is_told(pid, BPF_CORE_READ(child, flags)) || !find_record(parent))
		return;
	thread = make_record(child, &scratch->fresh);
	if (!thread)
		return;
	thread->is_child = true;
	name_thread(child, thread);
}

SEC("tp_btf/sched_process_fork")
int off_fork(__u64 *ctx)
{
	begin_child((void *)ctx[0], (void *)ctx[1]);
	return 0;
}

SEC("raw_tp/sched_process_fork")
int off_fork_raw(struct bpf_raw_tracepoint_args *ctx)
{
	begin_child(bpf_get_current_task_btf(), (void *)ctx->args[1]);
	return 0;
}

/* From here on iterators may miss it: it is waited for before a window is read. */
static __always_inline void note_exit(struct task_struct *task)
{
	struct off_thread *thread = find_record(task);

	if (!thread || thread->is_ending)
		return;
	thread->is_ending = true;
	__sync_fetch_and_add(&off_ending, 1);
	/* Should its end come after its window is read, then without what it has waited till now.
	 */
	put_pendings(thread);
}

SEC("tp_btf/sched_process_exit")
int off_exit(__u64 *ctx)
{
	note_exit(bpf_get_current_task_btf());
	return 0;
}

SEC("raw_tp/sched_process_exit")
int off_exit_raw(struct bpf_raw_tracepoint_args *ctx)
{
	note_exit(bpf_get_current_task_btf());
	return 0;
}

/* Who wakes a thread up that is off its CPU: the current one, or what has interrupted it. */
static __always_inline void note_waker(void *ctx, struct task_struct *task)
{
	struct off_thread *thread = find_record(task);
	struct task_struct *waker = bpf_get_current_task_btf();
	struct off_scratch *scratch;
	struct sample_key *who;
	__u64 id;

	/* Interrupts are off, unless it wakes itself: that one is not off its CPU. */
	scratch = find_scratch(false);
	if (!scratch || !thread || (thread->mark & MARK_OFF && thread->interval.key.waker))
		return;
	who = &scratch->waker;
	__builtin_memset(who, 0, sizeof(*who));
	who->tgid = pid_in_namespace(BPF_CORE_READ(waker, group_leader), config.pid_namespace);
	who->generation = task_generation(waker->group_leader);
	bpf_probe_read_kernel_str(who->process_name, sizeof(who->process_name),
				  __builtin_preserve_access_index(&waker->group_leader->comm));
	who->is_idle = waker->pid == 0;
	if (!who->is_idle && config.unwind != UNWIND_NONE &&
	    !(waker->flags & (TASK_IS_KERNEL | TASK_IS_IO_WORKER)))
		who->user_stack = walk_off_user_stack(ctx, waker, scratch, who, &who->stop);
	if (config.kernel_stacks)
		who->kernel_stack = walk_own_kernel_stack(ctx, scratch);
	id = off_save_waker(who, config.stack_seed);
	/* Who is about to sleep can be woken up before it is seen to leave its CPU. */
	if (thread->mark & MARK_OFF)
		thread->interval.key.waker = id;
	else
		thread->early_waker = id;
}

SEC("tp_btf/sched_waking")
int off_waking(__u64 *ctx)
{
	note_waker(ctx, (void *)ctx[0]);
	return 0;
}

SEC("raw_tp/sched_waking")
int off_waking_raw(struct bpf_raw_tracepoint_args *ctx)
{
	note_waker(ctx, (void *)ctx->args[0]);
	return 0;
}
