/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the reader of debug information (agent/dwarf_server.h). */
#ifndef EPROF_AGENT_DWARF_SPAWN_H
#define EPROF_AGENT_DWARF_SPAWN_H

#include <sys/types.h>

/* With its end of the socket, which stays the caller's. 0 or -errno; the caller waits for it. */
int dwarf_spawn(int socket, pid_t *ret_pid);

#endif
