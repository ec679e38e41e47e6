/* SPDX-License-Identifier: Apache-2.0 */
/*
 * take DIR TARGET OUT WAIT: moves what is in a target's queue into the directory OUT, under the
 * service's name, as an upload would: whole, and twice is harmless. Each fifth is refused. Ends
 * when there is nothing, but with WAIT it looks again when a byte, or the end, comes on stdin.
 * Exit code 1 when a content is not what was put.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/spool/content.h"

#define REFUSED_PER 5

static bool is_right(const struct spool_item *item, uint64_t number)
{
	static unsigned char bytes[1 << SIZE_MAX_LOG];

	if (item->size != content_size(number) || item->file.format != PROFILE_PPROF ||
	    pread(item->fd, bytes, item->size, (off_t)item->offset) != (ssize_t)item->size)
		return false;
	for (size_t i = 0; i < item->size; i++) {
		if (bytes[i] != content_byte(number, i))
			return false;
	}
	return true;
}

static int deliver(int out, const char *name)
{
	int fd = openat(out, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : close(fd);
}

/* 1, 0: there was none, or -errno. */
static int take_one(struct spool_reader *reader, int out)
{
	struct spool_item *item;
	uint64_t number;
	int taken = spool_take(reader, &item), err = -EBADMSG;

	if (taken <= 0)
		return taken;
	number = strtoull(item->file.service, NULL, 10);
	if (is_right(item, number)) {
		err = number % REFUSED_PER ? deliver(out, item->file.service) : 0;
		if (!err)
			err = number % REFUSED_PER ? spool_done(reader, item)
						   : spool_park(reader, item, "no");
	}
	if (err < 0)
		(void)fprintf(stderr, "take '%s': %s\n", item->name, strerror(-err));
	spool_item_free(item);
	return err < 0 ? err : 1;
}

int main(int argc, char **argv)
{
	struct spool_reader *reader;
	int out, taken;
	char byte;

	if (argc < 4 || spool_reader_open(argv[1], argv[2], &reader) < 0)
		return 1;
	out = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (;;) {
		taken = take_one(reader, out);
		if (taken < 0)
			return 1;
		if (taken == 0 && (argc < 5 || read(STDIN_FILENO, &byte, 1) <= 0))
			break;
	}
	spool_reader_close(reader);
	(void)close(out);
	return 0;
}
