/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The stacks of a thread that is off its CPU: known again, or walked; and saved under their ids. */
#ifndef EPROF_BPF_OFF_STACK_BPF_H
#define EPROF_BPF_OFF_STACK_BPF_H

#include "bpf/abi.h"

extern const volatile struct sampler_config config;
extern const volatile struct off_cpu_config off_config;

#include "bpf/off_memo.bpf.h"
#include "bpf/off_pace.bpf.h"
#include "bpf/target.bpf.h"
#include "bpf/task.bpf.h"

#define TASK_IS_IO_WORKER 0x00000010 /* PF_IO_WORKER: no registers of user code */
#define TASK_IS_KERNEL    0x00200000 /* PF_KTHREAD */

/* Nobody else is on this CPU meanwhile: interrupts are off, or (iterators) it is theirs alone. */
struct off_scratch {
	__u32 is_iterators;     /* which of the two below it is */
	__u32 switches;         /* on this CPU, since one was timed */
	struct off_count count; /* one that is new */
	struct off_account account;
	struct off_interval interval; /* copied */
	struct sample_key waker;
	struct memo_span span;
	struct off_pace pace;
	struct off_thread fresh; /* zeros */
	struct scratch stacks;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct off_scratch);
} off_scratches SEC(".maps");

/* Iterators can be preempted, and run one at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct off_scratch);
} off_iterator_scratch SEC(".maps");

static __always_inline struct off_scratch *find_scratch(__u32 is_iterators)
{
	struct off_scratch *scratch;
	__u32 zero = 0;

	if (!is_iterators)
		return bpf_map_lookup_elem(&off_scratches, &zero);
	scratch = bpf_map_lookup_elem(&off_iterator_scratch, &zero);
	if (scratch)
		scratch->is_iterators = true;
	return scratch;
}

/*
 * Stacks, in pieces, and wakers. User space takes out what it has read, at any time: what is not
 * there is written again, and user space keeps what it has read.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64);
	__type(value, struct stack);
	__uint(max_entries, 1024);
} off_stacks SEC(".maps");

/* Who has woken others up, by id: user space takes them out as it does with stacks. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64);
	__type(value, struct sample_key);
	__uint(max_entries, 1);
} off_wakers SEC(".maps");

__u64 off_save_stack(const struct off_scratch *scratch, __u32 is_kernel, __u64 seed);

/*
 * Returns the id of the stack, STACK_ID_LOST when there is no room for it. The scratch is looked up
 * again: before Linux 6.2 what a checked-once function was handed does not go into a map.
 */
OFF_CHECKED_ONCE __u64 off_save_stack(const struct off_scratch *scratch, __u32 is_kernel,
				      __u64 seed)
{
	struct call_stack *stack;
	struct off_scratch *own;
	__u64 id;

	if (!scratch)
		return STACK_ID_LOST;
	own = find_scratch(scratch->is_iterators);
	if (!own)
		return STACK_ID_LOST;
	stack = is_kernel ? &own->stacks.kernel : &own->stacks.unwind.stack;
	id = stack_find_id(stack, seed);
	if (id == STACK_ID_NONE || save_stack(&off_stacks, stack, &own->stacks.piece))
		return id;
	return STACK_ID_LOST;
}

static __always_inline __u64 save_user_stack(struct off_scratch *scratch, __u64 seed, __u32 *stop)
{
	__u64 id = off_save_stack(scratch, false, seed);

	if (id == STACK_ID_LOST) {
		count_event(COUNTER_USER_STACK_LOST);
		*stop = STOP_STACK_LOST;
	}
	return id;
}

static __always_inline __u64 save_kernel_stack(struct off_scratch *scratch, __u64 seed)
{
	__u64 id = off_save_stack(scratch, true, seed);

	if (id == STACK_ID_LOST)
		count_event(COUNTER_KERNEL_STACK_LOST);
	return id;
}

/* Walks the user stack of the current thread, which is in the kernel. */
static __always_inline __u64 walk_off_user_stack(void *ctx, struct task_struct *task,
						 struct off_scratch *scratch,
						 const struct sample_key *who, __u32 *ret_stop)
{
	struct unwind_state *state = &scratch->stacks.unwind;

	state->stack.depth = 0;
	state->read_count = state->read_other = 0;
	if (config.unwind == UNWIND_TABLES && unwind_begin_saved(task, state)) {
		copy_process(who, &state->process);
		*ret_stop = unwind_walk(state);
	} else {
		state->read_other = true;
		*ret_stop = walk_by_frame_pointers(ctx, &scratch->stacks, config.frames_max);
	}
	if (*ret_stop != STOP_COMPLETE && is_without_memory()) {
		state->stack.depth = 0;
		*ret_stop = STOP_NONE;
	}
	if (*ret_stop == STOP_UNREADABLE)
		count_event(COUNTER_USER_UNREADABLE);
	if (*ret_stop == STOP_TOO_DEEP)
		count_event(COUNTER_USER_STACK_CUT);
	return save_user_stack(scratch, config.stack_seed, ret_stop);
}

#if defined(__TARGET_ARCH_x86)

/* What a memo is found by before the stack is looked at. */
struct memo_place {
	__u64 generation, pc, rsp, rbp;
};

static __always_inline __u64 memo_place_key(const struct memo_place *place)
{
	return place->pc + place->rsp;
}

int memo_find_user(const struct memos *memos, const struct memo_place *now);
int memo_find_kernel(const struct memos *memos, struct memo_span *span);

/* Which memo is of where the thread is; -1: none. */
OFF_CHECKED_ONCE int memo_find_user(const struct memos *memos, const struct memo_place *now)
{
	struct memo_user_span *span;
	__u32 zero = 0;
	__u64 key;

	span = bpf_map_lookup_elem(&off_user_spans, &zero);
	if (!memos || !span || !now)
		return -1;
	key = memo_place_key(now);
	for (__u32 i = 0; i < MEMO_USER_WAYS; i++) {
		const struct memo_user *memo = &memos->user[i];

		if (memos->user_places[i] == key && memo->pc == now->pc && memo->rsp == now->rsp &&
		    memo->rbp == now->rbp && memo->generation == now->generation &&
		    memo_user_matches(memo, span))
			return i;
	}
	return -1;
}

/* What a table that is still to come would have changed is not to be learned. */
static __always_inline bool is_final(__u32 stop)
{
	return stop == STOP_COMPLETE || stop == STOP_FRAME_POINTERS || stop == STOP_NO_RULE ||
	       stop == STOP_TOO_DEEP || stop == STOP_LOST_REGISTER;
}

/* The way to be learned over: the next one that has not matched for a whole round (CLOCK). */
static __always_inline __u32 memo_pass_over(struct memos *memos)
{
	for (__u32 i = 0; i < MEMO_USER_WAYS; i++) {
		__u32 bit = 1u << (memos->user_next++ & (MEMO_USER_WAYS - 1));

		if (!(memos->user_matched & bit))
			break;
		memos->user_matched &= ~bit;
	}
	return memos->user_next - 1;
}

static __always_inline void learn_user(struct memos *memos, struct off_scratch *scratch,
				       __u64 generation, __u64 id, __u32 stop)
{
	const struct pt_regs *saved = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct memo_place now = { .generation = generation };
	struct memo_user *memo;
	__u32 way;

	if (!is_final(stop) || id <= STACK_ID_LOST)
		return;
	way = memo_pass_over(memos) & (MEMO_USER_WAYS - 1);
	now.pc = saved->rip;
	now.rsp = saved->rsp;
	memos->user_places[way] = memo_place_key(&now);
	memo = &memos->user[way];
	memo->generation = generation;
	memo->pc = now.pc;
	memo->rsp = now.rsp;
	memo->rbp = saved->rbp;
	memo->period = unwind_now;
	memo->stack = id;
	memo->stop = stop;
	memo_learn_user(memo, &scratch->stacks.unwind);
}

/* In a row, and for how long nothing is tried then. True: now something is. */
static __always_inline bool memo_is_worth(__u32 *misses)
{
	if (*misses < MEMO_MISSES_MAX)
		return true;
	if (++*misses > MEMO_MISSES_MAX + MEMO_PAUSE)
		*misses = 0;
	return false;
}

static __always_inline __u64 take_off_user_stack(void *ctx, struct task_struct *task,
						 struct memos *memos, struct off_scratch *scratch,
						 struct off_thread *thread, __u32 *ret_stop)
{
	const struct sample_key *who = &thread->interval.key.who;
	const struct pt_regs *saved = (void *)bpf_task_pt_regs(task);
	struct memo_place now = { .generation = who->generation };
	struct memo_user *memo = 0;
	bool learns = memos && memo_is_worth(&memos->user_misses), is_fresh = false;
	__u64 id;

	if (learns) {
		int way;

		now.pc = saved->rip;
		now.rsp = saved->rsp;
		now.rbp = saved->rbp;
		way = memo_find_user(memos, &now);
		if (way >= 0) {
			memos->user_matched |= 1u << (way & (MEMO_USER_WAYS - 1));
			memo = &memos->user[way & (MEMO_USER_WAYS - 1)];
		}
	}
	if (memo) {
		memos->user_misses = 0;
		is_fresh = memo->period == unwind_now;
		if (is_fresh)
			thread->tally.user_known++;
		if (is_fresh && !off_config.verify_memos) {
			*ret_stop = memo->stop;
			return memo->stack;
		}
	}
	id = walk_off_user_stack(ctx, task, scratch, who, ret_stop);
	count_event(COUNTER_OFF_USER_WALKS);
	/* A stack has to be saved once in each period. */
	if (memo)
		memo->period = unwind_now;
	if (memo && id > STACK_ID_LOST && (id != memo->stack || *ret_stop != memo->stop)) {
		if (is_fresh)
			count_event(COUNTER_OFF_MEMO_WRONG);
		memo->size = MEMO_NOTHING;
	}
	if (!memo && learns) {
		memos->user_misses++;
		learn_user(memos, scratch, who->generation, id, *ret_stop);
	}
	return id;
}

/* Copies what memo looks at. */
static __always_inline bool read_kernel_span(struct memo_span *span, __u64 size)
{
	if (size > MEMO_SPAN)
		return false;
	return !bpf_probe_read_kernel(&span->words[MEMO_SPAN_WORDS], MEMO_TOP,
				      (const void *)(span->top - MEMO_TOP)) &&
	       (!size ||
		!bpf_probe_read_kernel(span->words, size, (const void *)span->stack_pointer));
}

OFF_CHECKED_ONCE int memo_find_kernel(const struct memos *memos, struct memo_span *span)
{
	__u64 read = 0;

	if (!memos || !span)
		return -1;
	for (__u32 i = 0; i < MEMO_KERNEL_WAYS; i++) {
		const struct memo_kernel *memo = &memos->kernel[i];
		__u64 low = memo->low;

		if (!low || span->stack_pointer + low + MEMO_TOP > span->top)
			continue;
		if (off_config.has_rdonly_cast) {
			if (memo_kernel_matches_direct(memo, span))
				return i;
			continue;
		}
		if (low > read && !read_kernel_span(span, low))
			continue;
		if (low > read)
			read = low;
		if (memo_kernel_matches(memo, span))
			return i;
	}
	return -1;
}

/* A walk has found the stack of this id: a memo of it is corrected, or one is made. */
static __always_inline void learn_kernel(struct memos *memos, struct off_scratch *scratch, __u64 id)
{
	struct call_stack *stack = &scratch->stacks.kernel;
	struct memo_span *span = &scratch->span;
	__u32 outer = (stack->depth - 2) & (USER_FRAMES_MAX - 1);
	struct memo_kernel *memo;

	if (id <= STACK_ID_LOST || stack->depth < 2)
		return;
	for (__u32 i = 0; i < MEMO_KERNEL_WAYS; i++) {
		memo = &memos->kernel[i];
		if (memo->stack != id || !memo->low ||
		    span->stack_pointer + memo->low + MEMO_TOP > span->top ||
		    !read_kernel_span(span, memo->low) ||
		    !memo_refine_kernel(memo, span, stack->pc[outer]))
			continue;
		memo->period = unwind_now;
		memos->kernel_last = i;
		return;
	}
	/* Of two, the one that was not the last to match. */
	memo = &memos->kernel[(memos->kernel_last + 1) & (MEMO_KERNEL_WAYS - 1)];
	if (!read_kernel_span(span, span->top - span->stack_pointer - MEMO_TOP) ||
	    !memo_learn_kernel(memo, span, stack))
		return;
	memo->stack = id;
	memo->period = unwind_now;
	memos->kernel_last++;
}

#endif

/* The id of a waker, which is kept; STACK_ID_NONE: there is no room. */
static __always_inline __u64 off_save_waker(const struct sample_key *who, __u64 seed)
{
	const __u64 *words = (const void *)who;
	__u64 id = seed;

	for (__u32 i = 0; i < sizeof(*who) / 8; i++)
		id = off_mix(id, words[i]);
	id = off_id(id);
	if (bpf_map_lookup_elem(&off_wakers, &id) ||
	    !bpf_map_update_elem(&off_wakers, &id, who, BPF_ANY))
		return id;
	count_event(COUNTER_OFF_WAKERS_FULL);
	return STACK_ID_NONE;
}

/* In a tracing program: itself, who calls it, and the tracepoint's own function. */
#define OFF_TRACING_FRAMES 3

/* The kernel stack of the thread that runs, from the tracepoint on. */
static __always_inline __u64 walk_own_kernel_stack(void *ctx, struct off_scratch *scratch)
{
	struct call_stack *stack = &scratch->stacks.kernel;
	long bytes = bpf_get_stack(ctx, stack->pc, KERNEL_FRAMES_MAX * sizeof(stack->pc[0]),
				   OFF_TRACING_FRAMES);

	if (!stack_is_taken(stack, bytes))
		return STACK_ID_LOST;
	if (stack->depth >= config.frames_max)
		count_event(COUNTER_KERNEL_STACK_CUT);
	return save_kernel_stack(scratch, config.stack_seed);
}

/* The kernel stack of a task that is not running. */
static __always_inline __u64 walk_off_kernel_stack(struct task_struct *task,
						   struct off_scratch *scratch)
{
	struct call_stack *stack = &scratch->stacks.kernel;
	long bytes =
		bpf_get_task_stack(task, stack->pc, KERNEL_FRAMES_MAX * sizeof(stack->pc[0]), 0);

	if (!stack_is_taken(stack, bytes))
		return STACK_ID_LOST;
	if (stack->depth >= config.frames_max)
		count_event(COUNTER_KERNEL_STACK_CUT);
	return save_kernel_stack(scratch, config.stack_seed);
}

#if defined(__TARGET_ARCH_x86)

static __always_inline __u64 take_off_kernel_stack(struct task_struct *task, struct memos *memos,
						   struct off_scratch *scratch,
						   struct off_thread *thread)
{
	struct memo_span *span = &scratch->span;
	struct memo_kernel *memo = 0;
	bool learns = memos && memo_is_worth(&memos->kernel_misses), is_fresh = false;
	__u64 id;

	if (learns) {
		int way;

		memo_set_span(span, task->thread.sp, (__u64)bpf_task_pt_regs(task));
		way = memo_find_kernel(memos, span);
		if (way >= 0) {
			memos->kernel_last = way;
			memo = &memos->kernel[way & (MEMO_KERNEL_WAYS - 1)];
		}
	}
	if (memo) {
		memos->kernel_misses = 0;
		is_fresh = memo->period == unwind_now;
		if (is_fresh)
			thread->tally.kernel_known++;
		if (is_fresh && !off_config.verify_memos)
			return memo->stack;
	}
	id = walk_off_kernel_stack(task, scratch);
	count_event(COUNTER_OFF_KERNEL_WALKS);
	if (memo && id > STACK_ID_LOST)
		memo->period = unwind_now;
	if (memo && id > STACK_ID_LOST && id != memo->stack) {
		if (is_fresh)
			count_event(COUNTER_OFF_MEMO_WRONG);
		memo->low = 0;
	}
	if (!memo && learns) {
		memos->kernel_misses++;
		learn_kernel(memos, scratch, id);
	}
	return id;
}

#else

static __always_inline __u64 take_off_user_stack(void *ctx, struct task_struct *task,
						 struct memos *memos, struct off_scratch *scratch,
						 struct off_thread *thread, __u32 *ret_stop)
{
	const struct sample_key *who = &thread->interval.key.who;
	__u64 id = walk_off_user_stack(ctx, task, scratch, who, ret_stop);

	count_event(COUNTER_OFF_USER_WALKS);
	return id;
}

static __always_inline __u64 take_off_kernel_stack(struct task_struct *task, struct memos *memos,
						   struct off_scratch *scratch,
						   struct off_thread *thread)
{
	count_event(COUNTER_OFF_KERNEL_WALKS);
	return walk_off_kernel_stack(task, scratch);
}

#endif
#endif
