/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the entries of a BPF hash map and takes them out, many at a time. */
#ifndef EPROF_AGENT_MAP_BATCH_H
#define EPROF_AGENT_MAP_BATCH_H

#include <stddef.h>
#include <stdint.h>

/* What a batch is read into; kept, as clearing it anew would cost more than the reading. The zero
 * value is empty. */
struct map_batch {
	char *bytes;
	size_t size;
};

void map_batch_done(struct map_batch *batch);

struct map_shape {
	int fd;
	size_t key_size, value_size;
	uint32_t entries_max;
};

/* Of count entries that were in the map; < 0 ends the reading. */
typedef int (*map_batch_handler)(void *context, const void *keys, const void *values,
				 uint32_t count);

/*
 * Takes out all that was in the map when it was called; of what is put in meanwhile, some. What is
 * handed over is in the map no more, and in no other hands. 0, -errno of the kernel, -ENOMEM, or
 * what the handler returned.
 */
int map_batch_empty(struct map_batch *batch, const struct map_shape *map, map_batch_handler handler,
		    void *context);

#endif
