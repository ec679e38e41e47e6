/* SPDX-License-Identifier: Apache-2.0 */
/* Messages over Unix sockets, with descriptors (SCM_RIGHTS). */
#ifndef EPROF_AGENT_DESCRIPTOR_PASSING_H
#define EPROF_AGENT_DESCRIPTOR_PASSING_H

#include <stddef.h>
#include <sys/types.h>

/* In one message. */
#define DESCRIPTORS_MAX 2

/*
 * sendmsg() with copies of count (0 to DESCRIPTORS_MAX) descriptors; flags are its own, and none
 * raises SIGPIPE. How many bytes went, with which all descriptors did; or -errno.
 */
ssize_t descriptors_send(int socket, const void *bytes, size_t size, const int *fds, size_t count,
			 int flags);

/*
 * recvmsg(). The descriptors that come are the caller's, closed on exec: up to max of them are put
 * into fds, others are closed. How many bytes came, 0 at the end; or -errno, with no descriptor.
 */
ssize_t descriptors_receive(int socket, void *ret, size_t size, int *fds, size_t max,
			    size_t *ret_count, int flags);

#endif
