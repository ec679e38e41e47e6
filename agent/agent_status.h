/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an agent fares: one struct of figures, gathered by agent_run.c after each window, and its two
 * forms: the answer on the socket of `eprof agent --status` (text for people, JSON with --json),
 * and Prometheus text for node_exporter's textfile collector.
 */
#ifndef EPROF_AGENT_AGENT_STATUS_H
#define EPROF_AGENT_AGENT_STATUS_H

#include "agent/services.h"
#include "agent/spool.h"
#include "agent/uploader.h"
#include "bpf/abi.h"

struct agent_target_status {
	const char *name, *url; /* without a password */
	struct spool_usage spool;
	struct uploader_figures uploads;
};

/* Sums since the agent began, unless it says otherwise. */
struct agent_status {
	uint64_t began_unix_s;
	uint64_t windows, windows_failed; /* sealed; whose profiles could not be written */
	uint64_t last_window_unix_s;
	uint64_t window_s;
	uint64_t samples, complete_samples;
	uint64_t off_cpu_ns;
	uint64_t counters[COUNTER_COUNT]; /* names: counter_name(), losses: counter_is_loss() */
	uint64_t follower_lost;
	uint64_t cgroups_lost;
	uint64_t files_put, files_failed; /* into the spool */
	struct services_figures services;
	double cpu_seconds, uploader_cpu_seconds;
	double name_seconds, write_seconds; /* of the last window: naming, drawing and spooling */
	uint64_t rss_bytes, uploader_rss_bytes; /* now */
	uint64_t reader_rss_bytes;    /* of who reads debug information, now; 0: nobody does */
	uint64_t heap_bytes;          /* what is allocated, now: own_heap_bytes() */
	uint64_t map_bytes;           /* of BPF maps, now */
	uint64_t table_bytes, tables; /* unwind tables in memory, now */
	uint64_t bpf_ns;              /* kernel time in eprof's programs; 0: not counted */
	uint64_t sample_hz, asked_hz; /* now; it is lower than asked under max-cpu */
	uint64_t reloads, uploader_restarts;
	struct agent_target_status targets[AGENT_TARGETS_MAX];
	size_t target_count;
};

/* The file is replaced whole (temporary name, rename), mode 0644. 0 or -errno after one line. */
int agent_metrics_write(const struct agent_status *status, const char *path);

/* Prometheus text format 0.0.4 / JSON / lines for people. */
void agent_status_put_metrics(const struct agent_status *status, FILE *out);
int agent_status_put_json(const struct agent_status *status, FILE *out);
void agent_status_put_text(const struct agent_status *status, FILE *out);

struct status_socket;

/*
 * Listens at path (mode 0660), which replaces a socket that nobody listens on. A client that
 * connects is sent the newest answer, whole, and is closed; a slow one is cut off. One line and
 * -errno on failure (-EADDRINUSE: an agent answers there).
 */
int status_socket_new(const char *path, struct status_socket **ret);
void status_socket_free(struct status_socket *socket); /* removes the path; NULL is fine */
int status_socket_fd(
	const struct status_socket *socket); /* readable: call status_socket_answer() */
void status_socket_answer(struct status_socket *socket, const struct agent_status *status);

/* `eprof agent --status`: asks, and prints to stdout. The exit code: 0, or 1 after one line. */
int agent_status_ask(const char *path, bool as_json);

#endif
