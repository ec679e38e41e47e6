/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/jitdump_lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A function of a megabyte of code has fewer. */
#define LINES_MAX 65536

/*
 * V8 adds this to all addresses, and some of its compilers count them in byte codes: which line is
 * whose cannot be told. Others have a line for the beginning of a function.
 */
#define ELF_HEADER_SIZE 64

/* A name is written again for each line when a function has been inlined between two others. */
#define FILES_SIZE_MAX (1u << 20)

void jitdump_lines_done(struct jitdump_lines *lines)
{
	free(lines->items);
	free(lines->files);
	*lines = (struct jitdump_lines){ 0 };
}

/* The room for one more of count things of a size. */
static int reserve(void **array, size_t *capacity, size_t count, size_t size)
{
	size_t wanted = *capacity ? *capacity : 64;
	void *grown;

	while (wanted < count)
		wanted *= 2;
	if (wanted == *capacity)
		return 0;
	grown = reallocarray(*array, wanted, size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*capacity = wanted;
	return 0;
}

/* Where the name of the file begins; most are those of the line before. */
static int add_file(struct jitdump_lines *lines, const char *name, uint32_t *ret)
{
	const struct jitdump_line *last = lines->count ? &lines->items[lines->count - 1] : NULL;
	size_t size = strlen(name) + 1;
	int err;

	if (last &&
	    (!strcmp(name, JITDUMP_SAME_FILE) || !strcmp(name, lines->files + last->file))) {
		*ret = last->file;
		return 0;
	}
	if (size > FILES_SIZE_MAX - lines->files_used)
		return -EINVAL;
	err = reserve((void **)&lines->files, &lines->files_capacity, lines->files_used + size, 1);
	if (err < 0)
		return err;
	memcpy(lines->files + lines->files_used, name, size);
	*ret = (uint32_t)lines->files_used;
	lines->files_used += size;
	return 0;
}

/* Lines before the function, or far behind it, are of no use to anybody. */
static int add_line(struct jitdump_lines *lines, const struct jitdump_debug_entry *entry,
		    const char *file)
{
	struct jitdump_line line = { .line = entry->line };
	int err;

	if (entry->address < lines->code_address ||
	    entry->address - lines->code_address > UINT32_MAX)
		return -EINVAL;
	line.offset = (uint32_t)(entry->address - lines->code_address);
	err = add_file(lines, file, &line.file);
	if (err < 0)
		return err;
	err = reserve((void **)&lines->items, &lines->capacity, lines->count + 1, sizeof(line));
	if (err < 0)
		return err;
	lines->items[lines->count++] = line;
	return 0;
}

static int compare_lines(const void *a, const void *b)
{
	const struct jitdump_line *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void sort(struct jitdump_lines *lines)
{
	for (size_t i = 1; i < lines->count; i++) {
		if (lines->items[i - 1].offset > lines->items[i].offset) {
			qsort(lines->items, lines->count, sizeof(*lines->items), compare_lines);
			return;
		}
	}
}

static int read_entries(struct jitdump_window *window, uint64_t offset, uint64_t end,
			uint64_t count, struct jitdump_lines *lines)
{
	for (uint64_t i = 0; i < count; i++) {
		struct jitdump_debug_entry entry;
		const char *bytes;
		int err;

		if (i == LINES_MAX || end - offset < sizeof(entry))
			return -EINVAL;
		err = jitdump_window_look(window, offset, sizeof(entry), &bytes);
		if (err < 0)
			return err;
		memcpy(&entry, bytes, sizeof(entry));
		offset += sizeof(entry);
		err = jitdump_window_string(window, offset, end, &bytes);
		if (err < 0)
			return err;
		offset += strlen(bytes) + 1;
		err = add_line(lines, &entry, bytes);
		if (err < 0)
			return err;
	}
	return 0;
}

int jitdump_lines_read(struct jitdump_window *window, uint64_t offset, uint32_t total_size,
		       struct jitdump_lines *lines)
{
	struct jitdump_debug_info info;
	const char *bytes;
	int err;

	lines->count = 0;
	lines->files_used = 0;
	if (total_size < sizeof(info))
		return -EINVAL;
	err = jitdump_window_look(window, offset, sizeof(info), &bytes);
	if (err < 0)
		return err;
	memcpy(&info, bytes, sizeof(info));
	lines->code_address = info.code_address;
	err = read_entries(window, offset + sizeof(info), offset + total_size, info.entry_count,
			   lines);
	if (err < 0) {
		lines->count = 0;
		return err;
	}
	sort(lines);
	if (lines->count && lines->items[0].offset >= ELF_HEADER_SIZE)
		lines->count = 0;
	return 0;
}

const struct jitdump_line *jitdump_lines_find(const struct jitdump_line *items, size_t count,
					      uint64_t offset)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (items[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &items[low - 1] : NULL;
}
