/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/symbol_list.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"

#define NESTING_MAX 32

void symbol_list_done(struct symbol_list *list)
{
	free(list->symbols);
	*list = (struct symbol_list){ 0 };
}

int symbol_list_add(struct symbol_list *list, const struct symbol *symbol)
{
	struct symbol *symbols;

	if (list->count == SYMBOLS_MAX)
		return -EFBIG;
	symbols = array_reserve(list->symbols, list->count, &list->capacity, sizeof(*symbols));
	if (!symbols)
		return -ENOMEM;
	list->symbols = symbols;
	symbols[list->count++] = *symbol;
	return 0;
}

static int compare_symbols(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank > b->rank ? -1 : 1;
	return (a->name > b->name) - (a->name < b->name);
}

void symbol_list_sort(struct symbol_list *list)
{
	size_t kept = 0;

	if (!list->count)
		return;
	qsort(list->symbols, list->count, sizeof(*list->symbols), compare_symbols);
	for (size_t i = 1; i < list->count; i++) {
		struct symbol *winner = &list->symbols[kept];
		const struct symbol *symbol = &list->symbols[i];

		if (symbol->address != winner->address)
			list->symbols[++kept] = *symbol;
		else if (!winner->size)
			winner->size = symbol->size; /* an alias knows it */
	}
	list->count = kept + 1;
}

const struct symbol *symbol_list_at(const struct symbol_list *list, uint64_t address)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->symbols[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == list->count || list->symbols[low].address != address)
		return NULL;
	return &list->symbols[low];
}

/* A symbol that began and has not ended. */
struct open_symbol {
	uint64_t end;
	uint32_t name;
};

struct cutter {
	struct symbol_range *ranges;
	size_t count, capacity;
	struct open_symbol open[NESTING_MAX]; /* the innermost last */
	size_t depth;
	uint64_t position; /* everything below is cut */
};

static void cleanup_cutter(struct cutter *cutter)
{
	free(cutter->ranges);
}

static int append_range(struct cutter *cutter, uint64_t end, uint32_t name)
{
	uint64_t size = end - cutter->position;
	struct symbol_range *ranges =
		array_reserve(cutter->ranges, cutter->count, &cutter->capacity, sizeof(*ranges));

	if (!ranges)
		return -ENOMEM;
	cutter->ranges = ranges;
	ranges[cutter->count++] = (struct symbol_range){
		.address = cutter->position,
		.size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX,
		.name = name,
	};
	return 0;
}

/* Gives [position, address) to the open symbols and closes those that end there. */
static int cut_until(struct cutter *cutter, uint64_t address)
{
	while (cutter->depth) {
		const struct open_symbol *top = &cutter->open[cutter->depth - 1];
		uint64_t end = top->end < address ? top->end : address;

		if (cutter->position < end) {
			int err = append_range(cutter, end, top->name);

			if (err < 0)
				return err;
			cutter->position = end;
		}
		if (top->end > address)
			break;
		cutter->depth--;
	}
	cutter->position = address;
	return 0;
}

/* The end of the code range around address, or address itself. */
static uint64_t code_end(const struct code_range *code, size_t count, uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (code[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && code[low - 1].end > address ? code[low - 1].end : address;
}

static uint64_t symbol_end(const struct symbol_list *list, size_t i, const struct code_range *code,
			   size_t code_count)
{
	const struct symbol *symbol = &list->symbols[i];
	uint64_t end;

	if (symbol->size) {
		uint64_t room = UINT64_MAX - symbol->address;

		return symbol->address + (symbol->size < room ? symbol->size : room);
	}
	end = code_end(code, code_count, symbol->address);
	if (i + 1 < list->count && list->symbols[i + 1].address < end)
		end = list->symbols[i + 1].address;
	return end;
}

int symbol_list_cut(const struct symbol_list *list, const struct code_range *code,
		    size_t code_count, struct symbol_range **ret_ranges, size_t *ret_count)
{
	CLEANUP(cleanup_cutter) struct cutter cutter = { 0 };
	int err;

	for (size_t i = 0; i < list->count; i++) {
		const struct symbol *symbol = &list->symbols[i];
		struct open_symbol open = { .name = symbol->name };

		if (symbol->name == SYMBOL_NAMELESS)
			continue;
		err = cut_until(&cutter, symbol->address);
		if (err < 0)
			return err;
		if (symbol->is_label && cutter.depth)
			continue;
		open.end = symbol_end(list, i, code, code_count);
		/* Deeper than anyone nests functions: forget the one just around. */
		if (cutter.depth == NESTING_MAX)
			cutter.depth--;
		cutter.open[cutter.depth++] = open;
	}
	err = cut_until(&cutter, UINT64_MAX);
	if (err < 0)
		return err;
	cutter.ranges = array_trim(cutter.ranges, cutter.count, sizeof(*cutter.ranges));
	*ret_ranges = TAKE(cutter.ranges);
	*ret_count = cutter.count;
	return 0;
}

const struct symbol_range *symbol_range_find(const struct symbol_range *ranges, size_t count,
					     uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address - ranges[low - 1].address >= ranges[low - 1].size)
		return NULL;
	return &ranges[low - 1];
}
