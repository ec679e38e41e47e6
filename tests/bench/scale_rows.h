/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as the kernel half counts them on a machine with so many CPUs, all of them busy, made up the
 * same in each run: stacks grow out of each other, few have most of the samples, and one sample in
 * twenty is of a stack that never comes again. User addresses are in files that are mapped here.
 */
#ifndef EPROF_TESTS_BENCH_SCALE_ROWS_H
#define EPROF_TESTS_BENCH_SCALE_ROWS_H

#include "agent/processes.h"
#include "agent/sampler.h"

#define SCALE_HZ            99
#define SCALE_DRAIN_SECONDS 2

struct scale_rows;

/*
 * Maps the code of the files; those that cannot be are left out (-ENOENT: all are). services: 0 is
 * as many as such a machine has, 10 to 60. 0 or -errno.
 */
int scale_rows_new(size_t cpus, size_t services, char *const *files, struct scale_rows **ret);
void scale_rows_free(struct scale_rows *rows); /* NULL is fine */

/* Makes its processes known: all have mapped what this one has. 0 or -errno. */
int scale_rows_begin(const struct scale_rows *rows, struct processes *processes);

/* The rows of the next drain, on and off the CPU; *ret_samples are those on it. 0 or -errno. */
int scale_rows_drain(struct scale_rows *rows, sample_handler handler, void *context,
		     uint64_t *ret_samples);

/* Writes the kernel's symbols into a file, in the form of /proc/kallsyms. 0 or -errno. */
int scale_rows_write_symbols(const char *path);

#endif
