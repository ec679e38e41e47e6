/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that draws sealed windows and puts them into the spool, whose limits it sees to, while
 * the next window is sampled and named.
 */
#ifndef EPROF_AGENT_WINDOW_WRITER_H
#define EPROF_AGENT_WINDOW_WRITER_H

#include <pthread.h>
#include <stdbool.h>

#include "agent/agent_config.h"
#include "agent/sealed_window.h"
#include "agent/services.h"
#include "agent/spool.h"

/* So many wait; who brings another one waits with it. */
#define WINDOW_WRITER_WAITING_MAX 2

/* Sums since it began. */
struct window_writer_figures {
	uint64_t windows, windows_failed; /* some of whose files could not be kept */
	uint64_t files_put, files_failed;
	uint64_t samples, complete_samples, off_cpu_ns;
	uint64_t last_window_unix_s;        /* when it ended; 0: there was none */
	double name_seconds, write_seconds; /* of the last one */
	struct services_figures services;
	uint64_t cgroups_lost;
	/* After the last one, the exchange, or window_writer_count(). */
	struct spool_usage usage[AGENT_TARGETS_MAX];
};

struct window_writer;

/* All is borrowed until it is exchanged; the spool is the thread's alone meanwhile. on_put: called
 * by the thread after each window, with the context. */
struct window_writer_parts {
	const struct agent_config *config;
	const char *host;
	struct spool_writer *spool;
	void (*on_put)(void *context);
	void *context;
};
/* 0 or -errno; on success the caller owns *ret. */
int window_writer_new(const struct window_writer_parts *parts, struct window_writer **ret);
/* Writes what waits, and ends. NULL is fine. */
void window_writer_free(struct window_writer *writer);

/* Takes a window. Waits while WINDOW_WRITER_WAITING_MAX others wait. */
void window_writer_take(struct window_writer *writer, struct sealed_window *window);

/*
 * Waits until nothing waits and nothing is written: then what was borrowed may be exchanged, in the
 * spool before it is here.
 */
void window_writer_drain(struct window_writer *writer);
void window_writer_change(struct window_writer *writer, const struct window_writer_parts *parts);

/* Counts what is in the spool now, unless the thread writes at this moment. */
void window_writer_count(struct window_writer *writer);
void window_writer_figures_of(struct window_writer *writer, struct window_writer_figures *ret);

#endif
