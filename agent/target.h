/* SPDX-License-Identifier: Apache-2.0 */
/* What is being recorded, for people and file names, and whether it is still there. */
#ifndef EPROF_AGENT_TARGET_H
#define EPROF_AGENT_TARGET_H

#include <stdbool.h>
#include <time.h>

#include "agent/options.h"

#define TARGET_TEXT_SIZE 256

/* "redis-server (pid 123)", "the whole machine", "cgroup 'x'", "command './a.out'". */
void target_describe(const struct record_options *options, char ret[TARGET_TEXT_SIZE]);

/* "eprof-redis-server-20260102T030405Z": the default output directory. */
void target_directory(const struct record_options *options, time_t now, char ret[TARGET_TEXT_SIZE]);

/* The process that a thread belongs to, or the number itself when there is no such thread. */
int32_t target_process(int32_t tid);

/* True while any thread of -t is alive. */
bool target_threads_alive(const struct record_options *options);

#endif
