/* SPDX-License-Identifier: Apache-2.0 */
#include "web/http_workers.h"

#include <assert.h>
#include <stddef.h>

/* NULL: it is the end. */
static struct http_job *take(struct http_workers *workers, bool *ret_is_late)
{
	struct http_job *job;

	(void)pthread_mutex_lock(&workers->lock);
	while (!workers->first && !workers->is_ending)
		(void)pthread_cond_wait(&workers->changed, &workers->lock);
	job = workers->first;
	if (job) {
		workers->first = job->next;
		if (!workers->first)
			workers->last = &workers->first;
	}
	*ret_is_late = workers->is_ending;
	(void)pthread_mutex_unlock(&workers->lock);
	return job;
}

static void *work(void *context)
{
	struct http_workers *workers = context;
	struct http_job *job;
	bool is_late;

	while ((job = take(workers, &is_late)))
		workers->handler(job, is_late);
	return NULL;
}

int http_workers_start(struct http_workers *workers, unsigned int count, http_job_handler handler)
{
	assert(count <= HTTP_WORKERS_MAX);
	*workers = (struct http_workers){ .handler = handler };
	workers->last = &workers->first;
	(void)pthread_mutex_init(&workers->lock, NULL);
	(void)pthread_cond_init(&workers->changed, NULL);
	for (; workers->count < count; workers->count++) {
		int err = pthread_create(&workers->threads[workers->count], NULL, work, workers);

		if (err)
			return -err;
	}
	return 0;
}

bool http_workers_give(struct http_workers *workers, struct http_job *job)
{
	bool is_given;

	job->next = NULL;
	(void)pthread_mutex_lock(&workers->lock);
	is_given = !workers->is_ending;
	if (is_given) {
		*workers->last = job;
		workers->last = &job->next;
		(void)pthread_cond_signal(&workers->changed);
	}
	(void)pthread_mutex_unlock(&workers->lock);
	return is_given;
}

void http_workers_stop(struct http_workers *workers)
{
	(void)pthread_mutex_lock(&workers->lock);
	workers->is_ending = true;
	(void)pthread_cond_broadcast(&workers->changed);
	(void)pthread_mutex_unlock(&workers->lock);
	for (unsigned int i = 0; i < workers->count; i++)
		(void)pthread_join(workers->threads[i], NULL);
	workers->count = 0;
}

void http_workers_done(struct http_workers *workers)
{
	(void)pthread_cond_destroy(&workers->changed);
	(void)pthread_mutex_destroy(&workers->lock);
}
