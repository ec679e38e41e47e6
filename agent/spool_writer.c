/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/spool_parts.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define TARGETS_MAX 64 /* bits of what spool_put() is told */

static void cleanup_writer(struct spool_writer **writer)
{
	spool_writer_close(*writer);
}

void spool_writer_close(struct spool_writer *writer)
{
	if (!writer)
		return;
	for (size_t i = 0; i < writer->part_count; i++)
		spool_part_done(&writer->parts[i]);
	free(writer->parts);
	cleanup_fd(&writer->tmp_fd);
	cleanup_fd(&writer->queues_fd);
	cleanup_fd(&writer->deads_fd);
	cleanup_fd(&writer->fd);
	/* The last: another writer may begin. */
	cleanup_fd(&writer->lock_fd);
	free(writer);
}

static int take_lock(struct spool_writer *writer)
{
	struct stat status;

	writer->lock_fd =
		openat(writer->fd, "lock", O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		       SPOOL_FILE_MODE);
	if (writer->lock_fd < 0 || fstat(writer->lock_fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || !spool_is_ours(writer->fd, &status))
		return -EPERM;
	if (status.st_uid == geteuid() && fchmod(writer->lock_fd, SPOOL_FILE_MODE) < 0)
		return -errno;
	if (flock(writer->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

static int remove_temporary(void *context, int fd, const char *name)
{
	(void)context;
	/* A directory is nobody's business here. */
	if (unlinkat(fd, name, 0) < 0 && errno != ENOENT && errno != EISDIR && errno != EPERM)
		return -errno;
	return 0;
}

static int open_directories(struct spool_writer *writer, const char *path)
{
	int err = spool_directory_open(AT_FDCWD, path, true, &writer->fd);

	if (!err)
		err = take_lock(writer);
	if (!err)
		err = spool_directory_open(writer->fd, "tmp", true, &writer->tmp_fd);
	if (!err)
		err = spool_directory_open(writer->fd, "queue", true, &writer->queues_fd);
	if (!err)
		err = spool_directory_open(writer->fd, "dead", true, &writer->deads_fd);
	if (!err)
		err = spool_directory_visit(writer->tmp_fd, remove_temporary, NULL);
	return err;
}

/* NULL: there is none. */
static struct spool_part *find_part(const struct spool_writer *writer, const char *id)
{
	for (size_t i = 0; i < writer->part_count; i++) {
		if (strcmp(writer->parts[i].id, id) == 0)
			return &writer->parts[i];
	}
	return NULL;
}

/* Two targets in one queue would be sent each other's files. */
static bool has_same(const char (*ids)[SPOOL_TARGET_ID_SIZE], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(ids[i], ids[k]) == 0)
				return true;
		}
	}
	return false;
}

/* Those that the writer has are moved into parts when nothing can fail any more. */
static void change_parts(struct spool_writer *writer, struct spool_part *parts,
			 const char (*ids)[SPOOL_TARGET_ID_SIZE], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct spool_part *old = find_part(writer, ids[i]);

		if (!old)
			continue;
		parts[i] = *old;
		*old = (struct spool_part){ .queue_fd = -1, .dead_fd = -1 };
	}
	for (size_t i = 0; i < writer->part_count; i++)
		spool_part_done(&writer->parts[i]);
	free(writer->parts);
	writer->parts = parts;
	writer->part_count = count;
}

int spool_writer_change(struct spool_writer *writer, const struct spool_limits *limits,
			const char (*ids)[SPOOL_TARGET_ID_SIZE], size_t count)
{
	CLEANUP(cleanup_free) struct spool_part *parts = NULL;

	if (count > TARGETS_MAX || has_same(ids, count))
		return -EINVAL;
	parts = calloc(count + 1, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		parts[i] = (struct spool_part){ .queue_fd = -1, .dead_fd = -1 };
	for (size_t i = 0; i < count; i++) {
		int err = find_part(writer, ids[i])
				  ? 0
				  : spool_part_open(writer->queues_fd, writer->deads_fd, ids[i],
						    &parts[i]);

		if (!err)
			continue;
		for (size_t k = 0; k < i; k++)
			spool_part_done(&parts[k]);
		return err;
	}
	change_parts(writer, TAKE(parts), ids, count);
	writer->limits = *limits;
	return 0;
}

int spool_writer_open(const char *dir, const struct spool_limits *limits,
		      const char (*ids)[SPOOL_TARGET_ID_SIZE], size_t count,
		      struct spool_writer **ret)
{
	CLEANUP(cleanup_writer) struct spool_writer *writer = calloc(1, sizeof(*writer));
	int err = -ENOMEM;

	if (writer) {
		writer->fd = writer->lock_fd = writer->tmp_fd = -1;
		writer->queues_fd = writer->deads_fd = -1;
		err = open_directories(writer, dir);
	}
	if (!err)
		err = spool_writer_change(writer, limits, ids, count);
	if (err == -EBUSY)
		log_error("cannot use the spool '%s': another agent does", dir);
	else if (err == -EPERM)
		log_error("cannot use the spool '%s': it is another user's in part, or everybody "
			  "may write to it",
			  dir);
	else if (err == -EACCES)
		log_error("cannot use the spool '%s' as user %u: %s", dir, (unsigned int)geteuid(),
			  strerror(-err));
	else if (err < 0)
		log_error("cannot use the spool '%s': %s", dir, strerror(-err));
	if (err < 0)
		return err;
	*ret = TAKE(writer);
	return 0;
}

static bool is_target_id(const char *name)
{
	return strlen(name) == SPOOL_TARGET_ID_SIZE - 1 &&
	       strspn(name, "0123456789abcdef") == SPOOL_TARGET_ID_SIZE - 1;
}

/* What to look for in the directories of targets that are not ours. */
struct leaving {
	const struct spool_writer *writer;
	uint64_t before_ns;
};

static int leave(void *context, int fd, const char *name)
{
	const struct leaving *leaving = context;
	const struct spool_writer *writer = leaving->writer;
	CLEANUP(spool_part_done) struct spool_part part = { .queue_fd = -1, .dead_fd = -1 };
	int err;

	if (!is_target_id(name) || find_part(writer, name))
		return 0;
	/* Both of its directories were seen to already. */
	if (fd == writer->deads_fd && faccessat(writer->queues_fd, name, F_OK, 0) == 0)
		return 0;
	err = spool_part_open(writer->queues_fd, writer->deads_fd, name, &part);
	/* A file in its place, or a stranger's. */
	if (err == -ENOTDIR || err == -ELOOP || err == -EPERM)
		return 0;
	if (!err)
		err = spool_part_age_out(&part, leaving->before_ns);
	if (part.usage.dropped_for_age)
		log_warning("%" PRIu64 " profiles for a target that is not configured any more "
			    "(%s) were dropped: too old",
			    part.usage.dropped_for_age, name);
	/* Fails, as it should, while something is in them. */
	(void)unlinkat(writer->queues_fd, name, AT_REMOVEDIR);
	(void)unlinkat(writer->deads_fd, name, AT_REMOVEDIR);
	return err;
}

int spool_enforce(struct spool_writer *writer, uint64_t now_unix_s)
{
	uint64_t age_s = writer->limits.age_s;
	uint64_t before_s = now_unix_s > age_s ? now_unix_s - age_s : 0;
	struct leaving leaving = { .writer = writer, .before_ns = before_s * NS_PER_SECOND };
	int err = 0, failed;

	if (before_s > UINT64_MAX / NS_PER_SECOND)
		leaving.before_ns = UINT64_MAX;
	/* One that fails is no reason to leave the others. */
	for (size_t i = 0; i < writer->part_count; i++) {
		struct spool_part *part = &writer->parts[i];

		failed = spool_part_count(part);
		if (!failed)
			failed = spool_part_age_out(part, leaving.before_ns);
		if (!failed)
			failed = spool_part_make_room(part, writer->limits.bytes, 0);
		err = err ? err : failed;
	}
	failed = spool_directory_visit(writer->queues_fd, leave, &leaving);
	err = err ? err : failed;
	failed = spool_directory_visit(writer->deads_fd, leave, &leaving);
	return err ? err : failed;
}

void spool_usage_of(const struct spool_writer *writer, size_t target, struct spool_usage *ret)
{
	*ret = writer->parts[target].usage;
}
