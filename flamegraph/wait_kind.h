/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread waits for that is off its CPU, told from the names of its stack. Pure: names in, a
 * kind out.
 *
 * The innermost kernel function that says something decides (wait_names.c has them): below read()
 * it is pipe_read() or folio_wait_bit_common(), and a page that is missing during a system call is
 * what the thread waits for. Where the kernel's names are not known the function of libc decides by
 * which it was entered. A state that the kernel told comes before both: [runqueue] is waiting for a
 * CPU whatever was waited for before. [uninterruptible], where the kernel's names are not known and
 * libc says nothing, is I/O.
 *
 * Waiting for work is what can be hidden, so the rule is narrow:
 * - Functions that wait for whatever comes next: epoll_wait, accept, pause, sigsuspend,
 *   sigtimedwait, wait for a child; a terminal's read; a kernel thread that has nothing to do.
 * - poll, select, io_uring_enter; a futex in a condition wait (a semaphore, or an event, too); and
 *   nanosleep: only near the entry of the program or thread, where main loops and workers wait,
 *   or in a function that is known to fetch work (FutureTask.get() is not, getTask() is). Near are
 *   3 frames between the two, for nanosleep 1; inlined ones are not counted, as whether they are
 *   known depends on debug information. A stack that shows no entry is not near to it.
 * - Never in a function that is known to wait for something else by the same means: a database's
 *   lock by epoll_wait.
 * A futex that is not such is a lock, poll and select are network, nanosleep is sleep.
 */
#ifndef EPROF_FLAMEGRAPH_WAIT_KIND_H
#define EPROF_FLAMEGRAPH_WAIT_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"

enum wait_kind {
	WAIT_IO,      /* files, disks, and pages that are not in memory */
	WAIT_NETWORK, /* sockets, pipes: other programs */
	WAIT_LOCK,    /* another thread: locks, conditions, results */
	WAIT_SLEEP,
	WAIT_RUNQUEUE,
	WAIT_OTHER,
	WAIT_WORK,
	WAIT_KIND_COUNT,
};

/* "I/O", "waiting for work": what people read. */
const char *wait_kind_text(enum wait_kind kind);

/* What one name says. */
enum wait_word {
	WORD_NONE,
	/* What is waited for. */
	WORD_IO,
	WORD_NETWORK,
	WORD_LOCK,
	WORD_SLEEP,
	WORD_OTHER,
	WORD_WORK,
	/* What is waited by; the rest of the stack tells what for. */
	WORD_FUTEX,
	WORD_CONDITION,
	WORD_POLL,
	WORD_URING,
	WORD_NANOSLEEP,
	/* What functions of a program are there for. */
	WORD_ENTRY,      /* begins a program, a thread or a request's stack */
	WORD_INTERRUPTS, /* what lies below does not say what this waits for: a signal's handler */
	WORD_FETCHES,    /* waits for work and nothing else */
	WORD_LOCKS,      /* waits for others, by means of whatever */
	WORD_HIDDEN,     /* kernel code without a name */
	/* eprof's notes. */
	WORD_RUNQUEUE,
	WORD_UNINTERRUPTIBLE,
	WORD_STOPPED,
	WORD_WAKER, /* the sleeper's stack has ended */
	WORD_COUNT,
};

/* Suffixes of compilers (.isra.0, .part.0, .cold) and parameters make no difference. */
enum wait_word wait_word_of(enum frame_kind kind, const char *name);

/* A stack on its way from the outermost frame to the leaf. The zero value is the empty stack. */
struct wait_walk {
	uint8_t kernel;         /* enum wait_word: the innermost that says something */
	uint8_t user;           /* the function that waits, or enters the kernel to do so */
	uint8_t purpose;        /* WORD_FETCHES, WORD_LOCKS or WORD_NONE */
	uint8_t state;          /* of a note */
	uint8_t distance;       /* 1 + user frames since the entry; 0: none was seen */
	uint8_t distance_at_it; /* the same where user was called */
	uint8_t since;          /* user frames that say nothing since then */
	bool has_kernel_names;
	bool is_over; /* what follows is the waker's */
};

/* The next frame. The first one of a stack names its process: leave it out. */
void wait_walk_enter(struct wait_walk *walk, enum frame_kind kind, enum wait_word word);

/* What a thread waits for whose stack ends here. */
enum wait_kind wait_walk_kind(const struct wait_walk *walk);

/* Whether the kernel said so: whatever lies above, this is what it belongs to. */
bool wait_walk_is_decided(const struct wait_walk *walk);

/* All of it for one stack, from the process to the leaf. */
enum wait_kind wait_kind_of(const struct frame *frames, size_t n);

#endif
