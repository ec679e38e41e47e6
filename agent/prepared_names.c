/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/prepared_names.h"

#include <stdlib.h>

/* A large program has some ten thousand pieces of such code. */
#define PREPARED_MAX      262144
#define STRINGS_BYTES_MAX (UINT64_C(64) << 20)

void prepared_names_done(struct prepared_names *names)
{
	hashmap_done(&names->by_key);
	free(names->frames);
	string_pool_done(&names->strings);
	*names =
		(struct prepared_names){ .bytes_max = names->bytes_max, .dropped = names->dropped };
}

bool prepared_names_find(const struct prepared_names *names, uint64_t key, struct frame *ret)
{
	uint64_t index;

	if (!hashmap_get(&names->by_key, key, &index))
		return false;
	*ret = names->frames[index];
	return true;
}

static bool reserve(struct prepared_names *names)
{
	size_t capacity = names->capacity ? 2 * names->capacity : 64;
	struct frame *frames;

	if (names->count < names->capacity)
		return true;
	frames = reallocarray(names->frames, capacity, sizeof(*frames));
	if (!frames)
		return false;
	names->frames = frames;
	names->capacity = capacity;
	return true;
}

static bool add(struct prepared_names *names, uint64_t key, const struct frame *frame)
{
	struct frame copy = *frame;

	if (names->count == PREPARED_MAX || !reserve(names))
		return false;
	names->strings.bytes_max = names->bytes_max ? names->bytes_max : STRINGS_BYTES_MAX;
	copy.name = string_pool_keep(&names->strings, frame->name);
	if (frame->file)
		copy.file = string_pool_keep(&names->strings, frame->file);
	if (!copy.name || (frame->file && !copy.file) ||
	    hashmap_put(&names->by_key, key, names->count) < 0)
		return false;
	names->frames[names->count++] = copy;
	return true;
}

void prepared_names_add(struct prepared_names *names, uint64_t key, const struct frame *frame)
{
	names->dropped += !add(names, key, frame);
}
