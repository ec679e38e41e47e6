/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of its own, since what comes from a pipe cannot be read twice. */
#include "agent/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "base/cleanup.h"

struct input_file {
	int fd;
	bool is_stdin;
	int error;
	char *head;
	size_t head_length;
	size_t given; /* of head, to who reads the stream */
	char *buffer;
	FILE *stream;
};

static void cleanup_input_file(struct input_file **file)
{
	input_file_close(*file);
}

/* As read(), but goes on when it was interrupted. */
static ssize_t read_some(struct input_file *file, char *bytes, size_t size)
{
	ssize_t n;

	do
		n = read(file->fd, bytes, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		file->error = errno;
	return n;
}

static ssize_t stream_read(void *cookie, char *bytes, size_t size)
{
	struct input_file *file = cookie;
	size_t left = file->head_length - file->given;

	if (left == 0)
		return read_some(file, bytes, size);
	if (size > left)
		size = left;
	memcpy(bytes, file->head + file->given, size);
	file->given += size;
	return (ssize_t)size;
}

static int read_head(struct input_file *file)
{
	file->head = malloc(INPUT_HEAD_BYTES);
	if (!file->head)
		return -ENOMEM;
	while (file->head_length < INPUT_HEAD_BYTES) {
		ssize_t n = read_some(file, file->head + file->head_length,
				      INPUT_HEAD_BYTES - file->head_length);

		if (n <= 0)
			return n < 0 ? -file->error : 0;
		file->head_length += (size_t)n;
	}
	return 0;
}

static int open_stream(struct input_file *file)
{
	file->buffer = malloc(INPUT_HEAD_BYTES);
	if (!file->buffer)
		return -ENOMEM;
	file->stream = fopencookie(file, "r", (cookie_io_functions_t){ .read = stream_read });
	if (!file->stream)
		return -ENOMEM;
	(void)setvbuf(file->stream, file->buffer, _IOFBF, INPUT_HEAD_BYTES);
	return 0;
}

static int open_path(struct input_file *file, const char *path)
{
	struct stat st;

	/* Opening a socket fails with an error that tells nobody what it is. */
	if (!file->is_stdin && stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		return -ENOTSUP;
	file->fd = file->is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0 || fstat(file->fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return 0;
}

static int open_file(const char *path, struct input_file **ret)
{
	CLEANUP(cleanup_input_file) struct input_file *file = calloc(1, sizeof(*file));
	int err;

	if (!file)
		return -ENOMEM;
	file->fd = -1;
	file->is_stdin = strcmp(path, "-") == 0;
	err = open_path(file, path);
	if (!err)
		err = read_head(file);
	if (!err)
		err = open_stream(file);
	if (err < 0)
		return err;
	*ret = TAKE(file);
	return 0;
}

int input_file_open(const char *path, struct input_file **ret)
{
	int err = open_file(path, ret);

	if (err < 0)
		log_error("cannot read '%s': %s", path,
			  err == -ENOTSUP ? "It is a socket" : strerror(-err));
	return err;
}

void input_file_close(struct input_file *file)
{
	if (!file)
		return;
	if (file->stream)
		(void)fclose(file->stream);
	if (file->fd >= 0 && !file->is_stdin)
		(void)close(file->fd);
	free(file->head);
	free(file->buffer);
	free(file);
}

const char *input_file_head(const struct input_file *file, size_t *ret_length)
{
	*ret_length = file->head_length;
	return file->head;
}

FILE *input_file_stream(struct input_file *file)
{
	return file->stream;
}

int input_file_error(const struct input_file *file)
{
	return file->error;
}
