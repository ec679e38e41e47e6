/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/debuginfod_child.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/descriptor_passing.h"
#include "base/cleanup.h"

#define US_PER_SECOND 1e6

int debuginfod_child_start(struct debuginfod_child *child, struct debuginfod_worker *settings)
{
	CLEANUP(cleanup_fd) int theirs = -1;
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	child->socket = sockets[0];
	/* No copy of it stays here, nor with the next ones: it is closed when this one ends. */
	theirs = sockets[1];
	settings->socket = theirs;
	child->pid = fork();
	if (child->pid == 0)
		debuginfod_worker_run(settings);
	if (child->pid > 0)
		return 0;
	child->pid = 0;
	return -errno;
}

int debuginfod_child_receive(const struct debuginfod_child *child, int flags,
			     struct debuginfod_reply *ret, int *ret_fd)
{
	size_t count;
	int fd = -1;
	ssize_t n = descriptors_receive(child->socket, ret, sizeof(*ret), &fd, 1, &count, flags);

	if (n < 0)
		return n == -EINTR ? -EAGAIN : (int)n;
	if (n == sizeof(*ret)) {
		*ret_fd = fd;
		return 0;
	}
	cleanup_fd(&fd);
	return -EPIPE;
}

void debuginfod_child_close(struct debuginfod_child *child)
{
	cleanup_fd(&child->socket);
	child->socket = -1;
}

double debuginfod_child_end(struct debuginfod_child *child)
{
	struct rusage usage = { 0 };

	debuginfod_child_close(child);
	child->is_busy = false;
	if (!child->pid)
		return 0;
	(void)kill(child->pid, SIGKILL);
	while (wait4(child->pid, NULL, 0, &usage) < 0 && errno == EINTR)
		;
	child->pid = 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / US_PER_SECOND;
}
