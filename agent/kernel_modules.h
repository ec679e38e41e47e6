/* SPDX-License-Identifier: Apache-2.0 */
/* Which modules the kernel has loaded: nothing tells when one comes or goes, so that is asked. */
#ifndef EPROF_AGENT_KERNEL_MODULES_H
#define EPROF_AGENT_KERNEL_MODULES_H

#include <stdbool.h>
#include <stdint.h>

/* The zero value, with its path set, has never looked. */
struct kernel_modules {
	const char *path; /* "/proc/modules"; borrowed */
	uint64_t seen;    /* a hash of names, sizes and places; 0: there was nothing to read */
	bool has_looked;
};

/*
 * Whether others are loaded, or elsewhere, than at the last look; false at the first one, and where
 * the list cannot be read. How often a module is used makes no difference. Some tens of
 * microseconds.
 */
bool kernel_modules_have_changed(struct kernel_modules *modules);

#endif
