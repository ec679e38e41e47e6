/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent_directories.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "base/cleanup.h"

#define DIRECTORY_MODE 0750
#define FILE_SCHEME    "file://"

static int failed(const char *path)
{
	int err = -errno;

	log_error("cannot make '%s': %s", path, strerror(-err));
	return err;
}

/* By its descriptor: nobody else can put another one in its place between the two. */
static int give(const char *path, const struct agent_user *user)
{
	CLEANUP(cleanup_fd)
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 || fchown(fd, user->uid, user->gid) < 0 ? failed(path) : 0;
}

static int prepare(const char *path, const struct agent_user *user)
{
	if (mkdir(path, DIRECTORY_MODE) == 0)
		return user->is_other ? give(path, user) : 0;
	return errno == EEXIST ? 0 : failed(path);
}

static int prepare_parent(const char *path, const struct agent_user *user)
{
	CLEANUP(cleanup_free) char *copy = strdup(path);

	if (!copy) {
		errno = ENOMEM;
		return failed(path);
	}
	return prepare(dirname(copy), user);
}

int agent_directories_prepare(const struct agent_config *config, const struct agent_user *user)
{
	int err = prepare(config->spool_dir, user);

	if (!err && config->socket)
		err = prepare_parent(config->socket, user);
	for (size_t i = 0; !err && i < config->target_count; i++) {
		const char *url = config->targets[i].url;

		if (strncmp(url, FILE_SCHEME, strlen(FILE_SCHEME)) == 0)
			err = prepare(url + strlen(FILE_SCHEME), user);
	}
	return err;
}
