/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the config that the uploader needs, on its way to that process: JSON in memory that
 * nobody changes any more. Not on a command line, where all could read what is in a URL.
 */
#ifndef EPROF_AGENT_UPLOADER_CONFIG_H
#define EPROF_AGENT_UPLOADER_CONFIG_H

#include "agent/agent_config.h"

/* 16 targets of 13 paths each take some tens of kilobytes. */
#define UPLOADER_CONFIG_SIZE_MAX (1 << 20)

struct uploader_config {
	char *spool_dir;
	enum log_level log_level;
	struct upload_config targets[AGENT_TARGETS_MAX];
	size_t target_count;
};

/* A sealed memfd, which the caller closes. 0 or -errno. */
int uploader_config_seal(const struct agent_config *config, int *ret_fd);

/* 0 and the caller's *ret, or -EPROTO (not what was sealed), -ENOMEM or the -errno of the file. */
int uploader_config_read(int fd, struct uploader_config **ret);
void uploader_config_free(struct uploader_config *config); /* NULL is fine */

#endif
