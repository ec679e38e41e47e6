/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows, start to end: the pipeline from the kernel's counts to a call tree, and the sealed
 * profiles that come out of it. A recording has one, an agent one after the other without a gap.
 */
#ifndef EPROF_AGENT_WINDOW_H
#define EPROF_AGENT_WINDOW_H

#include "agent/debug_downloads.h"
#include "agent/follower.h"
#include "agent/namer.h"
#include "agent/naming.h"
#include "agent/off_cpu.h"
#include "agent/processes.h"
#include "agent/profile.h"
#include "agent/sampler.h"
#include "agent/sideband.h"

/* Borrowed; all outlive the window. */
struct pipeline {
	struct sampler *sampler;
	bool records_on_cpu;
	struct off_cpu *off_cpu; /* NULL: off-CPU time is not recorded */
	struct sideband *sideband;
	struct unwinder *unwinder; /* NULL: stacks are not walked by tables */
	struct processes *processes;
	struct follower *follower;
	struct naming *naming;
	struct debug_downloads *downloads; /* NULL: none */
	struct services *services;         /* NULL: profiles are not divided by service */
	profile_handler take;              /* of windows that others follow; NULL: there are none */
	void *take_context;
};

struct window;

/* Begins now. On success the caller owns *ret. */
int window_open(const struct pipeline *pipeline, struct window **ret);
void window_free(struct window *window); /* NULL is fine */

/* Drains what the kernel has counted since the last call; it is named while the next is counted. */
int window_drain(struct window *window);

/* Samples drained so far. */
uint64_t window_samples(const struct window *window);

/*
 * The window ends, and another one begins: no sample and no time is in both, none in neither. Its
 * profile, sorted, goes to the pipeline's handler when all of it is named, by the naming thread. 0
 * or -errno.
 */
int window_turn(struct window *window);

/* When the window began: CLOCK_MONOTONIC. */
uint64_t window_opened_ns(const struct window *window);

/*
 * Time ends here: what threads do from now on is not in this window. To be called once, before
 * window_close(), while the programs still run. 0 or -errno.
 */
int window_end(struct window *window);

/* Drains a last time, waits for downloads and until all is named, and seals. *ret->tree is sorted,
 * and belongs to the caller: call_tree_free(). */
int window_close(struct window *window, struct profile *ret);

#endif
