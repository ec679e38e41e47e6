/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that node_exporter's textfile collector reads at any time: it takes *.prom, so that the
 * temporary name must not end so. It is readable by all, as the collector is somebody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent_status.h"
#include "agent/log.h"
#include "base/cleanup.h"

#define METRICS_MODE 0644

/* "DIR/.NAME.eprof-PID"; the caller frees it. NULL without memory. */
static char *temporary_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char *temporary;

	if (asprintf(&temporary, "%.*s.%s.eprof-%" PRIdMAX, (int)(name - path), path, name,
		     (intmax_t)getpid()) < 0)
		return NULL;
	return temporary;
}

/* Nobody else's file: what lies there by that name goes. */
static int make_file(const char *path, FILE **ret)
{
	CLEANUP(cleanup_fd) int fd = -1;
	FILE *file;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, METRICS_MODE);
	/* Whatever the umask is. */
	if (fd < 0 || fchmod(fd, METRICS_MODE) < 0)
		return -errno;
	file = fdopen(fd, "w");
	if (!file)
		return -errno;
	(void)TAKE_FD(fd);
	*ret = file;
	return 0;
}

/* A crash of the machine must not leave an empty file by the final name, which rename() alone may.
 */
static int fill(FILE *file, const struct agent_status *status)
{
	agent_status_put_metrics(status, file);
	if (fflush(file) != 0 || fsync(fileno(file)) < 0)
		return -errno;
	return ferror(file) ? -EIO : 0;
}

static int replace(const char *path, const char *temporary, const struct agent_status *status)
{
	FILE *file = NULL;
	int err = make_file(temporary, &file);

	if (err < 0)
		return err;
	err = fill(file, status);
	if (fclose(file) != 0 && err == 0)
		err = -errno;
	if (err == 0 && rename(temporary, path) < 0)
		err = -errno;
	if (err < 0)
		(void)unlink(temporary);
	return err;
}

int agent_metrics_write(const struct agent_status *status, const char *path)
{
	CLEANUP(cleanup_free) char *temporary = temporary_path(path);
	int err = temporary ? replace(path, temporary, status) : -ENOMEM;

	if (err < 0)
		log_error("cannot write the metrics to '%s': %s", path, strerror(-err));
	return err;
}
