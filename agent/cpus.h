/* SPDX-License-Identifier: Apache-2.0 */
/* Which CPUs are online, from the kernel's list format ("0-3,8"). */
#ifndef EPROF_AGENT_CPUS_H
#define EPROF_AGENT_CPUS_H

#include <stddef.h>

/* The kernel's own limit is CONFIG_NR_CPUS <= 8192 (arch/x86/Kconfig). */
#define CPUS_MAX 8192

struct cpus {
	int *ids;
	size_t count;
};

/* Parses a list such as "0-3,8\n". 0, -EINVAL (malformed, empty, or above CPUS_MAX), -ENOMEM. */
int cpus_parse(const char *text, struct cpus *ret);
/* The online ones, or only the one given when only >= 0. 0, -ENODEV: only is not online, -errno. */
int cpus_online(int only, struct cpus *ret);
void cpus_done(struct cpus *cpus);

#endif
