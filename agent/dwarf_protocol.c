/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/dwarf_protocol.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/descriptor_passing.h"

#define NS_PER_MS 1000000

/* In place of the number of frames: there are some, and they could not be told. */
#define LEFT_OUT UINT32_MAX

/* Before the frames of one address. */
struct answer_head {
	uint32_t frames;
};

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

static bool has_lost_a_name(const struct dwarf_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (frames[i].is_inlined && !text_length(frames[i].name))
			return true;
	}
	return false;
}

bool dwarf_answers_put(struct dwarf_answers *answers, const struct dwarf_frame *frames, size_t n)
{
	struct answer_head head = { .frames = (uint32_t)n };
	size_t needed = sizeof(head);

	for (size_t i = 0; i < n; i++)
		needed += frame_size(&frames[i]);
	if (needed > answers->room || has_lost_a_name(frames, n)) {
		head.frames = LEFT_OUT;
		needed = sizeof(head);
	}
	if (needed > answers->room - answers->size)
		return false;
	put(answers, &head, sizeof(head));
	for (size_t i = 0; i < n && head.frames != LEFT_OUT; i++)
		put_frame(answers, &frames[i]);
	return true;
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

bool dwarf_answers_take(const char *bytes, size_t size, size_t *position, struct dwarf_answer *ret)
{
	struct answer_head head;

	ret->count = 0;
	if (!take(bytes, size, position, &head, sizeof(head)))
		return false;
	ret->is_left_out = head.frames == LEFT_OUT;
	if (ret->is_left_out)
		return true;
	for (uint32_t i = 0; i < head.frames; i++) {
		struct dwarf_frame frame;

		if (!take_frame(bytes, size, position, &frame))
			return false;
		if (i < DWARF_FRAMES_MAX)
			ret->frames[ret->count++] = frame;
	}
	return true;
}

static bool is_readable(int fd)
{
	struct pollfd asked = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&asked, 1, 0) > 0;
}

/* Until until_ns, or for ever (0). 1: what one of both was waited for; 0: the time is over. */
static int wait_until(struct pollfd files[2], uint64_t until_ns)
{
	for (;;) {
		int timeout_ms = -1, ready;

		if (until_ns) {
			uint64_t now = clock_ns(CLOCK_MONOTONIC);

			if (now >= until_ns)
				return 0;
			timeout_ms = (int)((until_ns - now) / NS_PER_MS) + 1;
		}
		ready = poll(files, 2, timeout_ms);
		if (ready > 0)
			return 1;
		if (ready < 0 && errno != EINTR)
			return -errno;
	}
}

/* The socket is given the time in which who reads interrupt_fd would have done so. */
static int wait_interrupted(struct pollfd files[2], const struct dwarf_wait *wait)
{
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + DWARF_INTERRUPT_NS;
	int ready;

	if (wait->deadline_ns && wait->deadline_ns < until_ns)
		until_ns = wait->deadline_ns;
	files[1].fd = -1;
	ready = wait_until(files, until_ns);
	files[1].fd = wait->interrupt_fd;
	if (ready)
		return ready;
	return is_readable(wait->interrupt_fd) ? -EINTR : 0;
}

static int wait_for(int socket, short events, const struct dwarf_wait *wait)
{
	struct pollfd files[2] = { { .fd = socket, .events = events },
				   { .fd = wait ? wait->interrupt_fd : -1, .events = POLLIN } };

	for (;;) {
		int ready = wait_until(files, wait ? wait->deadline_ns : 0);

		if (ready > 0 && !files[0].revents)
			ready = wait_interrupted(files, wait);
		if (ready < 0)
			return ready;
		if (ready && files[0].revents)
			return 0;
		if (wait->deadline_ns && clock_ns(CLOCK_MONOTONIC) >= wait->deadline_ns)
			return -ETIMEDOUT;
	}
}

int dwarf_send(int socket, const void *bytes, size_t size, const int *fds, size_t fd_count,
	       const struct dwarf_wait *wait)
{
	const char *rest = bytes;

	while (size) {
		int err = wait_for(socket, POLLOUT, wait);
		ssize_t sent;

		if (err < 0)
			return err;
		sent = descriptors_send(socket, rest, size, fds, fd_count, MSG_DONTWAIT);
		if (sent == -EINTR || sent == -EAGAIN)
			continue;
		if (sent < 0)
			return sent == -ECONNRESET ? -EPIPE : (int)sent;
		fd_count = 0;
		rest += sent;
		size -= (size_t)sent;
	}
	return 0;
}

static int receive_all(int socket, char *ret, size_t size, int *fds, size_t fds_max, size_t *count,
		       const struct dwarf_wait *wait)
{
	while (size) {
		int err = wait_for(socket, POLLIN, wait);
		ssize_t received;
		size_t came = 0;

		if (err < 0)
			return err;
		received = descriptors_receive(socket, ret, size, fds ? fds + *count : NULL,
					       fds_max - *count, &came, MSG_DONTWAIT);
		*count += came;
		if (received == -EINTR || received == -EAGAIN)
			continue;
		if (received <= 0)
			return received && received != -ECONNRESET ? (int)received : -EPIPE;
		ret += received;
		size -= (size_t)received;
	}
	return 0;
}

int dwarf_receive(int socket, void *ret, size_t size, int *fds, size_t fds_max, size_t *ret_fds,
		  const struct dwarf_wait *wait)
{
	size_t count = 0;
	int err = receive_all(socket, ret, size, fds, fds ? fds_max : 0, &count, wait);

	while (err < 0 && count)
		(void)close(fds[--count]);
	if (!err && ret_fds)
		*ret_fds = count;
	return err;
}
