/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks debuginfod servers for debug files by build id, while the recording goes on. No call but
 * debuginfod_start() and debuginfod_wait() blocks.
 *
 * The downloads are made by child processes, several at a time, and not by threads: libdebuginfod
 * cannot be interrupted while a name server does not answer, and a process can be ended whatever
 * it is doing. Nor has the profiler, with its privileges, anything to do with the network then: the
 * children have no capabilities, and where eprof is root they are nobody. libdebuginfod keeps what
 * came, and for ten minutes what did not, in a cache on disk (debuginfod-client-config(7)), which
 * is root's own then (agent/debuginfod_cache.h).
 *
 * The budget is time during which something was being asked for; when it is used up, nothing is
 * under way any more, even if nobody calls here.
 */
#ifndef EPROF_AGENT_DEBUGINFOD_H
#define EPROF_AGENT_DEBUGINFOD_H

#include <stdbool.h>
#include <stdint.h>

#include "symbolize/symbolize.h"

/* The last 1.5 s of the budget are for ending what is under way. */
#define DEBUGINFOD_BUDGET_MIN_S 2

struct debuginfod;

struct debuginfod_config {
	double budget_s;               /* from DEBUGINFOD_BUDGET_MIN_S on */
	const char *library;           /* NULL: libdebuginfod.so.1 */
	const char *servers_directory; /* NULL: /etc/debuginfod. See agent/debuginfod_servers.h */
};

struct debuginfod_stats {
	uint64_t asked; /* builds; each is one of the following in the end */
	uint64_t found;
	uint64_t not_found; /* no server has it */
	uint64_t failed;
	uint64_t gave_up;   /* the budget was used up, or the recording interrupted */
	double seconds;     /* of the budget, used */
	double cpu_seconds; /* of the children; after debuginfod_stop() */
	int error;          /* -errno of what failed last, or 0 */
};

/*
 * Starts the children; before any thread is, as they go on from a copy of this process. 0, or
 * -errno with the reason printed: -ENOENT no server is known, or no cache; -E2BIG there are too
 * many servers; -ELIBACC no libdebuginfod.
 */
int debuginfod_start(const struct debuginfod_config *config, struct debuginfod **ret);

/* Ends all downloads and the children, and waits for these: 2 s at most. Idempotent. */
void debuginfod_stop(struct debuginfod *debuginfod);
void debuginfod_free(struct debuginfod *debuginfod); /* NULL is fine; stops it, too */

/*
 * Asks for the debug file of a build, once: asking again does nothing. Not after
 * debuginfod_stop(). 0, or -errno: -EINVAL without an id, -ENOSPC after thousands of others,
 * -ENOMEM; then it is not counted as asked.
 */
int debuginfod_ask(struct debuginfod *debuginfod, const struct build_id *id);

/*
 * Takes a file that has come. 1: the caller owns *ret_fd, of which nobody has checked what it is;
 * 0: none now. To be called from time to time, as it also keeps requests flowing.
 */
int debuginfod_next(struct debuginfod *debuginfod, struct build_id *ret_id, int *ret_fd);

/* Whether an answer is still to come. */
bool debuginfod_is_waiting(const struct debuginfod *debuginfod);

/*
 * Waits for the next answer. False: there is nothing to wait for (any more), as all is answered,
 * the budget is used up, or interrupt_fd (-1: none) became readable.
 */
bool debuginfod_wait(struct debuginfod *debuginfod, int interrupt_fd);

/* Whole after debuginfod_stop(); before, asked is more than the sum of the others. */
void debuginfod_read_stats(const struct debuginfod *debuginfod, struct debuginfod_stats *ret);

#endif
