/* SPDX-License-Identifier: Apache-2.0 */
/* What the recording waits for: one epoll set over timers, signals and pidfds. */
#ifndef EPROF_AGENT_LOOP_H
#define EPROF_AGENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum loop_event {
	LOOP_DRAIN = 1 << 0,
	LOOP_TICK = 1 << 1, /* once a second */
	LOOP_TIME_OVER = 1 << 2,
	LOOP_INTERRUPTED = 1 << 3,     /* SIGINT, SIGTERM, SIGHUP, SIGQUIT */
	LOOP_LOOK = 1 << 5,            /* OFF_CPU_LOOKS_HZ times a second */
	LOOP_PROCESSES_ENDED = 1 << 4, /* all that loop_add_process() was told */
	LOOP_RELOAD = 1 << 6,          /* SIGHUP, after loop_set_reload() */
	LOOP_STATUS = 1 << 7,          /* for the descriptors of who runs the loop */
	LOOP_UPLOADER = 1 << 8,
};

struct loop;

/*
 * Blocks the signals above, so that they wait for the loop; but for those that are ignored, as
 * nohup has SIGHUP, and a shell SIGINT of what runs in the background: they stay without effect.
 */
int loop_new(struct loop **ret);
void loop_free(struct loop *loop); /* NULL is fine; signals stay blocked unless released */

/*
 * Readable when a signal has come that loop_wait() has not told of: for who waits for something
 * else than events. The loop's.
 */
int loop_signal_fd(const struct loop *loop);

/* From here on the signals do again what they did before loop_new(); what has come is dropped. */
void loop_release_signals(struct loop *loop);

/* From here on SIGHUP does not interrupt: it raises LOOP_RELOAD. */
void loop_set_reload(struct loop *loop);

/* Raises event while fd, which stays the caller's and outlives the loop, is readable. 0 or -errno.
 */
int loop_add_fd(struct loop *loop, int fd, enum loop_event event);

/* Raises event after seconds > 0, and then again and again when periodic. */
int loop_add_timer(struct loop *loop, double seconds, bool periodic, enum loop_event event);

/* The only timer of this event rings in seconds > 0 from now, once; it is added if there is none.
 */
int loop_set_timer(struct loop *loop, double seconds, enum loop_event event);

/*
 * Raises LOOP_PROCESSES_ENDED once when pid and all others added have ended. 0 or -errno (-ESRCH:
 * has already).
 */
int loop_add_process(struct loop *loop, pid_t pid);

/* Waits; *ret_events is a set of loop_event. */
int loop_wait(struct loop *loop, unsigned int *ret_events);

#endif
