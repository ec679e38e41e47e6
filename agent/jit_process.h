/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the code that one program of one process makes: its files, and what they say. */
#ifndef EPROF_AGENT_JIT_PROCESS_H
#define EPROF_AGENT_JIT_PROCESS_H

#include <stddef.h>

#include "agent/jit.h"
#include "agent/jit_files.h"
#include "symbolize/jitdump.h"
#include "symbolize/perf_map.h"

/* The fields are for agent/jit.c, but for what lies behind the descriptors. */
struct jit_process {
	struct jit_process *next;
	int32_t pid;
	uint64_t program_ns;
	uint64_t serial; /* never the same again */
	struct jit_files files;
	int map_fd, dump_fd;  /* -1: not open */
	struct perf_map *map; /* NULL: none was read */
	struct jitdump *dump; /* the same */
	size_t bytes;         /* of memory that both have */
	uint64_t replaced;    /* changes with names that were there before */
	uint64_t version;     /* of its names; 0: none has changed so far */
	uint64_t checked;     /* the drain in which its files were looked at last */
	uint64_t used;        /* the drain in which it was asked about last; 0: never */
	uint64_t served;      /* the drain in which there was something to read with; 0: never */
	uint64_t gone_ns;     /* when it was known that it is no more; 0: it may still run */
	uint64_t gone_drain;  /* the same */
	uint64_t files_refused;
	bool is_dropped;                    /* there was no room for it */
	bool is_map_refused;                /* counted */
	bool is_map_stale;                  /* what is there is from before the process */
	bool is_map_failed, is_dump_failed; /* counted */
};

void jit_process_free(struct jit_process *process);

/*
 * Reads what has been written since, at most *budget bytes, which are taken off it. is_running: its
 * perf map is still its own. Whether addresses that had no name may have one.
 */
bool jit_process_read(struct jit_process *process, bool is_running, uint64_t *budget);

/* Whether the budget has ended that before the end of a file. */
bool jit_process_is_behind(const struct jit_process *process);

/*
 * FRAME_JIT; strings live until it reads again. False: no name. A file that has not been read to
 * its end knows none: the rest of it may say otherwise.
 */
bool jit_process_name(const struct jit_process *process, uint64_t time_ns, uint64_t address,
		      struct frame *ret);

/* Whether names may come. */
bool jit_process_has_files(const struct jit_process *process);

/* Gives its memory and files back, for good. */
void jit_process_drop(struct jit_process *process);

/* Adds its own. */
void jit_process_add_stats(const struct jit_process *process, struct jit_stats *stats);

#endif
