/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/jitdump_reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A path of 4,095 bytes fits, and any name of a function that people read. */
#define STRING_SIZE_MAX 8192

/* Most strings are found in what is looked at first. */
#define STRING_SIZE_MOST 256

void jitdump_window_done(struct jitdump_window *window)
{
	free(window->bytes);
	window->bytes = NULL;
	window->count = 0;
}

/* From offset on, as much as there is. */
static int fill(struct jitdump_window *window, uint64_t offset)
{
	ssize_t count;

	if (!window->bytes)
		window->bytes = malloc(JITDUMP_WINDOW);
	if (!window->bytes)
		return -ENOMEM;
	window->count = 0;
	count = pread(window->fd, window->bytes, JITDUMP_WINDOW, (off_t)offset);
	if (count < 0)
		return -errno;
	window->offset = offset;
	window->count = (size_t)count;
	return 0;
}

int jitdump_window_look(struct jitdump_window *window, uint64_t offset, size_t size,
			const char **ret)
{
	assert(size <= JITDUMP_WINDOW);
	if (offset > window->file_size || size > window->file_size - offset)
		return -ENODATA;
	if (offset < window->offset || offset - window->offset > window->count ||
	    size > window->count - (offset - window->offset)) {
		int err = fill(window, offset);

		if (err < 0)
			return err;
		if (size > window->count)
			return -ENODATA; /* truncated meanwhile */
	}
	*ret = window->bytes + (offset - window->offset);
	return 0;
}

int jitdump_window_string(struct jitdump_window *window, uint64_t offset, uint64_t end,
			  const char **ret)
{
	uint64_t room = end > offset ? end - offset : 0;
	const char *string;

	for (size_t size = STRING_SIZE_MOST; room > 0; size = STRING_SIZE_MAX) {
		int err;

		if (size > room)
			size = (size_t)room;
		err = jitdump_window_look(window, offset, size, &string);
		if (err < 0)
			return err;
		if (memchr(string, '\0', size)) {
			*ret = string;
			return 0;
		}
		if (size == room || size == STRING_SIZE_MAX)
			break;
	}
	return -EINVAL;
}
