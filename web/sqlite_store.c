/* SPDX-License-Identifier: Apache-2.0 */
#include "web/sqlite_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hashmap.h"
#include "web/sqlite_parts.h"

#define DIRECTORY_MODE 0750
#define ENDING         ".db"
#define LOCK_NAME      "lock"
#define NAME_SIZE      64

static void cleanup_directory(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

/* "2026-01-02.db" */
static void day_name(uint64_t day, char ret[NAME_SIZE])
{
	time_t seconds = (time_t)(day * DAY_S);
	struct tm date;

	(void)gmtime_r(&seconds, &date);
	(void)strftime(ret, NAME_SIZE, "%Y-%m-%d" ENDING, &date);
}

/* False: it is no name of ours. */
static bool day_of_name(const char *name, uint64_t *ret)
{
	char again[NAME_SIZE];
	struct tm date = { 0 };
	const char *end = strptime(name, "%Y-%m-%d", &date);
	time_t seconds;

	if (!end || strcmp(end, ENDING) != 0)
		return false;
	seconds = timegm(&date);
	if (seconds < 0)
		return false;
	*ret = (uint64_t)seconds / DAY_S;
	day_name(*ret, again);
	return strcmp(name, again) == 0;
}

char *sqlite_day_path(const struct sqlite_store *store, uint64_t day)
{
	char name[NAME_SIZE], *path;

	day_name(day, name);
	return asprintf(&path, "%s/%s", store->directory, name) < 0 ? NULL : path;
}

/* One that is open; or else a place for it, whose day that was there is closed; NULL: all are in
 * use. */
static struct open_day *find_place(struct sqlite_store *store, uint64_t day)
{
	struct open_day *best = NULL;

	for (size_t i = 0; i < OPEN_DAYS_MAX; i++) {
		struct open_day *one = &store->open[i];

		if (one->file && one->day == day)
			return one;
		if (!one->users && (!best || one->used < best->used))
			best = one;
	}
	if (best) {
		day_file_close(best->file);
		*best = (struct open_day){ .day = day };
	}
	return best;
}

static int open_place(const struct sqlite_store *store, struct open_day *place)
{
	CLEANUP(cleanup_free) char *path = sqlite_day_path(store, place->day);

	if (!path)
		return -ENOMEM;
	return place->file ? 0 : day_file_open(path, &place->file);
}

/* 0 and *ret, which is to be given back. */
static int take_day(struct sqlite_store *store, uint64_t day, struct open_day **ret)
{
	struct open_day *place;
	int err;

	(void)pthread_mutex_lock(&store->lock);
	while (!(place = find_place(store, day)))
		(void)pthread_cond_wait(&store->freed, &store->lock);
	err = open_place(store, place);
	if (!err) {
		place->users++;
		place->used = ++store->uses;
		*ret = place;
	}
	(void)pthread_mutex_unlock(&store->lock);
	return err;
}

static void give_back(struct sqlite_store *store, struct open_day *place)
{
	(void)pthread_mutex_lock(&store->lock);
	if (--place->users == 0)
		(void)pthread_cond_broadcast(&store->freed);
	(void)pthread_mutex_unlock(&store->lock);
}

int sqlite_close_day(struct sqlite_store *store, uint64_t day)
{
	for (size_t i = 0; i < OPEN_DAYS_MAX; i++) {
		struct open_day *one = &store->open[i];

		if (!one->file || one->day != day)
			continue;
		if (one->users)
			return -EBUSY;
		day_file_close(one->file);
		*one = (struct open_day){ 0 };
	}
	return 0;
}

static int compare_days(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

int sqlite_list_days(const struct sqlite_store *store, uint64_t **ret, size_t *ret_count)
{
	CLEANUP(cleanup_directory) DIR *directory = opendir(store->directory);
	CLEANUP(cleanup_free) uint64_t *days = NULL;
	size_t count = 0, capacity = 0;
	const struct dirent *entry;

	if (!directory)
		return -errno;
	while ((entry = readdir(directory))) {
		uint64_t day;

		if (!day_of_name(entry->d_name, &day))
			continue;
		if (count == capacity) {
			uint64_t *more = realloc(days, (2 * capacity + 64) * sizeof(*days));

			if (!more)
				return -ENOMEM;
			days = more;
			capacity = 2 * capacity + 64;
		}
		days[count++] = day;
	}
	if (count)
		qsort(days, count, sizeof(*days), compare_days);
	*ret = TAKE(days);
	*ret_count = count;
	return 0;
}

/* Each day of a selection, in their order; ends at the first visit that is < 0, and returns it. */
typedef int (*day_visit)(void *context, const char *path);

/* No day is deleted while somebody reads one. */
static int visit_day(struct sqlite_store *store, uint64_t day, day_visit visit, void *context)
{
	CLEANUP(cleanup_free) char *path = sqlite_day_path(store, day);
	int err;

	if (!path)
		return -ENOMEM;
	(void)pthread_rwlock_rdlock(&store->reading);
	err = visit(context, path);
	(void)pthread_rwlock_unlock(&store->reading);
	/* It was deleted meanwhile. */
	return err == -ENOENT ? 0 : err;
}

static int visit_days(struct sqlite_store *store, const struct store_selector *selector,
		      day_visit visit, void *context)
{
	CLEANUP(cleanup_free) uint64_t *days = NULL;
	size_t count;
	int err = sqlite_list_days(store, &days, &count);

	for (size_t i = 0; !err && i < count; i++) {
		/* Windows belong to the day that they begin on, and end on the next at the latest.
		 */
		if ((days[i] + 1) * DAY_S + STORE_WINDOW_MAX <= selector->from_s ||
		    days[i] * DAY_S >= selector->until_s)
			continue;
		err = visit_day(store, days[i], visit, context);
	}
	return err;
}

void sqlite_note_change(struct sqlite_store *store, uint64_t day)
{
	(void)atomic_fetch_add(&store->versions[day % VERSIONS], 1);
}

static uint64_t version(struct store *base, uint64_t from_s, uint64_t until_s)
{
	struct sqlite_store *store = (struct sqlite_store *)base;
	/* Windows that begin on the day before may overlap it. */
	uint64_t day = from_s / DAY_S ? from_s / DAY_S - 1 : 0, last = until_s / DAY_S;
	uint64_t version = 1;

	if (last - day >= VERSIONS)
		return 0;
	for (; day <= last; day++)
		version = hash_u64(version + atomic_load(&store->versions[day % VERSIONS]));
	return version ? version : 1;
}

static int put(struct store *base, const struct store_profile *profile)
{
	struct sqlite_store *store = (struct sqlite_store *)base;
	struct open_day *place;
	int err = take_day(store, profile->from_s / DAY_S, &place);

	if (err < 0)
		return err;
	err = day_file_put(place->file, profile);
	/* Also where it failed: that may have been after it was kept. */
	sqlite_note_change(store, profile->from_s / DAY_S);
	give_back(store, place);
	return err;
}

struct merge_context {
	const struct store_selector *selector;
	struct call_tree *tree;
	struct store_merged *merged;
};

static int merge_day(void *context, const char *path)
{
	const struct merge_context *merge = context;

	return day_merge(path, merge->selector, merge->tree, merge->merged);
}

static int merge(struct store *base, const struct store_selector *selector, struct call_tree *tree,
		 struct store_merged *ret)
{
	struct merge_context context = { selector, tree, ret };

	return visit_days((struct sqlite_store *)base, selector, merge_day, &context);
}

struct query_context {
	const struct store_selector *selector;
	uint64_t step_s;
	const char *name;
	store_point_handler take_point;
	store_text_handler take_text;
	void *context;
};

static int series_of_day(void *context, const char *path)
{
	const struct query_context *query = context;

	return day_series(path, query->selector, query->step_s, query->name, query->take_point,
			  query->context);
}

static int series(struct store *base, const struct store_selector *selector, uint64_t step_s,
		  const char *by, store_point_handler handler, void *context)
{
	struct query_context query = { .selector = selector,
				       .step_s = step_s,
				       .name = by,
				       .take_point = handler,
				       .context = context };

	return visit_days((struct sqlite_store *)base, selector, series_of_day, &query);
}

static int values_of_day(void *context, const char *path)
{
	const struct query_context *query = context;

	return day_values(path, query->selector, query->name, query->take_text, query->context);
}

static int values(struct store *base, const struct store_selector *selector, const char *name,
		  store_text_handler handler, void *context)
{
	struct query_context query = {
		.selector = selector, .name = name, .take_text = handler, .context = context
	};

	return visit_days((struct sqlite_store *)base, selector, values_of_day, &query);
}

static void close_store(struct store *base)
{
	struct sqlite_store *store = (struct sqlite_store *)base;

	for (size_t i = 0; i < OPEN_DAYS_MAX; i++)
		day_file_close(store->open[i].file);
	cleanup_fd(&store->lock_fd);
	(void)pthread_cond_destroy(&store->freed);
	(void)pthread_rwlock_destroy(&store->reading);
	(void)pthread_mutex_destroy(&store->lock);
	free(store->directory);
	free(store);
}

static void cleanup_store(struct sqlite_store **store)
{
	if (*store)
		close_store(&(*store)->store);
}

/* A directory that was made, and all in it, could go with the power. */
static int sync_parent(const char *directory)
{
	CLEANUP(cleanup_free) char *path = NULL;
	CLEANUP(cleanup_fd) int fd = -1;

	if (asprintf(&path, "%s/..", directory) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* It need not be readable for us. */
	if (fd >= 0 && fsync(fd) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

static int lock_directory(struct sqlite_store *store)
{
	CLEANUP(cleanup_free) char *path = NULL;

	if (asprintf(&path, "%s/" LOCK_NAME, store->directory) < 0)
		return -ENOMEM;
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (store->lock_fd < 0)
		return -errno;
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

int store_open_sqlite(const char *directory, struct store **ret)
{
	static const struct store_calls calls = {
		.close = close_store,
		.put = put,
		.merge = merge,
		.series = series,
		.values = values,
		.delete_before = sqlite_delete_before,
		.coarsen = sqlite_coarsen,
		.version = version,
		.extent = sqlite_extent,
	};
	CLEANUP(cleanup_store) struct sqlite_store *store = calloc(1, sizeof(*store));
	pthread_rwlockattr_t attributes;
	int err;

	if (!store)
		return -ENOMEM;
	store->store.calls = &calls;
	store->lock_fd = -1;
	(void)pthread_mutex_init(&store->lock, NULL);
	(void)pthread_cond_init(&store->freed, NULL);
	/* Who deletes waits for those who read now, and not for all that come after them. */
	(void)pthread_rwlockattr_init(&attributes);
	(void)pthread_rwlockattr_setkind_np(&attributes,
					    PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void)pthread_rwlock_init(&store->reading, &attributes);
	(void)pthread_rwlockattr_destroy(&attributes);
	store->directory = strdup(directory);
	if (!store->directory)
		return -ENOMEM;
	if (mkdir(directory, DIRECTORY_MODE) < 0 && errno != EEXIST)
		return -errno;
	err = sync_parent(directory);
	if (!err)
		err = lock_directory(store);
	if (err < 0)
		return err;
	*ret = &TAKE(store)->store;
	return 0;
}
