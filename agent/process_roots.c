/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process_roots.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/limits.h"
#include "agent/process_threads.h"
#include "base/cleanup.h"

/* Containers on one machine; each costs a descriptor. */
#define ROOTS_MAX 1024

struct process_root {
	int fd; /* or PROCESS_ROOT_OURS */
	uint64_t device, inode, mount;
};

void process_roots_done(struct process_roots *roots)
{
	for (size_t i = 0; i < roots->count; i++)
		cleanup_fd(&roots->roots[i].fd);
	free(roots->roots);
}

/* The mount as well: a directory can be the root of one mount, and a directory of another. */
static bool identify(int fd, struct process_root *ret)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &st) < 0)
		return false;
	*ret = (struct process_root){ .fd = PROCESS_ROOT_OURS,
				      .device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor,
				      .inode = st.stx_ino,
				      .mount = st.stx_mnt_id };
	return true;
}

/* Our own is the first one. */
static bool begin(struct process_roots *roots)
{
	CLEANUP(cleanup_fd) int fd = -1;
	struct process_root ours;

	if (roots->roots)
		return true;
	fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !identify(fd, &ours))
		return false;
	roots->roots = calloc(ROOTS_MAX, sizeof(*roots->roots));
	if (!roots->roots)
		return false;
	roots->roots[roots->count++] = ours;
	return true;
}

static int no_room(struct process_roots *roots)
{
	roots->no_room++;
	return PROCESS_ROOT_UNKNOWN;
}

int process_roots_find(struct process_roots *roots, int32_t pid)
{
	CLEANUP(cleanup_fd) int fd = process_open(pid, "root", O_PATH | O_DIRECTORY);
	struct process_root root;

	if (fd == -EMFILE || fd == -ENFILE || !begin(roots))
		return no_room(roots);
	/* Who has just ended may have had any root: most have ours, so this is no loss to tell. */
	if (fd < 0 || !identify(fd, &root))
		return PROCESS_ROOT_UNKNOWN;
	for (size_t i = 0; i < roots->count; i++) {
		const struct process_root *known = &roots->roots[i];

		if (known->device == root.device && known->inode == root.inode &&
		    known->mount == root.mount)
			return known->fd;
	}
	if (roots->count == ROOTS_MAX || limits_is_last_file(fd))
		return no_room(roots);
	root.fd = TAKE_FD(fd);
	roots->roots[roots->count++] = root;
	return root.fd;
}
