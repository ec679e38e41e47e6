/* SPDX-License-Identifier: Apache-2.0 */
/* The children of agent/debuginfod.c: each downloads one file at a time. */
#ifndef EPROF_AGENT_DEBUGINFOD_WORKER_H
#define EPROF_AGENT_DEBUGINFOD_WORKER_H

#include <stdint.h>
#include <sys/types.h>

#include "symbolize/symbolize.h"

#define DEBUGINFOD_LIBRARY "libdebuginfod.so.1"

/* Messages of a SOCK_SEQPACKET socket, of which each child has one. */
struct debuginfod_request {
	uint64_t index;       /* for the reply */
	uint64_t deadline_ns; /* of CLOCK_MONOTONIC */
	struct build_id id;
};

#define DEBUGINFOD_READY UINT64_MAX

/* A file that was found comes with it. */
struct debuginfod_reply {
	uint64_t index; /* DEBUGINFOD_READY: the first reply, of each child */
	/* -ENOENT: no server has it. -ETIME: the deadline came. As the first one: -ELIBACC there is
	 * no library, or what it has is not what we know. */
	int32_t err;
};

struct debuginfod_worker {
	int socket;
	int cache_fd; /* -1: libdebuginfod's own place; else of agent/debuginfod_cache.h */
	pid_t parent; /* with which it ends */
	const char *library;
	const char *servers;
};

/* Everything that the process does from here on. */
_Noreturn void debuginfod_worker_run(const struct debuginfod_worker *worker);

#endif
