/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the walker in the kernel goes by, seen from user space: keeps each process's mappings bound
 * to the unwind tables of what is mapped. Functions that add, bind and unbind are for one thread at
 * a time; struct processes sees to that.
 */
#ifndef EPROF_AGENT_UNWINDER_H
#define EPROF_AGENT_UNWINDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/unwind_bindings.h"
#include "agent/unwind_tables.h"

struct mapping;
struct module;
struct unwinder;

/* The walker's maps: agent/sampler.h has them. Descriptors stay the caller's. */
struct unwind_maps {
	int processes_fd, mappings_fd, wants_fd;
	uint32_t mappings; /* how many rows mappings_fd has */
	struct unwind_tables_maps tables;
	uint32_t *clock; /* what the walker calls now */
};

struct unwinder_options {
	uint64_t bytes_max; /* of unwind tables in the kernel */
	bool is_pinned;     /* all processes are followed ones: their tables are never dropped */
};

struct unwinder_stats {
	struct unwind_tables_stats tables;
	uint64_t unbound;       /* processes, and files, for which there was no room */
	uint64_t no_descriptor; /* files that could not be kept open */
	uint64_t left_out;      /* mappings of other processes, for which there was none */
};

int unwinder_new(const struct unwind_maps *maps, const struct unwinder_options *options,
		 struct unwinder **ret);
void unwinder_free(struct unwinder *unwinder); /* NULL is fine */

/*
 * The slot of a module, which must be new or known here: its file is taken from it before its
 * symbols are read. UNWIND_SLOT_UNUSABLE when there is no room or no descriptor for it, which is
 * counted.
 */
uint32_t unwinder_add(struct unwinder *unwinder, struct module *module);

/*
 * Tells the walker what pid has mapped now: count mappings, sorted and not overlapping. *run
 * belongs to the process and is updated. 0 or -ENOMEM; want of room is counted and no error.
 */
int unwinder_bind(struct unwinder *unwinder, int32_t pid, const struct mapping *mappings,
		  size_t count, struct unwind_run *run);
/* pid has nothing mapped any more; pid 0: another run has taken over. */
void unwinder_unbind(struct unwinder *unwinder, int32_t pid, struct unwind_run *run);

/* Waits until the tables of all that is bound are in place, or for timeout_ms. */
void unwinder_wait(struct unwinder *unwinder, uint32_t timeout_ms);

/* Adds a descriptor to epoll_fd that is ready when the walker asks for tables; data is its data. */
int unwinder_watch(const struct unwinder *unwinder, int epoll_fd, uint64_t data);
int unwinder_answer(struct unwinder *unwinder);

/* After every drain: walkers that ran before it have ended. */
void unwinder_tick(struct unwinder *unwinder);

void unwinder_read_stats(struct unwinder *unwinder, struct unwinder_stats *ret);

#endif
