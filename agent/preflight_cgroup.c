/* SPDX-License-Identifier: Apache-2.0 */
/* The part of preflight.h that finds the cgroup of -G. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "agent/log.h"
#include "agent/preflight.h"
#include "base/cleanup.h"

/* mountinfo writes blanks and the like as "\040", in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		unsigned int code;

		if (sscanf(from, "\\%3o", &code) == 1 && strspn(from + 1, "01234567") >= 3) {
			*to = (char)code;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* "ID PARENT DEV ROOT MOUNTPOINT OPTIONS [TAG...] - TYPE SOURCE OPTIONS": NULL unless cgroup2. */
static char *cgroup2_mount_of(char *line)
{
	const char *tail = strstr(line, " - ");
	char *mount = line, *save = NULL;

	if (!tail || strncmp(tail, " - cgroup2 ", strlen(" - cgroup2 ")) != 0)
		return NULL;
	mount = strtok_r(line, " ", &save);
	for (int field = 1; mount && field < 5; field++)
		mount = strtok_r(NULL, " ", &save);
	if (mount)
		unescape(mount);
	return mount;
}

int preflight_cgroup2_mount(const char *mountinfo_path, char **ret)
{
	CLEANUP(cleanup_file) FILE *file = fopen(mountinfo_path, "re");
	CLEANUP(cleanup_free) char *line = NULL;
	size_t size = 0;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) > 0) {
		const char *mount = cgroup2_mount_of(line);

		if (mount) {
			*ret = strdup(mount);
			return *ret ? 0 : -ENOMEM;
		}
	}
	return -ENODEV;
}

/* -ENOTDIR: a directory, but not of cgroup v2 (or no directory at all). */
static int open_cgroup(const char *path, int *ret_fd)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return -ENOTDIR;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int preflight_cgroup(const char *path, int *ret_fd)
{
	CLEANUP(cleanup_free) char *mount = NULL;
	char below[4096];
	int err, err_below;

	err = path[0] == '/' ? open_cgroup(path, ret_fd) : -ENOENT;
	if (!err)
		return 0;
	if (preflight_cgroup2_mount("/proc/self/mountinfo", &mount) < 0) {
		log_error("-G '%s': cgroup v2 is not mounted here", path);
		return -ENODEV;
	}
	if ((size_t)snprintf(below, sizeof(below), "%s/%s", mount, path) >= sizeof(below))
		err_below = -ENAMETOOLONG;
	else
		err_below = open_cgroup(below, ret_fd);
	if (!err_below)
		return 0;
	if (err == -ENOENT)
		err = err_below;
	if (err == -ENOTDIR)
		log_error("-G '%s' is not a cgroup v2 directory; they are below '%s'", path, mount);
	else if (err == -ENOENT)
		log_error("-G '%s': there is no such cgroup below '%s'", path, mount);
	else
		log_error("cannot open cgroup '%s': %s", path, strerror(-err));
	return err;
}
