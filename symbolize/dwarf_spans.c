/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/dwarf_spans.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"

int dwarf_spans_add(struct dwarf_spans *spans, uint32_t low, uint32_t high, uint32_t owner)
{
	struct dwarf_span *items =
		array_reserve(spans->items, spans->count, &spans->capacity, sizeof(*items));

	if (!items)
		return -ENOMEM;
	spans->items = items;
	items[spans->count++] = (struct dwarf_span){ .low = low, .high = high, .owner = owner };
	return 0;
}

void dwarf_spans_done(struct dwarf_spans *spans)
{
	free(spans->items);
	*spans = (struct dwarf_spans){ 0 };
}

void dwarf_map_done(struct dwarf_map *map)
{
	free(map->intervals);
	*map = (struct dwarf_map){ 0 };
}

/* Spans that have begun, the one that has the place first: a binary heap. Some may have ended. */
struct active {
	const struct dwarf_span **items;
	size_t count;
};

static bool goes_before(const struct dwarf_span *a, const struct dwarf_span *b)
{
	return a->weight != b->weight ? a->weight < b->weight : a->owner > b->owner;
}

static void push(struct active *active, const struct dwarf_span *span)
{
	size_t i = active->count++;

	while (i > 0 && goes_before(span, active->items[(i - 1) / 2])) {
		active->items[i] = active->items[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	active->items[i] = span;
}

static void pop(struct active *active)
{
	const struct dwarf_span *last = active->items[--active->count];
	size_t i = 0;

	for (size_t child; (child = 2 * i + 1) < active->count; i = child) {
		if (child + 1 < active->count &&
		    goes_before(active->items[child + 1], active->items[child]))
			child++;
		if (!goes_before(active->items[child], last))
			break;
		active->items[i] = active->items[child];
	}
	active->items[i] = last;
}

static int compare_spans(const void *a, const void *b)
{
	const struct dwarf_span *left = a, *right = b;

	return (left->low > right->low) - (left->low < right->low);
}

static void sort_spans(struct dwarf_spans *spans)
{
	for (size_t i = 1; i < spans->count; i++) {
		if (spans->items[i - 1].low > spans->items[i].low) {
			qsort(spans->items, spans->count, sizeof(*spans->items), compare_spans);
			return;
		}
	}
}

static void begin_interval(struct dwarf_map *map, uint32_t start, uint32_t owner)
{
	struct dwarf_interval *last = map->count ? &map->intervals[map->count - 1] : NULL;

	if (last && last->start == start) {
		map->count--;
		last = map->count ? last - 1 : NULL;
	}
	if (owner == (last ? last->owner : DWARF_NOBODY))
		return;
	map->intervals[map->count++] = (struct dwarf_interval){ .start = start, .owner = owner };
}

/* Goes from one beginning or end of a span to the next one, and notes who has the place there. */
static void sweep(const struct dwarf_spans *spans, struct active *active, struct dwarf_map *map)
{
	size_t next = 0;

	while (next < spans->count || active->count) {
		uint32_t at = next < spans->count ? spans->items[next].low : UINT32_MAX;

		if (active->count && active->items[0]->high <= at) {
			at = active->items[0]->high;
			while (active->count && active->items[0]->high <= at)
				pop(active);
		} else {
			while (next < spans->count && spans->items[next].low == at)
				push(active, &spans->items[next++]);
		}
		begin_interval(map, at, active->count ? active->items[0]->owner : DWARF_NOBODY);
	}
}

int dwarf_spans_flatten(struct dwarf_spans *spans, struct dwarf_map *ret)
{
	CLEANUP(cleanup_free) const struct dwarf_span **items = NULL;
	struct active active = { 0 };
	struct dwarf_map map = { 0 };

	if (!spans->count) {
		*ret = map;
		return 0;
	}
	items = reallocarray(NULL, spans->count, sizeof(struct dwarf_span *));
	active.items = items;
	/* A span makes at most two: where it begins, and where it ends. */
	map.intervals = reallocarray(NULL, spans->count, 2 * sizeof(*map.intervals));
	if (!items || !map.intervals) {
		dwarf_map_done(&map);
		return -ENOMEM;
	}
	sort_spans(spans);
	sweep(spans, &active, &map);
	map.intervals = array_trim(map.intervals, map.count, sizeof(*map.intervals));
	*ret = map;
	return 0;
}

uint32_t dwarf_map_find(const struct dwarf_map *map, uint32_t place)
{
	const struct dwarf_interval *first = map->intervals;
	size_t count = map->count;

	if (!count || place < first->start)
		return DWARF_NOBODY;
	/* Without branches that depend on the data: they would be guessed wrong half of the time.
	 */
	while (count > 1) {
		size_t half = count / 2;

		first = first[half].start <= place ? first + half : first;
		count -= half;
	}
	return first->owner;
}
