/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that speaks to the network: eprof's own program started again, without any
 * capability. It takes what it finds in the spool, each target in a thread of its own, and knows
 * nothing else of the agent; figures come back by memory that both share. When it dies, it is
 * started again.
 */
#ifndef EPROF_AGENT_UPLOADER_H
#define EPROF_AGENT_UPLOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/agent_config.h"

#define UPLOADER_ARGUMENT "--eprof-uploader"

/* Of one target, since the agent began. Buckets: up to 2^i * 10 ms, and the last: longer. */
#define UPLOADER_BUCKETS 12
struct uploader_figures {
	uint64_t sent, sent_bytes;
	uint64_t retried; /* attempts that failed, and are made again */
	uint64_t parked;  /* refused by the target */
	uint64_t latency_ns, latency_buckets[UPLOADER_BUCKETS + 1]; /* of what was sent */
	uint64_t last_sent_unix_s;                                  /* 0: never */
	uint64_t next_try_unix_s;                                   /* 0: not waiting */
	long last_status;     /* of HTTP, of the last attempt */
	char last_error[256]; /* of the last attempt; empty: it was sent */
};

struct uploader;

/*
 * Starts the process, which reads the config from memory. One line and -errno on failure; on
 * success the caller owns *ret.
 */
int uploader_start(const struct agent_config *config, struct uploader **ret);

/*
 * Something was put: threads that wait for files look. Those that wait for a target which failed do
 * not. From any thread; the other functions are for one thread at a time.
 */
void uploader_wake(struct uploader *uploader);

/*
 * The same as long as the uploader lives. Readable when the process has ended, and again when it is
 * time to start the next one; then uploader_restart() does what is due and returns at once. Who
 * dies early is started again after 1 s, 2 s, ... 60 s. -errno: it could not be started, which is
 * told in one line, and is tried again in the same way.
 */
int uploader_fd(const struct uploader *uploader);
int uploader_restart(struct uploader *uploader);

/*
 * Other targets: ends the process when what it is sending is sent or cut, which takes 3 s at most
 * that the caller waits, and starts another. Figures of a target with the same name and URL go on.
 * 0, also when the new one could not be started, which is tried again as in uploader_restart(); or
 * -errno, without a line: then nothing has changed.
 */
int uploader_change(struct uploader *uploader, const struct agent_config *config);

/* False: there is no such target, or what it says is written over all the time. */
bool uploader_figures_of(const struct uploader *uploader, size_t target,
			 struct uploader_figures *ret);
uint64_t uploader_restarts(const struct uploader *uploader);

pid_t uploader_pid(const struct uploader *uploader); /* 0: none runs */
/* Of all that have run, and the one that runs. */
double uploader_cpu_seconds(const struct uploader *uploader);
/* Of those alone that have ended: RUSAGE_CHILDREN has it as well. */
double uploader_ended_cpu_seconds(const struct uploader *uploader);

/*
 * Lets it send what is in the spool until so many seconds have passed (a target that fails twice in
 * a row meanwhile is left); then it ends, at most 2 s later. NULL is fine.
 */
void uploader_stop(struct uploader *uploader, double seconds);

/* main() of that process: the exit code. */
int uploader_run(void);

#endif
