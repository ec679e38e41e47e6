/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the time of each thread and process went during a recording: on a CPU, blocked by state,
 * waiting for a CPU. on_ns + all off_ns is the thread's life during it.
 */
#ifndef EPROF_AGENT_LEDGER_H
#define EPROF_AGENT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/abi.h"

/* Of one thread, for one window or until it ended. */
struct ledger_row {
	uint32_t tgid, tid;  /* as eprof's pid namespace numbers them */
	uint64_t generation; /* sample_key.generation: tells programs of one pid apart */
	char process_name[COMM_SIZE], thread_name[COMM_SIZE];
	uint64_t wall_ns; /* of its life, what lies in the window */
	bool is_whole;    /* it was there from the beginning of the window to its end */
	bool has_ended;   /* no row of it will follow */
	struct off_ledger times;
};

/* In stats.json and for --state: "runqueue", "sleep", ... */
const char *off_state_name(enum off_state state);

/*
 * So many threads have rows of their own. Beyond, those that have ended are summed up in one row of
 * their process, and new ones as well where none have; beyond that many such rows, those of all
 * other processes in one of pid 0.
 */
#define LEDGER_THREADS_MAX   65536
#define LEDGER_PROCESSES_MAX 16384

struct ledger;

/* On success the caller owns *ret. 0 or -ENOMEM. */
int ledger_new(struct ledger **ret);
void ledger_free(struct ledger *ledger); /* NULL is fine */

/*
 * Adds to the row of this thread; strings are copied. A tid of 0 stands for threads that are not
 * told apart. 0 or -ENOMEM.
 */
int ledger_add(struct ledger *ledger, const struct ledger_row *row);

/* Of a process all threads together, the ended ones included. */
struct ledger_process {
	struct ledger_row sum; /* tid is 0; is_whole: all of them */
	size_t thread_count;
	const struct ledger_row **threads; /* the longest-living first */
	/* Rows that were summed up for want of room, a thread's perhaps more than once: how many,
	 * and their sum; NULL: none. */
	uint64_t other_count;
	const struct ledger_row *others;
};

/* One row's life and times into another's; is_whole: both are. */
void ledger_row_add(struct ledger_row *sum, const struct ledger_row *row);
uint64_t ledger_off_ns(const struct off_ledger *times); /* in all states */

/* Processes with the most time first; until the next ledger_add(). 0 or -ENOMEM. */
int ledger_processes(struct ledger *ledger, const struct ledger_process **ret, size_t *ret_count);

#endif
