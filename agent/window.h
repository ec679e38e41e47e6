/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One window, start to end: the pipeline from the kernel's counts to a call tree, and the sealed
 * profile that comes out of it.
 */
#ifndef EPROF_AGENT_WINDOW_H
#define EPROF_AGENT_WINDOW_H

#include "agent/follower.h"
#include "agent/naming.h"
#include "agent/processes.h"
#include "agent/sampler.h"
#include "agent/sideband.h"
#include "flamegraph/call_tree.h"

/* Borrowed; all outlive the window. */
struct pipeline {
	struct sampler *sampler;
	struct sideband *sideband;
	struct unwinder *unwinder; /* NULL: stacks are not walked by tables */
	struct processes *processes;
	struct follower *follower;
	struct naming *naming;
};

/* One finished window: all that is written to disk. */
struct profile {
	uint64_t started_unix_ns;
	double seconds;
	struct call_tree *tree; /* sorted */
	uint64_t samples;
	uint64_t complete_samples;         /* whose stacks miss nothing */
	uint64_t stops[STOP_REASON_COUNT]; /* samples by how the walk of the user stack ended */
};

struct window;

/* Begins now. On success the caller owns *ret. */
int window_open(const struct pipeline *pipeline, struct window **ret);
void window_free(struct window *window); /* NULL is fine */

/* Drains what the kernel has counted since the last call into the tree. */
int window_drain(struct window *window);

/* Samples in the tree so far. */
uint64_t window_samples(const struct window *window);

/* Drains a last time and seals. *ret->tree belongs to the caller: call_tree_free(). */
int window_close(struct window *window, struct profile *ret);

#endif
