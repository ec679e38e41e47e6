/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/limits.h"
#include "agent/process_threads.h"
#include "base/cleanup.h"

bool mapped_file_has_id(const struct mapping_source *source)
{
	return source->build_id && source->build_id->size;
}

/* Whether fd is the file that was mapped, and not another one under its name. */
static bool is_mapped_file(int fd, const struct mapping_source *source)
{
	struct build_id id;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (mapped_file_has_id(source))
		return !build_id_read(fd, &id) && id.size == source->build_id->size &&
		       !memcmp(id.bytes, source->build_id->bytes, id.size);
	/* Devices are not compared: btrfs and overlayfs show different ones in stat and maps. */
	return !source->inode || st.st_ino == source->inode;
}

/*
 * Opens what path_fd (O_PATH) stands for, if it is what was mapped. A path is a stranger's, and
 * opening alone has effects: a FIFO blocks, a tape rewinds, a watchdog arms. So only what is known
 * to be a regular file is opened.
 */
static int reopen_checked(int path_fd, const struct mapping_source *source)
{
	CLEANUP(cleanup_fd) int fd = -1;
	char path[64];
	struct stat st;

	if (fstat(path_fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ESTALE;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (limits_is_last_file(fd))
		return -EMFILE;
	return is_mapped_file(fd, source) ? TAKE_FD(fd) : -ESTALE;
}

/* Where we see its name. */
static int open_in_ours(const struct mapping_source *source)
{
	CLEANUP(cleanup_fd) int path_fd = open(source->path, O_PATH | O_CLOEXEC);

	return path_fd < 0 ? -errno : reopen_checked(path_fd, source);
}

/* As the process sees it: absolute links inside lead to its root, not to ours. */
static int open_in_root(const struct mapping_source *source)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	CLEANUP(cleanup_fd) int root_fd = process_open(source->pid, "root", O_PATH | O_DIRECTORY);
	CLEANUP(cleanup_fd) int path_fd = -1;

	if (root_fd < 0)
		return root_fd;
	path_fd = (int)syscall(SYS_openat2, root_fd, source->path, &how, sizeof(how));
	return path_fd < 0 ? -errno : reopen_checked(path_fd, source);
}

/* What stands for the mapping itself. */
static int open_mapping(const struct mapping_source *source)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, source->start,
		       source->end);
	return process_open(source->pid, name, O_PATH);
}

int mapped_file_open_by_path(const struct mapping_source *source)
{
	int fd = open_in_root(source);

	return fd >= 0 ? fd : open_in_ours(source);
}

int mapped_file_open(const struct mapping_source *source)
{
	CLEANUP(cleanup_fd) int path_fd = open_mapping(source);
	int fd = path_fd < 0 ? path_fd : reopen_checked(path_fd, source);

	return fd >= 0 ? fd : mapped_file_open_by_path(source);
}

bool mapped_file_stat(const struct mapping_source *source, struct stat *ret)
{
	CLEANUP(cleanup_fd) int path_fd = open_mapping(source);

	return path_fd >= 0 && fstat(path_fd, ret) == 0;
}

bool mapped_file_stat_any(const struct mapping_source *source, struct stat *ret)
{
	return mapped_file_stat(source, ret) || stat(source->path, ret) == 0;
}
