/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of agent/dwarf_client.h: a process that gives up what it may do, and then reads
 * debug information for whoever is at the other end of its socket.
 */
#ifndef EPROF_AGENT_DWARF_SERVER_H
#define EPROF_AGENT_DWARF_SERVER_H

/* eprof is started with this as its only argument. Not for people. */
#define DWARF_SERVER_ARGUMENT "--read-debug-information"

/* The descriptor of its socket. */
#define DWARF_SERVER_SOCKET 3

/* The whole life of the process: until the other end goes. Returns its exit code. */
int dwarf_server_run(void);

#endif
