/* SPDX-License-Identifier: Apache-2.0 */
/* Signals that would end eprof where it can say what is wrong, and what they did before. */
#ifndef EPROF_AGENT_SIGNALS_H
#define EPROF_AGENT_SIGNALS_H

#include <signal.h>

/* What a program gets back that eprof executes for somebody else. */
struct signals {
	sigset_t mask;
	struct sigaction pipe, file_size;
};

/*
 * From here on a reader that has gone (SIGPIPE) and a file that may not grow (SIGXFSZ) are errors
 * of write(). *ret is what was in force before.
 */
void signals_ignore(struct signals *ret);

/*
 * From here on signals by which a user ends a program (SIGINT, SIGTERM, SIGHUP) wait, so that they
 * leave no half made file: what is done meanwhile has to come to its end by itself.
 */
void signals_hold(void);

/* What has waited ends the program now. */
void signals_release(const struct signals *before);

/* For a child between fork() and exec(). */
void signals_restore(const struct signals *before);

#endif
