/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_ids.h"

#include <stdlib.h>

static int compare(const void *left, const void *right)
{
	const struct pprof_id *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

static bool is_sorted(const struct pprof_ids *ids)
{
	for (size_t i = 1; i < ids->count; i++) {
		if (ids->entries[i - 1].id > ids->entries[i].id)
			return false;
	}
	return true;
}

bool pprof_ids_sort(struct pprof_ids *ids, uint64_t *ret_twice)
{
	/* Nearly all who write this format count from 1 on. */
	if (!is_sorted(ids))
		qsort(ids->entries, ids->count, sizeof(*ids->entries), compare);
	for (size_t i = 1; i < ids->count; i++) {
		if (ids->entries[i - 1].id == ids->entries[i].id) {
			*ret_twice = ids->entries[i].id;
			return false;
		}
	}
	return true;
}

bool pprof_ids_find(const struct pprof_ids *ids, uint64_t id, uint32_t *ret_index)
{
	const struct pprof_id wanted = { .id = id }, *found;
	uint64_t at = ids->count ? id - ids->entries[0].id : 0;

	/* Where none is left out. */
	if (at < ids->count && ids->entries[at].id == id)
		found = &ids->entries[at];
	else
		found = ids->count ? bsearch(&wanted, ids->entries, ids->count,
					     sizeof(*ids->entries), compare)
				   : NULL;
	if (!found)
		return false;
	*ret_index = found->index;
	return true;
}
