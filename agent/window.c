/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/window.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/namer.h"
#include "agent/sample_batch.h"
#include "base/cleanup.h"
#include "base/clock.h"

struct window {
	struct pipeline pipeline;
	struct profile profile;
	struct namer *namer;
	uint64_t samples;   /* drained */
	uint64_t opened_ns; /* CLOCK_MONOTONIC */
	uint64_t flipped_ns;
	bool has_ended;
};

static void cleanup_window(struct window **window)
{
	window_free(*window);
}

int window_open(const struct pipeline *pipeline, struct window **ret)
{
	CLEANUP(cleanup_window) struct window *window = calloc(1, sizeof(*window));
	int err = 0;

	if (!window)
		return -ENOMEM;
	window->pipeline = *pipeline;
	if (pipeline->records_on_cpu)
		err = call_tree_new(&window->profile.tree);
	if (!err && pipeline->off_cpu)
		err = call_tree_new(&window->profile.off_tree);
	if (err < 0)
		return err;
	err = namer_new(&(struct namer_parts){ .naming = pipeline->naming,
					       .processes = pipeline->processes,
					       .downloads = pipeline->downloads },
			&window->profile, &window->namer);
	if (err < 0)
		return err;
	window->profile.started_unix_ns = clock_ns(CLOCK_REALTIME);
	window->opened_ns = window->flipped_ns = clock_ns(CLOCK_MONOTONIC);
	*ret = TAKE(window);
	return 0;
}

void window_free(struct window *window)
{
	if (!window)
		return;
	namer_free(window->namer);
	call_tree_free(window->profile.tree);
	call_tree_free(window->profile.off_tree);
	ledger_free(window->profile.ledger);
	free(window);
}

static void cleanup_batch(struct sample_batch **batch)
{
	if (*batch)
		sample_batch_done(*batch);
	free(*batch);
}

static bool records_off_cpu(const struct window *window)
{
	return window->pipeline.off_cpu && !window->has_ended;
}

int window_drain(struct window *window)
{
	const struct pipeline *pipeline = &window->pipeline;
	CLEANUP(cleanup_batch) struct sample_batch *batch = calloc(1, sizeof(*batch));
	int err;

	if (!batch)
		return -ENOMEM;
	/* Samples of this half may be as old as the flip before; later ones come later. */
	batch->forget_before_ns = window->flipped_ns;
	window->flipped_ns = clock_ns(CLOCK_MONOTONIC);
	if (records_off_cpu(window))
		off_cpu_flip(pipeline->off_cpu);
	err = sampler_flip(pipeline->sampler);
	if (err < 0)
		return err;
	/* After the flip: what a drained sample ran in is known by now. */
	err = follower_catch_up(pipeline->follower);
	if (err < 0)
		return err;
	batch->kernel_changed = follower_take_kernel_changed(pipeline->follower);
	err = sampler_drain(pipeline->sampler, sample_batch_add, batch);
	if (err < 0)
		return err;
	window->samples += batch->total;
	if (records_off_cpu(window))
		err = off_cpu_drain(pipeline->off_cpu, sample_batch_add, batch);
	if (err < 0)
		return err;
	if (pipeline->unwinder)
		unwinder_tick(pipeline->unwinder);
	return namer_take(window->namer, TAKE(batch));
}

uint64_t window_samples(const struct window *window)
{
	return window->samples;
}

/* All is read at once: who ends from here on tells of itself no more. */
int window_end(struct window *window)
{
	struct off_cpu *off = window->pipeline.off_cpu;
	int err;

	if (!off)
		return 0;
	err = off_cpu_end_window(off, true);
	if (!err)
		err = window_drain(window);
	if (!err)
		err = off_cpu_collect(off, &window->profile.ledger);
	window->has_ended = true;
	return err;
}

int window_close(struct window *window, struct profile *ret)
{
	struct profile *profile = &window->profile;
	int err = window_drain(window);

	if (!err)
		err = namer_finish(window->namer);
	if (!err && profile->tree)
		err = call_tree_sort(profile->tree);
	if (!err && profile->off_tree)
		err = call_tree_sort(profile->off_tree);
	if (err < 0)
		return err;
	*ret = *profile;
	ret->seconds = (double)(window->flipped_ns - window->opened_ns) / 1e9;
	profile->tree = profile->off_tree = NULL;
	profile->ledger = NULL;
	return 0;
}
