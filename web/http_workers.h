/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that take jobs out of a queue: what waits for a disk, or merges, keeps nobody's
 * connection waiting. */
#ifndef EPROF_WEB_HTTP_WORKERS_H
#define EPROF_WEB_HTTP_WORKERS_H

#include <pthread.h>
#include <stdbool.h>

#define HTTP_WORKERS_MAX 256

/* A part of what is to be done. */
struct http_job {
	struct http_job *next; /* of the queue */
};

/* is_late: there is no time for it any more, as the server ends. */
typedef void (*http_job_handler)(struct http_job *job, bool is_late);

struct http_workers {
	http_job_handler handler;
	pthread_t threads[HTTP_WORKERS_MAX];
	unsigned int count;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct http_job *first, **last; /* below the lock */
	bool is_ending;
};

/* 0 or -errno; http_workers_stop() is called either way, and
 * http_workers_done(). */
int http_workers_start(struct http_workers *workers, unsigned int count, http_job_handler handler);

/* The job is the handler's from then on. False: they have been stopped, and it stays the caller's.
 */
bool http_workers_give(struct http_workers *workers, struct http_job *job);

/* Waits for what has begun; what has not is handed over as late. */
void http_workers_stop(struct http_workers *workers);
void http_workers_done(struct http_workers *workers); /* when nobody gives any more */

#endif
