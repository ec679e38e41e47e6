/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Everything the kernel half and the user half agree on: map keys and values, stop reasons,
 * counters, limits. Map keys have no implicit padding: they are compared as bytes.
 */
#ifndef EPROF_BPF_ABI_H
#define EPROF_BPF_ABI_H

#include <linux/types.h>

/* kernel.perf_event_max_stack defaults to this, and bpf_get_stack() gives no more. */
#define STACK_FRAMES_MAX 127

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
	STOP_TOO_DEEP = 2,   /* STACK_FRAMES_MAX reached: the outermost frames are missing */
	STOP_UNREADABLE = 3, /* the kernel gave an error instead of a stack */
	STOP_STACK_LOST = 4, /* the stack map was full: counted without its user stack */
	STOP_COMPLETE = 5,   /* the entry of the program or of the thread was reached */
	STOP_REASON_COUNT,
};

/*
 * One distinct call stack, innermost address first; the map's key is stack_id, a 64-bit hash of
 * the addresses. Two stacks of one window share an id with probability below 2^-64 times the
 * number of pairs: 65,536 stacks collide once in 8 thousand million windows.
 */
struct stack {
	__u32 depth;
	__u32 unused;
	__u64 pc[STACK_FRAMES_MAX];
};
_Static_assert(sizeof(struct stack) == 8 + 8 * STACK_FRAMES_MAX, "copied as bytes");

#define STACK_ID_NONE 0ULL
#define STACK_ID_LOST 1ULL /* there was a stack, the map had no room for it */

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
};

/* Per-CPU event counts. Names for people: agent/sampler.c. */
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
	COUNTER_FOLLOW_FULL,       /* a child was not followed: no room in the target map */
	COUNTER_COUNT,
};

/* Which threads are sampled. */
enum filter {
	FILTER_ALL,
	FILTER_PIDS,   /* tgids in the targets map, and what they fork */
	FILTER_TIDS,   /* tids in the targets map */
	FILTER_CGROUP, /* threads below the cgroup in slot 0 of target_cgroup */
};

/* Set before the programs are loaded, constant for the verifier. */
struct sampler_config {
	__u32 filter; /* enum filter */
	__u32 with_idle;
	__u32 user_stacks;
	__u32 kernel_stacks;
	__u32 by_thread;
	__u32 frames_max;    /* what bpf_get_stack() gives at most: kernel.perf_event_max_stack */
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

/* Two halves of each map: programs fill one while user space reads the other. */
#define HALVES 2

#endif
