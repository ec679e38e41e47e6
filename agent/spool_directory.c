/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/file_stream.h"
#include "agent/spool_parts.h"
#include "base/cleanup.h"

#define DIRECTORY_MODE 0750

bool spool_is_ours(int parent_fd, const struct stat *status)
{
	struct stat parent;

	if (status->st_mode & S_IWOTH)
		return false;
	if (status->st_uid == geteuid() || status->st_uid == 0)
		return true;
	/* An agent that is root yet may be given a directory of the user that it will be. */
	if (parent_fd == AT_FDCWD)
		return geteuid() == 0;
	/* Who owns a directory can put there what they want anyway. */
	return fstat(parent_fd, &parent) == 0 && status->st_uid == parent.st_uid;
}

/* Its name in the parent is durable after this, and its mode is ours whatever the umask. */
static int finish_new(int fd, int parent_fd)
{
	CLEANUP(cleanup_fd) int parent = -1;

	if (fchmod(fd, DIRECTORY_MODE) < 0)
		return -errno;
	if (parent_fd != AT_FDCWD)
		return directory_sync(parent_fd);
	parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A parent that we may search but not read: the name will follow. */
	return parent < 0 ? 0 : directory_sync(parent);
}

int spool_directory_open(int parent_fd, const char *name, bool may_make, int *ret_fd)
{
	bool is_new = may_make && mkdirat(parent_fd, name, DIRECTORY_MODE) == 0;
	int mkdir_error = is_new || !may_make ? 0 : errno;
	/* The outermost one is what somebody configured, and may be a link. */
	int no_links = parent_fd == AT_FDCWD ? 0 : O_NOFOLLOW;
	CLEANUP(cleanup_fd) int fd = -1;
	struct stat status;
	int err;

	/* With some umasks not even we could open it. Where /proc is missing that cannot be done
	 * without following links, and the opening tells. */
	if (is_new && fchmodat(parent_fd, name, DIRECTORY_MODE, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != EOPNOTSUPP)
		return -errno;
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | no_links);
	if (fd < 0)
		return mkdir_error && mkdir_error != EEXIST ? -mkdir_error : -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!spool_is_ours(parent_fd, &status))
		return -EPERM;
	err = is_new ? finish_new(fd, parent_fd) : 0;
	if (err < 0)
		return err;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static void cleanup_dir(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

int spool_directory_visit(int fd, spool_visit visit, void *context)
{
	/* Another descriptor: the position in a directory is shared by all copies of one. */
	CLEANUP(cleanup_fd) int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(cleanup_dir) DIR *directory = own < 0 ? NULL : fdopendir(own);
	struct dirent *entry;
	int err;

	if (!directory)
		return -errno;
	(void)TAKE_FD(own);
	while (errno = 0, (entry = readdir(directory))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		err = visit(context, fd, entry->d_name);
		if (err < 0)
			return err;
	}
	return -errno;
}
