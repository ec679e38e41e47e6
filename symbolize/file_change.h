/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file that is read while it is written has changed since it was last looked at. */
#ifndef EPROF_SYMBOLIZE_FILE_CHANGE_H
#define EPROF_SYMBOLIZE_FILE_CHANGE_H

#include <stdbool.h>
#include <sys/stat.h>

static inline bool file_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static inline bool file_is_unchanged(const struct stat *a, const struct stat *b)
{
	return file_is_same(a, b) && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Whether the open file is what it was when before was asked of it; false when that is not known.
 */
static inline bool file_is_as_before(int fd, const struct stat *before)
{
	struct stat now;

	return fstat(fd, &now) == 0 && file_is_unchanged(&now, before);
}

#endif
