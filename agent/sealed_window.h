/* SPDX-License-Identifier: Apache-2.0 */
/* A profile by itself: nothing in it is borrowed from what names the next one. */
#ifndef EPROF_AGENT_SEALED_WINDOW_H
#define EPROF_AGENT_SEALED_WINDOW_H

#include "agent/profile.h"
#include "agent/services.h"
#include "flamegraph/flamegraph.h"
#include "symbolize/symbolize.h"

struct sealed_window {
	struct sealed_window *next; /* the user's */
	struct profile profile;
	struct pprof_module *modules; /* strings are owned */
	size_t module_count;
	struct services_figures services; /* so far */
	uint64_t cgroups_lost;
};

/*
 * Takes what the profile owns (it is zero afterwards), and copies what is known of binaries. To be
 * called where the symbolizer may be: by the naming thread. 0 or -ENOMEM.
 */
int sealed_window_new(struct profile *profile, const struct symbolizer *symbolizer,
		      struct sealed_window **ret);
void sealed_window_free(struct sealed_window *window); /* NULL is fine */

#endif
