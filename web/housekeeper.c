/* SPDX-License-Identifier: Apache-2.0 */
#include "web/housekeeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define MINUTES_STEP_S 600
#define HOURS_STEP_S   3600
#define DAY_S          86400

struct housekeeper {
	struct store *store;
	struct housekeeping what;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	atomic_bool is_ended; /* set below the lock */
};

static void tell(const char *what, int err)
{
	/* Whoever reads or writes there now is in the way for a round. */
	if (err < 0 && err != -EBUSY)
		(void)fprintf(stderr, "eprof-server: cannot %s: %s\n", what, strerror(-err));
}

static void coarsen(struct store *store, uint64_t before_s, uint64_t step_s,
		    const atomic_bool *stop)
{
	int err = store_coarsen(store, before_s, step_s, stop);

	if (!atomic_load(stop))
		tell("make old profiles coarser", err);
}

/* The oldest day, until there is room; not the one that is written to. */
static int make_room(struct store *store, uint64_t bytes_max, uint64_t now_s)
{
	for (;;) {
		struct store_extent extent, after;
		int err = store_extent(store, &extent);

		if (err < 0 || extent.bytes <= bytes_max || extent.oldest_s + DAY_S > now_s)
			return err;
		err = store_delete_before(store, extent.oldest_s + DAY_S);
		if (!err)
			err = store_extent(store, &after);
		/* What stays for a reader is deleted in another round. */
		if (err < 0 || after.oldest_s == extent.oldest_s)
			return err;
	}
}

void housekeeping_do(struct store *store, const struct housekeeping *what, uint64_t now_s,
		     const atomic_bool *stop)
{
	if (what->keep_s && now_s > what->keep_s)
		tell("delete old profiles", store_delete_before(store, now_s - what->keep_s));
	if (what->keep_bytes)
		tell("make room", make_room(store, what->keep_bytes, now_s));
	if (what->hours_s && now_s > what->hours_s)
		coarsen(store, now_s - what->hours_s, HOURS_STEP_S, stop);
	if (what->minutes_s && now_s > what->minutes_s)
		coarsen(store, now_s - what->minutes_s, MINUTES_STEP_S, stop);
}

/* True: it is the end. */
static bool pause_of(struct housekeeper *housekeeper)
{
	struct timespec until;
	bool is_ended;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)housekeeper->what.pause_s;
	(void)pthread_mutex_lock(&housekeeper->lock);
	while (!housekeeper->is_ended &&
	       pthread_cond_timedwait(&housekeeper->ended, &housekeeper->lock, &until) == 0)
		;
	is_ended = housekeeper->is_ended;
	(void)pthread_mutex_unlock(&housekeeper->lock);
	return is_ended;
}

static void *run(void *context)
{
	struct housekeeper *housekeeper = context;

	do
		housekeeping_do(housekeeper->store, &housekeeper->what,
				clock_ns(CLOCK_REALTIME) / NS_PER_SECOND, &housekeeper->is_ended);
	while (!pause_of(housekeeper));
	return NULL;
}

int housekeeper_start(struct store *store, const struct housekeeping *what,
		      struct housekeeper **ret)
{
	CLEANUP(cleanup_free) struct housekeeper *housekeeper = calloc(1, sizeof(*housekeeper));
	pthread_condattr_t attributes;
	int err;

	if (!housekeeper)
		return -ENOMEM;
	housekeeper->store = store;
	housekeeper->what = *what;
	(void)pthread_mutex_init(&housekeeper->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&housekeeper->ended, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	err = pthread_create(&housekeeper->thread, NULL, run, housekeeper);
	if (err)
		return -err;
	*ret = TAKE(housekeeper);
	return 0;
}

void housekeeper_stop(struct housekeeper *housekeeper)
{
	if (!housekeeper)
		return;
	(void)pthread_mutex_lock(&housekeeper->lock);
	housekeeper->is_ended = true;
	(void)pthread_cond_signal(&housekeeper->ended);
	(void)pthread_mutex_unlock(&housekeeper->lock);
	(void)pthread_join(housekeeper->thread, NULL);
	(void)pthread_cond_destroy(&housekeeper->ended);
	(void)pthread_mutex_destroy(&housekeeper->lock);
	free(housekeeper);
}
