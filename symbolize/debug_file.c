/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define PATH_SIZE 4096

int debug_file_open(const char *directory, const struct build_id *id, int *ret_fd)
{
	CLEANUP(cleanup_fd) int fd = -1;
	char path[PATH_SIZE], hex[2 * BUILD_ID_SIZE_MAX + 1] = "";
	struct build_id found;
	struct stat st;
	int err;

	if (id->size < 2)
		return -ENOENT;
	for (size_t i = 0; i < id->size; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", id->bytes[i]);
	if (snprintf(path, sizeof(path), "%s/.build-id/%.2s/%s.debug", directory, hex, hex + 2) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	err = build_id_read(fd, &found);
	if (err < 0)
		return err;
	if (found.size != id->size || memcmp(found.bytes, id->bytes, id->size) != 0)
		return -ESTALE;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
