/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/cleanup.h"

/* Open files end at fs.nr_open: asking for more is refused, even to root. */
static rlim_t most_files(void)
{
	CLEANUP(cleanup_file) FILE *file = fopen("/proc/sys/fs/nr_open", "re");
	unsigned long most;

	return file && fscanf(file, "%lu", &most) == 1 ? most : 1 << 20;
}

static void raise_limit(__rlimit_resource_t resource, rlim_t most)
{
	struct rlimit limit = { most, most };

	/* Above the hard limit needs CAP_SYS_RESOURCE. */
	if (setrlimit(resource, &limit) == 0 || getrlimit(resource, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(resource, &limit);
}

const char *limits_advice(int err)
{
	return err == -EMFILE ? "; raise 'ulimit -n'" : "";
}

/* For what has to work whatever is mapped: events, rings, outputs, and chunks of tables. */
#define FILES_RESERVED 512

bool limits_is_last_file(int fd)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return false;
	/* Below, half of all. */
	if (limit.rlim_cur < 2 * FILES_RESERVED)
		return fd >= (int)(limit.rlim_cur / 2);
	return fd >= 0 && (rlim_t)fd >= limit.rlim_cur - FILES_RESERVED;
}

/*
 * The kernel's table of our descriptors doubles when it is full, and the process waits for that
 * some ten milliseconds if it has threads. What is opened once by a high number makes it large:
 * 64 KiB.
 */
static void widen_file_table(void)
{
	CLEANUP(cleanup_fd) int fd = open("/", O_PATH | O_CLOEXEC);
	CLEANUP(cleanup_fd) int high_fd = fcntl(fd, F_DUPFD_CLOEXEC, LIMITS_FILES_AHEAD - 1);

	(void)high_fd;
}

void limits_raise(void)
{
	raise_limit(RLIMIT_NOFILE, most_files());
	widen_file_table();
	raise_limit(RLIMIT_MEMLOCK, RLIM_INFINITY);
}
