/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/window.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/known_stacks.h"
#include "base/cleanup.h"
#include "base/clock.h"

struct window {
	struct pipeline pipeline;
	struct profile profile;
	struct known_stacks known;
	uint64_t opened_ns; /* CLOCK_MONOTONIC */
	uint64_t flipped_ns;
};

static void cleanup_window(struct window **window)
{
	window_free(*window);
}

int window_open(const struct pipeline *pipeline, struct window **ret)
{
	CLEANUP(cleanup_window) struct window *window = calloc(1, sizeof(*window));
	int err;

	if (!window)
		return -ENOMEM;
	window->pipeline = *pipeline;
	err = call_tree_new(&window->profile.tree);
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
	call_tree_free(window->profile.tree);
	known_stacks_done(&window->known);
	free(window);
}

static int name_stack(struct window *window, const struct sample *sample, struct known_stack *ret)
{
	struct named_stack stack;

	naming_name(window->pipeline.naming, sample, &stack);
	*ret = (struct known_stack){ .stop = stack.stop, .is_complete = stack.is_complete };
	return call_tree_reach(window->profile.tree, stack.frames, stack.count, &ret->node);
}

static int add_sample(void *context, const struct sample *sample)
{
	struct window *window = context;
	/* The same addresses are other code after a mapping has changed. */
	uint64_t id =
		hash_u64(sample->id + processes_version(window->pipeline.processes,
							(int32_t)sample->tgid, sample->first_ns));
	struct known_stack known;

	if (!known_stacks_find(&window->known, id, &known)) {
		int err = name_stack(window, sample, &known);

		if (err < 0)
			return err;
		known_stacks_add(&window->known, id, &known);
	}
	window->profile.samples += sample->count;
	window->profile.stops[known.stop] += sample->count;
	if (known.is_complete)
		window->profile.complete_samples += sample->count;
	return call_tree_count(window->profile.tree, known.node, sample->count);
}

int window_drain(struct window *window)
{
	const struct pipeline *pipeline = &window->pipeline;
	uint64_t previous_ns = window->flipped_ns;
	int err;

	window->flipped_ns = clock_ns(CLOCK_MONOTONIC);
	err = sampler_flip(pipeline->sampler);
	if (err < 0)
		return err;
	/* After the flip: what a drained sample ran in is known by now. */
	err = follower_catch_up(pipeline->follower);
	if (err < 0)
		return err;
	if (follower_take_kernel_changed(pipeline->follower)) {
		naming_kernel_changed(pipeline->naming);
		known_stacks_clear(&window->known);
	}
	err = sampler_drain(pipeline->sampler, add_sample, window);
	if (err < 0)
		return err;
	/* Samples of this half may be as old as the flip before; later ones come later. */
	processes_forget(pipeline->processes, previous_ns);
	if (pipeline->unwinder)
		unwinder_tick(pipeline->unwinder);
	return 0;
}

uint64_t window_samples(const struct window *window)
{
	return window->profile.samples;
}

int window_close(struct window *window, struct profile *ret)
{
	int err = window_drain(window);

	if (err < 0)
		return err;
	err = call_tree_sort(window->profile.tree);
	if (err < 0)
		return err;
	*ret = window->profile;
	ret->seconds = (double)(window->flipped_ns - window->opened_ns) / 1e9;
	window->profile.tree = NULL;
	return 0;
}
