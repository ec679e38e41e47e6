/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/drain.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hashmap.h"

/* 0.3 KB each at most; the kernel asks for more when one hash bucket holds more (-ENOSPC). */
#define BATCH_ENTRIES 256

struct drain {
	struct drain_maps maps;
	/* All stacks of the half being read: depth, id of the rest, addresses; found by id. */
	uint64_t *words;
	size_t word_count;
	size_t word_capacity;
	struct hashmap offsets;
	/* What a batch is read into: kept, as clearing it anew would cost more than the reading. */
	char *batch;
	size_t batch_size;
	struct hashmap seen; /* ids of the whole recording */
	/* Stacks of one sample put together of their pieces. */
	uint64_t user[USER_FRAMES_MAX], kernel[USER_FRAMES_MAX];
};

typedef int (*batch_handler)(void *context, const void *keys, const void *values, uint32_t count);

struct batch {
	struct drain *drain;
	int fd;
	size_t key_size;
	size_t value_size;
	uint32_t entries_max;
	batch_handler handler;
	void *context;
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
	hashmap_done(&drain->offsets);
	hashmap_done(&drain->seen);
	free(drain->words);
	free(drain->batch);
	free(drain);
}

/* Room for size keys, and size values behind them. */
static int reserve_batch(struct drain *drain, size_t size)
{
	char *batch;

	if (size <= drain->batch_size)
		return 0;
	batch = malloc(size);
	if (!batch)
		return -ENOMEM;
	free(drain->batch);
	drain->batch = batch;
	drain->batch_size = size;
	return 0;
}

/* Reads with room for size entries a batch. -ENOSPC: one bucket alone is larger. */
static int empty_map_by(const struct batch *batch, uint32_t size)
{
	char *keys, *values;
	uint32_t position = 0;
	bool first = true;
	int err = reserve_batch(batch->drain, size * (batch->key_size + batch->value_size));

	if (err < 0)
		return err;
	keys = batch->drain->batch;
	values = keys + size * batch->key_size;
	/* The map has at most entries_max entries, and every round takes at least one away. */
	for (uint32_t round = 0; err != -ENOENT && round <= batch->entries_max; round++) {
		uint32_t count = size;
		int handled;

		err = bpf_map_lookup_and_delete_batch(batch->fd, first ? NULL : &position,
						      &position, keys, values, &count, NULL);
		if (err < 0 && err != -ENOENT)
			return err;
		handled = batch->handler(batch->context, keys, values, count);
		if (handled < 0)
			return handled;
		first = false;
	}
	return 0;
}

static int empty_map(const struct batch *batch)
{
	uint32_t size = BATCH_ENTRIES;

	for (;;) {
		int err = empty_map_by(batch, size);

		if (err != -ENOSPC || size >= batch->entries_max)
			return err;
		size *= 2;
	}
}

static int reserve_words(struct drain *drain, size_t count)
{
	size_t capacity = drain->word_capacity ? drain->word_capacity : 4096;
	uint64_t *words;

	while (capacity < drain->word_count + count)
		capacity *= 2;
	if (capacity == drain->word_capacity)
		return 0;
	words = realloc(drain->words, capacity * sizeof(*words));
	if (!words)
		return -ENOMEM;
	drain->words = words;
	drain->word_capacity = capacity;
	return 0;
}

static int keep_stacks(void *context, const void *keys, const void *values, uint32_t count)
{
	struct drain *drain = context;
	const struct stack *stacks = values;
	const uint64_t *ids = keys;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t depth = stacks[i].depth;
		int err;

		if (depth > PIECE_FRAMES_MAX)
			return -EPROTO;
		err = reserve_words(drain, depth + 2);
		if (err < 0)
			return err;
		err = hashmap_put(&drain->offsets, ids[i], drain->word_count);
		if (err < 0)
			return err;
		err = hashmap_put(&drain->seen, ids[i], 1);
		if (err < 0)
			return err;
		drain->words[drain->word_count] = depth;
		drain->words[drain->word_count + 1] = stacks[i].rest;
		memcpy(&drain->words[drain->word_count + 2], stacks[i].pc,
		       depth * sizeof(uint64_t));
		drain->word_count += depth + 2;
	}
	return 0;
}

struct sample_context {
	struct drain *drain;
	sample_handler handler;
	void *context;
};

static const uint64_t *find_piece(const struct drain *drain, uint64_t id, size_t *ret_depth,
				  uint64_t *ret_rest)
{
	uint64_t offset;

	*ret_depth = 0;
	*ret_rest = STACK_ID_NONE;
	if (id == STACK_ID_NONE || id == STACK_ID_LOST)
		return NULL;
	if (!hashmap_get(&drain->offsets, id, &offset))
		return NULL;
	*ret_depth = drain->words[offset];
	*ret_rest = drain->words[offset + 1];
	return &drain->words[offset + 2];
}

/* Of one piece, it is where that is; of more, in room, for USER_FRAMES_MAX addresses. */
static const uint64_t *find_stack(const struct drain *drain, uint64_t id, uint64_t *room,
				  size_t *ret_depth)
{
	uint64_t rest;
	const uint64_t *piece = find_piece(drain, id, ret_depth, &rest);
	size_t depth = 0;

	if (rest == STACK_ID_NONE)
		return piece;
	while (piece && depth + *ret_depth <= USER_FRAMES_MAX) {
		memcpy(&room[depth], piece, *ret_depth * sizeof(*piece));
		depth += *ret_depth;
		piece = find_piece(drain, rest, ret_depth, &rest);
	}
	*ret_depth = depth;
	return room;
}

static int hand_out(const struct sample_context *context, const struct sample_key *key,
		    const struct sample_value *value)
{
	struct drain *drain = context->drain;
	struct sample sample = {
		.id = hash_bytes(key, sizeof(*key)),
		.tgid = key->tgid,
		.tid = key->tid,
		.first_ns = value->first_ns,
		.process_name = key->process_name,
		.thread_name = key->thread_name,
		.stop = key->stop < STOP_REASON_COUNT ? key->stop : STOP_UNREADABLE,
		.kernel_stack_lost = key->kernel_stack == STACK_ID_LOST,
		.is_idle = key->is_idle,
		.count = value->count,
	};

	sample.user = find_stack(drain, key->user_stack, drain->user, &sample.user_depth);
	sample.kernel = find_stack(drain, key->kernel_stack, drain->kernel, &sample.kernel_depth);
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
	struct sample_context samples = { drain, handler, context };
	int err;

	drain->word_count = 0;
	hashmap_clear(&drain->offsets);
	err = empty_map(&(struct batch){ .drain = drain,
					 .fd = drain->maps.stacks[half],
					 .key_size = sizeof(uint64_t),
					 .value_size = sizeof(struct stack),
					 .entries_max = drain->maps.stacks_entries,
					 .handler = keep_stacks,
					 .context = drain });
	if (err < 0)
		return err;
	return empty_map(&(struct batch){ .drain = drain,
					  .fd = drain->maps.counts[half],
					  .key_size = sizeof(struct sample_key),
					  .value_size = sizeof(struct sample_value),
					  .entries_max = drain->maps.counts_entries,
					  .handler = hand_out_batch,
					  .context = &samples });
}

uint64_t drain_distinct_stacks(const struct drain *drain)
{
	return drain->seen.count;
}
