/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names drained samples in a thread of its own, into the call tree of a profile. Reading symbols
 * and debug information may take seconds; the kernel's maps hold what is counted in two.
 */
#ifndef EPROF_AGENT_NAMER_H
#define EPROF_AGENT_NAMER_H

#include "agent/debug_downloads.h"
#include "agent/naming.h"
#include "agent/processes.h"
#include "agent/profile.h"
#include "agent/sample_batch.h"

struct namer;

/* What a namer works with; all borrowed. */
struct namer_parts {
	struct naming *naming;
	struct processes *processes;
	struct debug_downloads *downloads; /* NULL: there are none */
};

/*
 * Starts the thread. The naming and the downloads are the thread's alone until namer_finish(), and
 * so is the profile, whose tree must be there. While debug files are under way, samples wait for
 * them, up to a limit. 0 or -errno.
 */
int namer_new(const struct namer_parts *parts, struct profile *profile, struct namer **ret);
/* What waits is left unnamed. NULL is fine. */
void namer_free(struct namer *namer);

/*
 * Hands over a batch (malloc()ed, taken also on failure). Waits while NAMER_WAITING_MAX others
 * wait. 0, or the error that ended the thread.
 */
int namer_take(struct namer *namer, struct sample_batch *batch);

/* Waits until all is named, and the downloads; ends the thread. 0, or what went wrong. */
int namer_finish(struct namer *namer);

/* Drains. What a machine samples in so many seconds is some megabytes. */
#define NAMER_WAITING_MAX 64

#endif
