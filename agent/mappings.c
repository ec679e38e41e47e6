/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/mappings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What one more mapping adds at most: itself, and the second of two rests. */
#define GROWTH_MAX 2

/* What there is at either end when it is made. */
#define END_ROOM 8

void mappings_done(struct mappings *mappings)
{
	free(mappings->room);
	free(mappings->replaced);
	*mappings = (struct mappings){ 0 };
}

/*
 * Room for two more at either end: mappings come from the top down as well as upwards, and of those
 * that are there the fewer are moved. What is full grows by half, so each is copied a few times.
 */
static int reserve(struct mappings *mappings)
{
	size_t count = mappings->count, capacity = count + count / 2 + 2 * END_ROOM, below;
	struct mapping *room;

	if (mappings->room) {
		below = (size_t)(mappings->current - mappings->room);
		if (below >= GROWTH_MAX && mappings->capacity - below - count >= GROWTH_MAX)
			return 0;
	}
	room = malloc(capacity * sizeof(*room));
	if (!room)
		return -ENOMEM;
	below = (capacity - count) / 2;
	if (count > 0)
		memcpy(room + below, mappings->current, count * sizeof(*room));
	free(mappings->room);
	mappings->room = room;
	mappings->current = room + below;
	mappings->capacity = capacity;
	return 0;
}

static int reserve_replaced(struct mappings *mappings, size_t more)
{
	size_t count = mappings->replaced_count + more;
	size_t wanted = mappings->replaced_capacity ? mappings->replaced_capacity : 16;
	struct mapping *grown;

	while (wanted < count)
		wanted *= 2;
	if (more == 0 || wanted == mappings->replaced_capacity)
		return 0;
	grown = realloc(mappings->replaced, wanted * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	mappings->replaced = grown;
	mappings->replaced_capacity = wanted;
	return 0;
}

int mappings_copy(const struct mappings *from, struct mappings *ret)
{
	struct mappings copy = { .current = from->current, .count = from->count };
	int err;

	if (!from->count)
		return 0;
	/* Into room of its own. */
	err = reserve(&copy);
	if (err < 0)
		return err;
	*ret = copy;
	return 0;
}

/* Index of the first mapping that ends after address. */
static size_t lower_bound(const struct mappings *mappings, uint64_t address)
{
	size_t low = 0, high = mappings->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (mappings->current[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_same(const struct mapping *a, const struct mapping *b)
{
	return a->start == b->start && a->end == b->end && a->file_offset == b->file_offset &&
	       a->binary == b->binary;
}

/* What is left of old on either side of the new one; a hole in its middle makes two. */
static size_t cut(const struct mapping *old, const struct mapping *new, struct mapping *ret_rests)
{
	size_t count = 0;

	if (old->start < new->start) {
		ret_rests[count] = *old;
		ret_rests[count++].end = new->start;
	}
	if (old->end > new->end) {
		ret_rests[count] = *old;
		ret_rests[count].start = new->end;
		ret_rests[count++].file_offset += new->end - old->start;
	}
	return count;
}

/* Makes wanted mappings of those from first to before last, in whose place others are written. */
static void resize(struct mappings *mappings, size_t first, size_t last, size_t wanted)
{
	size_t above = mappings->count - last;
	struct mapping *current = mappings->current;

	mappings->count = first + wanted + above;
	if (above <= first) {
		memmove(current + first + wanted, current + last, above * sizeof(*current));
		return;
	}
	mappings->current = current + last - wanted - first;
	memmove(mappings->current, current, first * sizeof(*current));
}

int mappings_insert(struct mappings *mappings, const struct mapping *mapping)
{
	size_t first = lower_bound(mappings, mapping->start), last = first, rest_count = 0;
	struct mapping pieces[5];
	size_t piece_count = 0;
	int err;

	if (first < mappings->count && is_same(&mappings->current[first], mapping))
		return 0;
	while (last < mappings->count && mappings->current[last].start < mapping->end)
		last++;
	if (mappings->count - (last - first) + GROWTH_MAX + 1 > MAPPINGS_MAX)
		return -E2BIG;
	err = reserve_replaced(mappings, last - first);
	if (err < 0)
		return err;
	err = reserve(mappings);
	if (err < 0)
		return err;
	for (size_t i = first; i < last; i++) {
		struct mapping *old = &mappings->current[i];

		/* Only the first one can stick out below, only the last one above. */
		if (i == first || i == last - 1)
			rest_count += cut(old, mapping, pieces + rest_count);
		old->until_ns = mapping->since_ns;
		mappings->replaced[mappings->replaced_count++] = *old;
	}
	/* In order: what is left below, the new one, what is left above. */
	for (size_t i = 0; i < rest_count && pieces[i].start < mapping->start; i++)
		piece_count++;
	memmove(pieces + piece_count + 1, pieces + piece_count,
		(rest_count - piece_count) * sizeof(*pieces));
	pieces[piece_count] = *mapping;
	if (last > first)
		pieces[piece_count].bound_ns = UINT64_MAX;
	piece_count = rest_count + 1;
	resize(mappings, first, last, piece_count);
	memcpy(mappings->current + first, pieces, piece_count * sizeof(*pieces));
	return 0;
}

void mappings_settle(struct mappings *mappings, uint64_t time_ns)
{
	for (size_t i = 0; i < mappings->count; i++) {
		if (mappings->current[i].bound_ns == UINT64_MAX)
			mappings->current[i].bound_ns = time_ns;
	}
}

const struct mapping *mappings_find(const struct mappings *mappings, uint64_t time_ns,
				    uint64_t address)
{
	size_t i = lower_bound(mappings, address);

	if (i < mappings->count && mappings->current[i].start <= address &&
	    mappings->current[i].since_ns <= time_ns)
		return &mappings->current[i];
	for (i = mappings->replaced_count; i > 0; i--) {
		const struct mapping *old = &mappings->replaced[i - 1];

		/* Whoever was replaced before was replaced no later. */
		if (old->until_ns <= time_ns)
			break;
		if (old->start <= address && address < old->end && old->since_ns <= time_ns)
			return old;
	}
	return NULL;
}

void mappings_forget(struct mappings *mappings, uint64_t before_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < mappings->replaced_count; i++) {
		if (mappings->replaced[i].until_ns >= before_ns)
			mappings->replaced[kept++] = mappings->replaced[i];
	}
	mappings->replaced_count = kept;
}
