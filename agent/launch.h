/* SPDX-License-Identifier: Apache-2.0 */
/* A command under the profiler: forked first, held until everything watches it, then let go. */
#ifndef EPROF_AGENT_LAUNCH_H
#define EPROF_AGENT_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/signals.h"

struct launch {
	pid_t pid;    /* 0: nothing launched */
	int go_fd;    /* write end: a byte lets the child go on to exec */
	int error_fd; /* read end: the child's errno when exec fails, end of file when it does not
		       */
};

#define LAUNCH_NONE ((struct launch){ .go_fd = -1, .error_fd = -1 })

/*
 * Forks a child that waits before it becomes command, with signals as they were before. 0 or
 * -errno.
 */
int launch_fork(char **command, const struct signals *before, struct launch *ret);

/* Lets the child go; returns when it runs command. -errno of exec otherwise (ENOENT, EACCES, ...).
 */
int launch_exec(struct launch *launch);

/*
 * Reaps a child that has ended (*ret_wait_status is waitpid()'s) and returns false; sends SIGTERM
 * to one that still runs and returns true.
 */
bool launch_finish(struct launch *launch, int *ret_wait_status);

/* For CLEANUP: a child that was never let go ends by itself. */
void launch_done(struct launch *launch);

#endif
