/* SPDX-License-Identifier: Apache-2.0 */
/* What a process of ours takes. */
#ifndef EPROF_AGENT_PROCESS_MEMORY_H
#define EPROF_AGENT_PROCESS_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

/* Its resident set by /proc/PID/statm; 0 if it has ended. */
uint64_t process_resident_bytes(pid_t pid);

/* What we have allocated ourselves; pages of it that were never touched are not resident. */
uint64_t own_heap_bytes(void);

#endif
