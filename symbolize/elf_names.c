/* SPDX-License-Identifier: Apache-2.0 */
/*
 * String tables are several times larger than the names we want from them, and names are wanted in
 * address order, which is no order of the table. So the symbols are visited in the order of their
 * names; a window moves over the table once, and each byte is looked at once however names overlap
 * (linkers let "write" be the end of "__write").
 */
#include "symbolize/elf_names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define WINDOW_SIZE (4 * ELF_NAME_SIZE_MAX)

/* Sorts by string table, then by offset in it. */
struct name_request {
	uint32_t offset;
	uint32_t symbol; /* index in the list; the top bit is the table */
};

#define TABLE_BIT 31
_Static_assert(SYMBOLS_MAX <= 1u << TABLE_BIT, "an index leaves room for the table");

struct name_copier {
	struct elf_reader *reader;
	struct string_table table;
	char *window;
	uint64_t window_start, window_size; /* offsets in the table */

	char *pool;
	size_t pool_size, pool_capacity;

	/* The last copied name, whose end others may share: its offset, length and place. */
	uint64_t last_start;
	size_t last_length;
	uint32_t last_pooled;
	bool has_last;

	uint64_t endless_until; /* no name ends between the start of a too long one and here */
};

static void cleanup_copier(struct name_copier *copier)
{
	free(copier->window);
	free(copier->pool);
}

static int compare_requests(const void *left, const void *right)
{
	const struct name_request *a = left, *b = right;
	uint32_t table_a = a->symbol >> TABLE_BIT, table_b = b->symbol >> TABLE_BIT;

	if (table_a != table_b)
		return table_a < table_b ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static int reserve_pool(struct name_copier *copier, size_t size)
{
	size_t capacity = copier->pool_capacity;
	char *pool;

	if (size > ELF_NAMES_SIZE_MAX - copier->pool_size)
		return elf_reader_fail(copier->reader, -EFBIG, "more than 128 MiB of names");
	if (size <= capacity - copier->pool_size)
		return 0;
	while (capacity - copier->pool_size < size)
		capacity += capacity / 2 + WINDOW_SIZE;
	pool = realloc(copier->pool, capacity);
	if (!pool)
		return elf_reader_fail(copier->reader, -ENOMEM, "out of memory");
	copier->pool = pool;
	copier->pool_capacity = capacity;
	return 0;
}

static int append_name(struct name_copier *copier, const char *name, size_t length,
		       const char *suffix, uint32_t *ret_pooled)
{
	size_t suffix_size = strlen(suffix) + 1;
	int err = reserve_pool(copier, length + suffix_size);

	if (err < 0)
		return err;
	*ret_pooled = (uint32_t)copier->pool_size;
	memcpy(copier->pool + copier->pool_size, name, length);
	memcpy(copier->pool + copier->pool_size + length, suffix, suffix_size);
	copier->pool_size += length + suffix_size;
	return 0;
}

/* Makes the window hold what a name at offset can need of the table. */
static int move_window(struct name_copier *copier, uint64_t offset)
{
	uint64_t left = copier->table.size - offset;
	uint64_t needed = left < ELF_NAME_SIZE_MAX ? left : ELF_NAME_SIZE_MAX;
	int err;

	if (offset >= copier->window_start &&
	    offset + needed <= copier->window_start + copier->window_size)
		return 0;
	copier->window_start = offset;
	copier->window_size = left < WINDOW_SIZE ? left : WINDOW_SIZE;
	err = elf_reader_read(copier->reader, copier->table.offset + offset, copier->window,
			      copier->window_size);
	if (err < 0)
		copier->window_size = 0;
	return err;
}

static bool is_mapping_mark(const char *name)
{
	return name[0] == '$' && name[1] != '\0' && strchr("adtx", name[1]) &&
	       (name[2] == '\0' || name[2] == '.');
}

static int copy_name(struct name_copier *copier, uint64_t start, bool is_plt, uint32_t *ret_pooled)
{
	uint64_t left = copier->table.size - start;
	size_t room = left < ELF_NAME_SIZE_MAX ? (size_t)left : ELF_NAME_SIZE_MAX;
	const char *name, *end, *version;
	size_t length;
	int err;

	*ret_pooled = SYMBOL_NAMELESS;
	if (start < copier->endless_until)
		return 0;
	err = move_window(copier, start);
	if (err < 0)
		return err;
	name = copier->window + (start - copier->window_start);
	end = memchr(name, '\0', room);
	if (!end) {
		copier->endless_until = start + room;
		return 0;
	}
	version = memchr(name, '@', (size_t)(end - name));
	length = (size_t)((version ? version : end) - name);
	if (!length || is_mapping_mark(name))
		return 0;
	err = append_name(copier, name, length, is_plt ? "@plt" : "", ret_pooled);
	if (err < 0)
		return err;
	copier->has_last = !is_plt;
	copier->last_start = start;
	copier->last_length = length;
	copier->last_pooled = *ret_pooled;
	return 0;
}

static int place_name(struct name_copier *copier, uint64_t start, bool is_plt, uint32_t *ret_pooled)
{
	if (start >= copier->table.size) {
		*ret_pooled = SYMBOL_NAMELESS;
		return 0;
	}
	if (!is_plt && copier->has_last && start - copier->last_start < copier->last_length) {
		*ret_pooled = copier->last_pooled + (uint32_t)(start - copier->last_start);
		return 0;
	}
	return copy_name(copier, start, is_plt, ret_pooled);
}

static void enter_table(struct name_copier *copier, const struct string_table *table)
{
	copier->table = *table;
	copier->window_start = 0;
	copier->window_size = 0;
	copier->has_last = false;
	copier->endless_until = 0;
}

static struct name_request *sorted_requests(const struct symbol_list *list)
{
	struct name_request *requests = malloc(list->count * sizeof(*requests));

	if (!requests)
		return NULL;
	for (size_t i = 0; i < list->count; i++) {
		requests[i].offset = list->symbols[i].name;
		requests[i].symbol = (uint32_t)i | (uint32_t)list->symbols[i].strings << TABLE_BIT;
	}
	qsort(requests, list->count, sizeof(*requests), compare_requests);
	return requests;
}

static int copy_names(struct name_copier *copier, const struct string_table *tables,
		      size_t table_count, struct symbol_list *list,
		      const struct name_request *requests)
{
	size_t table = SIZE_MAX;

	for (size_t i = 0; i < list->count; i++) {
		struct symbol *symbol =
			&list->symbols[requests[i].symbol & ((1u << TABLE_BIT) - 1)];
		int err;

		if (symbol->strings >= table_count) {
			symbol->name = SYMBOL_NAMELESS;
			continue;
		}
		if (symbol->strings != table) {
			table = symbol->strings;
			enter_table(copier, &tables[table]);
		}
		err = place_name(copier, requests[i].offset, symbol->is_plt, &symbol->name);
		if (err < 0)
			return err;
	}
	return 0;
}

int elf_names_read(struct elf_reader *reader, const struct string_table *tables, size_t table_count,
		   struct symbol_list *list, char **ret_names, size_t *ret_size)
{
	CLEANUP(cleanup_copier) struct name_copier copier = { .reader = reader };
	CLEANUP(cleanup_free) struct name_request *requests = NULL;
	int err;

	if (!list->count) {
		*ret_names = NULL;
		*ret_size = 0;
		return 0;
	}
	requests = sorted_requests(list);
	copier.window = malloc(WINDOW_SIZE);
	if (!requests || !copier.window)
		return elf_reader_fail(reader, -ENOMEM, "out of memory");
	err = copy_names(&copier, tables, table_count, list, requests);
	if (err < 0)
		return err;
	if (copier.pool_size) {
		/* Shrinking; where it fails, the larger block stays. */
		char *pool = realloc(copier.pool, copier.pool_size);

		if (pool)
			copier.pool = pool;
	}
	*ret_size = copier.pool_size;
	*ret_names = TAKE(copier.pool);
	return 0;
}
