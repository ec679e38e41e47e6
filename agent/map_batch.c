/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/map_batch.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* 0.3 KB each at most; the kernel asks for more when one hash bucket holds more (-ENOSPC). */
#define BATCH_ENTRIES 256

void map_batch_done(struct map_batch *batch)
{
	free(batch->bytes);
	*batch = (struct map_batch){ 0 };
}

static int reserve(struct map_batch *batch, size_t size)
{
	char *bytes;

	if (size <= batch->size)
		return 0;
	bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;
	free(batch->bytes);
	batch->bytes = bytes;
	batch->size = size;
	return 0;
}

/* Reads with room for size entries a batch. -ENOSPC: one bucket alone is larger. */
static int empty_by(struct map_batch *batch, const struct map_shape *map, uint32_t size,
		    map_batch_handler handler, void *context)
{
	char *keys, *values;
	uint32_t position = 0;
	bool first = true;
	int err = reserve(batch, size * (map->key_size + map->value_size));

	if (err < 0)
		return err;
	keys = batch->bytes;
	values = keys + size * map->key_size;
	/* The map has at most entries_max entries, and every round takes at least one away. */
	for (uint32_t round = 0; err != -ENOENT && round <= map->entries_max; round++) {
		uint32_t count = size;
		int handled;

		err = bpf_map_lookup_and_delete_batch(map->fd, first ? NULL : &position, &position,
						      keys, values, &count, NULL);
		if (err < 0 && err != -ENOENT)
			return err;
		handled = handler(context, keys, values, count);
		if (handled < 0)
			return handled;
		first = false;
	}
	return 0;
}

int map_batch_empty(struct map_batch *batch, const struct map_shape *map, map_batch_handler handler,
		    void *context)
{
	uint32_t size = BATCH_ENTRIES;

	for (;;) {
		int err = empty_by(batch, map, size, handler, context);

		if (err != -ENOSPC || size >= map->entries_max)
			return err;
		size *= 2;
	}
}
