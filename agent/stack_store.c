/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stack_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Before the addresses of a piece: their number and how many fit there, and the id of the rest. */
#define WORDS_BEFORE 2
#define ROOM_SHIFT   32

void stack_store_done(struct stack_store *store)
{
	hashmap_done(&store->offsets);
	free(store->words);
	*store = (struct stack_store){ 0 };
}

void stack_store_clear(struct stack_store *store)
{
	store->word_count = 0;
	hashmap_clear(&store->offsets);
}

size_t stack_store_bytes(const struct stack_store *store)
{
	return store->word_capacity * sizeof(*store->words);
}

static int reserve(struct stack_store *store, size_t count)
{
	size_t capacity = store->word_capacity ? store->word_capacity : 4096;
	uint64_t *words;

	while (capacity < store->word_count + count)
		capacity *= 2;
	if (capacity == store->word_capacity)
		return 0;
	words = realloc(store->words, capacity * sizeof(*words));
	if (!words)
		return -ENOMEM;
	store->words = words;
	store->word_capacity = capacity;
	return 0;
}

int stack_store_add(struct stack_store *store, uint64_t id, const struct stack *piece)
{
	uint64_t known;

	return hashmap_get(&store->offsets, id, &known) ? 0 : stack_store_replace(store, id, piece);
}

bool stack_store_has(const struct stack_store *store, uint64_t id)
{
	uint64_t known;

	return hashmap_get(&store->offsets, id, &known);
}

/* Where there is room for a piece by that id: its old place, if it fits there. */
static int place(struct stack_store *store, uint64_t id, uint32_t depth, uint64_t **ret)
{
	uint64_t offset;
	int err;

	if (hashmap_get(&store->offsets, id, &offset) &&
	    store->words[offset] >> ROOM_SHIFT >= depth) {
		*ret = &store->words[offset];
		return 0;
	}
	err = reserve(store, depth + WORDS_BEFORE);
	if (!err)
		err = hashmap_put(&store->offsets, id, store->word_count);
	if (err < 0)
		return err;
	*ret = &store->words[store->word_count];
	**ret = (uint64_t)depth << ROOM_SHIFT;
	store->word_count += depth + WORDS_BEFORE;
	return 0;
}

int stack_store_replace(struct stack_store *store, uint64_t id, const struct stack *piece)
{
	uint32_t depth = piece->depth;
	uint64_t *words;
	int err;

	if (depth > PIECE_FRAMES_MAX)
		return -EPROTO;
	err = place(store, id, depth, &words);
	if (err < 0)
		return err;
	words[0] = words[0] >> ROOM_SHIFT << ROOM_SHIFT | depth;
	words[1] = piece->rest;
	memcpy(&words[WORDS_BEFORE], piece->pc, depth * sizeof(*words));
	return 0;
}

static const uint64_t *find_piece(const struct stack_store *store, uint64_t id, size_t *ret_depth,
				  uint64_t *ret_rest)
{
	uint64_t offset;

	*ret_depth = 0;
	*ret_rest = STACK_ID_NONE;
	if (id == STACK_ID_NONE || id == STACK_ID_LOST)
		return NULL;
	if (!hashmap_get(&store->offsets, id, &offset))
		return NULL;
	*ret_depth = (uint32_t)store->words[offset];
	*ret_rest = store->words[offset + 1];
	return &store->words[offset + WORDS_BEFORE];
}

int stack_store_copy(struct stack_store *store, const struct stack_store *from, uint64_t id)
{
	uint64_t rest = STACK_ID_NONE;

	/* However its pieces name each other: no more than those of the longest. */
	for (size_t i = 0; i < USER_FRAMES_MAX; i++, id = rest) {
		struct stack piece;
		const uint64_t *words;
		size_t depth;
		int err;

		if (find_piece(store, id, &depth, &rest))
			continue;
		words = find_piece(from, id, &depth, &rest);
		if (!words)
			return 0;
		piece.depth = (uint32_t)depth;
		piece.rest = rest;
		memcpy(piece.pc, words, depth * sizeof(*words));
		err = stack_store_replace(store, id, &piece);
		if (err < 0)
			return err;
	}
	return 0;
}

const uint64_t *stack_store_find(const struct stack_store *store, uint64_t id, uint64_t *room,
				 size_t *ret_depth)
{
	uint64_t rest;
	const uint64_t *piece = find_piece(store, id, ret_depth, &rest);
	size_t depth = 0;

	if (rest == STACK_ID_NONE)
		return piece;
	while (piece && depth + *ret_depth <= USER_FRAMES_MAX) {
		memcpy(&room[depth], piece, *ret_depth * sizeof(*piece));
		depth += *ret_depth;
		if (rest == STACK_ID_NONE) {
			*ret_depth = depth;
			return room;
		}
		piece = find_piece(store, rest, ret_depth, &rest);
	}
	/* Longer than there are any, it is cut; without outer pieces it would be another stack. */
	*ret_depth = piece ? depth : 0;
	return piece ? room : NULL;
}
