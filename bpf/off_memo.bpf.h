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
 *   distance at each system call (randomize_kstack_offset), below the outermost function: words
 *   before that gap are found, and pointers to them compared, relative to the stack pointer, those
 *   behind it relative to the top.
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
#define MEMO_KERNEL_WORDS    66
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

/*
 * Words of the kernel stack, by what they are relative to: nothing, the stack pointer, or the top;
 * first those before the gap, then those behind it, which have places relative to the top. They are
 * kept kind by kind, as a switch then has nothing to decide for each word.
 */
enum memo_kind {
	MEMO_PLAIN,
	MEMO_FROM_STACK_POINTER,
	MEMO_FROM_TOP,
	MEMO_KINDS_LOW,
	MEMO_HIGH_PLAIN = MEMO_KINDS_LOW,
	MEMO_HIGH_FROM_STACK_POINTER,
	MEMO_HIGH_FROM_TOP,
	MEMO_KINDS,
};

#define MEMO_WORDS_MAX 36 /* of any kind */

struct memo_word {
	__u64 word;
	__u64 offset; /* in struct memo_span.words, bytes */
};

struct memo_kernel {
	__u64 stack;
	__u32 period;
	__u32 low;  /* bytes from the stack pointer to the gap; 0: nothing is known */
	__u32 kept; /* of a kind, while they are looked through */
	__u32 unused;
	__u32 counts[MEMO_KINDS];
	struct memo_word words[MEMO_KERNEL_WORDS]; /* memo_first() of each kind and so on */
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
	__u64 top_bias;            /* memo_set_span() */
	__u64 low, found, matched; /* memo_find_low() */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct memos);
} off_memos SEC(".maps");

int memo_learn_user(struct memo_user *memo, const struct unwind_state *state);
int memo_add_word(struct memo_kernel *memo, const struct memo_span *span, __u32 place);
int memo_keep_word(struct memo_kernel *memo, const struct memo_span *span, __u32 kind,
		   __u32 number);
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

static __always_inline void memo_set_span(struct memo_span *span, __u64 stack_pointer, __u64 top)
{
	span->stack_pointer = stack_pointer;
	span->top = top;
	/* Places at the end of a span are those below the top. */
	span->top_bias = top - sizeof(span->words);
}

/* Where the words of a kind begin, and how many there can be: MEMO_KERNEL_WORDS in all. */
static __always_inline __u32 memo_first(__u32 kind)
{
	switch (kind) {
	case MEMO_PLAIN:
		return 0;
	case MEMO_FROM_STACK_POINTER:
		return 36;
	case MEMO_FROM_TOP:
		return 52;
	case MEMO_HIGH_PLAIN:
		return 58;
	case MEMO_HIGH_FROM_STACK_POINTER:
		return 62;
	case MEMO_HIGH_FROM_TOP:
		return 63;
	default:
		return MEMO_KERNEL_WORDS;
	}
}

static __always_inline __u32 memo_room(__u32 kind)
{
	return memo_first(kind + 1) - memo_first(kind);
}

/* What is subtracted from a word before it is compared. */
static __always_inline __u64 memo_bias(const struct memo_span *span, __u32 kind)
{
	if (kind == MEMO_FROM_STACK_POINTER || kind == MEMO_HIGH_FROM_STACK_POINTER)
		return span->stack_pointer;
	return kind == MEMO_FROM_TOP || kind == MEMO_HIGH_FROM_TOP ? span->top : 0;
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

/* kind is a constant wherever it is called: nothing is left of it but two numbers. */
static __always_inline bool memo_kind_matches(const struct memo_kernel *memo,
					      const struct memo_span *span, __u32 kind)
{
	__u64 anchor = kind < MEMO_KINDS_LOW ? span->stack_pointer : span->top_bias;
	const struct memo_word *words = &memo->words[memo_first(kind)];
	__u64 bias = memo_bias(span, kind);
	__u32 count = memo->counts[kind];

	for (__u32 i = 0; i < memo_room(kind); i++) {
		if (i >= count)
			break;
		if (memo_load(anchor + words[i].offset) - bias != words[i].word)
			return false;
	}
	return true;
}

/* The same as below without a copy of the stack (Linux 6.2): span has its pointer and its top. */
static __always_inline bool memo_kernel_matches_direct(const struct memo_kernel *memo,
						       const struct memo_span *span)
{
	return memo_kind_matches(memo, span, MEMO_PLAIN) &&
	       memo_kind_matches(memo, span, MEMO_FROM_STACK_POINTER) &&
	       memo_kind_matches(memo, span, MEMO_FROM_TOP) &&
	       memo_kind_matches(memo, span, MEMO_HIGH_PLAIN) &&
	       memo_kind_matches(memo, span, MEMO_HIGH_FROM_STACK_POINTER) &&
	       memo_kind_matches(memo, span, MEMO_HIGH_FROM_TOP);
}

/* Whether one word is what the memo says. */
static __always_inline bool memo_word_matches(const struct memo_word *word,
					      const struct memo_span *span, __u32 kind)
{
	__u64 place = word->offset / 8;

	return place < MEMO_SPAN_WORDS + MEMO_TOP_WORDS &&
	       span->words[place] - memo_bias(span, kind) == word->word;
}

/* span has the words of the stack up to memo->low, and its top. */
OFF_CHECKED_ONCE int memo_kernel_matches(const struct memo_kernel *memo, struct memo_span *span)
{
	/* Checked wherever it is not called, too. */
	if (off_config.has_rdonly_cast || !memo || !span)
		return false;
	for (__u32 kind = 0; kind < MEMO_KINDS; kind++) {
		for (__u32 i = 0; i < MEMO_WORDS_MAX; i++) {
			__u32 at = memo_first(kind) + i;

			if (i >= memo->counts[kind])
				break;
			if (at >= MEMO_KERNEL_WORDS ||
			    !memo_word_matches(&memo->words[at], span, kind))
				return false;
		}
	}
	return true;
}

/* Puts a word of a kind behind those that are kept, if it is what the memo says. */
OFF_CHECKED_ONCE int memo_keep_word(struct memo_kernel *memo, const struct memo_span *span,
				    __u32 kind, __u32 number)
{
	__u32 from, to;

	if (!memo || !span || kind >= MEMO_KINDS)
		return false;
	from = memo_first(kind) + number;
	to = memo_first(kind) + memo->kept;
	if (from >= MEMO_KERNEL_WORDS || to >= MEMO_KERNEL_WORDS ||
	    !memo_word_matches(&memo->words[from], span, kind))
		return false;
	memo->words[to] = memo->words[from];
	memo->kept++;
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
	for (__u32 kind = 0; kind < MEMO_KINDS; kind++) {
		memo->kept = 0;
		for (__u32 i = 0; i < MEMO_WORDS_MAX; i++) {
			if (i >= memo->counts[kind])
				break;
			memo_keep_word(memo, span, kind, i);
		}
		memo->counts[kind] = memo->kept;
	}
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
	__u32 kind = MEMO_PLAIN, count, at;
	__u64 word;

	if (!memo || !span || place >= MEMO_SPAN_WORDS + MEMO_TOP_WORDS)
		return false;
	word = span->words[place];
	if (word - span->stack_pointer < span->low)
		kind = MEMO_FROM_STACK_POINTER;
	else if (word - span->stack_pointer <= span->top - span->stack_pointer)
		kind = MEMO_FROM_TOP;
	else if (!memo_is_code(word))
		return true;
	if (place >= MEMO_SPAN_WORDS)
		kind += MEMO_KINDS_LOW;
	if (kind >= MEMO_KINDS)
		return false;
	count = memo->counts[kind];
	at = memo_first(kind) + count;
	if (count >= memo_room(kind) || at >= MEMO_KERNEL_WORDS)
		return false;
	memo->words[at].word = word - memo_bias(span, kind);
	memo->words[at].offset = 8 * place;
	memo->counts[kind] = count + 1;
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
	memo->low = 0;
	__builtin_memset(memo->counts, 0, sizeof(memo->counts));
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
