/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/debuginfod_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/privileges.h"
#include "base/cleanup.h"

#define OWNER_ONLY 0700

const char *debuginfod_cache_base(void)
{
	const char *path = getenv("DEBUGINFOD_CACHE_PATH");

	return path && *path ? path : "/var/cache";
}

/* With all above it. That it is there already is seen when it is opened. */
static int make_directories(const char *path)
{
	char copy[PATH_MAX];

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(copy, OWNER_ONLY);
		*slash = '/';
	}
	(void)mkdir(copy, OWNER_ONLY);
	return 0;
}

/* A directory that nobody but its owner may enter, with no link in its place. */
static int open_private(int parent, const char *name, struct stat *ret_status, int *ret_fd)
{
	CLEANUP(cleanup_fd) int fd = -1;

	if (mkdirat(parent, name, OWNER_ONLY) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, ret_status) < 0)
		return -errno;
	if (ret_status->st_mode & (S_IRWXG | S_IRWXO))
		return -EPERM;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int debuginfod_cache_open(int *ret_fd)
{
	const char *base = debuginfod_cache_base();
	CLEANUP(cleanup_fd) int base_fd = -1;
	CLEANUP(cleanup_fd) int outer_fd = -1;
	CLEANUP(cleanup_fd) int inner_fd = -1;
	struct stat outer, inner;
	int err = make_directories(base);

	if (err < 0)
		return err;
	base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base_fd < 0)
		return -errno;
	err = open_private(base_fd, "eprof-debuginfod", &outer, &outer_fd);
	if (err < 0)
		return err;
	if (outer.st_uid != 0)
		return -EPERM;
	err = open_private(outer_fd, "files", &inner, &inner_fd);
	if (err < 0)
		return err;
	/* New. */
	if (inner.st_uid == 0 && fchown(inner_fd, PRIVILEGES_NOBODY, PRIVILEGES_NOBODY) < 0)
		return -errno;
	if (inner.st_uid != 0 && inner.st_uid != PRIVILEGES_NOBODY)
		return -EPERM;
	*ret_fd = TAKE_FD(inner_fd);
	return 0;
}
