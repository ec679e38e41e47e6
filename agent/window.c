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
	struct profile profile; /* the namer's, while it runs */
	struct ledger *ledger;  /* of a window that has ended */
	struct namer *namer;
	uint64_t samples;                 /* drained */
	uint64_t opened_ns;               /* CLOCK_MONOTONIC */
	uint64_t counters[COUNTER_COUNT]; /* at the beginning of this window */
	uint64_t flipped_ns;
	bool has_ended;
};

static void cleanup_window(struct window **window)
{
	window_free(*window);
}

static int sort_trees(struct profile *profile)
{
	int err = profile->tree ? call_tree_sort(profile->tree) : 0;

	return !err && profile->off_tree ? call_tree_sort(profile->off_tree) : err;
}

/* A profile_handler, in the namer's thread. */
static int take_profile(void *context, struct profile *profile)
{
	const struct window *window = context;
	int err = sort_trees(profile);

	return err < 0 ? err : window->pipeline.take(window->pipeline.take_context, profile);
}

/* Its time begins now. */
static int profile_begin(const struct pipeline *pipeline, struct profile *ret)
{
	struct profile profile = { .started_unix_ns = clock_ns(CLOCK_REALTIME) };
	int err = pipeline->records_on_cpu ? call_tree_new(&profile.tree) : 0;

	if (!err && pipeline->off_cpu)
		err = call_tree_new(&profile.off_tree);
	if (err < 0) {
		profile_done(&profile);
		return err;
	}
	*ret = profile;
	return 0;
}

int window_open(const struct pipeline *pipeline, struct window **ret)
{
	CLEANUP(cleanup_window) struct window *window = calloc(1, sizeof(*window));
	int err;

	if (!window)
		return -ENOMEM;
	window->pipeline = *pipeline;
	err = profile_begin(pipeline, &window->profile);
	if (err < 0)
		return err;
	err = namer_new(&(struct namer_parts){ .naming = pipeline->naming,
					       .processes = pipeline->processes,
					       .downloads = pipeline->downloads,
					       .services = pipeline->services,
					       .take = take_profile,
					       .context = window },
			&window->profile, &window->namer);
	if (err < 0)
		return err;
	window->opened_ns = window->flipped_ns = clock_ns(CLOCK_MONOTONIC);
	*ret = TAKE(window);
	return 0;
}

void window_free(struct window *window)
{
	if (!window)
		return;
	namer_free(window->namer);
	profile_done(&window->profile);
	ledger_free(window->ledger);
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

uint64_t window_opened_ns(const struct window *window)
{
	return window->opened_ns;
}

/* What the counters have grown by since the last call. 0 or -errno. */
static int read_counters(struct window *window, uint64_t ret[COUNTER_COUNT])
{
	struct sampler_stats stats;
	int err = sampler_read_stats(window->pipeline.sampler, &stats);

	if (err < 0)
		return err;
	for (int i = 0; i < COUNTER_COUNT; i++) {
		ret[i] = stats.counters[i] - window->counters[i];
		window->counters[i] = stats.counters[i];
	}
	return 0;
}

int window_turn(struct window *window)
{
	struct off_cpu *off = window->pipeline.off_cpu;
	struct namer_turn turn = { 0 };
	int err = profile_begin(&window->pipeline, &turn.next);

	if (!err && off)
		err = off_cpu_end_window(off, false);
	if (!err)
		err = window_drain(window);
	if (!err && off)
		err = off_cpu_collect(off, &turn.ledger);
	if (!err && off)
		off_cpu_forget(off);
	if (!err)
		err = read_counters(window, turn.counters);
	if (err < 0) {
		profile_done(&turn.next);
		ledger_free(turn.ledger);
		return err;
	}
	turn.next.started_unix_ns =
		clock_ns(CLOCK_REALTIME) - (clock_ns(CLOCK_MONOTONIC) - window->flipped_ns);
	turn.sample_hz = sampler_hz(window->pipeline.sampler);
	turn.seconds = (double)(window->flipped_ns - window->opened_ns) / 1e9;
	window->opened_ns = window->flipped_ns;
	window->samples = 0;
	sampler_forget_stacks(window->pipeline.sampler);
	return namer_turn(window->namer, &turn);
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
		err = off_cpu_collect(off, &window->ledger);
	window->has_ended = true;
	return err;
}

int window_close(struct window *window, struct profile *ret)
{
	struct profile *profile = &window->profile;
	int err = window_drain(window);

	if (!err)
		err = namer_finish(window->namer);
	if (!err)
		err = sort_trees(profile);
	if (!err)
		err = read_counters(window, profile->counters);
	if (err < 0)
		return err;
	*ret = *profile;
	*profile = (struct profile){ 0 };
	ret->sample_hz = sampler_hz(window->pipeline.sampler);
	ret->ledger = TAKE(window->ledger);
	ret->seconds = (double)(window->flipped_ns - window->opened_ns) / 1e9;
	return 0;
}
