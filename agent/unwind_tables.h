/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unwind tables of binaries, by slot (bpf/abi.h): built in a thread of their own, kept under a
 * cap on memory, the least recently used ones dropped first. The functions here are for any thread,
 * and never wait for a table to be built, but where they say so.
 */
#ifndef EPROF_AGENT_UNWIND_TABLES_H
#define EPROF_AGENT_UNWIND_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "symbolize/unwind_table.h"

struct unwind_tables;

struct unwind_tables_stats {
	uint64_t files;    /* with a slot */
	uint64_t built;    /* tables, those built again included */
	uint64_t without;  /* files without unwind information */
	uint64_t failed;   /* files whose unwind information could not be used, or not so far */
	uint64_t evicted;  /* tables dropped to make room */
	uint64_t refused;  /* tables for which there was no room at all */
	uint64_t rows;     /* of the tables built */
	uint64_t bytes;    /* of kernel memory now */
	uint64_t build_ns; /* CPU time */
	uint64_t unsupported[UNWIND_UNSUPPORTED_KINDS]; /* rows by kind */
	/* Of one of those that failed, or NULL; they live as long as the tables. */
	const char *failed_name, *failed_error;
};

/*
 * The descriptors are those of the maps unwind_slots, with slots entries, and unwind_chunks, with
 * chunks; they stay the caller's. 0 or -errno.
 */
struct unwind_tables_maps {
	int slots_fd, chunks_fd;
	uint32_t slots, chunks;
	/*
	 * Of each chunk that the kernel has, its descriptor, for others to map; 0: there is none.
	 * Written atomically, by the thread that builds. The kernel would hand them out by the
	 * chunks' numbers, to CAP_SYS_ADMIN only. The caller's; NULL: nobody asks.
	 */
	int *chunk_fds;
};
int unwind_tables_new(const struct unwind_tables_maps *maps, uint64_t bytes_max,
		      struct unwind_tables **ret);
/* Waits for what is being built. NULL is fine. */
void unwind_tables_free(struct unwind_tables *tables);

/*
 * Gives the binary behind fd a slot; takes fd, also when it fails. name is what messages call it.
 * Nothing is built before it is wanted. 0, -ENOSPC no slot is left, -ENOMEM.
 */
int unwind_tables_add(struct unwind_tables *tables, int fd, const char *name, uint32_t *ret_slot);

enum unwind_urgency {
	UNWIND_AHEAD, /* somebody has it mapped */
	UNWIND_NOW,   /* a walk has ended for want of it */
};

/*
 * Has the table built, unless it is there or on its way. is_pinned: it is never dropped. What fails
 * for want of memory or of descriptors, or for an error of the disk, is tried again after the next
 * collect, and then less and less often.
 */
void unwind_tables_want(struct unwind_tables *tables, uint32_t slot, enum unwind_urgency urgency,
			bool is_pinned);

/* To be called when no walker runs any more that ran at the last call: after every drain. */
void unwind_tables_collect(struct unwind_tables *tables);

/* Waits until all that is wanted is built, or for timeout_ms. */
void unwind_tables_wait(struct unwind_tables *tables, uint32_t timeout_ms);

void unwind_tables_read_stats(struct unwind_tables *tables, struct unwind_tables_stats *ret);

#endif
