/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of days that are over: coarser windows, and their end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "web/sqlite_parts.h"

/* Of stat(2). */
#define STAT_BLOCK 512

/* A database's own, and what belongs to it (https://sqlite.org/tempfiles.html). */
static const char shared[] = "-shm";
static const char *const endings[] = { "", "-wal", shared };

/* The files of a day that nobody writes to: where somebody does, -EBUSY. */
static int delete_day(struct sqlite_store *store, uint64_t day)
{
	CLEANUP(cleanup_free) char *path = sqlite_day_path(store, day);
	int err;

	if (!path)
		return -ENOMEM;
	(void)pthread_rwlock_wrlock(&store->reading);
	(void)pthread_mutex_lock(&store->lock);
	err = sqlite_close_day(store, day);
	/* What is left when this is interrupted is deleted the next time, or is no database. */
	for (size_t i = 0; !err && i < sizeof(endings) / sizeof(endings[0]); i++) {
		CLEANUP(cleanup_free) char *name = NULL;

		if (asprintf(&name, "%s%s", path, endings[i]) < 0)
			err = -ENOMEM;
		else if (unlink(name) < 0 && errno != ENOENT)
			err = -errno;
	}
	(void)pthread_mutex_unlock(&store->lock);
	(void)pthread_rwlock_unlock(&store->reading);
	sqlite_note_change(store, day);
	return err;
}

/* Whole days. */
int sqlite_delete_before(struct store *base, uint64_t time_s)
{
	struct sqlite_store *store = (struct sqlite_store *)base;
	CLEANUP(cleanup_free) uint64_t *days = NULL;
	size_t count;
	int err = sqlite_list_days(store, &days, &count), kept = 0;

	for (size_t i = 0; !err && i < count && (days[i] + 1) * DAY_S <= time_s; i++) {
		int deleted = delete_day(store, days[i]);

		/* Whoever writes to that day now has it to the end; it goes the next time. */
		if (deleted < 0)
			kept = deleted;
	}
	return err < 0 ? err : kept;
}

/* As it is on the disk now; all 0 where it is not. */
static struct day_state state_of(const char *path)
{
	struct stat status, log = { 0 };
	CLEANUP(cleanup_free) char *name = NULL;

	if (asprintf(&name, "%s-wal", path) < 0 || stat(path, &status) < 0)
		return (struct day_state){ 0 };
	(void)stat(name, &log);
	return (struct day_state){ .bytes = (uint64_t)status.st_size,
				   .log_bytes = (uint64_t)log.st_size,
				   .changed_s = status.st_mtim.tv_sec,
				   .changed_ns = status.st_mtim.tv_nsec,
				   .log_ns = log.st_mtim.tv_nsec };
}

static struct coarse_day *find_coarse(struct sqlite_store *store, uint64_t day, uint64_t step_s)
{
	for (size_t i = 0; i < COARSE_DAYS_MAX; i++) {
		struct coarse_day *one = &store->coarse[i];

		if (one->step_s == step_s && one->day == day)
			return one;
	}
	/* The oldest makes room; to be looked at again does no harm. */
	return &store->coarse[store->coarse_next++ % COARSE_DAYS_MAX];
}

/* Where there was nothing to do, and nothing has changed since, a day is left alone. */
static int coarsen_day(struct sqlite_store *store, uint64_t day, const struct day_coarsening *what)
{
	struct coarse_day *known = find_coarse(store, day, what->step_s);
	CLEANUP(cleanup_free) char *path = sqlite_day_path(store, day);
	struct day_state state;
	int err;

	if (!path)
		return -ENOMEM;
	state = state_of(path);
	if (known->day == day && known->step_s == what->step_s &&
	    memcmp(&known->state, &state, sizeof(state)) == 0)
		return 0;
	err = day_coarsen(path, what);
	sqlite_note_change(store, day);
	/* As it was before: whatever came meanwhile is looked at again. */
	if (!err && what->is_over)
		*known = (struct coarse_day){ day, what->step_s, state };
	return err == -ENOENT || err > 0 ? 0 : err;
}

/* By one thread at a time, the housekeeper's. */
int sqlite_coarsen(struct store *base, uint64_t before_s, uint64_t step_s, const atomic_bool *stop)
{
	struct sqlite_store *store = (struct sqlite_store *)base;
	CLEANUP(cleanup_free) uint64_t *days = NULL;
	size_t count;
	int err = sqlite_list_days(store, &days, &count), failed = 0;

	for (size_t i = 0; !err && i < count && days[i] * DAY_S < before_s; i++) {
		const struct day_coarsening what = { .before_s = before_s,
						     .step_s = step_s,
						     .is_over = (days[i] + 1) * DAY_S <= before_s,
						     .stop = stop };
		int one = atomic_load(stop) ? 0 : coarsen_day(store, days[i], &what);

		failed = one < 0 ? one : failed;
	}
	return err < 0 ? err : failed;
}

/* Of the files of a day, as the disk has them; what readers share is not theirs to keep. */
static int day_bytes(const struct sqlite_store *store, uint64_t day, uint64_t *ret)
{
	CLEANUP(cleanup_free) char *path = sqlite_day_path(store, day);

	if (!path)
		return -ENOMEM;
	for (size_t i = 0; endings[i] != shared; i++) {
		CLEANUP(cleanup_free) char *name = NULL;
		struct stat status;

		if (asprintf(&name, "%s%s", path, endings[i]) < 0)
			return -ENOMEM;
		if (stat(name, &status) == 0)
			*ret += (uint64_t)status.st_blocks * STAT_BLOCK;
	}
	return 0;
}

int sqlite_extent(struct store *base, struct store_extent *ret)
{
	const struct sqlite_store *store = (const struct sqlite_store *)base;
	CLEANUP(cleanup_free) uint64_t *days = NULL;
	size_t count;
	int err = sqlite_list_days(store, &days, &count);

	for (size_t i = 0; !err && i < count; i++)
		err = day_bytes(store, days[i], &ret->bytes);
	if (!err && count)
		ret->oldest_s = days[0] * DAY_S;
	return err;
}
