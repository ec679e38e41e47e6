/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From symbols as a file lists them (unsorted, with aliases, nested, some without a size) to ranges
 * that do not overlap, which one binary search answers. Knows nothing of ELF.
 */
#ifndef EPROF_SYMBOLIZE_SYMBOL_LIST_H
#define EPROF_SYMBOLIZE_SYMBOL_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A browser with symbols has under one million functions; 48 MiB at most while reading. */
#define SYMBOLS_MAX (2u << 20)

#define SYMBOL_NAMELESS UINT32_MAX

struct symbol {
	uint64_t address;
	uint32_t size;   /* 0: unknown */
	uint32_t name;   /* whatever the list's user says, or SYMBOL_NAMELESS */
	uint8_t rank;    /* of several symbols with one address the highest wins */
	uint8_t strings; /* which string table name is in */
	bool is_label;   /* gives way to every symbol that covers its address */
	bool is_plt;
};

/* The zero value is an empty list. */
struct symbol_list {
	struct symbol *symbols;
	size_t count, capacity;
};

struct symbol_range {
	uint64_t address;
	uint32_t size;
	uint32_t name;
};

/* An interval of addresses in which code can be; sorted by start in arrays of them. */
struct code_range {
	uint64_t start, end;
};

void symbol_list_done(struct symbol_list *list);

/* 0, -EFBIG beyond SYMBOLS_MAX, or -ENOMEM. */
int symbol_list_add(struct symbol_list *list, const struct symbol *symbol);

/* Sorts by address and keeps one symbol per address. */
void symbol_list_sort(struct symbol_list *list);

/* The symbol that starts at address, in a sorted list; or NULL. */
const struct symbol *symbol_list_at(const struct symbol_list *list, uint64_t address);

/*
 * Cuts a sorted list into ranges. Where symbols overlap, the one that starts last wins; what it
 * leaves uncovered goes back to the ones around it (up to 32 deep). A symbol without a size reaches
 * to the next symbol or the end of its code range. Nameless symbols are left out. *ret_ranges is
 * malloc()ed, and NULL when there are none.
 */
int symbol_list_cut(const struct symbol_list *list, const struct code_range *code,
		    size_t code_count, struct symbol_range **ret_ranges, size_t *ret_count);

/* The range that covers address, or NULL. */
const struct symbol_range *symbol_range_find(const struct symbol_range *ranges, size_t count,
					     uint64_t address);

#endif
