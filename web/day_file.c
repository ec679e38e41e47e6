/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/day_parts.h"

static void cleanup_day(struct day_file **day)
{
	day_file_close(*day);
}

int day_file_open(const char *path, struct day_file **ret)
{
	CLEANUP(cleanup_day) struct day_file *day = calloc(1, sizeof(*day));
	int err;

	if (!day)
		return -ENOMEM;
	(void)pthread_mutex_init(&day->lock, NULL);
	(void)pthread_cond_init(&day->done, NULL);
	day->last = &day->waiting;
	err = day_writer_open(&day->writer, path);
	if (err < 0)
		return err;
	*ret = TAKE(day);
	return 0;
}

void day_file_close(struct day_file *day)
{
	if (!day)
		return;
	day_writer_close(&day->writer);
	(void)pthread_cond_destroy(&day->done);
	(void)pthread_mutex_destroy(&day->lock);
	free(day);
}

/* With the lock, which is not held while it writes: more requests come meanwhile. */
static void write_waiting(struct day_file *day)
{
	struct day_request *requests = day->waiting;

	day->waiting = NULL;
	day->last = &day->waiting;
	day->is_writing = true;
	(void)pthread_mutex_unlock(&day->lock);
	day_writer_write(&day->writer, requests);
	(void)pthread_mutex_lock(&day->lock);
	day->is_writing = false;
	while (requests) {
		struct day_request *next = requests->next;

		/* It is on the stack of a thread that goes on from here. */
		requests->is_done = true;
		requests = next;
	}
	(void)pthread_cond_broadcast(&day->done);
}

int day_file_put(struct day_file *day, const struct store_profile *profile)
{
	struct day_request request = { .profile = profile };

	(void)pthread_mutex_lock(&day->lock);
	*day->last = &request;
	day->last = &request.next;
	while (!request.is_done) {
		if (day->is_writing)
			(void)pthread_cond_wait(&day->done, &day->lock);
		else
			write_waiting(day);
	}
	(void)pthread_mutex_unlock(&day->lock);
	return request.result;
}
