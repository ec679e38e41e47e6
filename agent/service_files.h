/* SPDX-License-Identifier: Apache-2.0 */
/* A sealed window -> the files of each of its services, in the spool. */
#ifndef EPROF_AGENT_SERVICE_FILES_H
#define EPROF_AGENT_SERVICE_FILES_H

#include "agent/agent_config.h"
#include "agent/sealed_window.h"
#include "agent/spool.h"

struct service_files_result {
	uint64_t put, failed; /* files */
	int err;              /* of the first that failed */
};

/*
 * Draws what any target wants, each form once however many want it, and puts it. What cannot be
 * drawn or put is counted, after one line for the first, and does not keep the others from being.
 * host: that of the files.
 */
void service_files_put(const struct agent_config *config, const char *host,
		       const struct sealed_window *window, struct spool_writer *spool,
		       struct service_files_result *ret);

#endif
