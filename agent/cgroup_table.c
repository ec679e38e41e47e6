/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries are in one array, found by their ids in a map of indices. Those that are gone are in a
 * list besides, in the order in which they went: the first of them give their places to new ones.
 * What is forgotten leaves a mark in the map (ENTRY_NONE) until the map is made anew, as nothing
 * can be taken out of it.
 */
#include "agent/cgroup_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/hashmap.h"

#define ENTRY_NONE UINT32_MAX

/* Marks of forgotten ids that are in the map besides those which are known. */
#define FORGOTTEN_MAX 16384

struct entry {
	uint64_t id;
	char *path;       /* NULL: a free place */
	uint64_t gone_ns; /* when it went, if is_gone */
	uint64_t walk;    /* number of the walk that saw it last */
	uint32_t next;    /* the one that went after it, or the next free place */
	bool is_gone;
};

struct cgroup_table {
	size_t count_max, bytes_max;
	struct hashmap indices;
	struct entry *entries;
	size_t count, capacity; /* of places, free ones included */
	size_t known, bytes;
	uint32_t first_gone, last_gone, first_free;
	uint64_t walks;
};

int cgroup_table_new(size_t count_max, size_t bytes_max, struct cgroup_table **ret)
{
	struct cgroup_table *table = calloc(1, sizeof(*table));

	assert(count_max < ENTRY_NONE);
	if (!table)
		return -ENOMEM;
	table->count_max = count_max;
	table->bytes_max = bytes_max;
	table->first_gone = table->last_gone = table->first_free = ENTRY_NONE;
	*ret = table;
	return 0;
}

void cgroup_table_free(struct cgroup_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->count; i++)
		free(table->entries[i].path);
	free(table->entries);
	hashmap_done(&table->indices);
	free(table);
}

static uint32_t find_index(const struct cgroup_table *table, uint64_t id)
{
	uint64_t index;

	return hashmap_get(&table->indices, id, &index) ? (uint32_t)index : ENTRY_NONE;
}

/* Without the marks of what was forgotten. */
static int make_indices(struct cgroup_table *table)
{
	int err = 0;

	hashmap_clear(&table->indices);
	for (uint32_t i = 0; !err && i < table->count; i++) {
		if (table->entries[i].path)
			err = hashmap_put(&table->indices, table->entries[i].id, i);
	}
	return err;
}

/* Something is gone: its place is free afterwards. */
static int forget_first(struct cgroup_table *table)
{
	uint32_t index = table->first_gone;
	struct entry *entry = &table->entries[index];

	table->first_gone = entry->next;
	if (table->first_gone == ENTRY_NONE)
		table->last_gone = ENTRY_NONE;
	table->bytes -= strlen(entry->path) + 1;
	table->known--;
	free(TAKE(entry->path));
	entry->next = table->first_free;
	table->first_free = index;
	if (table->indices.count > table->known + FORGOTTEN_MAX)
		return make_indices(table);
	return hashmap_put(&table->indices, entry->id, ENTRY_NONE);
}

/* 1: there is room for one more; 0: only if another one goes; or -ENOMEM. */
static int make_room(struct cgroup_table *table, size_t bytes)
{
	struct entry *grown;
	int err = 0;

	while (!err && table->first_gone != ENTRY_NONE &&
	       (table->known == table->count_max || table->bytes + bytes > table->bytes_max))
		err = forget_first(table);
	if (err < 0)
		return err;
	if (table->known == table->count_max || table->bytes + bytes > table->bytes_max)
		return 0;
	if (table->first_free != ENTRY_NONE)
		return 1;
	grown = array_reserve(table->entries, table->count, &table->capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->entries = grown;
	return 1;
}

int cgroup_table_add(struct cgroup_table *table, uint64_t id, const char *path)
{
	CLEANUP(cleanup_free) char *copy = NULL;
	uint32_t index = find_index(table, id);
	size_t bytes = strlen(path) + 1;
	int err;

	if (index != ENTRY_NONE) {
		table->entries[index].walk = table->walks;
		return 1;
	}
	err = make_room(table, bytes);
	if (err <= 0)
		return err;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	index = table->first_free != ENTRY_NONE ? table->first_free : (uint32_t)table->count;
	err = hashmap_put(&table->indices, id, index);
	if (err < 0)
		return err;
	if (index == table->count)
		table->count++;
	else
		table->first_free = table->entries[index].next;
	table->entries[index] = (struct entry){
		.id = id, .path = TAKE(copy), .walk = table->walks, .next = ENTRY_NONE
	};
	table->known++;
	table->bytes += bytes;
	return 1;
}

static void note_gone(struct cgroup_table *table, uint32_t index, uint64_t now_ns)
{
	struct entry *entry = &table->entries[index];

	if (entry->is_gone)
		return;
	entry->is_gone = true;
	entry->gone_ns = now_ns;
	entry->next = ENTRY_NONE;
	if (table->last_gone == ENTRY_NONE)
		table->first_gone = index;
	else
		table->entries[table->last_gone].next = index;
	table->last_gone = index;
}

void cgroup_table_gone(struct cgroup_table *table, uint64_t id, uint64_t now_ns)
{
	uint32_t index = find_index(table, id);

	if (index != ENTRY_NONE)
		note_gone(table, index, now_ns);
}

void cgroup_table_begin_walk(struct cgroup_table *table)
{
	table->walks++;
}

void cgroup_table_end_walk(struct cgroup_table *table, uint64_t now_ns)
{
	for (uint32_t i = 0; i < table->count; i++) {
		if (table->entries[i].path && table->entries[i].walk != table->walks)
			note_gone(table, i, now_ns);
	}
}

int cgroup_table_forget(struct cgroup_table *table, uint64_t before_ns)
{
	int err = 0;

	while (!err && table->first_gone != ENTRY_NONE &&
	       table->entries[table->first_gone].gone_ns < before_ns)
		err = forget_first(table);
	return err;
}

const char *cgroup_table_find(const struct cgroup_table *table, uint64_t id)
{
	uint32_t index = find_index(table, id);

	return index != ENTRY_NONE ? table->entries[index].path : NULL;
}
