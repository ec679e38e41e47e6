/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/dwarf_protocol.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define FDS_MAX   2
#define NS_PER_MS 1000000

/* Before the frames of one address. */
struct answer_head {
	uint32_t frames;
};

_Static_assert(sizeof(struct answer_head) == DWARF_ANSWER_SIZE_EMPTY, "what is kept free for each");

/* Before the name and the file of one frame, each with its 0; of length 0: NULL. */
struct frame_head {
	uint32_t line;
	uint32_t is_inlined;
	uint16_t name_length;
	uint16_t file_length;
};

static size_t text_length(const char *text)
{
	size_t length = text ? strlen(text) : 0;

	return length <= DWARF_TEXT_MAX ? length : 0;
}

static size_t frame_size(const struct dwarf_frame *frame)
{
	return sizeof(struct frame_head) + text_length(frame->name) + 1 + text_length(frame->file) +
	       1;
}

static void put(struct dwarf_answers *answers, const void *bytes, size_t size)
{
	memcpy(answers->bytes + answers->size, bytes, size);
	answers->size += size;
}

static void put_text(struct dwarf_answers *answers, const char *text)
{
	put(answers, text ? text : "", text_length(text));
	put(answers, "", 1);
}

static void put_frame(struct dwarf_answers *answers, const struct dwarf_frame *frame)
{
	struct frame_head head = {
		.line = frame->line,
		.name_length = (uint16_t)text_length(frame->name),
		.file_length = (uint16_t)text_length(frame->file),
		.is_inlined = frame->is_inlined,
	};

	put(answers, &head, sizeof(head));
	put_text(answers, frame->name);
	put_text(answers, frame->file);
}

void dwarf_answers_put(struct dwarf_answers *answers, const struct dwarf_frame *frames, size_t n)
{
	struct answer_head head = { .frames = (uint32_t)n };
	size_t needed = sizeof(head);

	for (size_t i = 0; i < n; i++) {
		needed += frame_size(&frames[i]);
		/* Too long to be told: then this answer is none. */
		if (frames[i].is_inlined && !text_length(frames[i].name))
			needed = answers->room + 1;
	}
	if (needed > answers->room - answers->size)
		head.frames = 0;
	put(answers, &head, sizeof(head));
	for (size_t i = 0; i < head.frames; i++)
		put_frame(answers, &frames[i]);
}

static bool take(const char *bytes, size_t size, size_t *position, void *ret, size_t wanted)
{
	if (size - *position < wanted)
		return false;
	memcpy(ret, bytes + *position, wanted);
	*position += wanted;
	return true;
}

static bool take_text(const char *bytes, size_t size, size_t *position, size_t length,
		      const char **ret)
{
	const char *text = bytes + *position;

	if (size - *position < length + 1 || memchr(text, '\0', length + 1) != text + length)
		return false;
	*position += length + 1;
	*ret = text;
	return true;
}

static bool take_frame(const char *bytes, size_t size, size_t *position, struct dwarf_frame *ret)
{
	struct frame_head head;
	const char *name, *file;

	if (!take(bytes, size, position, &head, sizeof(head)) || head.is_inlined > 1 ||
	    !take_text(bytes, size, position, head.name_length, &name) ||
	    !take_text(bytes, size, position, head.file_length, &file))
		return false;
	*ret = (struct dwarf_frame){ .name = head.name_length ? name : NULL,
				     .file = head.file_length ? file : NULL,
				     .line = head.line,
				     .is_inlined = head.is_inlined };
	/* An inlined function without a name would have been left out. */
	return ret->name || !ret->is_inlined;
}

bool dwarf_answers_take(const char *bytes, size_t size, size_t *position, struct dwarf_frame *ret,
			size_t n, size_t *ret_count)
{
	struct answer_head head;

	*ret_count = 0;
	if (!take(bytes, size, position, &head, sizeof(head)))
		return false;
	for (uint32_t i = 0; i < head.frames; i++) {
		struct dwarf_frame frame;

		if (!take_frame(bytes, size, position, &frame))
			return false;
		if (i < n)
			ret[(*ret_count)++] = frame;
	}
	return true;
}

static int wait_for(int socket, short events, uint64_t deadline_ns)
{
	struct pollfd waited = { .fd = socket, .events = events };

	for (;;) {
		int timeout_ms = -1, ready;

		if (deadline_ns) {
			uint64_t now = clock_ns(CLOCK_MONOTONIC);

			if (now >= deadline_ns)
				return -ETIMEDOUT;
			timeout_ms = (int)((deadline_ns - now) / NS_PER_MS) + 1;
		}
		ready = poll(&waited, 1, timeout_ms);
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
	}
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

static ssize_t send_some(int socket, struct iovec *part, const int *fds, size_t fd_count)
{
	struct msghdr message = { .msg_iov = part, .msg_iovlen = 1 };
	union control control = { 0 };
	struct cmsghdr *header;

	if (fd_count) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int dwarf_send(int socket, const void *bytes, size_t size, const int *fds, size_t fd_count,
	       uint64_t deadline_ns)
{
	struct iovec part = { .iov_base = (void *)bytes, .iov_len = size };

	while (part.iov_len) {
		int err = wait_for(socket, POLLOUT, deadline_ns);
		ssize_t sent;

		if (err < 0)
			return err;
		sent = send_some(socket, &part, fds, fd_count);
		if (sent < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (sent < 0)
			return errno == ECONNRESET ? -EPIPE : -errno;
		fd_count = 0;
		part.iov_base = (char *)part.iov_base + sent;
		part.iov_len -= (size_t)sent;
	}
	return 0;
}

/* Keeps what there is room for. */
static void take_descriptors(struct msghdr *message, int *fds, size_t fds_max, size_t *count)
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
			if (fds && *count < fds_max)
				fds[(*count)++] = fd;
			else
				(void)close(fd);
		}
	}
}

int dwarf_receive(int socket, void *ret, size_t size, int *fds, size_t fds_max, size_t *ret_fds,
		  uint64_t deadline_ns)
{
	struct iovec part = { .iov_base = ret, .iov_len = size };
	size_t count = 0;

	while (part.iov_len) {
		union control control;
		struct msghdr message = { .msg_iov = &part,
					  .msg_iovlen = 1,
					  .msg_control = control.bytes,
					  .msg_controllen = sizeof(control.bytes) };
		int err = wait_for(socket, POLLIN, deadline_ns);
		ssize_t received;

		if (err < 0)
			return err;
		received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (received < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (received <= 0)
			return received && errno != ECONNRESET ? -errno : -EPIPE;
		take_descriptors(&message, fds, fds_max, &count);
		part.iov_base = (char *)part.iov_base + received;
		part.iov_len -= (size_t)received;
	}
	if (ret_fds)
		*ret_fds = count;
	return 0;
}
