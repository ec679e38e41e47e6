/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of code that programs make while they run, as their runtimes tell them in perf maps and
 * jitdumps (agent/jit_files.h). What is kept of a process outlives it until its samples are named.
 *
 * One thread names; another one may tell of mappings at the same time.
 */
#ifndef EPROF_AGENT_JIT_H
#define EPROF_AGENT_JIT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/binaries.h"
#include "base/frame.h"

/*
 * Processes with code of their own making that are known at a time, the rest is counted: each has
 * up to four descriptors.
 */
#define JIT_PROCESSES_MAX 1024

/*
 * What is read of all files from one jit_begin() to the next, a tenth of a second of parsing, and
 * by jit_settle(). When it is used up files wait, those that had none for longest come first, and
 * until a file has been read to its end it has no names.
 */
#define JIT_DRAIN_BYTES_MAX  (UINT64_C(32) << 20)
#define JIT_SETTLE_BYTES_MAX (UINT64_C(256) << 20)

struct jit;

struct jit_stats {
	uint64_t files_refused;   /* not trusted, unreadable, or not what their names say */
	uint64_t entries_refused; /* of files: what is no entry, or contradicts itself */
	uint64_t no_room; /* entries and processes beyond the limits, files not read to the end */
	uint64_t unnamed; /* addresses that got no name, for each time they were looked up */
};

int jit_new(struct jit **ret);
void jit_free(struct jit *jit); /* NULL is fine */

/* Whether binary stands for memory that may hold such code: it is in no file. */
bool jit_is_code(const struct binary *binary);

/* For any thread: something executable was mapped. Only such code and jitdumps are of interest. */
void jit_mapped(struct jit *jit, const struct mapping_source *source, const struct binary *binary);

/* A drain begins: each file is looked at once more, when it is asked for. */
void jit_begin(struct jit *jit);

/* The drain has ended: all samples that are asked about from here on are from after before_ns. */
void jit_end(struct jit *jit, uint64_t before_ns);

struct jit_address {
	int32_t pid;
	uint64_t program_ns; /* which of the programs that pid has run: struct mapping */
	uint64_t time_ns;
	uint64_t address;
};

/*
 * Names an address. Where there is no name yet, the frame has one that jit_settle() replaces.
 * False: there is none, and none can come. Strings live until the next jit_begin().
 */
bool jit_name(struct jit *jit, const struct jit_address *address, struct frame *ret);

/*
 * Changes when addresses of what pid runs now that had a name may have another one: their memory
 * was used again. Looks at its files.
 */
uint64_t jit_version(struct jit *jit, int32_t pid);

/* Looks for late names a last time, in all files. Whether there is any to be replaced. */
bool jit_settle(struct jit *jit);

/* A call_tree_renamer, context being the jit: puts the late name in place of what stood for it. */
bool jit_replace(void *context, struct frame *frame);

/* The last tree that has late names is finished. */
void jit_forget_late(struct jit *jit);

void jit_read_stats(const struct jit *jit, struct jit_stats *ret); /* of NULL: all 0 */

#endif
