/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/upload_parts.h"
#include "base/cleanup.h"
#include "base/hashmap.h"

#define DIRECTORY_MODE 0750
#define FILE_MODE      0640

#define COPY_SIZE 65536

#define TEMPORARY_SIZE 128

static int open_base(const struct upload_sender *sender, int *ret_fd, struct upload_result *ret)
{
	int fd = open(sender->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	if (err == -ENOENT)
		upload_result_set(ret, UPLOAD_LATER, "the directory '%s' does not exist",
				  sender->base);
	else if (err < 0)
		upload_result_set(ret, UPLOAD_LATER, "cannot open the directory '%s': %s",
				  sender->base, strerror(-err));
	if (err == 0)
		*ret_fd = fd;
	return err;
}

/* One further down, and never by a link; a new one is made to last. */
static int enter(int *fd, const char *name)
{
	CLEANUP(cleanup_fd) int inner = -1;
	bool is_new = mkdirat(*fd, name, DIRECTORY_MODE) == 0;

	if (!is_new && errno != EEXIST)
		return -errno;
	if (is_new && fsync(*fd) < 0)
		return -errno;
	inner = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (inner < 0)
		return -errno;
	/* Whatever the umask is. */
	if (is_new && fchmod(inner, DIRECTORY_MODE) < 0)
		return -errno;
	cleanup_fd(fd);
	*fd = TAKE_FD(inner);
	return 0;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			bytes += written;
			size -= (size_t)written;
		}
	}
	return 0;
}

static int copy(const struct spool_item *item, int fd, const _Atomic bool *stop)
{
	CLEANUP(cleanup_free) char *buffer = malloc(COPY_SIZE);
	uint64_t position = 0;

	if (!buffer)
		return -ENOMEM;
	while (position < item->size) {
		uint64_t left = item->size - position;
		ssize_t got = pread(item->fd, buffer, left < COPY_SIZE ? left : COPY_SIZE,
				    (off_t)(item->offset + position));
		int err;

		if (got <= 0)
			return got < 0 ? -errno : -EIO; /* shorter than its head says */
		err = write_all(fd, buffer, (size_t)got);
		if (err < 0)
			return err;
		if (stop && atomic_load(stop))
			return -ECANCELED;
		position += (uint64_t)got;
	}
	return 0;
}

/*
 * The same for the same file and target, so that what a crash leaves behind is replaced; another
 * one for two targets of one directory, as they could be at it at once.
 */
static int make_temporary_name(const struct upload_sender *sender, const struct spool_item *item,
			       char ret[TEMPORARY_SIZE])
{
	const struct upload_config *config = sender->config;
	uint64_t target = hash_bytes(config->url, strlen(config->url));
	char id[UPLOAD_ID_SIZE];
	int err = upload_id_make(&item->file, id);

	if (err < 0)
		return err;
	if (config->name)
		target = hash_bytes_seeded(target, config->name, strlen(config->name));
	(void)snprintf(ret, TEMPORARY_SIZE, ".eprof-%s-%016" PRIx64, id, target);
	return 0;
}

static int write_temporary(int directory, const char *name, const struct spool_item *item,
			   const _Atomic bool *stop)
{
	CLEANUP(cleanup_fd) int fd = -1;
	int err;

	if (unlinkat(directory, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    FILE_MODE);
	if (fd < 0)
		return -errno;
	err = copy(item, fd, stop);
	if (err < 0)
		return err;
	/* A web server in our group is to read it. */
	return fchmod(fd, FILE_MODE) < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_file(const struct upload_sender *sender, int directory, const char *name,
		      const struct spool_item *item, const _Atomic bool *stop)
{
	char temporary[TEMPORARY_SIZE];
	int err = make_temporary_name(sender, item, temporary);

	if (err < 0)
		return err;
	err = write_temporary(directory, temporary, item, stop);
	if (!err && renameat(directory, temporary, directory, name) < 0)
		err = -errno;
	if (err < 0) {
		(void)unlinkat(directory, temporary, 0);
		return err;
	}
	return fsync(directory) < 0 ? -errno : 0;
}

/* Takes the directory, which becomes the last one of the key. */
static int send_to(const struct upload_sender *sender, int directory, const char *key,
		   const struct spool_item *item, const _Atomic bool *stop)
{
	CLEANUP(cleanup_fd) int fd = directory;
	CLEANUP(cleanup_free) char *copy_of_key = strdup(key);
	char *name = copy_of_key, *slash;

	if (!name)
		return -ENOMEM;
	while ((slash = strchr(name, '/'))) {
		int err;

		*slash = '\0';
		err = enter(&fd, name);
		if (err < 0)
			return err;
		name = slash + 1;
	}
	return write_file(sender, fd, name, item, stop);
}

void upload_directory_send(const struct upload_sender *sender, const struct spool_item *item,
			   const _Atomic bool *stop, struct upload_result *ret)
{
	CLEANUP(cleanup_free) char *key = NULL;
	int fd = -1, err = upload_key_make(sender->key, &item->file, &key);

	if (err < 0) {
		upload_key_failed(err, ret);
		return;
	}
	if (open_base(sender, &fd, ret) < 0)
		return;
	err = send_to(sender, fd, key, item, stop);
	if (err == -ECANCELED)
		upload_result_set(ret, UPLOAD_LATER, "stopped before '%s/%s' was written",
				  sender->base, key);
	else if (err == -ELOOP || err == -ENOTDIR)
		upload_result_set(ret, UPLOAD_LATER,
				  "cannot write '%s/%s': something else, or a link, is where a "
				  "directory belongs",
				  sender->base, key);
	else if (err < 0)
		upload_result_set(ret, UPLOAD_LATER, "cannot write '%s/%s': %s", sender->base, key,
				  strerror(-err));
	else
		upload_result_set(ret, UPLOAD_SENT, "written to '%s/%s'", sender->base, key);
}

void upload_directory_probe(const struct upload_sender *sender, struct upload_result *ret)
{
	CLEANUP(cleanup_fd) int fd = -1;

	if (open_base(sender, &fd, ret) < 0)
		return;
	if (faccessat(AT_FDCWD, sender->base, W_OK | X_OK, AT_EACCESS) < 0)
		upload_result_set(ret, UPLOAD_LATER, "cannot write into the directory '%s': %s",
				  sender->base, strerror(errno));
	else
		upload_result_set(ret, UPLOAD_SENT, "the directory '%s' can be written",
				  sender->base);
}
