/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/limits.h"

#include <stddef.h>
#include <sys/resource.h>

static void raise_limit(__rlimit_resource_t resource)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	/* Above the hard limit needs CAP_SYS_RESOURCE (and files end at fs.nr_open). */
	if (setrlimit(resource, &limit) == 0 || getrlimit(resource, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(resource, &limit);
}

void limits_raise(void)
{
	raise_limit(RLIMIT_NOFILE);
	raise_limit(RLIMIT_MEMLOCK);
}
