/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cgroup_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

struct walk {
	cgroup_handler handler;
	void *context;
	char path[PATH_MAX];
	/* Of each level: its directory, and where its path ends. */
	DIR *open[CGROUP_WALK_DEPTH_MAX];
	size_t lengths[CGROUP_WALK_DEPTH_MAX];
	int depth; /* of the innermost one that is open; -1: none is */
};

static void cleanup_walk(struct walk *walk)
{
	while (walk->depth >= 0)
		(void)closedir(walk->open[walk->depth--]);
}

/* fd is taken. Its path stands in walk->path up to length. */
static int enter(struct walk *walk, int fd, size_t length)
{
	DIR *dir = fdopendir(fd);
	int err = errno;

	if (!dir) {
		(void)close(fd);
		return -err;
	}
	walk->depth++;
	walk->open[walk->depth] = dir;
	walk->lengths[walk->depth] = length;
	return 0;
}

/* A child of the innermost directory. */
static int visit(struct walk *walk, const struct dirent *child)
{
	size_t length = walk->lengths[walk->depth];
	int printed, fd, err;

	/* Other file systems have no business here, nor have links. */
	if (child->d_type != DT_DIR || !strcmp(child->d_name, ".") || !strcmp(child->d_name, ".."))
		return 0;
	printed = snprintf(walk->path + length, sizeof(walk->path) - length, "/%s", child->d_name);
	if ((size_t)printed >= sizeof(walk->path) - length)
		return 0;
	err = walk->handler(walk->context, child->d_ino, walk->path);
	if (err < 0 || walk->depth + 1 == CGROUP_WALK_DEPTH_MAX)
		return err;
	fd = openat(dirfd(walk->open[walk->depth]), child->d_name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	return enter(walk, fd, length + (size_t)printed);
}

static int begin(struct walk *walk, const char *mount)
{
	CLEANUP(cleanup_fd) int fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int err;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	err = walk->handler(walk->context, st.st_ino, "/");
	return err < 0 ? err : enter(walk, TAKE_FD(fd), 0);
}

int cgroup_walk(const char *mount, cgroup_handler handler, void *context)
{
	CLEANUP(cleanup_walk)
	struct walk walk = { .handler = handler, .context = context, .depth = -1 };
	int err = begin(&walk, mount);

	while (!err && walk.depth >= 0) {
		const struct dirent *child;

		errno = 0;
		child = readdir(walk.open[walk.depth]);
		if (child)
			err = visit(&walk, child);
		else if (errno && errno != ENOENT && errno != ENODEV)
			err = -errno;
		else
			(void)closedir(walk.open[walk.depth--]);
	}
	return err;
}
