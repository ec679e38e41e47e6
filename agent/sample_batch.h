/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of drained samples, so that they can be named while the kernel goes on counting. */
#ifndef EPROF_AGENT_SAMPLE_BATCH_H
#define EPROF_AGENT_SAMPLE_BATCH_H

#include "agent/sampler.h"

struct stored_sample;

/* What one drain brought. The zero value is empty. */
struct sample_batch {
	struct sample_batch *next; /* the user's */
	struct stored_sample *samples;
	size_t count, capacity;
	uint64_t total;  /* of the counts of those on a CPU */
	uint64_t *words; /* the addresses of all stacks */
	size_t word_count, word_capacity;
	uint64_t *versions;      /* the user's: one for each sample, malloc()ed; or NULL */
	struct namer_turn *turn; /* the user's: with them a window ends; or NULL */
	/* Before these samples are named, the kernel's symbols have changed. */
	bool kernel_changed;
	/* After they are named, what processes had mapped before that is asked for no more. */
	uint64_t forget_before_ns;
};

void sample_batch_done(struct sample_batch *batch);

/* Memory that it holds. */
size_t sample_batch_bytes(const struct sample_batch *batch);

/* A sample_handler, context being the batch: 0 or -ENOMEM. */
int sample_batch_add(void *context, const struct sample *sample);

/* Sample number index < count; its pointers live as long as the batch, until more is added. */
void sample_batch_read(const struct sample_batch *batch, size_t index, struct sample *ret);

#endif
