/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: as services_new(), with what stands before "/proc". */
#ifndef EPROF_AGENT_SERVICES_PARTS_H
#define EPROF_AGENT_SERVICES_PARTS_H

#include "agent/services.h"

/* root is borrowed. */
int services_new_at(const struct agent_config *config, struct cgroup_paths *paths, const char *root,
		    struct services **ret);

#endif
