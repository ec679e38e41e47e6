/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/jit_ranges.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Moving half of them at each insertion costs as much as finding the slot. */
#define SLOT_RANGES 256

/* Searched from one end to the other, but only for code that has been replaced since it ran. */
#define PAST_MAX 16384

struct jit_slot {
	uint64_t end; /* of the last piece: here, so that a search reads nothing else */
	size_t count; /* never 0 */
	struct jit_range *items;
};

struct jit_past {
	struct jit_range range;
	uint64_t until_ns;
};

/* A piece, by its slot and its place there; behind all: slot is slot_count. */
struct position {
	size_t slot, item;
};

void jit_ranges_done(struct jit_ranges *ranges)
{
	for (size_t i = 0; i < ranges->slot_count; i++)
		free(ranges->slots[i].items);
	free(ranges->slots);
	free(ranges->past);
	*ranges = (struct jit_ranges){ 0 };
}

/* The first piece that ends behind address. */
static struct position lower_bound(const struct jit_ranges *ranges, uint64_t address)
{
	struct position position = { 0, 0 };
	const struct jit_slot *slot;
	size_t high = ranges->slot_count;

	while (position.slot < high) {
		size_t middle = position.slot + (high - position.slot) / 2;

		if (ranges->slots[middle].end <= address)
			position.slot = middle + 1;
		else
			high = middle;
	}
	if (position.slot == ranges->slot_count)
		return position;
	slot = &ranges->slots[position.slot];
	high = slot->count;
	while (position.item < high) {
		size_t middle = position.item + (high - position.item) / 2;

		if (slot->items[middle].end <= address)
			position.item = middle + 1;
		else
			high = middle;
	}
	return position;
}

static struct jit_range *piece_at(const struct jit_ranges *ranges, struct position position)
{
	if (position.slot == ranges->slot_count)
		return NULL;
	return &ranges->slots[position.slot].items[position.item];
}

static struct position next_of(const struct jit_ranges *ranges, struct position position)
{
	if (++position.item == ranges->slots[position.slot].count)
		position = (struct position){ position.slot + 1, 0 };
	return position;
}

static void note_end(struct jit_slot *slot)
{
	slot->end = slot->items[slot->count - 1].end;
}

/* Adds an empty slot at index. */
static int add_slot(struct jit_ranges *ranges, size_t index)
{
	struct jit_range *items;

	if (ranges->slot_count == ranges->slot_capacity) {
		size_t capacity = ranges->slot_capacity ? 2 * ranges->slot_capacity : 16;
		struct jit_slot *slots = reallocarray(ranges->slots, capacity, sizeof(*slots));

		if (!slots)
			return -ENOMEM;
		ranges->slots = slots;
		ranges->slot_capacity = capacity;
	}
	items = malloc(SLOT_RANGES * sizeof(*items));
	if (!items)
		return -ENOMEM;
	memmove(&ranges->slots[index + 1], &ranges->slots[index],
		(ranges->slot_count - index) * sizeof(*ranges->slots));
	ranges->slots[index] = (struct jit_slot){ .items = items };
	ranges->slot_count++;
	return 0;
}

/* Makes room in front of position, and moves that along. */
static int make_room(struct jit_ranges *ranges, struct position *position)
{
	struct jit_slot *full, *added;
	size_t kept;
	int err;

	/* Behind all: the last slot goes on. */
	if (position->slot == ranges->slot_count && position->slot > 0) {
		position->slot--;
		position->item = ranges->slots[position->slot].count;
	}
	if (position->slot < ranges->slot_count &&
	    ranges->slots[position->slot].count < SLOT_RANGES)
		return 0;
	/* Most code is added behind all that there was: such slots stay full. */
	kept = position->item == SLOT_RANGES ? SLOT_RANGES : SLOT_RANGES / 2;
	err = add_slot(ranges, ranges->slot_count ? position->slot + 1 : 0);
	if (err < 0 || ranges->slot_count == 1)
		return err;
	full = &ranges->slots[position->slot];
	added = full + 1;
	memcpy(added->items, full->items + kept, (SLOT_RANGES - kept) * sizeof(*full->items));
	added->count = SLOT_RANGES - kept;
	full->count = kept;
	note_end(full);
	if (added->count)
		note_end(added);
	if (position->item >= kept && (position->item > kept || added->count == 0))
		*position = (struct position){ position->slot + 1, position->item - kept };
	return 0;
}

static int insert_at(struct jit_ranges *ranges, struct position position,
		     const struct jit_range *range)
{
	struct jit_slot *slot;
	int err = make_room(ranges, &position);

	if (err < 0)
		return err;
	slot = &ranges->slots[position.slot];
	assert(slot->items);
	memmove(&slot->items[position.item + 1], &slot->items[position.item],
		(slot->count - position.item) * sizeof(*slot->items));
	slot->items[position.item] = *range;
	slot->count++;
	note_end(slot);
	ranges->count++;
	return 0;
}

static void remove_at(struct jit_ranges *ranges, struct position position)
{
	struct jit_slot *slot = &ranges->slots[position.slot];

	slot->count--;
	ranges->count--;
	memmove(&slot->items[position.item], &slot->items[position.item + 1],
		(slot->count - position.item) * sizeof(*slot->items));
	if (slot->count) {
		note_end(slot);
		return;
	}
	free(slot->items);
	ranges->slot_count--;
	memmove(slot, slot + 1, (ranges->slot_count - position.slot) * sizeof(*slot));
}

/* Of piece, what new takes away. Without memory, or of what nobody asks for, nothing is kept. */
static void remember(struct jit_ranges *ranges, const struct jit_range *piece,
		     const struct jit_range *new)
{
	struct jit_past past = { .range = *piece, .until_ns = new->since_ns };

	if (new->since_ns <= piece->since_ns || new->since_ns < ranges->keep_ns)
		return;
	if (past.range.start < new->start) {
		past.range.skipped += (uint32_t)(new->start - past.range.start);
		past.range.start = new->start;
	}
	if (past.range.end > new->end)
		past.range.end = new->end;
	if (ranges->past_count == PAST_MAX) {
		ranges->past_count /= 2;
		memmove(ranges->past, ranges->past + PAST_MAX - ranges->past_count,
			ranges->past_count * sizeof(past));
	}
	if (ranges->past_count == ranges->past_capacity) {
		size_t capacity = ranges->past_capacity ? 2 * ranges->past_capacity : 64;
		struct jit_past *grown = reallocarray(ranges->past, capacity, sizeof(*grown));

		if (!grown)
			return;
		ranges->past = grown;
		ranges->past_capacity = capacity;
	}
	ranges->past[ranges->past_count++] = past;
}

/* The first piece sticks out in front of the new one; maybe behind it as well. */
static int cut_first(struct jit_ranges *ranges, struct position position,
		     const struct jit_range *new)
{
	struct jit_range *piece = piece_at(ranges, position);
	struct jit_range rest = *piece;

	remember(ranges, piece, new);
	piece->end = new->start;
	note_end(&ranges->slots[position.slot]);
	if (rest.end <= new->end)
		return 0;
	rest.skipped += (uint32_t)(new->end - rest.start);
	rest.start = new->end;
	return insert_at(ranges, next_of(ranges, position), &rest);
}

int jit_ranges_insert(struct jit_ranges *ranges, const struct jit_range *range, bool *ret_replaced)
{
	struct position position = lower_bound(ranges, range->start);
	struct jit_range *piece = piece_at(ranges, position);
	int err;

	assert(range->start < range->end && range->end - range->start <= UINT32_MAX);
	if (piece && piece->start < range->end)
		*ret_replaced = true;
	if (piece && piece->start < range->start) {
		err = cut_first(ranges, position, range);
		if (err < 0)
			return err;
		position = lower_bound(ranges, range->start);
	}
	while ((piece = piece_at(ranges, position)) && piece->start < range->end) {
		remember(ranges, piece, range);
		if (piece->end > range->end) {
			piece->skipped += (uint32_t)(range->end - piece->start);
			piece->start = range->end;
			break;
		}
		remove_at(ranges, position);
		position = lower_bound(ranges, range->start);
	}
	return insert_at(ranges, position, range);
}

static bool is_inside(const struct jit_range *range, uint64_t address)
{
	return range->start <= address && address < range->end;
}

const struct jit_range *jit_ranges_find(const struct jit_ranges *ranges, uint64_t address,
					uint64_t time_ns)
{
	const struct jit_range *found = piece_at(ranges, lower_bound(ranges, address));

	if (found && !is_inside(found, address))
		found = NULL;
	if (found && found->since_ns <= time_ns)
		return found;
	for (size_t i = ranges->past_count; i > 0; i--) {
		const struct jit_past *past = &ranges->past[i - 1];

		if (!is_inside(&past->range, address) || past->until_ns <= time_ns)
			continue;
		if (past->range.since_ns <= time_ns)
			return &past->range;
		if (!found || past->range.since_ns < found->since_ns)
			found = &past->range;
	}
	return found;
}

void jit_ranges_forget(struct jit_ranges *ranges, uint64_t before_ns)
{
	size_t kept = 0;

	ranges->keep_ns = before_ns;
	for (size_t i = 0; i < ranges->past_count; i++) {
		if (ranges->past[i].until_ns >= before_ns)
			ranges->past[kept++] = ranges->past[i];
	}
	ranges->past_count = kept;
}

void jit_ranges_visit(struct jit_ranges *ranges,
		      void (*visitor)(void *context, struct jit_range *range), void *context)
{
	for (size_t i = 0; i < ranges->slot_count; i++) {
		for (size_t k = 0; k < ranges->slots[i].count; k++)
			visitor(context, &ranges->slots[i].items[k]);
	}
	for (size_t i = 0; i < ranges->past_count; i++)
		visitor(context, &ranges->past[i].range);
}

size_t jit_ranges_bytes(const struct jit_ranges *ranges)
{
	return ranges->slot_capacity * sizeof(*ranges->slots) +
	       ranges->slot_count * SLOT_RANGES * sizeof(struct jit_range) +
	       ranges->past_capacity * sizeof(*ranges->past);
}
