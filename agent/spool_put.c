/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is written and synced in DIR/tmp, then linked into each queue, and these are synced: only
 * then it is said to be there. Whoever is killed in between leaves a whole file, in some of the
 * queues, or one in DIR/tmp, which the next writer removes.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/file_stream.h"
#include "agent/spool_parts.h"
#include "base/cleanup.h"

#define TEMPORARY_SIZE       32
/*
 * On a full disk, the newest is worth more than the oldest. But somebody else may be filling it: a
 * file that has no room costs no more than so many of a target.
 */
#define DROPPED_FOR_DISK_MAX 8
#define DISK_ROOM_EXTRA      65536

/* A file that is being put. */
struct putting {
	struct spool_writer *writer;
	uint64_t targets;
	const char *head;
	spool_content write;
	const void *context;
	char name[SPOOL_NAME_MAX + 1];
	char temporary[TEMPORARY_SIZE];
	uint64_t size;     /* of the whole file, as far as it was written */
	uint64_t is_new;   /* targets: there was none of that name */
	uint64_t is_again; /* targets: it took the place of one */
};

static void make_temporary_name(struct spool_writer *writer, char ret[TEMPORARY_SIZE])
{
	/* The lock is ours, and tmp was emptied: nobody else makes names there. */
	(void)snprintf(ret, TEMPORARY_SIZE, "%" PRIu64, writer->next_temporary++);
}

static int write_parts(struct putting *putting, struct file_stream *stream)
{
	size_t head_length = strlen(putting->head);
	struct stat status;
	int err, written;

	(void)fputs(putting->head, stream->out);
	written = putting->write(putting->context, stream->out);
	err = file_stream_flush(stream);
	if (fstat(stream->fd, &status) == 0)
		putting->size = (uint64_t)status.st_size;
	/* The stream knows better what failed. */
	if (err < 0 || written < 0)
		return err < 0 ? err : written;
	err = spool_head_set_size(stream->fd, putting->size - head_length);
	if (err < 0)
		return err;
	return fsync(stream->fd) < 0 ? -errno : 0;
}

static int write_temporary(struct putting *putting)
{
	struct file_stream stream;
	int fd = openat(putting->writer->tmp_fd, putting->temporary,
			O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, SPOOL_FILE_MODE);
	int err, closed;

	if (fd < 0)
		return -errno;
	err = file_stream_open(&stream, fd);
	/* Whatever the umask. */
	if (!err && fchmod(fd, SPOOL_FILE_MODE) < 0)
		err = -errno;
	if (!err)
		err = write_parts(putting, &stream);
	closed = file_stream_close(&stream);
	return err < 0 ? err : closed;
}

/* Renames a second link over the one that is there. */
static int replace(struct putting *putting, int queue_fd)
{
	int tmp_fd = putting->writer->tmp_fd;
	char again[TEMPORARY_SIZE];
	int err;

	make_temporary_name(putting->writer, again);
	if (linkat(tmp_fd, putting->temporary, tmp_fd, again, 0) < 0)
		return -errno;
	if (renameat(tmp_fd, again, queue_fd, putting->name) == 0)
		return 0;
	err = -errno;
	(void)unlinkat(tmp_fd, again, 0);
	return err;
}

static int link_into(struct putting *putting, size_t target)
{
	int queue_fd = putting->writer->parts[target].queue_fd;
	uint64_t bit = UINT64_C(1) << target;
	int err;

	if (linkat(putting->writer->tmp_fd, putting->temporary, queue_fd, putting->name, 0) == 0) {
		putting->is_new |= bit;
	} else if (errno == EEXIST) {
		err = replace(putting, queue_fd);
		if (err < 0)
			return err;
		putting->is_again |= bit;
	} else {
		return -errno;
	}
	return directory_sync(queue_fd);
}

/* What took the place of another stays: it is whole, and the other one is gone. */
static void take_back(struct putting *putting)
{
	const struct spool_writer *writer = putting->writer;

	for (size_t i = 0; i < writer->part_count; i++) {
		if (putting->is_new & (UINT64_C(1) << i))
			(void)unlinkat(writer->parts[i].queue_fd, putting->name, 0);
	}
}

static int link_into_all(struct putting *putting)
{
	const struct spool_writer *writer = putting->writer;
	int err = 0;

	for (size_t i = 0; i < writer->part_count && !err; i++) {
		if (putting->targets & (UINT64_C(1) << i))
			err = link_into(putting, i);
	}
	if (err < 0)
		take_back(putting);
	return err;
}

static int make_room(struct putting *putting)
{
	struct spool_writer *writer = putting->writer;
	int err = 0;

	/* Nothing is dropped for what is too large for any. */
	if (putting->size > writer->limits.bytes)
		return -EFBIG;
	for (size_t i = 0; i < writer->part_count && !err; i++) {
		if (putting->targets & (UINT64_C(1) << i))
			err = spool_part_make_room(&writer->parts[i], writer->limits.bytes,
						   putting->size);
	}
	return err;
}

static int put_once(struct putting *putting)
{
	int err;

	putting->is_new = 0;
	putting->is_again = 0;
	putting->size = 0;
	make_temporary_name(putting->writer, putting->temporary);
	err = write_temporary(putting);
	if (!err)
		err = make_room(putting);
	if (!err)
		err = link_into_all(putting);
	(void)unlinkat(putting->writer->tmp_fd, putting->temporary, 0);
	return err;
}

/* True: some room was made on the disk. */
static bool make_disk_room(struct putting *putting)
{
	struct spool_writer *writer = putting->writer;
	/* How large it would have become is not known. */
	uint64_t wanted = 2 * putting->size + DISK_ROOM_EXTRA, freed = 0;
	bool has_dropped = false;

	for (int n = 0; n < DROPPED_FOR_DISK_MAX && freed < wanted; n++) {
		for (size_t i = 0; i < writer->part_count; i++) {
			if (putting->targets & (UINT64_C(1) << i) &&
			    spool_part_drop_oldest(&writer->parts[i], &freed) > 0)
				has_dropped = true;
		}
	}
	return has_dropped;
}

/* It is there, whatever happens to the figures: they are made anew by spool_enforce(). */
static void count(const struct putting *putting)
{
	struct spool_writer *writer = putting->writer;

	for (size_t i = 0; i < writer->part_count; i++) {
		uint64_t bit = UINT64_C(1) << i;

		if (putting->targets & bit)
			(void)spool_part_added(&writer->parts[i], putting->name, putting->size,
					       putting->is_again & bit);
	}
}

int spool_put(struct spool_writer *writer, const struct profile_file *file, uint64_t targets,
	      spool_content write, const void *context)
{
	struct putting putting = {
		.writer = writer, .targets = targets, .write = write, .context = context
	};
	CLEANUP(cleanup_free) char *head = NULL;
	int err = spool_name_make(file, putting.name);

	assert(writer->part_count == 64 || targets >> writer->part_count == 0);
	if (!err)
		err = spool_head_make(file, &head);
	if (err < 0)
		return err;
	putting.head = head;
	err = put_once(&putting);
	if ((err == -ENOSPC || err == -EDQUOT) && make_disk_room(&putting))
		err = put_once(&putting);
	if (err < 0)
		return err;
	count(&putting);
	return 0;
}
