/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to processes, as the kernel tells it beside the samples: perf_event_open(2) records
 * MMAP2, COMM, FORK, EXIT and KSYMBOL of every process, from one ring buffer a CPU.
 *
 * Records of different CPUs are handed out in the order of their times. That order is final for
 * everything up to a time T taken before the rings are looked at: an effect (a child's first mmap)
 * is written after its cause (the fork) was, so when both are due both are visible. Records newer
 * than T wait for the next read.
 */
#ifndef EPROF_AGENT_SIDEBAND_H
#define EPROF_AGENT_SIDEBAND_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/cpus.h"
#include "symbolize/symbolize.h"

enum sideband_type {
	SIDEBAND_MMAP,    /* a mapping that may be executed */
	SIDEBAND_EXEC,    /* pid runs another program from now on, all mappings are gone */
	SIDEBAND_FORK,    /* pid is a new process, the child of parent */
	SIDEBAND_EXIT,    /* thread tid of pid is gone */
	SIDEBAND_KSYMBOL, /* code of the kernel has come, or is going */
};

/* Numbers are those of eprof's pid namespace. Pointers live until the handler returns. */
struct sideband_record {
	enum sideband_type type;
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	int32_t pid;      /* the thread group */
	int32_t tid;
	int32_t parent; /* FORK: the parent's thread group */
	/* MMAP and KSYMBOL: */
	uint64_t start;
	uint64_t length;  /* KSYMBOL: 0 for what is not a BPF program's or trampoline's */
	const char *path; /* KSYMBOL: its name */
	bool is_gone;     /* KSYMBOL only */
	/* MMAP only: */
	uint64_t file_offset;
	struct build_id build_id; /* when it has one, device and inode are 0 */
	uint64_t device;          /* as makedev() makes it */
	uint64_t inode;
};

struct sideband;

/* Opens, maps and enables the rings on cpus. One line and -errno on failure. */
int sideband_new(const struct cpus *cpus, struct sideband **ret);
void sideband_free(struct sideband *sideband); /* NULL is fine */

/*
 * Adds every ring's descriptors to an epoll set, level-triggered, with this data in the lower half
 * and the descriptor in the upper one: ready at each record, or, while bells are off, when a ring
 * is half full. 0 or -errno.
 */
int sideband_watch(const struct sideband *sideband, int epoll_fd, uint64_t data);

/*
 * Bells are on at first. Off, they cost nobody anything. When they are on again, what was written
 * until then has to be read: it rings no more.
 */
void sideband_set_bells(struct sideband *sideband, bool are_on);

typedef int (*sideband_handler)(void *context, const struct sideband_record *record);

/* Hands out, in order, all records that are due now; stops at the first error. 0 or -errno. */
int sideband_read(struct sideband *sideband, sideband_handler handler, void *context);

/* Records that have been read, also those that nobody is told of: threads that begin, say. */
uint64_t sideband_taken(const struct sideband *sideband);

/* Records that the kernel could not write because a ring was full. */
uint64_t sideband_lost(const struct sideband *sideband);

#endif
