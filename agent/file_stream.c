/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/file_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define STREAM_BUFFER_SIZE 65536

static ssize_t stream_write(void *cookie, const char *bytes, size_t size)
{
	struct file_stream *stream = cookie;
	size_t done = 0;

	while (done < size && !stream->error) {
		ssize_t n = write(stream->fd, bytes + done, size - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			stream->error = errno;
	}
	return (ssize_t)done;
}

int file_stream_open(struct file_stream *stream, int fd)
{
	*stream = (struct file_stream){ .fd = fd };
	stream->buffer = malloc(STREAM_BUFFER_SIZE);
	if (!stream->buffer)
		return -ENOMEM;
	stream->out = fopencookie(stream, "w", (cookie_io_functions_t){ .write = stream_write });
	if (!stream->out)
		return errno ? -errno : -ENOMEM;
	(void)setvbuf(stream->out, stream->buffer, _IOFBF, STREAM_BUFFER_SIZE);
	return 0;
}

int file_stream_flush(struct file_stream *stream)
{
	if ((fflush(stream->out) != 0 || ferror(stream->out)) && !stream->error)
		stream->error = errno ? errno : EIO;
	return -stream->error;
}

int file_stream_close(struct file_stream *stream)
{
	if (stream->out && fclose(stream->out) != 0 && !stream->error)
		stream->error = errno ? errno : EIO;
	stream->out = NULL;
	if (stream->fd >= 0 && close(stream->fd) < 0 && !stream->error)
		stream->error = errno;
	stream->fd = -1;
	free(stream->buffer);
	stream->buffer = NULL;
	return -stream->error;
}

int directory_sync(int fd)
{
	if (fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP)
		return -errno;
	return 0;
}
