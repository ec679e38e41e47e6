/* SPDX-License-Identifier: Apache-2.0 */
#include "web/answer_cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Few, as each is large: they are gone through one by one. */
#define ENTRIES_MAX 256

/* No single one takes the room of most others. */
#define SHARE_MAX 8

struct entry {
	char *key;
	uint64_t version;
	struct http_answer answer;
	uint64_t used; /* when last, in no unit */
};

struct answer_cache {
	pthread_mutex_t lock;
	size_t bytes_max, bytes;
	uint64_t uses;
	struct entry entries[ENTRIES_MAX];
};

int answer_cache_new(size_t bytes_max, struct answer_cache **ret)
{
	struct answer_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	(void)pthread_mutex_init(&cache->lock, NULL);
	cache->bytes_max = bytes_max;
	*ret = cache;
	return 0;
}

static void forget(struct answer_cache *cache, struct entry *entry)
{
	if (!entry->key)
		return;
	cache->bytes -= entry->answer.size;
	free(entry->key);
	free(entry->answer.body);
	*entry = (struct entry){ 0 };
}

void answer_cache_free(struct answer_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < ENTRIES_MAX; i++)
		forget(cache, &cache->entries[i]);
	(void)pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static bool copy(const struct http_answer *from, struct http_answer *ret)
{
	*ret = *from;
	ret->body = malloc(from->size + 1);
	if (!ret->body)
		return false;
	if (from->size)
		memcpy(ret->body, from->body, from->size);
	return true;
}

bool answer_cache_get(struct answer_cache *cache, const char *key, uint64_t version,
		      struct http_answer *ret)
{
	bool is_there = false;

	(void)pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; i < ENTRIES_MAX && !is_there; i++) {
		struct entry *entry = &cache->entries[i];

		if (!entry->key || strcmp(entry->key, key) != 0)
			continue;
		if (entry->version != version) {
			forget(cache, entry);
			break;
		}
		is_there = copy(&entry->answer, ret);
		entry->used = ++cache->uses;
	}
	(void)pthread_mutex_unlock(&cache->lock);
	return is_there;
}

/* A free place; with the lock. */
static struct entry *make_room(struct answer_cache *cache, const char *key, size_t size)
{
	for (;;) {
		struct entry *free_entry = NULL, *oldest = NULL;

		for (size_t i = 0; i < ENTRIES_MAX; i++) {
			struct entry *entry = &cache->entries[i];

			if (entry->key && strcmp(entry->key, key) == 0)
				forget(cache, entry);
			if (!entry->key)
				free_entry = entry;
			else if (!oldest || entry->used < oldest->used)
				oldest = entry;
		}
		if (free_entry && cache->bytes + size <= cache->bytes_max)
			return free_entry;
		/* There is one: what is all by itself has room. */
		forget(cache, oldest);
	}
}

void answer_cache_put(struct answer_cache *cache, const char *key, uint64_t version,
		      const struct http_answer *answer)
{
	CLEANUP(cleanup_free) char *own = strdup(key);
	struct http_answer kept;
	struct entry *entry;

	if (!own || answer->size > cache->bytes_max / SHARE_MAX || !copy(answer, &kept))
		return;
	(void)pthread_mutex_lock(&cache->lock);
	entry = make_room(cache, key, kept.size);
	*entry = (struct entry){
		.key = TAKE(own), .version = version, .answer = kept, .used = ++cache->uses
	};
	cache->bytes += kept.size;
	(void)pthread_mutex_unlock(&cache->lock);
}
