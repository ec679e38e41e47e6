/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps up with processes: a thread that applies side-band records the moment they come, so that a
 * program's files are opened, and its mappings bound to unwind tables, before it has run far.
 */
#ifndef EPROF_AGENT_FOLLOWER_H
#define EPROF_AGENT_FOLLOWER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/kernel_code.h"
#include "agent/processes.h"
#include "agent/sideband.h"
#include "agent/unwinder.h"

struct follower;

/* All are borrowed and outlive it; unwinder may be NULL. No thread runs yet. 0 or -errno. */
int follower_new(struct sideband *sideband, struct processes *processes, struct unwinder *unwinder,
		 struct follower **ret);
void follower_free(struct follower *follower); /* stops it; NULL is fine */

/* Who is told of code that comes and goes in the kernel; borrowed. Before the thread runs. */
void follower_set_kernel_code(struct follower *follower, struct kernel_code *code);

/*
 * Has it take next to nothing of a CPU however many programs begin, at the price of the stacks of
 * those that live for milliseconds: their tables may be known too late. Before the thread runs.
 */
void follower_set_thrifty(struct follower *follower);

/* Ends the thread, if one runs; follower_catch_up() works on. */
void follower_stop(struct follower *follower);

/*
 * Starts the thread. It runs before everything else on its CPU (SCHED_FIFO), for tens of
 * microseconds a record, where that is permitted, and as long as programs do not keep it busy; else
 * as one among others, and later. 0 or -errno.
 */
int follower_start(struct follower *follower);

/*
 * Applies all records that have been written when it is called. For any thread. 0, or -errno: its
 * own, or what has stopped the thread.
 */
int follower_catch_up(struct follower *follower);

/*
 * When records have been lost since the last call, reads anew from /proc what processes have
 * mapped: that takes milliseconds. For any thread. 0 or -errno.
 */
int follower_make_good(struct follower *follower);

/*
 * Whether code came or went in the kernel since the last call: modules, whose list it looks at, and
 * what the records tell of. For one thread.
 */
bool follower_take_kernel_changed(struct follower *follower);

/* Records that the kernel dropped because they were not read in time, or we for want of memory. */
uint64_t follower_lost(struct follower *follower);

#endif
