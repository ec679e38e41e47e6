/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/cfi_merge.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* Functions of one kind, by start. */
struct list {
	struct cfi_function *items;
	size_t count;
};

static bool is_of_debug_frame(const struct cfi_records *records,
			      const struct cfi_function *function)
{
	uint8_t section = records->commons[function->common].section;

	return records->sections.list[section].is_debug_frame;
}

/* Of several entries for one function, programs use the first. */
static void append(struct list *list, const struct cfi_function *function)
{
	if (!list->count || list->items[list->count - 1].start != function->start)
		list->items[list->count++] = *function;
}

/* Moves those of .debug_frame into a list of their own; the others move up. */
static void split(struct cfi_records *records, struct list *eh_frame, struct list *debug_frame)
{
	size_t count = records->function_count;

	for (size_t i = 0; i < count; i++) {
		const struct cfi_function function = records->functions[i];

		append(is_of_debug_frame(records, &function) ? debug_frame : eh_frame, &function);
	}
}

/* Where a function of a list ends, or the next one begins. */
static uint32_t end_of(const struct list *list, size_t i)
{
	uint32_t end = list->items[i].end;

	if (i + 1 < list->count && list->items[i + 1].start < end)
		return list->items[i + 1].start;
	return end;
}

/* Adds what is left of a function up to end between those of a list, from number *at on. */
static void add_pieces(const struct list *list, size_t *at, struct cfi_function function,
		       uint32_t end, struct list *ret)
{
	for (int pieces = 0; function.start < end && pieces < CFI_PIECES_MAX;) {
		while (*at < list->count && end_of(list, *at) <= function.start)
			(*at)++;
		function.end = end;
		if (*at < list->count && list->items[*at].start < end)
			function.end = list->items[*at].start;
		if (function.start < function.end) {
			ret->items[ret->count++] = function;
			pieces++;
		}
		if (function.end == end)
			return;
		function.start = end_of(list, *at);
	}
}

static void merge(const struct list *a, const struct list *b, struct list *ret)
{
	size_t i = 0, k = 0;

	while (i < a->count || k < b->count) {
		bool is_a =
			k == b->count || (i < a->count && a->items[i].start < b->items[k].start);

		ret->items[ret->count++] = is_a ? a->items[i++] : b->items[k++];
	}
}

static bool has_both_kinds(const struct cfi_records *records)
{
	size_t count = records->sections.count, debug_count = 0;

	for (size_t i = 0; i < count; i++)
		debug_count += records->sections.list[i].is_debug_frame;
	return debug_count > 0 && debug_count < count;
}

static int merge_kinds(struct cfi_records *records)
{
	size_t count = records->function_count, at = 0;
	CLEANUP(cleanup_free) struct cfi_function *debug = malloc(count * sizeof(*debug));
	CLEANUP(cleanup_free) struct cfi_function *pieces = NULL;
	CLEANUP(cleanup_free) struct cfi_function *merged = NULL;
	struct list eh_frame = { .items = records->functions }, debug_frame = { .items = debug };
	struct list between = { 0 }, all = { 0 };

	if (!debug)
		return -ENOMEM;
	split(records, &eh_frame, &debug_frame);
	/* A function of .eh_frame ends one piece, or parts two of them. */
	pieces = malloc((2 * debug_frame.count + eh_frame.count + 1) * sizeof(*pieces));
	merged = malloc(2 * (debug_frame.count + eh_frame.count) * sizeof(*merged));
	if (!pieces || !merged)
		return -ENOMEM;
	between.items = pieces;
	for (size_t i = 0; i < debug_frame.count; i++)
		add_pieces(&eh_frame, &at, debug_frame.items[i], end_of(&debug_frame, i), &between);
	all.items = merged;
	merge(&eh_frame, &between, &all);
	free(records->functions);
	records->functions = TAKE(merged);
	records->function_count = records->function_capacity = all.count;
	return 0;
}

int cfi_merge(struct cfi_records *records)
{
	struct list list = { .items = records->functions };

	if (has_both_kinds(records))
		return merge_kinds(records);
	for (size_t i = 0; i < records->function_count; i++)
		append(&list, &records->functions[i]);
	records->function_count = list.count;
	return 0;
}
