/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which unwind table each executable mapping of each process goes by, where the kernel half looks
 * it up: rows of struct unwind_mapping in one array, a run of them for each process. Not
 * thread-safe.
 */
#ifndef EPROF_AGENT_UNWIND_BINDINGS_H
#define EPROF_AGENT_UNWIND_BINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

struct unwind_bindings;

/* The run of one process; the zero value is none. */
struct unwind_run {
	uint32_t first;
	uint8_t size_class; /* 0: none; else it holds 1 << size_class rows */
	uint32_t left_out;  /* rows that found no room in it: the most that has been counted */
};

/*
 * processes_fd and mappings_fd are the maps; capacity is how many rows the second one has. Both
 * stay the caller's. 0 or -errno.
 */
int unwind_bindings_new(int processes_fd, int mappings_fd, uint32_t capacity,
			struct unwind_bindings **ret);
void unwind_bindings_free(struct unwind_bindings *bindings); /* NULL is fine */

/*
 * Replaces what pid has by count rows, sorted by start and not overlapping. *run is the process's
 * and is updated. Where there is room for some of them only, the others are left out, and counted:
 * first those without a table, which are most in processes with so many (code made at run time);
 * then those in the middle of the address space, as programs lie at its lower end and the libraries
 * they began with at its upper end. 0; -ENOSPC when there is no room at all, which is counted: the
 * process then has none.
 */
int unwind_bindings_set(struct unwind_bindings *bindings, int32_t pid,
			const struct unwind_mapping *rows, size_t count, struct unwind_run *run);

/* Gives up a run, and with it what pid has; pid 0: another run has taken over already. */
void unwind_bindings_drop(struct unwind_bindings *bindings, int32_t pid, struct unwind_run *run);

/* How often there was no room at all. */
uint64_t unwind_bindings_dropped(const struct unwind_bindings *bindings);
/* Rows left out: of each process the most at a time. */
uint64_t unwind_bindings_left_out(const struct unwind_bindings *bindings);

#endif
