/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits of our own process. */
#ifndef EPROF_AGENT_LIMITS_H
#define EPROF_AGENT_LIMITS_H

#include <stdbool.h>

/* A machine with 5,000 processes has some 2,000 binaries, of two descriptors each. */
#define LIMITS_FILES_AHEAD 8192

/*
 * Raises the limits on open files (every sampled binary is one until its symbols are read) and on
 * locked memory (perf's rings; BPF maps are not charged to it since 5.11), to infinity or as far as
 * allowed. That it is not allowed is no error. After launch_fork(), as a command keeps its limits,
 * and before there are threads, which would make it slow.
 */
void limits_raise(void);

/* What to do about an errno (negative), to stand behind its words; or "". */
const char *limits_advice(int err);

/*
 * Whether fd is among the last that may be open. Descriptors are given out lowest first: what
 * others can make us open, by mapping files, leaves these for ourselves.
 */
bool limits_is_last_file(int fd);

#endif
