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
#include "agent/services.h"

struct namer;

/* Takes what a profile owns, whose samples are all named, but which is not sorted; called by the
 * namer's thread. 0, or -errno, which ends the thread. */
typedef int (*profile_handler)(void *context, struct profile *profile);

/* What a namer works with; all borrowed. */
struct namer_parts {
	struct naming *naming;
	struct processes *processes;
	struct debug_downloads *downloads; /* NULL: there are none */
	struct services *services;         /* NULL: samples are not told apart by service */
	profile_handler take;              /* of windows that others follow; or NULL */
	void *context;                     /* its own */
};

/*
 * Starts the thread. The naming and the downloads are the thread's alone until namer_finish(), and
 * so is the profile, whose tree must be there (and which is the newest window's). While debug files
 * are under way, samples wait for them, up to a limit. 0 or -errno.
 */
int namer_new(const struct namer_parts *parts, struct profile *profile, struct namer **ret);
/* What waits is left unnamed. NULL is fine. */
void namer_free(struct namer *namer);

/*
 * Hands over a batch (malloc()ed, taken also on failure). Waits while NAMER_WAITING_MAX others
 * wait. 0, or the error that ended the thread.
 */
int namer_take(struct namer *namer, struct sample_batch *batch);

/* A window that ends, and the one that follows. */
struct namer_turn {
	struct profile next;   /* whose trees are there */
	struct ledger *ledger; /* of the one that ends */
	double seconds;
	uint64_t counters[COUNTER_COUNT];
	uint64_t sample_hz;
};

/*
 * A window ends with what was handed over until now: when all of it is named, its profile, with the
 * ledger, goes to the handler, and what follows is counted in the next one. What turn points to is
 * taken, also on failure. Errors: namer_take().
 */
int namer_turn(struct namer *namer, struct namer_turn *turn);

/* Waits until all is named, and the downloads; ends the thread. 0, or what went wrong. */
int namer_finish(struct namer *namer);

/* Drains. What a machine samples in so many seconds is some megabytes. */
#define NAMER_WAITING_MAX 64

#endif
