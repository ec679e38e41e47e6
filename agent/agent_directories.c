/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent_directories.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

/* Whoever may write to its parent can put another one in its place: no link is followed, and only
 * one of our own is given away. */
static int give_ours(const char *path, const struct agent_user *user)
{
	CLEANUP(cleanup_fd)
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid != geteuid())
		return -EPERM;
	return fchown(fd, user->uid, user->gid) < 0 ? -errno : 0;
}

/* One that cannot be given must not stay: the next start would take it as it is. */
static int give(const char *path, const struct agent_user *user)
{
	int err = give_ours(path, user);

	if (err == 0)
		return 0;
	(void)rmdir(path);
	log_error("cannot give the new directory '%s' to user %" PRIu32 ": %s", path,
		  (uint32_t)user->uid, strerror(-err));
	return err;
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
