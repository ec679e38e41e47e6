/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and emptying the quiet half of the double-buffered maps, in batches. */
#ifndef EPROF_AGENT_DRAIN_H
#define EPROF_AGENT_DRAIN_H

#include "agent/sampler.h"

struct drain;

/* Descriptors stay the caller's. */
struct drain_maps {
	int counts[HALVES];
	int stacks[HALVES];
	uint32_t counts_entries;
	uint32_t stacks_entries;
};

int drain_new(const struct drain_maps *maps, struct drain **ret);
void drain_free(struct drain *drain); /* NULL is fine */

/* See sampler_drain(). Nobody else may write to this half meanwhile. */
int drain_half(struct drain *drain, uint32_t half, sample_handler handler, void *context);

/* Of everything drained so far, since it was last forgotten. */
uint64_t drain_distinct_stacks(const struct drain *drain);
/* And what was handed out last: nobody has it any more. */
void drain_forget_stacks(struct drain *drain);

#endif
