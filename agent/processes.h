/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each pid had mapped, at the time of a sample. A pid's life is a row of generations: one from
 * fork to exec, one from exec to the next. Seeded once from /proc, then kept by side-band records.
 */
#ifndef EPROF_AGENT_PROCESSES_H
#define EPROF_AGENT_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/binaries.h"
#include "agent/sideband.h"

/* A process that maps more executable pieces than this keeps the first ones; the rest is counted.
 */
#define MAPPINGS_MAX 65536

struct mapping {
	uint64_t start, end;
	uint64_t file_offset; /* of start */
	uint64_t since_ns;    /* CLOCK_MONOTONIC; 0: before we looked */
	uint64_t until_ns;    /* UINT64_MAX: still there */
	struct binary *binary;
};

struct processes;

/* follow_all: processes never heard of are taken up too. binaries stays the caller's. */
int processes_new(struct binaries *binaries, bool follow_all, struct processes **ret);
void processes_free(struct processes *processes); /* NULL is fine */

/* Reads /proc/PID/maps. 0, -ESRCH no such process, -errno. The records must be flowing already. */
int processes_seed(struct processes *processes, int32_t pid);
int processes_seed_all(struct processes *processes);

/* A sideband_handler, context being the processes; records come in the order of their times. */
int processes_apply(void *context, const struct sideband_record *record);

/* The mapping of address at a time, or NULL. Lives until the next apply or forget. */
const struct mapping *processes_locate(const struct processes *processes, int32_t pid,
				       uint64_t time_ns, uint64_t address);

/* Frees what no sample taken after before_ns can ask for. */
void processes_forget(struct processes *processes, uint64_t before_ns);

/* True when no thread of a known process is alive any more: exited and reaped, or never known. */
bool processes_is_gone(const struct processes *processes, int32_t pid);

uint64_t processes_dropped_mappings(const struct processes *processes);

#endif
