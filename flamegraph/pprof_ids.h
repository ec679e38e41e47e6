/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that a stranger gave to things -> our numbers, which count from 0. */
#ifndef EPROF_FLAMEGRAPH_PPROF_IDS_H
#define EPROF_FLAMEGRAPH_PPROF_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pprof_id {
	uint64_t id;
	uint32_t index;
};

/* The zero value, with entries that have room, is empty. Sorted: so many equal hashes as a stranger
 * likes would not slow it down. */
struct pprof_ids {
	struct pprof_id *entries;
	size_t count;
};

/* The next one's id; its index is the number of those before. There is room. */
static inline void pprof_ids_add(struct pprof_ids *ids, uint64_t id)
{
	ids->entries[ids->count] = (struct pprof_id){ id, (uint32_t)ids->count };
	ids->count++;
}

/* Called once, before anything is looked for. False: *ret_twice is the id of two. */
bool pprof_ids_sort(struct pprof_ids *ids, uint64_t *ret_twice);

bool pprof_ids_find(const struct pprof_ids *ids, uint64_t id, uint32_t *ret_index);

#endif
