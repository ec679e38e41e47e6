/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/output_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Recordings of one target that end within one second. */
#define NAMES_MAX 100

void output_directory_done(struct output_directory *directory)
{
	cleanup_fd(&directory->fd);
	cleanup_fd(&directory->parent_fd);
	free(directory->asked);
	free(directory->path);
	*directory = OUTPUT_DIRECTORY_NONE;
}

static void cleanup_directory(struct output_directory *directory)
{
	output_directory_done(directory);
}

/* "PATH-2" for the second try. */
static int set_path(struct output_directory *directory, int number)
{
	char *path;
	int length = number == 1 ? asprintf(&path, "%s", directory->asked)
				 : asprintf(&path, "%s-%d", directory->asked, number);

	if (length < 0)
		return -ENOMEM;
	free(directory->path);
	directory->path = path;
	return 0;
}

/* Below the parent. */
static const char *name_of(const struct output_directory *directory)
{
	const char *slash = strrchr(directory->path, '/');

	if (!slash)
		return directory->path;
	return slash[1] ? slash + 1 : ".";
}

static int open_parent(struct output_directory *directory)
{
	const char *slash = strrchr(directory->path, '/');
	size_t length = slash == directory->path ? 1 : (size_t)(slash - directory->path);
	CLEANUP(cleanup_free)
	char *parent = slash ? strndup(directory->path, length) : strdup(".");

	if (!parent)
		return -ENOMEM;
	directory->parent_fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return directory->parent_fd < 0 ? -errno : 0;
}

static int open_there(struct output_directory *directory, int flags)
{
	directory->fd = openat(directory->parent_fd, name_of(directory),
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
	return directory->fd < 0 ? -errno : 0;
}

int output_directory_open(const char *path, bool may_make, bool is_new,
			  struct output_directory *ret)
{
	CLEANUP(cleanup_directory) struct output_directory directory = OUTPUT_DIRECTORY_NONE;
	int err;

	directory.is_new = is_new;
	directory.asked = strdup(path);
	err = directory.asked ? set_path(&directory, 1) : -ENOMEM;
	if (!err)
		err = open_parent(&directory);
	if (err < 0)
		return err;
	/* A link that leads to a directory already is what was asked for. */
	err = is_new ? -ENOENT : open_there(&directory, 0);
	if (err == -ENOENT && may_make) {
		err = output_directory_make(&directory);
		output_directory_remove(&directory);
	}
	if (err < 0)
		return err;
	*ret = directory;
	directory = OUTPUT_DIRECTORY_NONE;
	return 0;
}

int output_directory_make(struct output_directory *directory)
{
	int err;

	if (directory->fd >= 0)
		return 0;
	for (int i = 1; i <= NAMES_MAX; i++) {
		err = set_path(directory, i);
		if (err < 0)
			return err;
		directory->is_ours = mkdirat(directory->parent_fd, name_of(directory), 0777) == 0;
		if (!directory->is_ours && errno != EEXIST)
			return -errno;
		if (directory->is_ours || !directory->is_new)
			return open_there(directory, O_NOFOLLOW);
	}
	return -EEXIST;
}

int output_directory_make_again(struct output_directory *directory)
{
	cleanup_fd(&directory->fd);
	directory->fd = -1;
	return output_directory_make(directory);
}

void output_directory_remove(struct output_directory *directory)
{
	if (!directory->is_ours)
		return;
	/* Fails, as it should, when somebody else put a file there. */
	(void)unlinkat(directory->parent_fd, name_of(directory), AT_REMOVEDIR);
	directory->is_ours = false;
	cleanup_fd(&directory->fd);
	directory->fd = -1;
}
