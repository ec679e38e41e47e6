/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that grow. */
#ifndef EPROF_BASE_ARRAY_H
#define EPROF_BASE_ARRAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * Makes room for one more after count items; items has room for *capacity of them. The array, maybe
 * elsewhere; NULL without memory: then the old one stays as it is.
 */
static inline void *array_reserve(void *items, size_t count, size_t *capacity, size_t size)
{
	const size_t first = 16;
	size_t wanted = *capacity ? 2 * *capacity : first;
	void *moved;

	if (count < *capacity)
		return items;
	moved = reallocarray(items, wanted, size);
	if (moved)
		*capacity = wanted;
	return moved;
}

/* Gives back what was reserved beyond count. */
static inline void *array_trim(void *items, size_t count, size_t size)
{
	void *moved = count ? reallocarray(items, count, size) : NULL;

	return moved ? moved : items;
}

#endif
