/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of code that overlap, each of somebody, made into a map from a place to the one that it
 * belongs to. Places are bytes from the beginning of the file's code.
 */
#ifndef EPROF_SYMBOLIZE_DWARF_SPANS_H
#define EPROF_SYMBOLIZE_DWARF_SPANS_H

#include <stddef.h>
#include <stdint.h>

#define DWARF_NOBODY UINT32_MAX

struct dwarf_span {
	uint32_t low, high; /* [low, high), not empty */
	uint32_t owner;
	/* Where spans overlap, the lightest has it; of equals, the one with the last owner. */
	uint32_t weight;
};

/* The zero value is empty. */
struct dwarf_spans {
	struct dwarf_span *items;
	size_t count, capacity;
};

/* From start to the next interval's. */
struct dwarf_interval {
	uint32_t start;
	uint32_t owner; /* or DWARF_NOBODY, as always in the last one */
};

struct dwarf_map {
	struct dwarf_interval *intervals;
	size_t count;
};

/* 0 or -ENOMEM. */
int dwarf_spans_add(struct dwarf_spans *spans, uint32_t low, uint32_t high, uint32_t owner);
void dwarf_spans_done(struct dwarf_spans *spans);

/* Sorts the spans. On success *ret needs dwarf_map_done(). 0 or -ENOMEM. */
int dwarf_spans_flatten(struct dwarf_spans *spans, struct dwarf_map *ret);
void dwarf_map_done(struct dwarf_map *map);

/* Who has this place, or DWARF_NOBODY. */
uint32_t dwarf_map_find(const struct dwarf_map *map, uint32_t place);

#endif
