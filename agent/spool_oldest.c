/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/spool_parts.h"

/* Directories of 100,000 names are read once for so many of them that go. */
#define KEPT_MAX    4096
/* While names are offered, so that they are sorted seldom. */
#define OFFERED_MAX (2 * KEPT_MAX)

int spool_entry_compare(const struct spool_entry *a, const struct spool_entry *b)
{
	int order;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	order = strcmp(a->name, b->name);
	return order ? order : (int)a->is_dead - (int)b->is_dead;
}

static int compare(const void *a, const void *b)
{
	return spool_entry_compare(a, b);
}

void spool_oldest_done(struct spool_oldest *oldest)
{
	for (size_t i = oldest->first; i < oldest->count; i++)
		free(oldest->entries[i].name);
	free(oldest->entries);
	*oldest = (struct spool_oldest){ 0 };
}

int spool_oldest_begin(struct spool_oldest *oldest)
{
	*oldest = (struct spool_oldest){ .is_all = true };
	oldest->entries = calloc(OFFERED_MAX, sizeof(*oldest->entries));
	return oldest->entries ? 0 : -ENOMEM;
}

static void cut(struct spool_oldest *oldest)
{
	while (oldest->count > KEPT_MAX) {
		free(oldest->entries[--oldest->count].name);
		oldest->is_all = false;
	}
}

static int append(struct spool_oldest *oldest, const struct spool_entry *entry)
{
	struct spool_entry *kept = &oldest->entries[oldest->count];

	*kept = *entry;
	kept->name = strdup(entry->name);
	if (!kept->name)
		return -ENOMEM;
	oldest->count++;
	return 0;
}

int spool_oldest_offer(struct spool_oldest *oldest, const struct spool_entry *entry)
{
	/* The first KEPT_MAX are in order once others were cut, and nothing after them is kept. */
	if (!oldest->is_all && spool_entry_compare(entry, &oldest->entries[KEPT_MAX - 1]) > 0)
		return 0;
	if (oldest->count == OFFERED_MAX) {
		qsort(oldest->entries, oldest->count, sizeof(*oldest->entries), compare);
		cut(oldest);
	}
	return append(oldest, entry);
}

void spool_oldest_end(struct spool_oldest *oldest)
{
	qsort(oldest->entries, oldest->count, sizeof(*oldest->entries), compare);
	cut(oldest);
}

/* Room at the end: what was used is behind. */
static void move_to_front(struct spool_oldest *oldest)
{
	memmove(oldest->entries, oldest->entries + oldest->first,
		(oldest->count - oldest->first) * sizeof(*oldest->entries));
	oldest->count -= oldest->first;
	oldest->first = 0;
}

int spool_oldest_add(struct spool_oldest *oldest, const struct spool_entry *entry)
{
	bool is_last = oldest->count == oldest->first ||
		       spool_entry_compare(entry, &oldest->entries[oldest->count - 1]) > 0;
	int err;

	if (is_last && !oldest->is_all)
		return 0;
	if (oldest->first)
		move_to_front(oldest);
	if (is_last && oldest->count >= KEPT_MAX) {
		oldest->is_all = false;
		return 0;
	}
	err = append(oldest, entry);
	if (err < 0) {
		oldest->is_all = false;
		return err;
	}
	/* New ones are the newest, but for a clock that was set back. */
	if (!is_last)
		spool_oldest_end(oldest);
	return 0;
}

const struct spool_entry *spool_oldest_first(const struct spool_oldest *oldest)
{
	return oldest->first < oldest->count ? &oldest->entries[oldest->first] : NULL;
}

void spool_oldest_pop(struct spool_oldest *oldest)
{
	free(oldest->entries[oldest->first].name);
	oldest->first++;
}
