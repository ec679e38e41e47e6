/* SPDX-License-Identifier: Apache-2.0 */
/* What a note in a stack says about the state of its thread, in the words of other outputs. */
#ifndef EPROF_FLAMEGRAPH_WAIT_STATE_H
#define EPROF_FLAMEGRAPH_WAIT_STATE_H

/* The numbers are kept by stores of eprof-server: none is given another meaning. */
enum wait_state {
	WAIT_STATE_NONE,
	WAIT_STATE_SLEEP, /* which no note says: it is what a thread off its CPU does else */
	WAIT_STATE_RUNQUEUE,
	WAIT_STATE_UNINTERRUPTIBLE,
	WAIT_STATE_STOPPED,
	WAIT_STATE_OTHER,
	WAIT_STATE_COUNT,
};

/* By the name of a note ("[runqueue]"), which is a user's frame where text was read. */
enum wait_state wait_state_of(const char *name);

/* "" | "sleep" | "runqueue" | "uninterruptible" | "stopped" | "other" */
const char *wait_state_text(enum wait_state state);

#endif
