/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files in which the runtime of a process tells the names of code that it makes: found as the
 * process itself sees them, in its mount and pid namespaces, and read only when nobody else can
 * have written them.
 *
 * - /tmp/perf-PID.map, PID being the process's number in its innermost pid namespace. No link is
 *   followed behind /tmp, and the file is a regular one that has no other name. Nobody removes
 * them: one that was last written before the process was there is of another one that had its
 * number.
 * - jit-PID.dump, which the runtime maps for execution to make itself known, anywhere.
 *
 * Both must belong to the user that the process acts for (its effective uid), or to root.
 */
#ifndef EPROF_AGENT_JIT_FILES_H
#define EPROF_AGENT_JIT_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/binaries.h"

/* What outlives the process, for files that are written at its end. */
struct jit_files {
	int process_fd;           /* /proc/PID; -1: none */
	int directory_fd;         /* its /tmp; -1: none */
	int32_t inner_pid;        /* as the process sees itself */
	uid_t uid;                /* effective, as we see it */
	uint64_t started_unix_ns; /* when the process began, to 10 ms; 0: not known */
};

#define JIT_FILES_NONE ((struct jit_files){ .process_fd = -1, .directory_fd = -1 })

/* Of a process that is alive. 0, -ESRCH, -EMFILE when there are too many files, or -errno. */
int jit_files_find(int32_t pid, struct jit_files *ret);
void jit_files_done(struct jit_files *files);

/* Whether the process has ended, and nobody has to wait for it any more; or none was found. */
bool jit_files_is_gone(const struct jit_files *files);

/*
 * The perf map; the descriptor is the caller's. -ENOENT: there is none; -EPERM: there is one that
 * is not to be trusted; -ESTALE: it is older than the process; -EMFILE; -errno.
 */
int jit_files_open_map(struct jit_files *files);

/* Whether fd is still what the name leads to, or the name leads nowhere. */
bool jit_files_is_map(const struct jit_files *files, int fd);

/* The jitdump that is mapped there; as above. */
int jit_files_open_dump(struct jit_files *files, const struct mapping_source *source);

/* Whether a path is that of a jitdump: .../jit-NUMBER.dump. */
bool jit_files_is_dump_name(const char *path);

#endif
