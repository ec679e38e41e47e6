/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "symbolize/dwarf_spans.h"

#define PLACES 300

static void put(struct dwarf_spans *spans, uint32_t low, uint32_t high, uint32_t owner,
		uint32_t weight)
{
	assert_int_equal(dwarf_spans_add(spans, low, high, owner), 0);
	spans->items[spans->count - 1].weight = weight;
}

static void nothing_belongs_to_nobody(void **state)
{
	struct dwarf_spans spans = { 0 };
	struct dwarf_map map;

	(void)state;
	assert_int_equal(dwarf_spans_flatten(&spans, &map), 0);
	assert_int_equal(dwarf_map_find(&map, 0), DWARF_NOBODY);
	assert_int_equal(dwarf_map_find(&map, UINT32_MAX), DWARF_NOBODY);
	dwarf_map_done(&map);
}

static void what_is_nested_has_its_place(void **state)
{
	struct dwarf_spans spans = { 0 };
	struct dwarf_map map;

	(void)state;
	put(&spans, 10, 50, 0, 40);
	put(&spans, 20, 30, 1, 40);
	put(&spans, 20, 25, 2, 40);
	put(&spans, 60, 61, 3, 1);
	assert_int_equal(dwarf_spans_flatten(&spans, &map), 0);
	assert_int_equal(dwarf_map_find(&map, 9), DWARF_NOBODY);
	assert_int_equal(dwarf_map_find(&map, 10), 0);
	assert_int_equal(dwarf_map_find(&map, 20), 2);
	assert_int_equal(dwarf_map_find(&map, 25), 1);
	assert_int_equal(dwarf_map_find(&map, 30), 0);
	assert_int_equal(dwarf_map_find(&map, 49), 0);
	assert_int_equal(dwarf_map_find(&map, 50), DWARF_NOBODY);
	assert_int_equal(dwarf_map_find(&map, 60), 3);
	assert_int_equal(dwarf_map_find(&map, 61), DWARF_NOBODY);
	assert_int_equal(map.count, 7);
	dwarf_map_done(&map);
	dwarf_spans_done(&spans);
}

/* What is asked for, place by place. */
static uint32_t owner_of(const struct dwarf_spans *spans, uint32_t place)
{
	const struct dwarf_span *best = NULL;

	for (size_t i = 0; i < spans->count; i++) {
		const struct dwarf_span *span = &spans->items[i];

		if (place < span->low || place >= span->high)
			continue;
		if (!best || span->weight < best->weight ||
		    (span->weight == best->weight && span->owner > best->owner))
			best = span;
	}
	return best ? best->owner : DWARF_NOBODY;
}

static void any_overlaps_end_up_with_the_lightest(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int run = 0; run < 2000; run++) {
		struct dwarf_spans spans = { 0 };
		struct dwarf_map map;

		for (uint32_t i = 0; i < 1 + seed % 20; i++) {
			uint32_t low = (seed = seed * 1664525 + 1013904223) >> 24;
			uint32_t size = (seed = seed * 1664525 + 1013904223) >> 27;

			put(&spans, low, low + 1 + size, i / 2, (seed >> 8) % 4);
		}
		assert_int_equal(dwarf_spans_flatten(&spans, &map), 0);
		for (uint32_t place = 0; place < PLACES; place++)
			assert_int_equal(dwarf_map_find(&map, place), owner_of(&spans, place));
		for (size_t i = 1; i < map.count; i++)
			assert_true(map.intervals[i - 1].start < map.intervals[i].start &&
				    map.intervals[i - 1].owner != map.intervals[i].owner);
		dwarf_map_done(&map);
		dwarf_spans_done(&spans);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_belongs_to_nobody),
		cmocka_unit_test(what_is_nested_has_its_place),
		cmocka_unit_test(any_overlaps_end_up_with_the_lightest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
