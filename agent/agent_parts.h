/* SPDX-License-Identifier: Apache-2.0 */
/* What the files agent_*.c that run an agent share; nobody else includes it. */
#ifndef EPROF_AGENT_AGENT_PARTS_H
#define EPROF_AGENT_AGENT_PARTS_H

#include <limits.h>

#include "agent/agent_config.h"
#include "agent/agent_privileges.h"
#include "agent/agent_status.h"
#include "agent/heap_growth.h"
#include "agent/recording.h"
#include "agent/service_manager.h"
#include "agent/window_writer.h"

/*
 * A session is a recording that goes on from window to window. What it samples by stays the same in
 * it: when the config or the CPUs change, it ends with the window that is cut there, and another
 * one begins.
 */
struct agent {
	const struct agent_options *options;
	const struct signals *before;
	struct agent_config *config;
	struct agent_config *config_before; /* until a session has begun by the new one; or NULL */
	char host[HOST_NAME_MAX + 1];
	struct agent_user user;
	struct spool_writer *spool;
	struct window_writer *writer;
	struct uploader *uploader;
	struct status_socket *socket;
	struct service_manager *manager;
	uint64_t alive_ns;     /* when it was last told */
	uint64_t windows_told; /* whose figures are in the metrics file */

	/* Of the session. */
	struct cgroup_paths *paths;
	struct services *services;
	struct recording recording;
	uint64_t session_began_ns; /* CLOCK_MONOTONIC */
	struct heap_growth growth; /* of the session */

	/* Of what has ended; the session's own come on top. */
	uint64_t counters[COUNTER_COUNT];
	uint64_t follower_lost;
	uint64_t began_unix_s, reloads;
	uint64_t rate_checked_ns, rate_checked_cpu_ns; /* for max-cpu: at the last look */
	uint64_t budget_hz;                            /* what it has come to; 0: never changed */
};

/* Fills in all figures as they are now. */
void agent_gather(struct agent *agent, struct agent_status *ret);

/* The session is about to end: what it has counted is kept. */
void agent_gather_session(struct agent *agent);

/* A session has begun: at the rate that the one before came to by max-cpu. */
void agent_resume_budget(struct agent *agent);
/* After a window: keeps to max-cpu. */
void agent_keep_budget(struct agent *agent);

/* Answers who asks on the socket, by the figures of now. */
void agent_answer(struct agent *agent);
/* Tells the service manager, as often as it wants to hear it. To be called once a second. */
void agent_tell_alive(struct agent *agent);

/*
 * CPU time in nanoseconds of all threads, and of children that have ended, other than uploaders:
 * the one that runs is no part of it, and must not come all at once when it ends. Also of the
 * reader of debug information while it runs, but for the moment in which it ends.
 */
uint64_t agent_cpu_ns(const struct agent *agent);

/*
 * A session, from its beginning to a reason for its end.
 */
enum session_end {
	SESSION_GOES_ON,
	SESSION_OVER,
	SESSION_RELOAD,
	SESSION_CPUS,  /* others are online */
	SESSION_RENEW, /* what is known of binaries and names has grown too large */
	SESSION_FAILED,
};
int agent_session_begin(struct agent *agent);
enum session_end agent_session_run(struct agent *agent);
/* Cuts the window, names it, and hands it to the writer. 0 or -errno after one line. */
int agent_session_end(struct agent *agent);

#endif
