/* SPDX-License-Identifier: Apache-2.0 */
/* One of the processes that download, seen from eprof. What it does is agent/debuginfod_worker.h.
 */
#ifndef EPROF_AGENT_DEBUGINFOD_CHILD_H
#define EPROF_AGENT_DEBUGINFOD_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/debuginfod_worker.h"

/* Each has a socket of its own: when that ends it is known what nobody works on any more. */
struct debuginfod_child {
	pid_t pid;  /* 0: none */
	int socket; /* -1: it has gone */
	bool is_busy;
	uint64_t ask; /* while it is busy */
};

/* Forks it; settings->socket is set for it. 0 or -errno. */
int debuginfod_child_start(struct debuginfod_child *child, struct debuginfod_worker *settings);

/*
 * What it says; flags are of recvmsg(). 0, with *ret_fd -1 or the caller's; -EAGAIN nothing now;
 * -errno: nothing will come any more.
 */
int debuginfod_child_receive(const struct debuginfod_child *child, int flags,
			     struct debuginfod_reply *ret, int *ret_fd);

/* Nothing is to be said any more; the process is still to be waited for. */
void debuginfod_child_close(struct debuginfod_child *child);

/* Ends it, if there is one, and waits for that; the seconds of CPU time that it has used. */
double debuginfod_child_end(struct debuginfod_child *child);

#endif
