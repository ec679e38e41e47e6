/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each pid had mapped, at the time of a sample. A pid's life is a row of generations: one from
 * fork to exec, one from exec to the next. Seeded once from /proc, then kept by side-band records.
 * For several threads: one follows the records while another names samples.
 */
#ifndef EPROF_AGENT_PROCESSES_H
#define EPROF_AGENT_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/binaries.h"
#include "agent/pid_list.h"
#include "agent/sideband.h"
#include "agent/unwinder.h"

/* A process that maps more executable pieces than this keeps the first; the rest is counted. */
#define MAPPINGS_MAX 65536

struct mapping {
	uint64_t start, end;
	uint64_t file_offset; /* of start */
	uint64_t since_ns;    /* CLOCK_MONOTONIC; 0: before we looked */
	uint64_t until_ns;    /* UINT64_MAX: still there */
	/* Before this, walkers went by the table of what lay there before; 0: there was nothing. */
	uint64_t bound_ns;
	uint64_t settled_ns; /* no such time of any mapping is after this; for processes_locate() */
	uint64_t
		program_ns; /* tells the programs of one pid apart; for processes_locate() to say */
	struct binary *binary;
};

struct processes;

/*
 * follow_all: processes never heard of are taken up too. unwinder is told what each process has
 * mapped, unless it is NULL. Both stay the caller's.
 */
int processes_new(struct binaries *binaries, struct unwinder *unwinder, bool follow_all,
		  struct processes **ret);
void processes_free(struct processes *processes); /* NULL is fine */

/* Reads /proc/PID/maps. 0, -ESRCH no such process, -errno. The records must be flowing already. */
int processes_seed(struct processes *processes, int32_t pid);
int processes_seed_all(struct processes *processes);

/*
 * Reads again, records having been lost, what all known processes have mapped; or all there are, if
 * all are followed. Records up to time_ns have been applied; what has begun since is known. 0 or
 * -errno.
 */
int processes_reread(struct processes *processes, uint64_t time_ns);

/* The parts of these. time_ns as for rereading; 0: no record has been applied. */
int processes_seed_at(struct processes *processes, int32_t pid, uint64_t time_ns);
int processes_list_known(struct processes *processes, struct pid_list *ret); /* 0 or -ENOMEM */
bool processes_follows_all(const struct processes *processes);

/* A sideband_handler, context being the processes; records come in the order of their times. */
int processes_apply(void *context, const struct sideband_record *record);

/*
 * Tells the unwinder of all that has changed since the last call; at_once: but for processes with
 * so many mappings, or so many changes, that it would take long. 0 or -ENOMEM.
 */
int processes_bind(struct processes *processes, bool at_once);
/*
 * Whether that has put some off that change again and again: it is to be called again in a few
 * milliseconds.
 */
bool processes_has_put_off(const struct processes *processes);

/* The mapping of address at a time; false: none is known. Its binary lives as long as binaries. */
bool processes_locate(struct processes *processes, int32_t pid, uint64_t time_ns, uint64_t address,
		      struct mapping *ret);

/*
 * The same for count addresses together, as of one state of what is known: ret[i] is of
 * addresses[i], with a binary of NULL where none is known.
 */
void processes_locate_all(struct processes *processes, int32_t pid, uint64_t time_ns,
			  const uint64_t *addresses, size_t count, struct mapping *ret);

/*
 * Changes with all that processes_locate() says of pid at a time; 0 when it says nothing. Two
 * processes, or two programs of one, never have the same.
 */
uint64_t processes_version(struct processes *processes, int32_t pid, uint64_t time_ns);

/* Frees what no sample taken after before_ns can ask for. */
void processes_forget(struct processes *processes, uint64_t before_ns);

/* True when no thread of a known process is alive any more: exited and reaped, or never known. */
bool processes_is_gone(struct processes *processes, int32_t pid);

uint64_t processes_dropped_mappings(struct processes *processes);

#endif
