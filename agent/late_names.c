/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/late_names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hashmap.h"
#include "symbolize/string_pool.h"

/* A program of a million lines has fewer functions on its stacks; the rest is "[anon]" for good. */
#define LATE_MAX 65536

/* Of what stands for them and of names: 5 MiB, and 900 bytes for each name. */
#define STRINGS_BYTES_MAX (UINT64_C(64) << 20)

/* No name in a file begins with it by chance; with the seed, nor on purpose. */
#define MARK '\1'

/* MARK, the seed, a colon, the number. */
#define TEXT_SIZE 32

struct late_name {
	uint64_t owner;
	uint64_t time_ns;
	uint64_t address;
	const char *text; /* what stands for it */
	const char *name; /* NULL: none yet */
	uint64_t asked;
};

struct late_names {
	uint64_t seed;
	struct late_name *items;
	uint32_t count, capacity;
	struct hashmap by_address; /* hash of owner and address -> the newest item */
	struct string_pool strings;
};

int late_names_new(struct late_names **ret)
{
	struct late_names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->strings.bytes_max = STRINGS_BYTES_MAX;
	/* Without randomness, frames of whoever guesses it get names of others: no harm is done. */
	(void)!getrandom(&names->seed, sizeof(names->seed), GRND_NONBLOCK);
	*ret = names;
	return 0;
}

void late_names_clear(struct late_names *names)
{
	free(names->items);
	hashmap_done(&names->by_address);
	string_pool_done(&names->strings);
	*names = (struct late_names){ .seed = names->seed, .strings.bytes_max = STRINGS_BYTES_MAX };
}

void late_names_free(struct late_names *names)
{
	if (!names)
		return;
	late_names_clear(names);
	free(names);
}

static struct late_name *add_item(struct late_names *names)
{
	struct late_name *item;
	char text[TEXT_SIZE];

	if (names->count == LATE_MAX)
		return NULL;
	if (names->count == names->capacity) {
		uint32_t capacity = names->capacity ? 2 * names->capacity : 256;
		struct late_name *items = reallocarray(names->items, capacity, sizeof(*items));

		if (!items)
			return NULL;
		names->items = items;
		names->capacity = capacity;
	}
	item = &names->items[names->count];
	(void)snprintf(text, sizeof(text), "%c%016" PRIx64 ":%" PRIu32, MARK, names->seed,
		       names->count);
	*item = (struct late_name){ .text = string_pool_keep(&names->strings, text) };
	return item->text ? item : NULL;
}

const char *late_names_add(struct late_names *names, uint64_t owner, uint64_t time_ns,
			   uint64_t address)
{
	uint64_t key = hash_u64(hash_u64(owner) + address), index;
	struct late_name *item;

	if (hashmap_get(&names->by_address, key, &index)) {
		item = &names->items[index];
		/* Once it has a name, an address without one is other code. */
		if (item->owner == owner && item->address == address && !item->name) {
			item->asked++;
			return item->text;
		}
	}
	item = add_item(names);
	if (!item || hashmap_put(&names->by_address, key, names->count) < 0)
		return NULL;
	item->owner = owner;
	item->time_ns = time_ns;
	item->address = address;
	item->asked = 1;
	names->count++;
	return item->text;
}

void late_names_settle(struct late_names *names, uint64_t owner, late_names_source source,
		       void *context)
{
	for (uint32_t i = 0; i < names->count; i++) {
		struct late_name *item = &names->items[i];
		const char *name;

		if (item->owner != owner || item->name)
			continue;
		name = source(context, item->time_ns, item->address);
		if (name)
			item->name = string_pool_keep(&names->strings, name);
	}
}

bool late_names_replace(const struct late_names *names, struct frame *frame)
{
	char expected[TEXT_SIZE];
	const struct late_name *item;
	uint32_t number;

	if (frame->name[0] != MARK ||
	    sscanf(frame->name + 1, "%*16[0-9a-f]:%" SCNu32, &number) != 1 ||
	    number >= names->count)
		return false;
	(void)snprintf(expected, sizeof(expected), "%c%016" PRIx64 ":%" PRIu32, MARK, names->seed,
		       number);
	if (strcmp(frame->name, expected) != 0)
		return false;
	item = &names->items[number];
	frame->name = item->name ? item->name : "[anon]";
	frame->kind = item->name ? FRAME_JIT : FRAME_USER;
	return true;
}

uint64_t late_names_count(const struct late_names *names)
{
	return names->count;
}

uint64_t late_names_unnamed(const struct late_names *names)
{
	uint64_t unnamed = 0;

	for (uint32_t i = 0; i < names->count; i++)
		unnamed += names->items[i].name ? 0 : names->items[i].asked;
	return unnamed;
}
