/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/window_writer.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "agent/log.h"
#include "agent/service_files.h"
#include "base/clock.h"

struct window_writer {
	struct window_writer_parts parts;
	pthread_t thread;
	/* Of all below. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct sealed_window *first, **last;
	size_t waiting;
	bool is_writing, is_over;
	struct window_writer_figures figures;
};

static struct sealed_window *wait_for_window(struct window_writer *writer)
{
	struct sealed_window *window;

	(void)pthread_mutex_lock(&writer->lock);
	writer->is_writing = false;
	(void)pthread_cond_broadcast(&writer->changed);
	while (!writer->first && !writer->is_over)
		(void)pthread_cond_wait(&writer->changed, &writer->lock);
	window = writer->first;
	if (window) {
		writer->first = window->next;
		if (!writer->first)
			writer->last = &writer->first;
		writer->waiting--;
		writer->is_writing = true;
		(void)pthread_cond_broadcast(&writer->changed);
	}
	(void)pthread_mutex_unlock(&writer->lock);
	return window;
}

/* With the lock held, or before there is a thread. */
static void read_usage(struct window_writer *writer)
{
	for (size_t i = 0; i < writer->parts.config->target_count; i++)
		spool_usage_of(writer->parts.spool, i, &writer->figures.usage[i]);
}

/* The spool is counted anew. Nothing is written meanwhile. */
static void count_spool(struct window_writer *writer)
{
	int err = spool_enforce(writer->parts.spool, clock_ns(CLOCK_REALTIME) / NS_PER_SECOND);

	if (err < 0)
		log_error("cannot keep the spool within its limits: %s", strerror(-err));
	read_usage(writer);
}

static void add_figures(struct window_writer *writer, const struct sealed_window *window,
			const struct service_files_result *result, double seconds)
{
	struct window_writer_figures *figures = &writer->figures;
	const struct profile *profile = &window->profile;

	(void)pthread_mutex_lock(&writer->lock);
	figures->windows++;
	figures->windows_failed += result->failed > 0;
	figures->files_put += result->put;
	figures->files_failed += result->failed;
	figures->samples += profile->samples;
	figures->complete_samples += profile->complete_samples;
	figures->off_cpu_ns += profile->off_ns;
	figures->last_window_unix_s =
		(profile->started_unix_ns + (uint64_t)(profile->seconds * (double)NS_PER_SECOND)) /
		NS_PER_SECOND;
	figures->name_seconds = profile->name_seconds;
	figures->write_seconds = seconds;
	figures->services = window->services;
	figures->cgroups_lost = window->cgroups_lost;
	count_spool(writer);
	(void)pthread_mutex_unlock(&writer->lock);
}

static void write_window(struct window_writer *writer, const struct sealed_window *window)
{
	uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	struct service_files_result result;

	service_files_put(writer->parts.config, writer->parts.host, window, writer->parts.spool,
			  &result);
	add_figures(writer, window, &result, (double)(clock_ns(CLOCK_MONOTONIC) - began_ns) / 1e9);
	writer->parts.on_put(writer->parts.context);
}

static void *run(void *context)
{
	struct window_writer *writer = context;
	struct sealed_window *window;

	(void)prctl(PR_SET_NAME, "eprof-write");
	while ((window = wait_for_window(writer))) {
		write_window(writer, window);
		sealed_window_free(window);
		(void)malloc_trim(0);
	}
	return NULL;
}

int window_writer_new(const struct window_writer_parts *parts, struct window_writer **ret)
{
	struct window_writer *writer = calloc(1, sizeof(*writer));
	int err;

	if (!writer)
		return -ENOMEM;
	writer->parts = *parts;
	writer->last = &writer->first;
	read_usage(writer);
	(void)pthread_mutex_init(&writer->lock, NULL);
	(void)pthread_cond_init(&writer->changed, NULL);
	err = pthread_create(&writer->thread, NULL, run, writer);
	if (err) {
		free(writer);
		return -err;
	}
	*ret = writer;
	return 0;
}

void window_writer_free(struct window_writer *writer)
{
	if (!writer)
		return;
	(void)pthread_mutex_lock(&writer->lock);
	writer->is_over = true;
	(void)pthread_cond_broadcast(&writer->changed);
	(void)pthread_mutex_unlock(&writer->lock);
	(void)pthread_join(writer->thread, NULL);
	(void)pthread_mutex_destroy(&writer->lock);
	(void)pthread_cond_destroy(&writer->changed);
	free(writer);
}

void window_writer_take(struct window_writer *writer, struct sealed_window *window)
{
	(void)pthread_mutex_lock(&writer->lock);
	while (writer->waiting >= WINDOW_WRITER_WAITING_MAX)
		(void)pthread_cond_wait(&writer->changed, &writer->lock);
	window->next = NULL;
	*writer->last = window;
	writer->last = &window->next;
	writer->waiting++;
	(void)pthread_cond_broadcast(&writer->changed);
	(void)pthread_mutex_unlock(&writer->lock);
}

void window_writer_drain(struct window_writer *writer)
{
	(void)pthread_mutex_lock(&writer->lock);
	while (writer->first || writer->is_writing)
		(void)pthread_cond_wait(&writer->changed, &writer->lock);
	(void)pthread_mutex_unlock(&writer->lock);
}

void window_writer_change(struct window_writer *writer, const struct window_writer_parts *parts)
{
	window_writer_drain(writer);
	(void)pthread_mutex_lock(&writer->lock);
	writer->parts = *parts;
	read_usage(writer);
	(void)pthread_mutex_unlock(&writer->lock);
}

void window_writer_count(struct window_writer *writer)
{
	(void)pthread_mutex_lock(&writer->lock);
	/* The thread needs the lock to begin. */
	if (!writer->is_writing)
		count_spool(writer);
	(void)pthread_mutex_unlock(&writer->lock);
}

void window_writer_figures_of(struct window_writer *writer, struct window_writer_figures *ret)
{
	(void)pthread_mutex_lock(&writer->lock);
	*ret = writer->figures;
	(void)pthread_mutex_unlock(&writer->lock);
}
