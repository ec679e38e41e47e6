/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: as services_new(), with what has the place of /proc. */
#ifndef EPROF_AGENT_SERVICES_PARTS_H
#define EPROF_AGENT_SERVICES_PARTS_H

#include "agent/services.h"

/* proc is borrowed. */
int services_new_at(const struct agent_config *config, struct cgroup_paths *paths, const char *proc,
		    struct services **ret);

#endif
