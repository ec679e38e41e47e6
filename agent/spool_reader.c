/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of a queue are read once for many items, and again when those are used up. The writer
 * may drop any of them at any time: what is not there any more is no error anywhere here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/file_stream.h"
#include "agent/log.h"
#include "agent/spool_parts.h"
#include "base/cleanup.h"

#define TEXT_BYTES_MAX         4096 /* with the line feed at its end */
#define IS_NO_UTF8_START(byte) (((byte)&0xc0) == 0x80)

struct spool_reader {
	char id[SPOOL_TARGET_ID_SIZE];
	int queue_fd, dead_fd;
	struct spool_oldest oldest;
	/* What can be neither read nor parked: up to here, names are passed over. */
	struct spool_entry passed;
	bool has_warned;
};

static void cleanup_reader(struct spool_reader **reader)
{
	spool_reader_close(*reader);
}

void spool_reader_close(struct spool_reader *reader)
{
	if (!reader)
		return;
	cleanup_fd(&reader->queue_fd);
	cleanup_fd(&reader->dead_fd);
	spool_oldest_done(&reader->oldest);
	free(reader->passed.name);
	free(reader);
}

/* DIR/WHICH/ID */
static int open_part(int fd, const char *which, const char *id, int *ret_fd)
{
	CLEANUP(cleanup_fd) int outer = -1;
	int err = spool_directory_open(fd, which, false, &outer);

	return err < 0 ? err : spool_directory_open(outer, id, false, ret_fd);
}

int spool_reader_open(const char *dir, const char *target_id, struct spool_reader **ret)
{
	CLEANUP(cleanup_reader) struct spool_reader *reader = calloc(1, sizeof(*reader));
	CLEANUP(cleanup_fd) int fd = -1;
	int err;

	if (!reader)
		return -ENOMEM;
	reader->queue_fd = reader->dead_fd = -1;
	(void)snprintf(reader->id, sizeof(reader->id), "%s", target_id);
	err = spool_directory_open(AT_FDCWD, dir, false, &fd);
	if (!err)
		err = open_part(fd, "queue", target_id, &reader->queue_fd);
	if (!err)
		err = open_part(fd, "dead", target_id, &reader->dead_fd);
	if (err < 0)
		return err;
	*ret = TAKE(reader);
	return 0;
}

struct reading {
	const struct spool_reader *reader;
	struct spool_oldest oldest;
};

static int read_name(void *context, int fd, const char *name)
{
	struct reading *reading = context;
	const struct spool_entry *passed = &reading->reader->passed;
	struct spool_entry entry = { .name = (char *)name };

	(void)fd;
	/* NFS gives such names to files that are open when they are removed. */
	if (name[0] == '.')
		return 0;
	(void)spool_name_time(name, &entry.time_ns);
	if (passed->name && spool_entry_compare(&entry, passed) <= 0)
		return 0;
	return spool_oldest_offer(&reading->oldest, &entry);
}

/* The oldest name that is known, after a look if there is none; NULL: there is none. */
static int look(struct spool_reader *reader, const struct spool_entry **ret)
{
	struct reading reading = { .reader = reader };
	int err;

	*ret = spool_oldest_first(&reader->oldest);
	if (*ret)
		return 0;
	err = spool_oldest_begin(&reading.oldest);
	if (!err)
		err = spool_directory_visit(reader->queue_fd, read_name, &reading);
	if (err < 0) {
		spool_oldest_done(&reading.oldest);
		return err;
	}
	spool_oldest_end(&reading.oldest);
	spool_oldest_done(&reader->oldest);
	reader->oldest = reading.oldest;
	*ret = spool_oldest_first(&reader->oldest);
	return 0;
}

/* So much of text that it ends with a whole character. */
static size_t text_length(const char *text)
{
	size_t length = strlen(text);

	if (length < TEXT_BYTES_MAX)
		return length;
	length = TEXT_BYTES_MAX - 1;
	for (int i = 0; i < 3 && IS_NO_UTF8_START((unsigned char)text[length]); i++)
		length--;
	return length;
}

static int write_text(int fd, const char *text)
{
	size_t length = text_length(text);
	struct file_stream stream;
	int err = file_stream_open(&stream, fd), closed;

	if (!err) {
		(void)fwrite(text, 1, length, stream.out);
		if (length == 0 || text[length - 1] != '\n')
			(void)fputc('\n', stream.out);
		err = file_stream_flush(&stream);
	}
	if (!err && (fchmod(fd, SPOOL_FILE_MODE) < 0 || fsync(fd) < 0))
		err = -errno;
	closed = file_stream_close(&stream);
	return err < 0 ? err : closed;
}

/* Of a name that is too long, as only a stranger's can be, the beginning. */
static void make_text_name(const char *name, char ret[SPOOL_NAME_MAX + 1])
{
	(void)snprintf(ret, SPOOL_NAME_MAX + 1, "%.*s" SPOOL_TEXT_ENDING, (int)SPOOL_ITEM_NAME_MAX,
		       name);
}

/* NAME.txt, whole, among the dead ones. DIR/tmp is the writer's alone. */
static int leave_text(const struct spool_reader *reader, const char *name, const char *text)
{
	char final[SPOOL_NAME_MAX + 1], temporary[32];
	int fd, err;

	make_text_name(name, final);
	(void)snprintf(temporary, sizeof(temporary), ".parking-%d", (int)getpid());
	/* One that was killed and had our pid. */
	(void)unlinkat(reader->dead_fd, temporary, 0);
	fd = openat(reader->dead_fd, temporary,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, SPOOL_FILE_MODE);
	if (fd < 0)
		return -errno;
	err = write_text(fd, text);
	if (!err && renameat(reader->dead_fd, temporary, reader->dead_fd, final) < 0)
		err = -errno;
	if (err < 0)
		(void)unlinkat(reader->dead_fd, temporary, 0);
	return err;
}

/* Durably. -ENOENT: it is gone. */
static int move_to_dead(const struct spool_reader *reader, const char *name)
{
	struct stat here, there;
	int err;

	if (renameat(reader->queue_fd, name, reader->dead_fd, name) < 0)
		return -errno;
	/* Of two links of one file, rename() leaves both: somebody has put it back by ln. */
	if (fstatat(reader->queue_fd, name, &here, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstatat(reader->dead_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	    here.st_dev == there.st_dev && here.st_ino == there.st_ino)
		(void)unlinkat(reader->queue_fd, name, 0);
	err = directory_sync(reader->dead_fd);
	return err < 0 ? err : directory_sync(reader->queue_fd);
}

/* The text comes first: a dead item that nobody can explain is worse than a text too many. */
static int park(const struct spool_reader *reader, const char *name, const char *text)
{
	char text_name[SPOOL_NAME_MAX + 1];
	int text_err = leave_text(reader, name, text);
	int err = move_to_dead(reader, name);

	if (err < 0) {
		make_text_name(name, text_name);
		(void)unlinkat(reader->dead_fd, text_name, 0);
		return err;
	}
	if (text_err < 0)
		log_warning("cannot write why '%s' was not sent: %s", name, strerror(-text_err));
	return 0;
}

/* It is left where it is, and what comes after it is looked at. */
static int pass_over(struct spool_reader *reader, const struct spool_entry *entry,
		     const char *reason)
{
	struct spool_entry passed = *entry;

	passed.name = strdup(entry->name);
	if (!passed.name)
		return -ENOMEM;
	if (!reader->has_warned)
		log_warning("'%s' in the spool's queue %s is left alone, as others may be: %s",
			    entry->name, reader->id, reason);
	reader->has_warned = true;
	free(reader->passed.name);
	reader->passed = passed;
	spool_oldest_pop(&reader->oldest);
	return 0;
}

static int put_away(struct spool_reader *reader, const struct spool_entry *entry,
		    const char *reason)
{
	char text[256];
	int err;

	(void)snprintf(text, sizeof(text), "Not sent by eprof: %s.", reason);
	err = park(reader, entry->name, text);
	if (err < 0 && err != -ENOENT)
		return pass_over(reader, entry, strerror(-err));
	spool_oldest_pop(&reader->oldest);
	return 0;
}

/* 1, or 0: it was none, and the next is first; or -errno. */
static int take_first(struct spool_reader *reader, const struct spool_entry *entry,
		      struct spool_item **ret)
{
	const char *reason = NULL;
	int err = spool_item_open(reader->queue_fd, entry->name, ret, &reason);

	if (!err)
		return 1;
	if (err == -EISDIR)
		return pass_over(reader, entry, "it is a directory");
	if (err == -EBADMSG)
		return put_away(reader, entry, reason);
	if (err != -ENOENT)
		return err;
	spool_oldest_pop(&reader->oldest);
	return 0;
}

int spool_take(struct spool_reader *reader, struct spool_item **ret)
{
	const struct spool_entry *entry;
	int taken, err;

	for (;;) {
		err = look(reader, &entry);
		if (err < 0)
			return err;
		if (!entry)
			break;
		taken = take_first(reader, entry, ret);
		if (taken != 0)
			return taken;
	}
	/* The next time from the beginning: something older may have come. */
	free(reader->passed.name);
	reader->passed = (struct spool_entry){ 0 };
	return 0;
}

/* Whether the name is still that file: the writer may have put the same again meanwhile. */
static bool is_there(const struct spool_reader *reader, const struct spool_item *item)
{
	struct stat taken, there;

	return fstat(item->fd, &taken) == 0 &&
	       fstatat(reader->queue_fd, item->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       taken.st_dev == there.st_dev && taken.st_ino == there.st_ino;
}

int spool_done(struct spool_reader *reader, const struct spool_item *item)
{
	if (!is_there(reader, item))
		return 0;
	if (unlinkat(reader->queue_fd, item->name, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return directory_sync(reader->queue_fd);
}

int spool_park(struct spool_reader *reader, const struct spool_item *item, const char *text)
{
	int err;

	if (!is_there(reader, item))
		return 0;
	err = park(reader, item->name, text);
	return err == -ENOENT ? 0 : err;
}
