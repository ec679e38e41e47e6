/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/descriptor_passing.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

ssize_t descriptors_send(int socket, const void *bytes, size_t size, const int *fds, size_t count,
			 int flags)
{
	struct iovec part = { .iov_base = (void *)bytes, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control = { 0 };
	ssize_t sent;

	assert(count <= DESCRIPTORS_MAX);
	if (count) {
		struct cmsghdr *header;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	sent = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
	return sent < 0 ? -errno : sent;
}

/*
 * Room for one descriptor is aligned to that of two: as many may have come, whatever was asked for.
 */
static size_t take_descriptors(struct msghdr *message, int *fds, size_t max)
{
	size_t count = 0;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
			if (count < max)
				fds[count++] = fd;
			else
				(void)close(fd);
		}
	}
	return count;
}

ssize_t descriptors_receive(int socket, void *ret, size_t size, int *fds, size_t max,
			    size_t *ret_count, int flags)
{
	struct iovec part = { .iov_base = ret, .iov_len = size };
	union control control;
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	ssize_t received = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);

	if (received < 0)
		return -errno;
	*ret_count = take_descriptors(&message, fds, max);
	return received;
}
