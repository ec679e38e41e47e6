/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Everything the kernel half and the user half agree on: map keys and values, stop reasons,
 * counters, limits. Map keys have no implicit padding: they are compared as bytes.
 */
#ifndef EPROF_BPF_ABI_H
#define EPROF_BPF_ABI_H

#include <linux/types.h>

/* kernel.perf_event_max_stack defaults to this, and bpf_get_stack() gives no more. */
#define KERNEL_FRAMES_MAX 127

/* Deeper user stacks are cut, and say so. */
#define USER_FRAMES_MAX 512

/*
 * Stacks are kept in pieces of this many addresses: most need one. They are cut from the outermost
 * frame on, so that deep stacks share the pieces that they have in common.
 */
#define PIECE_FRAMES_MAX 32
#define PIECES_MAX       (USER_FRAMES_MAX / PIECE_FRAMES_MAX)
_Static_assert(KERNEL_FRAMES_MAX <= USER_FRAMES_MAX, "what holds a user stack holds a kernel one");

/* TASK_COMM_LEN of include/linux/sched.h: part of the kernel's user-visible interface. */
#define COMM_SIZE 16

/*
 * Why the walk of a user stack ended. It travels with the sample, is counted, and is shown as a
 * frame when it means that frames are missing. Numbers are never reused.
 */
enum stop_reason {
	STOP_NONE = 0, /* no user stack was asked for, or the thread has none */
	STOP_FRAME_POINTERS =
		1,           /* the frame pointer chain ended; whether at the entry, names tell */
	STOP_TOO_DEEP = 2,   /* USER_FRAMES_MAX reached: the outermost frames are missing */
	STOP_UNREADABLE = 3, /* the kernel gave an error instead of a stack, or no user registers */
	STOP_STACK_LOST = 4, /* the stack map was full: counted without its user stack */
	STOP_COMPLETE = 5,   /* the entry of the program or of the thread was reached */
	STOP_NO_TABLE_YET = 6, /* code whose unwind table was not in place when it was sampled */
	STOP_NO_RULE = 7,      /* code without unwind rules and, it seems, without frame pointers */
	STOP_UNSUPPORTED = 8,  /* a rule that the table could not express */
	STOP_LOST_REGISTER = 9, /* a rule by a register that only the innermost frame still has */
	STOP_BAD_READ = 10,     /* stack memory not readable: swapped out, or not a stack */
	STOP_NO_PROGRESS = 11,  /* the next frame would not be further out */
	STOP_NO_MAPPING = 12,   /* the return address is in no executable mapping */
	STOP_NOT_TAKEN = 13,    /* off-CPU, and no other stood for it (--max-events and so on) */
	STOP_REASON_COUNT,
};

/*
 * One distinct call stack, or a piece of one, innermost address first; the map's key is a 64-bit
 * hash of it and of the pieces further out. Two stacks of one window share an id with probability
 * below 2^-64 times the number of pairs: 65,536 stacks collide once in 8 thousand million windows.
 *
 * User addresses are those to be looked up: where a thread was interrupted, by a sample or by a
 * signal, exactly that; for a caller the last byte of its call, one before the return address,
 * which may be the first byte of another function. Kernel addresses are as the kernel gave them.
 */
struct stack {
	__u32 depth;
	__u32 unused;
	__u64 rest; /* id of the piece further out; STACK_ID_NONE: there is none */
	__u64 pc[PIECE_FRAMES_MAX];
};
_Static_assert(sizeof(struct stack) == 16 + 8 * PIECE_FRAMES_MAX, "copied as bytes");

/* Two halves of each map: programs fill one while user space reads the other. */
#define HALVES 2

#define STACK_ID_NONE 0ULL
#define STACK_ID_LOST 1ULL /* there was a stack: no room for it, or it could not be taken */

/* Who was running what: the key under which the kernel counts samples. */
struct sample_key {
	__u64 user_stack;
	__u64 kernel_stack;
	/*
	 * Tells apart the programs that one pid ran: the thread group leader's start time and the
	 * number of execs, mixed. Opaque to user space.
	 */
	__u64 generation;
	__u32 tgid; /* in the pid namespace of eprof */
	__u32 tid;  /* 0 unless counted by thread */
	__u32 stop; /* enum stop_reason */
	__u32 is_idle;
	char process_name[COMM_SIZE]; /* comm of the thread group leader, zero-filled */
	char thread_name[COMM_SIZE];  /* empty unless counted by thread */
};
_Static_assert(sizeof(struct sample_key) == 72, "keys are compared as bytes: no padding");

struct sample_value {
	__u64 count;
	/* CLOCK_MONOTONIC of the first sample under this key: what was mapped then names it. */
	__u64 first_ns;
	/* The thread's then (unified hierarchy): the number of its directory. 0: not known. */
	__u64 cgroup_id;
};
_Static_assert(sizeof(struct sample_value) == 24, "read as bytes: no padding");

/* Per-CPU event counts. Names for people: agent/sampler_names.c. */
enum counter {
	COUNTER_SAMPLES,           /* counted under a key */
	COUNTER_IDLE,              /* the idle task, left out unless asked for */
	COUNTER_NOT_TARGET,        /* other processes, left out */
	COUNTER_LOST_COUNTS_FULL,  /* lost: no room for another key in this window */
	COUNTER_LOST_MAP_BUSY,     /* lost: the map's bucket was locked by what we interrupted */
	COUNTER_USER_STACK_LOST,   /* counted, but without its user stack: map full or busy */
	COUNTER_KERNEL_STACK_LOST, /* counted, but without its kernel stack: map full or busy */
	COUNTER_USER_STACK_CUT,    /* counted, outermost user frames missing */
	COUNTER_KERNEL_STACK_CUT,  /* counted, outermost kernel frames missing */
	COUNTER_USER_UNREADABLE,   /* counted, user stack could not be read */
	COUNTER_KERNEL_UNREADABLE, /* counted, kernel stack could not be taken */
	COUNTER_FOLLOW_FULL,       /* a child was not followed: no room in the target map */
	COUNTER_UNWIND_PROCESSES_FULL, /* a child's stacks wait for its tables: no room to inherit
					*/
	COUNTER_OFF_INTERVALS,     /* off-CPU, that ended: under a key, or one will stand for it */
	COUNTER_OFF_COUNTS_FULL,   /* counted without its stacks: no room for another key */
	COUNTER_OFF_LOST_NS,       /* time for which there was not even a key without stacks */
	COUNTER_OFF_NO_RECORD,     /* a thread is left out: no memory for its record */
	COUNTER_OFF_REPAIRED,      /* a switch was missed; the scheduler's own times told */
	COUNTER_OFF_ACCOUNTS_FULL, /* a thread ended, and the ring had no room for its times */
	COUNTER_OFF_HIDDEN,        /* intervals not shown: too short, too long, another state */
	COUNTER_OFF_HIDDEN_NS,
	COUNTER_OFF_USER_MEMO,   /* stacks known again without a walk */
	COUNTER_OFF_USER_WALKS,  /* stacks walked */
	COUNTER_OFF_KERNEL_MEMO, /* the same in the kernel */
	COUNTER_OFF_KERNEL_WALKS,
	COUNTER_OFF_MEMO_WRONG,        /* verified, and it was another stack */
	COUNTER_OFF_SAMPLED,           /* short intervals that stand for others: --max-events */
	COUNTER_OFF_NOT_SAMPLED,       /* and those others */
	COUNTER_OFF_PREEMPTED_SAMPLED, /* of threads that were preempted: --preempt-sample */
	COUNTER_OFF_PREEMPTED_NOT_SAMPLED,
	COUNTER_BPF_NS, /* in on_cpu_sample() and on_switch(): of the latter, an estimate */
	COUNTER_OFF_WAKERS_FULL,   /* wakers for which there was no room */
	COUNTER_OFF_WAKERS_MISSED, /* intervals without their waker: not seen, or no room */
	COUNTER_COUNT,
};

/* Which threads are sampled. */
enum filter {
	FILTER_ALL,
	FILTER_PIDS,   /* tgids in the targets map, and what they fork */
	FILTER_TIDS,   /* tids in the targets map */
	FILTER_CGROUP, /* threads below the cgroup in slot 0 of target_cgroup */
};

/* How user stacks are walked. */
enum unwind_mode {
	UNWIND_NONE,           /* no user stacks */
	UNWIND_FRAME_POINTERS, /* by the kernel, along frame pointers */
	UNWIND_TABLES,         /* by .eh_frame rules */
};

/*
 * Where the time of a thread goes that is not on a CPU. Time in OFF_RUNQUEUE is at the end of an
 * interval that was blocked first, or all of it: a thread that was preempted.
 */
enum off_state {
	OFF_RUNQUEUE,        /* ready, but without a CPU */
	OFF_SLEEP,           /* TASK_INTERRUPTIBLE: for an event, a time, a lock; TASK_IDLE */
	OFF_UNINTERRUPTIBLE, /* TASK_UNINTERRUPTIBLE: mostly for a disk, a page, a kernel lock */
	OFF_STOPPED,         /* by a signal, a debugger, or the freezer of its cgroup */
	OFF_OTHER,           /* parked, or on its way out */
	OFF_STATE_COUNT,
};

/* Lengths of intervals: number i counts those of 2^i microseconds and more; 0 all below 2. */
#define OFF_LENGTHS 24

/* Where one thread's time went. All in nanoseconds of the scheduler's clock. */
struct off_ledger {
	__u64 on_ns;
	__u64 off_ns[OFF_STATE_COUNT];
	__u64 intervals; /* off-CPU, that have ended */
	__u32 lengths[OFF_LENGTHS];
};

/* Who waited where. The map's key is a 64-bit hash of it, as with stacks. */
struct off_key {
	struct sample_key who; /* is_idle is 0 */
	__u64 waker;           /* id of who woke it up; STACK_ID_NONE: not known, or not asked */
	__u32 state;           /* enum off_state: before it was ready to run */
	__u32 unused;
};
_Static_assert(sizeof(struct off_key) == 88, "no padding");

struct off_count {
	struct off_key key;
	__u64 blocked_ns;  /* in key.state */
	__u64 runqueue_ns; /* ready after that, or from the beginning */
	__u64 first_ns;    /* as in sample_value */
	__u64 cgroup_id;   /* as in sample_value */
};
_Static_assert(sizeof(struct off_count) == 120, "read as bytes: no padding");

/*
 * A look at who is blocked is two runs of off_seed_threads(): in the first it tells of those whose
 * user stack is to be walked, in the second of those of them that have slept all the while. Their
 * intervals go by that stack from then on.
 */
enum off_look {
	OFF_LOOK_SLEPT = 1 << 0, /* it is the second one */
	OFF_LOOK_AGAIN = 1 << 1, /* also of who was walked before, and sleeps still */
};

/* Tables that one look asks for. */
#define OFF_WANTS_MAX 16

struct off_seed {
	__u64 stack; /* id that the stack has once it is walked */
	__u64 generation;
	__u32 tgid, tid; /* as eprof's pid namespace numbers them */
	__u64 pc;
	__u64 registers[16]; /* by DWARF number: see UNWIND_REGISTERS */
};

/* What off_collect() tells of a thread, and of one that has ended, a last time, the ring. */
struct off_account {
	__u64 generation;
	__u32 tgid, tid;
	char process_name[COMM_SIZE], thread_name[COMM_SIZE];
	__u64 born;      /* scheduler's clock; 0: not since the recording began */
	__u64 ended;     /* 0: it lives */
	__u32 is_ending; /* it lives, but has begun to exit */
	__u32 unused;
	/* By window: the one that is going on, and the one before it, number & 1. */
	struct off_ledger ledgers[HALVES];
};

/*
 * What programs go by, in one word so that all of it changes at once: bit 0 is the half of the
 * counts, bit 1 the number of the window, bit 2 whether there is none, as the one before was the
 * last, and the rest the time when it began. Of an interval that began in the window before, the
 * part up to then is counted in the other half.
 */
#define OFF_CONTROL_HALF        1ULL
#define OFF_CONTROL_WINDOW      2ULL
#define OFF_CONTROL_LAST        4ULL
#define OFF_CONTROL_BEGAN_SHIFT 3

struct off_cpu_config {
	__u32 states;         /* shown: 1 << enum off_state */
	__u32 kernel_threads; /* theirs, too */
	__u64 min_ns, max_ns; /* shorter and longer intervals are not shown */
	__u32 wakers;
	__u32 switch_has_state; /* sched_switch tells the state of who leaves (Linux 5.18) */
	__u32 verify_memos;     /* walk nevertheless, and count what differs */
	__u32 is_raw;           /* by raw tracepoints */
	__u32 has_rdonly_cast;  /* bpf_rdonly_cast(): Linux 6.2 */
	__u32 unused;
	__u64 cgroup;       /* of FILTER_CGROUP: the number of its directory */
	__u64 max_events;   /* a second, on each CPU, whose stacks are taken; 0: no limit */
	__u64 preempted_ns; /* what a stack of a preempted thread stands for; 0: each for itself */
};

/*
 * The kernel writes the paths of its tracepoints into so many bytes, the end included
 * (kernel/cgroup/cgroup-internal.h: TRACE_CGROUP_PATH_LEN).
 */
#define CGROUP_PATH_SIZE 1024

/* A cgroup of the unified hierarchy has come, or gone: a record of a ring. */
struct cgroup_event {
	__u64 id;
	__u32 is_gone;
	__u32 path_size;             /* with its NUL; 0 when it has gone */
	char path[CGROUP_PATH_SIZE]; /* the record ends after path_size bytes of it */
};
_Static_assert(sizeof(struct cgroup_event) == 16 + CGROUP_PATH_SIZE, "no padding");

/* Set before the programs are loaded, constant for the verifier. */
struct sampler_config {
	__u32 filter; /* enum filter */
	__u32 with_idle;
	__u32 kernel_stacks;
	__u32 by_thread;
	__u32 frames_max;    /* what bpf_get_stack() gives at most: kernel.perf_event_max_stack */
	__u32 unwind;        /* enum unwind_mode */
	__u64 stack_seed;    /* random: nobody can make two stacks with one id */
	__u32 pid_namespace; /* inode of eprof's pid namespace; 0: the initial one */
};

/*
 * Followed processes alive at one time, descendants included. The map is allocated whole (programs
 * that run in an interrupt need that before Linux 6.1): 1.2 MB.
 */
#define TARGETS_MAX 16384

/* kernel/pid_namespace.c: MAX_PID_NS_LEVEL. */
#define PID_NAMESPACE_DEPTH_MAX 32

/*
 * Unwind tables: what .eh_frame says about a binary, in the form that the walker reads. A table is
 * one image of 32-bit words, in three parts, so that finding the rule of an address is two reads
 * and a search among the rows of one block of code:
 *
 * - rules, struct unwind_rule[]: the distinct ones of this binary; number 0 is "no rule";
 * - blocks, struct unwind_block[]: one for UNWIND_BLOCK_SIZE bytes of code, from code_start on;
 * - rows, struct unwind_row[]: where inside of a block the rule changes.
 *
 * No rule, block or run of rows of one block crosses a multiple of UNWIND_PAGE_SIZE bytes of the
 * image, and images begin on such a multiple: however the walker's memory is cut into chunks, each
 * of these is in one piece. Code that no row covers has an explicit rule 0: never a guess.
 */
#define UNWIND_BLOCK_SHIFT 10
#define UNWIND_BLOCK_SIZE  (1u << UNWIND_BLOCK_SHIFT)
#define UNWIND_PAGE_SIZE   4096u
#define UNWIND_RULES_MAX   65536u

struct unwind_row {
	__u16 offset; /* in its block; ascending, > 0 */
	__u16 rule;   /* holds from offset on */
};
_Static_assert(sizeof(struct unwind_row) * UNWIND_BLOCK_SIZE <= UNWIND_PAGE_SIZE,
	       "the rows of a block fit in a page, even one for each byte");

struct unwind_block {
	__u32 first_row; /* word offset in the image */
	__u16 row_count; /* 0: one rule for the whole block */
	__u16 rule;      /* at the block's first byte */
};
_Static_assert(sizeof(struct unwind_block) == 8, "divides a page");

/* How the canonical frame address (CFA: the stack pointer before the call) is found. */
enum unwind_cfa {
	CFA_NO_RULE = 0,     /* no FDE covers this code */
	CFA_UNSUPPORTED = 1, /* there is one, and it says what we cannot follow */
	CFA_REGISTER = 2,    /* register + offset */
	CFA_DEREF = 3,       /* *(register + offset) + add */
	CFA_INDEXED = 5,     /* *(register + offset + 8 * index) + add: index is a register, too */
	CFA_PLT = 4,         /* rsp + offset, and 8 more when (pc & 15) >= add: a PLT stub */
};

/* Where the return address is. */
enum unwind_ra {
	RA_AT_CFA = 0,   /* *(CFA + ra) */
	RA_REGISTER = 1, /* in register number ra (vfork) */
	RA_END = 2,      /* undefined: the outermost frame */
	RA_SIGNAL = 3,   /* a signal frame: all registers are in the ucontext at rsp */
};

/* Where the caller's rbp is. */
enum unwind_rbp {
	RBP_SAME = 0,      /* not touched */
	RBP_AT_CFA = 1,    /* *(CFA + offset) */
	RBP_AT_RBP = 2,    /* *(rbp + offset): realigned stacks */
	RBP_AT_RSP = 3,    /* *(rsp + offset) */
	RBP_CFA_PLUS = 4,  /* CFA + offset (DW_CFA_val_offset) */
	RBP_REGISTER = 5,  /* in register number offset */
	RBP_UNDEFINED = 6, /* lost */
};

/*
 * unwind_rule.rbx_offset is 0 when rbx is untouched, else where the caller's is, from the CFA; or
 * this. The one frame that needs it is on many stacks: the dynamic linker's, when it binds a
 * function at its first call.
 */
#define UNWIND_RBX_LOST 1

/* Registers have their DWARF numbers: System V ABI for AMD64, figure 3.36. */
#define UNWIND_RBX       3
#define UNWIND_RBP       6
#define UNWIND_RSP       7
#define UNWIND_REGISTERS 16

struct unwind_rule {
	__u8 cfa;          /* enum unwind_cfa */
	__u8 cfa_register; /* of CFA_INDEXED, the upper half is the index */
	__u8 ra_kind;      /* enum unwind_ra */
	__u8 rbp_kind;     /* enum unwind_rbp */
	__s32 cfa_offset;
	__s16 rbp_offset;
	__s16 rbx_offset;
	__s16 cfa_add;
	__s16 ra;
};
_Static_assert(sizeof(struct unwind_rule) == 16, "divides a page");

/*
 * Images lie in chunks, one BPF array each, numbered by their place in an array of maps: memory
 * comes and goes in steps. A word offset counts 32-bit words over all chunks.
 */
#define UNWIND_CHUNK_SHIFT 18
#define UNWIND_CHUNK_SIZE  (1u << UNWIND_CHUNK_SHIFT)
#define UNWIND_CHUNKS_MAX  16384 /* 4 GiB: what 30-bit word offsets reach */

enum unwind_table_state {
	TABLE_NOT_YET = 0, /* being built, or evicted: whoever needs it says so */
	TABLE_READY = 1,
	TABLE_FRAME_POINTERS = 2, /* there are no rules for this code: JIT, or a file without any */
	TABLE_UNUSABLE = 3,       /* there are, but not for us: damaged, or no room for them */
};

/* A file that has no slot, for want of room or of a descriptor: as TABLE_UNUSABLE. */
#define UNWIND_SLOT_UNUSABLE 0xffffffffu

/* Where the table of one binary is. Number 0 is for code without a file. */
struct unwind_slot {
	__u64 code_start;  /* ELF address of the first block */
	__u32 image;       /* word offset of the image */
	__u32 first_block; /* word offset in the image */
	__u32 block_count;
	__u32 state;     /* enum unwind_table_state */
	__u32 last_used; /* the walker writes unwind_clock here: the oldest is evicted first */
	__u32 wanted;    /* the walker has asked for it */
};
_Static_assert(sizeof(struct unwind_slot) == 32, "written through mmap()");

#define UNWIND_SLOTS_MAX 16384

/*
 * One executable mapping; those of a process are in a row, sorted by start. A row is for those who
 * were told its number: it is written last, and taken away first, so that a walker who still goes
 * by an old struct unwind_process never takes the mappings of another one for its own.
 */
struct unwind_mapping {
	__u64 start, end;
	__u64 address; /* ELF address of start */
	__u32 slot;
	__u32 number; /* unwind_process.number; 0: of nobody */
};
_Static_assert(sizeof(struct unwind_mapping) == 32, "written through mmap()");

/* Which mappings a process has: replaced as a whole, so that readers see the old or the new. */
struct unwind_process {
	__u32 first, count;
	__u32 tgid; /* the key: an element may be given to another process while it is read */
	__u32 unused;
	union {
		struct {
			__u32 number; /* never the same again */
			/* Of which program it is: sample_key.generation, folded. 0: of the one that
			 * is walked first. It is no longer true from an exec on, until user space
			 * hears of that. */
			__u32 program;
		};
		__u64 identity; /* both, for the walker to set the second only where the first is */
	};
};
_Static_assert(sizeof(struct unwind_process) == 24, "copied as bytes");

#define UNWIND_PROCESSES_MAX 16384

/* Bounds the search among a process's mappings. */
#define UNWIND_MAPPINGS_SHIFT 16

#endif
