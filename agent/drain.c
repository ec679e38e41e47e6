/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/drain.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/map_batch.h"
#include "agent/stack_store.h"
#include "base/hashmap.h"

struct drain {
	struct drain_maps maps;
	struct map_batch batch;
	struct stack_store stacks; /* of the half being read */
	struct hashmap seen;       /* ids of the window */
	/* Stacks of one sample put together of their pieces. */
	uint64_t user[USER_FRAMES_MAX], kernel[USER_FRAMES_MAX];
};

int drain_new(const struct drain_maps *maps, struct drain **ret)
{
	struct drain *drain = calloc(1, sizeof(*drain));

	if (!drain)
		return -ENOMEM;
	drain->maps = *maps;
	*ret = drain;
	return 0;
}

void drain_free(struct drain *drain)
{
	if (!drain)
		return;
	map_batch_done(&drain->batch);
	stack_store_done(&drain->stacks);
	hashmap_done(&drain->seen);
	free(drain);
}

static int keep_stacks(void *context, const void *keys, const void *values, uint32_t count)
{
	struct drain *drain = context;
	const struct stack *stacks = values;
	const uint64_t *ids = keys;

	for (uint32_t i = 0; i < count; i++) {
		int err = stack_store_add(&drain->stacks, ids[i], &stacks[i]);

		if (!err)
			err = hashmap_put(&drain->seen, ids[i], 1);
		if (err < 0)
			return err;
	}
	return 0;
}

struct sample_context {
	struct drain *drain;
	sample_handler handler;
	void *context;
};

static int hand_out(const struct sample_context *context, const struct sample_key *key,
		    const struct sample_value *value)
{
	struct drain *drain = context->drain;
	struct sample sample = {
		.id = hash_bytes(key, sizeof(*key)),
		.generation = key->generation,
		.tgid = key->tgid,
		.tid = key->tid,
		.first_ns = value->first_ns,
		.cgroup_id = value->cgroup_id,
		.process_name = key->process_name,
		.thread_name = key->thread_name,
		.stop = key->stop < STOP_REASON_COUNT ? key->stop : STOP_UNREADABLE,
		.kernel_stack_lost = key->kernel_stack == STACK_ID_LOST,
		.is_idle = key->is_idle,
		.count = value->count,
	};

	sample.user =
		stack_store_find(&drain->stacks, key->user_stack, drain->user, &sample.user_depth);
	if (key->user_stack > STACK_ID_LOST && !sample.user_depth)
		sample.stop = STOP_STACK_LOST;
	sample.kernel = stack_store_find(&drain->stacks, key->kernel_stack, drain->kernel,
					 &sample.kernel_depth);
	return context->handler(context->context, &sample);
}

static int hand_out_batch(void *context, const void *keys, const void *values, uint32_t count)
{
	const struct sample_key *key = keys;
	const struct sample_value *value = values;

	for (uint32_t i = 0; i < count; i++) {
		int err = hand_out(context, &key[i], &value[i]);

		if (err < 0)
			return err;
	}
	return 0;
}

int drain_half(struct drain *drain, uint32_t half, sample_handler handler, void *context)
{
	struct map_shape stacks = { .fd = drain->maps.stacks[half],
				    .key_size = sizeof(uint64_t),
				    .value_size = sizeof(struct stack),
				    .entries_max = drain->maps.stacks_entries };
	struct map_shape counts = { .fd = drain->maps.counts[half],
				    .key_size = sizeof(struct sample_key),
				    .value_size = sizeof(struct sample_value),
				    .entries_max = drain->maps.counts_entries };
	struct sample_context samples = { drain, handler, context };
	int err;

	stack_store_clear(&drain->stacks);
	err = map_batch_empty(&drain->batch, &stacks, keep_stacks, drain);
	return err < 0 ? err : map_batch_empty(&drain->batch, &counts, hand_out_batch, &samples);
}

uint64_t drain_distinct_stacks(const struct drain *drain)
{
	return drain->seen.count;
}

void drain_forget_stacks(struct drain *drain)
{
	hashmap_done(&drain->seen);
	stack_store_done(&drain->stacks);
}
