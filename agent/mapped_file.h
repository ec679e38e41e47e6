/* SPDX-License-Identifier: Apache-2.0 */
/* The file behind a mapping: what is under its name may be another one by now. */
#ifndef EPROF_AGENT_MAPPED_FILE_H
#define EPROF_AGENT_MAPPED_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "agent/binaries.h"

/* Whether it is known which build was mapped. */
bool mapped_file_has_id(const struct mapping_source *source);

/*
 * Opens it for reading: by the mapping itself, by its path as the process sees it, by its path as
 * we see it. What has not the build id, or without one the number, that was mapped is -ESTALE, and
 * so is what is no regular file. The descriptor is the caller's; -EMFILE, -errno.
 */
int mapped_file_open(const struct mapping_source *source);
int mapped_file_open_by_path(const struct mapping_source *source); /* by its paths only */

/* Of the mapping itself; false when it cannot be looked at, or is gone. */
bool mapped_file_stat(const struct mapping_source *source, struct stat *ret);
/* That, or whatever is under its name as we see it; false when there is neither. */
bool mapped_file_stat_any(const struct mapping_source *source, struct stat *ret);

#endif
