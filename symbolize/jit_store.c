/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/jit_store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT      8
#define CAPACITY_FIRST 4096

/* Less than this part of the limit free after dropping what is not needed: it would be soon again.
 */
#define FREE_LEAST_PART 8

/* In front of the bytes about one piece of code. */
struct record {
	uint32_t size;     /* with this, and padding */
	uint32_t moved_to; /* while records are moved: where it is, plus 1; 0: it was not moved */
	char about[];
};
_Static_assert(sizeof(struct record) % ALIGNMENT == 0, "what follows is aligned");

void jit_store_done(struct jit_store *store)
{
	jit_ranges_done(&store->ranges);
	free(store->bytes);
	*store = (struct jit_store){ .bytes_max = store->bytes_max };
}

static struct record *record_at(const struct jit_store *store, uint32_t code)
{
	return (struct record *)(store->bytes + code);
}

struct move {
	struct jit_store *store;
	char *bytes;
	size_t used;
};

/* Takes the record of a range along, once. */
static void move_record(void *context, struct jit_range *range)
{
	struct move *move = context;
	struct record *record;

	if (range->code == JIT_CODE_NONE)
		return;
	record = record_at(move->store, range->code);
	if (!record->moved_to) {
		memcpy(move->bytes + move->used, record, record->size);
		record->moved_to = (uint32_t)move->used + 1;
		move->used += record->size;
	}
	range->code = record->moved_to - 1;
}

static int drop_unneeded(struct jit_store *store)
{
	struct move move = { .store = store, .bytes = malloc(store->capacity) };

	if (!move.bytes)
		return -ENOMEM;
	jit_ranges_visit(&store->ranges, move_record, &move);
	free(store->bytes);
	store->bytes = move.bytes;
	store->used = move.used;
	return 0;
}

static size_t bytes_used(const struct jit_store *store)
{
	return store->used + jit_ranges_bytes(&store->ranges);
}

static int make_room(struct jit_store *store, size_t size)
{
	int err;

	if (store->is_full)
		return -ENOSPC;
	if (bytes_used(store) + size <= store->bytes_max)
		return 0;
	if (store->bytes) {
		err = drop_unneeded(store);
		if (err < 0)
			return err;
	}
	store->is_full =
		bytes_used(store) + size > store->bytes_max - store->bytes_max / FREE_LEAST_PART;
	return store->is_full ? -ENOSPC : 0;
}

static int grow(struct jit_store *store, size_t wanted)
{
	size_t capacity = store->capacity ? store->capacity : CAPACITY_FIRST;
	char *bytes;

	while (capacity < wanted)
		capacity += capacity / 2;
	/* wanted is within the limit: see make_room(). */
	if (capacity > store->bytes_max)
		capacity = store->bytes_max;
	if (capacity <= store->capacity)
		return 0;
	bytes = realloc(store->bytes, capacity);
	if (!bytes)
		return -ENOMEM;
	store->bytes = bytes;
	store->capacity = capacity;
	return 0;
}

int jit_store_keep(struct jit_store *store, const void *about, size_t size, uint32_t *ret_code)
{
	size_t whole = (sizeof(struct record) + size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	struct record *record;
	int err;

	assert(store->bytes_max < UINT32_MAX / 2 && size < UINT32_MAX / 2);
	err = make_room(store, whole);
	if (!err)
		err = grow(store, store->used + whole);
	if (err < 0)
		return err;
	*ret_code = (uint32_t)store->used;
	record = record_at(store, *ret_code);
	*record = (struct record){ .size = (uint32_t)whole };
	memcpy(record->about, about, size);
	store->used += whole;
	return 0;
}

int jit_store_room(struct jit_store *store, size_t pieces)
{
	return make_room(store, pieces * sizeof(struct jit_range));
}

int jit_store_place(struct jit_store *store, const struct jit_range *range)
{
	bool is_replaced = false;
	int err = jit_ranges_insert(&store->ranges, range, &is_replaced);

	store->replaced += is_replaced;
	return err;
}

bool jit_store_find(const struct jit_store *store, uint64_t address, uint64_t time_ns,
		    struct jit_found *ret)
{
	const struct jit_range *range = jit_ranges_find(&store->ranges, address, time_ns);

	if (!range || range->code == JIT_CODE_NONE)
		return false;
	*ret = (struct jit_found){
		.about = record_at(store, range->code)->about,
		.code = range->code,
		.offset = address - range->start + range->skipped,
		.end = range->end,
	};
	return true;
}

void jit_store_forget(struct jit_store *store, uint64_t before_ns)
{
	jit_ranges_forget(&store->ranges, before_ns);
	store->is_full = false;
}

void jit_store_clear(struct jit_store *store)
{
	uint64_t replaced = store->replaced, keep_ns = store->ranges.keep_ns;

	jit_store_done(store);
	store->ranges.keep_ns = keep_ns;
	store->replaced = replaced + 1;
}

size_t jit_store_bytes(const struct jit_store *store)
{
	return store->capacity + jit_ranges_bytes(&store->ranges);
}
