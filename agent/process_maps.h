/* SPDX-License-Identifier: Apache-2.0 */
/* What a process may execute, as /proc says it. */
#ifndef EPROF_AGENT_PROCESS_MAPS_H
#define EPROF_AGENT_PROCESS_MAPS_H

#include <stdint.h>
#include <stdio.h>

#include "agent/binaries.h"

/* source and its path live until the handler returns; pid and place are filled in. 0 or -errno. */
typedef int (*process_maps_handler)(void *context, struct mapping_source *source,
				    uint64_t file_offset);

/*
 * Opens /proc/PID/maps; of a process whose first thread has ended, that of one that is alive. *ret
 * is NULL for who has no memory (a zombie, a kernel thread), else the caller's to close. 0, -ESRCH
 * no such process, -errno.
 */
int process_maps_open(int32_t pid, FILE **ret);

/*
 * Hands out each executable mapping (none of NULL), and stops at the first error. A process that
 * ended meanwhile has no more.
 */
int process_maps_read(FILE *file, int32_t pid, process_maps_handler handler, void *context);

#endif
