/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Knowing a stack again without walking it. A thread mostly blocks where it has blocked before.
 *
 * A walk is a function of the registers it begins with and of the words it reads. So what is the
 * same in all of these is the same stack (but for code that has changed at the same place, in the
 * time from one drain to the next):
 *
 * - of a user stack the walker notes which words it reads (unwind_note_read());
 * - of a kernel stack, which the kernel walks, every word is compared that a walk could go by: what
 *   looks like an address of kernel code, and what looks like one in this stack (a saved frame
 *   pointer). Of those some are left over from calls that have returned: what has changed between
 *   two walks to the same stack is not compared any more. The kernel moves its stack by a random
 * distance at each system call (randomize_kstack_offset), below the outermost function: words
 * before that gap are found, and pointers to them compared, relative to the stack pointer, those
 * behind it relative to the top.
 *
 * A thread takes turns between places: waiting for work, handing it on, locks. In the kernel most
 * of those are the same, two are kept there, and eight of user code: with four, threads of Python
 * (the interpreter's lock, queues, and their locks) find half as many. Of a thread that never comes
 * back to a place nothing is learned for a while.
 */
#ifndef EPROF_BPF_OFF_MEMO_BPF_H
#define EPROF_BPF_OFF_MEMO_BPF_H

#include "bpf/off_thread.bpf.h"
#include "bpf/stack.bpf.h"

#if defined(__TARGET_ARCH_x86)
#define MEMO_IS_POSSIBLE 1
#else
#define MEMO_IS_POSSIBLE 0 /* the layouts below are those of x86-64 */
#endif

#define MEMO_USER_WAYS       8 /* powers of two */
#define MEMO_KERNEL_WAYS     2
#define MEMO_USER_WORDS      UNWIND_READS_MAX
#define MEMO_KERNEL_WORDS    48
/* Bytes of stack that are looked at. */
#define MEMO_USER_SPAN       16384
#define MEMO_SPAN            2048 /* in the kernel */
#define MEMO_SPAN_WORDS      (MEMO_SPAN / 8)
#define MEMO_USER_SPAN_WORDS (MEMO_USER_SPAN / 8)
#define MEMO_NOTHING         0xffffffffu /* as size of a user memo: it matches nothing */

/* What the entry code and the outermost function have pushed (arch/x86/entry/calling.h). */
#define MEMO_TOP       48
#define MEMO_TOP_WORDS (MEMO_TOP / 8)

/* Threads have memos from this many intervals on: most never switch that often. */
#define MEMO_INTERVALS 16

/* After so many misses in a row nothing is learned, nor looked for, for so many intervals. */
#define MEMO_MISSES_MAX 16
#define MEMO_PAUSE      128

struct memo_user {
	__u64 generation;
	__u64 pc, rsp, rbp;
	__u64 stack; /* its id */
	__u32 stop;
	__u32 period; /* of the drain in which the stack was saved */
	__u32 size;   /* from the first word to the last */
	__u32 count;
	__u64 begin; /* where the first word is */
	__u64 words[MEMO_USER_WORDS];
	__u16 places[MEMO_USER_WORDS]; /* in words from there */
};

/* What a word of the kernel stack is relative to. */
enum memo_base {
	MEMO_PLAIN,
	MEMO_FROM_STACK_POINTER,
	MEMO_FROM_TOP,
};

#define MEMO_BASES 4 /* a power of two */

struct memo_kernel {
	__u64 stack;
	__u32 period;
	__u32 low; /* bytes from the stack pointer to the gap; 0: nothing is known */
	__u32 count;
	__u32 kept; /* of them, while they are looked through */
	__u64 words[MEMO_KERNEL_WORDS];
	__u16 places[MEMO_KERNEL_WORDS]; /* in struct memo_span.words */
	__u8 bases[MEMO_KERNEL_WORDS];   /* enum memo_base */
};

struct memos {
	__u64 user_places[MEMO_USER_WAYS]; /* memo_place_key(): what can match at all */
	struct memo_user user[MEMO_USER_WAYS];
	struct memo_kernel kernel[MEMO_KERNEL_WAYS];
	__u32 user_matched; /* a bit for each way that has, since it was last passed over */
	__u32 user_next;    /* the way to be passed over, or learned over, next */
	__u32 kernel_last;  /* the way that matched, or was learned, last */
	__u32 user_misses, kernel_misses;
	__u32 unused;
};

/* A piece of a user stack; one for each CPU. */
struct memo_user_span {
	__u64 words[MEMO_USER_SPAN_WORDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct memo_user_span);
} off_user_spans SEC(".maps");

/* A kernel stack, its top at the end; one for each CPU. */
struct memo_span {
	__u64 words[MEMO_SPAN_WORDS + MEMO_TOP_WORDS];
	__u64 stack_pointer, top;
	__u64 biases[MEMO_BASES], top_bias; /* memo_set_span() */
	__u64 low, found, matched;          /* memo_find_low() */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct memos);
} off_memos SEC(".maps");

int memo_learn_user(struct memo_user *memo, const struct unwind_state *state);
int memo_add_word(struct memo_kernel *memo, const struct memo_span *span, __u32 place);
int memo_kernel_matches(const struct memo_kernel *memo, struct memo_span *span);
int memo_refine_kernel(struct memo_kernel *memo, const struct memo_span *span, __u64 outer);
int memo_learn_kernel(struct memo_kernel *memo, struct memo_span *span,
		      const struct call_stack *stack);

/* Whether the words on the stack are those of the memo, whose registers are the thread's. */
static __always_inline bool memo_user_matches(const struct memo_user *memo,
					      struct memo_user_span *span)
{
	__u32 size = memo->size;

	if (size > MEMO_USER_SPAN)
		return false;
	if (size && bpf_probe_read_user(span->words, size, (const void *)memo->begin))
		return false;
	for (__u32 i = 0; i < MEMO_USER_WORDS; i++) {
		if (i >= memo->count)
			break;
		if (span->words[memo->places[i] & (MEMO_USER_SPAN_WORDS - 1)] != memo->words[i])
			return false;
	}
	return true;
}

/* From a walk that began with the memo's registers. Not everything can be learned: then count 0 and
 * a size that never matches. */
OFF_CHECKED_ONCE int memo_learn_user(struct memo_user *memo, const struct unwind_state *state)
{
	__u64 last = 0, begin = ~0ULL;

	if (!memo || !state)
		return false;
	memo->size = MEMO_NOTHING;
	if (state->read_other || state->read_count > MEMO_USER_WORDS)
		return false;
	for (__u32 i = 0; i < MEMO_USER_WORDS; i++) {
		if (i >= state->read_count)
			break;
		if (state->reads[i].address < begin)
			begin = state->reads[i].address;
	}
	for (__u32 i = 0; i < MEMO_USER_WORDS; i++) {
		__u64 place;

		if (i >= state->read_count)
			break;
		place = state->reads[i].address - begin;
		if (place > MEMO_USER_SPAN - 8 || place & 7)
			return false;
		memo->places[i] = place / 8;
		memo->words[i] = state->reads[i].word;
		if (place + 8 > last)
			last = place + 8;
	}
	memo->count = state->read_count;
	memo->begin = begin;
	memo->size = last;
	return true;
}

/* What is subtracted from a word before it is compared; by enum memo_base. */
static __always_inline __u64 memo_bias(const struct memo_span *span, __u32 base)
{
	return span->biases[base & (MEMO_BASES - 1)];
}

static __always_inline void memo_set_span(struct memo_span *span, __u64 stack_pointer, __u64 top)
{
	span->stack_pointer = span->biases[MEMO_FROM_STACK_POINTER] = stack_pointer;
	span->top = span->biases[MEMO_FROM_TOP] = top;
	span->biases[MEMO_PLAIN] = 0;
	/* Places at the end of a span are those below the top. */
	span->top_bias = top - sizeof(span->words);
}

/* A word of kernel memory, which may have any value, and any address: then 0. */
extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

static __always_inline __u64 memo_load(__u64 address)
{
	/* Of a type that is known to begin with a word. */
	const struct sched_info *word =
		bpf_rdonly_cast((const void *)address, bpf_core_type_id_kernel(struct sched_info));

	return word->pcount;
}

/* The same as below without a copy of the stack (Linux 6.2): span has its pointer and its top. */
static __always_inline bool memo_kernel_matches_direct(const struct memo_kernel *memo,
						       const struct memo_span *span)
{
	for (__u32 i = 0; i < MEMO_KERNEL_WORDS; i++) {
		__u64 address;

		if (i >= memo->count)
			break;
		address = 8ULL * memo->places[i];
		address += address < MEMO_SPAN ? span->stack_pointer : span->top_bias;
		if (memo_load(address) - memo_bias(span, memo->bases[i]) != memo->words[i])
			return false;
	}
	return true;
}

/* span has the words of the stack up to memo->low, and its top. */
OFF_CHECKED_ONCE int memo_kernel_matches(const struct memo_kernel *memo, struct memo_span *span)
{
	if (!memo || !span)
		return false;
	for (__u32 i = 0; i < MEMO_KERNEL_WORDS; i++) {
		__u32 place;

		if (i >= memo->count)
			break;
		place = memo->places[i];
		if (place >= MEMO_SPAN_WORDS + MEMO_TOP_WORDS)
			return false;
		if (span->words[place] - memo_bias(span, memo->bases[i]) != memo->words[i])
			return false;
	}
	return true;
}

int memo_keep_word(struct memo_kernel *memo, const struct memo_span *span, __u32 number);

/* Puts a word behind those that are kept, if it is what the memo says. */
OFF_CHECKED_ONCE int memo_keep_word(struct memo_kernel *memo, const struct memo_span *span,
				    __u32 number)
{
	__u32 place, kept;

	if (!memo || !span || number >= MEMO_KERNEL_WORDS)
		return false;
	place = memo->places[number];
	kept = memo->kept;
	if (place >= MEMO_SPAN_WORDS + MEMO_TOP_WORDS || kept >= MEMO_KERNEL_WORDS ||
	    span->words[place] - memo_bias(span, memo->bases[number]) != memo->words[number])
		return false;
	memo->words[kept] = memo->words[number];
	memo->places[kept] = place;
	memo->bases[kept] = memo->bases[number];
	memo->kept = kept + 1;
	return true;
}

/*
 * The words did not match, but a walk has found the same stack, with its outermost return address
 * in the same place: from now on those that differ are not looked at. False: it was elsewhere.
 */
OFF_CHECKED_ONCE int memo_refine_kernel(struct memo_kernel *memo, const struct memo_span *span,
					__u64 outer)
{
	__u32 last;

	if (!memo || !span)
		return false;
	last = memo->low / 8 - 1;
	if (last >= MEMO_SPAN_WORDS || span->words[last] != outer)
		return false;
	memo->kept = 0;
	for (__u32 i = 0; i < MEMO_KERNEL_WORDS; i++) {
		if (i >= memo->count)
			break;
		memo_keep_word(memo, span, i);
	}
	memo->count = memo->kept;
	return true;
}

/* Kernel code, modules and what BPF compiles to are in the uppermost 2 GiB (x86: mm.rst). */
static __always_inline bool memo_is_code(__u64 word)
{
	return word >= 0xffffffff80000000ULL && word < 0xffffffffff000000ULL;
}

int memo_find_low(struct memo_span *span, const struct call_stack *stack);

/*
 * Where the outermost function has called from: behind that is the gap. In the gap may be what
 * earlier system calls have left, with the same address at another distance: then it is not known
 * which is meant, and span->low is 0. The next one will have another gap.
 */
OFF_CHECKED_ONCE int memo_find_low(struct memo_span *span, const struct call_stack *stack)
{
	__u64 size, outer;
	__u32 depth;

	if (!span || !stack)
		return false;
	depth = stack->depth;
	if (depth < 2 || depth > KERNEL_FRAMES_MAX)
		return false;
	outer = stack->pc[depth - 2];
	size = span->top - span->stack_pointer - MEMO_TOP;
	span->low = span->found = span->matched = 0;
	for (__u32 i = 0; i < MEMO_SPAN_WORDS; i++) {
		if (8 * i >= size)
			break;
		if (span->words[i] == stack->pc[span->matched & (USER_FRAMES_MAX - 1)])
			*(volatile __u64 *)&span->matched += 1;
		if (span->words[i] != outer)
			continue;
		/* To memory: of registers the verifier would follow each value. */
		*(volatile __u64 *)&span->low = 8 * i + 8;
		*(volatile __u64 *)&span->found += 1;
	}
	/* Where a tracer has put its own return address, the words do not show the stack. */
	if (span->found != 1 || span->matched < depth - 1)
		span->low = 0;
	return true;
}

/* Adds a word to what is compared, if a walk could go by it; true, or false for want of room. */
OFF_CHECKED_ONCE int memo_add_word(struct memo_kernel *memo, const struct memo_span *span,
				   __u32 place)
{
	__u32 base = MEMO_PLAIN, at;
	__u64 word;

	if (!memo || !span || place >= MEMO_SPAN_WORDS + MEMO_TOP_WORDS)
		return false;
	word = span->words[place];
	if (word - span->stack_pointer < span->low)
		base = MEMO_FROM_STACK_POINTER;
	else if (word - span->stack_pointer <= span->top - span->stack_pointer)
		base = MEMO_FROM_TOP;
	else if (!memo_is_code(word))
		return true;
	at = memo->count;
	if (at >= MEMO_KERNEL_WORDS)
		return false;
	memo->words[at] = word - memo_bias(span, base);
	memo->places[at] = place;
	memo->bases[at] = base;
	memo->count = at + 1;
	return true;
}

/*
 * Learns the stack of which span has all words from the stack pointer on, and which the kernel has
 * walked. False when it cannot be.
 */
OFF_CHECKED_ONCE int memo_learn_kernel(struct memo_kernel *memo, struct memo_span *span,
				       const struct call_stack *stack)
{
	__u32 depth;
	__u64 low;

	if (!memo || !span || !stack)
		return false;
	depth = stack->depth;
	if (depth < 2 || depth > KERNEL_FRAMES_MAX)
		return false;
	memo_find_low(span, stack);
	low = span->low;
	if (!low)
		return false; /* what the memo knows may still be of use */
	memo->low = memo->count = 0;
	for (__u32 i = 0; i < MEMO_SPAN_WORDS; i++) {
		if (8 * i >= low)
			break;
		if (!memo_add_word(memo, span, i))
			return false;
	}
	for (__u32 i = MEMO_SPAN_WORDS; i < MEMO_SPAN_WORDS + MEMO_TOP_WORDS; i++) {
		if (!memo_add_word(memo, span, i))
			return false;
	}
	memo->low = low;
	return true;
}

#endif
