/* SPDX-License-Identifier: Apache-2.0 */
/* One sample -> the frames of one stack, from the process at the root to the innermost address. */
#ifndef EPROF_AGENT_NAMING_H
#define EPROF_AGENT_NAMING_H

#include "agent/processes.h"
#include "agent/sampler.h"
#include "base/frame.h"
#include "symbolize/symbolize.h"

/* Inlined functions shown for one address; deeper ones are left out, the outermost stays. */
#define INLINED_MAX 8

/* The process, the thread, a note; then the stacks. */
#define FRAMES_MAX (3 + USER_FRAMES_MAX * INLINED_MAX + KERNEL_FRAMES_MAX + 1)

struct naming;

struct naming_stats {
	uint64_t frames;
	uint64_t unnamed_user_frames;   /* [libfoo.so+0x1234], [unknown] */
	uint64_t unnamed_kernel_frames; /* [kernel], [unknown] */
	bool kernel_names_missing;      /* hidden or unreadable, and there were kernel frames */
};

/* Both stay the caller's and outlive the naming. */
int naming_new(struct symbolizer *symbolizer, struct processes *processes, struct naming **ret);
void naming_free(struct naming *naming); /* NULL is fine */

/* The kernel's symbols have changed (SIDEBAND_KSYMBOL). */
void naming_kernel_changed(struct naming *naming);

struct named_stack {
	const struct frame *frames; /* outermost first; until the next call */
	size_t count;
	enum stop_reason stop; /* STOP_COMPLETE when the names show the entry */
	bool is_complete;      /* nothing missing between the entry and the innermost frame */
};

void naming_name(struct naming *naming, const struct sample *sample, struct named_stack *ret);

void naming_read_stats(const struct naming *naming, struct naming_stats *ret);

#endif
