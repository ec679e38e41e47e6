/* SPDX-License-Identifier: Apache-2.0 */
/* Build ids for a pprof file, whose mappings are told by the names that frames have. */
#ifndef EPROF_AGENT_PPROF_MODULES_H
#define EPROF_AGENT_PPROF_MODULES_H

#include "agent/stats_json.h"
#include "flamegraph/flamegraph.h"

struct pprof_modules {
	struct pprof_module *list; /* NULL: there are none */
	size_t count;
	char kernel_id[2 * BUILD_ID_SIZE_MAX + 1];
};

/*
 * Of binaries, whose strings are borrowed, and of the running kernel, from its notes at this path.
 * A name that stands for two builds has none: which of them a frame is in is not known. 0 or
 * -ENOMEM.
 */
int pprof_modules_make(const struct stats_module *binaries, size_t count, const char *notes_path,
		       struct pprof_modules *ret);
void pprof_modules_done(struct pprof_modules *modules); /* the zero value is fine */

#endif
