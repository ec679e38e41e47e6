/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/debuginfod.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/debuginfod_cache.h"
#include "agent/debuginfod_child.h"
#include "agent/debuginfod_servers.h"
#include "agent/debuginfod_worker.h"
#include "agent/log.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"

/* A server takes a while to find what is asked for; the network is seldom what is slow. */
#define WORKERS 4

/* A machine with 5,000 processes has some 2,000 files. */
#define ASKS_MAX 4096

/* Loading the library takes 10 ms; a minute means that something is wrong. */
#define START_TIMEOUT_MS 60000

/* What a download is given to end by itself, and to remove what it has begun: see the worker. */
#define STOP_TIMEOUT_NS (2 * NS_PER_SECOND)

struct ask {
	struct build_id id;
};

struct debuginfod {
	struct debuginfod_child workers[WORKERS];
	bool is_stopped;

	struct ask *asks;
	uint64_t count, capacity;
	uint64_t sent;            /* asks before this one are with the workers, or answered */
	struct hashmap asked_for; /* hash of a build id -> 1 */

	uint64_t budget_ns, used_ns;
	uint64_t busy_since_ns; /* 0: nothing is being asked for */
	struct debuginfod_stats stats;
};

static uint64_t answered(const struct debuginfod *debuginfod)
{
	const struct debuginfod_stats *stats = &debuginfod->stats;

	return stats->found + stats->not_found + stats->failed + stats->gave_up;
}

static uint64_t used_ns(const struct debuginfod *debuginfod)
{
	uint64_t busy = 0;

	if (debuginfod->busy_since_ns)
		busy = clock_ns(CLOCK_MONOTONIC) - debuginfod->busy_since_ns;
	return debuginfod->used_ns + busy;
}

static uint64_t left_ns(const struct debuginfod *debuginfod)
{
	uint64_t used = used_ns(debuginfod);

	return used < debuginfod->budget_ns ? debuginfod->budget_ns - used : 0;
}

static bool is_busy(const struct debuginfod *debuginfod)
{
	bool busy = false;

	for (size_t i = 0; i < WORKERS; i++)
		busy |= debuginfod->workers[i].is_busy;
	return busy;
}

static bool has_worker(const struct debuginfod *debuginfod)
{
	bool has = false;

	for (size_t i = 0; i < WORKERS; i++)
		has |= debuginfod->workers[i].socket >= 0;
	return has;
}

/* The clock of the budget runs while something is under way. */
static void update_clock(struct debuginfod *debuginfod)
{
	bool busy = is_busy(debuginfod);

	if (busy == (debuginfod->busy_since_ns != 0))
		return;
	debuginfod->used_ns = used_ns(debuginfod);
	debuginfod->busy_since_ns = busy ? clock_ns(CLOCK_MONOTONIC) : 0;
}

static void cleanup_debuginfod(struct debuginfod **debuginfod)
{
	debuginfod_free(*debuginfod);
}

/* What one of the children that are still there has to say. */
static bool wait_for(const struct debuginfod *debuginfod, int interrupt_fd, uint64_t timeout_ns)
{
	struct pollfd files[WORKERS + 1];
	struct timespec timeout = { (time_t)(timeout_ns / NS_PER_SECOND),
				    (long)(timeout_ns % NS_PER_SECOND) };
	bool has_come = false;

	for (size_t i = 0; i < WORKERS; i++)
		files[i] = (struct pollfd){ debuginfod->workers[i].socket, POLLIN, 0 };
	files[WORKERS] = (struct pollfd){ interrupt_fd, POLLIN, 0 };
	if (ppoll(files, WORKERS + 1, &timeout, NULL) <= 0)
		return false;
	for (size_t i = 0; i < WORKERS; i++)
		has_come |= files[i].revents != 0;
	return has_come && !files[WORKERS].revents;
}

/* Each child says whether it can work. */
static int wait_until_ready(struct debuginfod *debuginfod)
{
	for (size_t i = 0; i < WORKERS; i++) {
		struct pollfd file = { debuginfod->workers[i].socket, POLLIN, 0 };
		struct debuginfod_reply reply;
		int err, fd = -1;

		if (poll(&file, 1, START_TIMEOUT_MS) == 0)
			return -ETIMEDOUT;
		err = debuginfod_child_receive(&debuginfod->workers[i], 0, &reply, &fd);
		cleanup_fd(&fd);
		if (err < 0 || reply.err < 0)
			return err < 0 ? err : reply.err;
	}
	return 0;
}

static int start_workers(struct debuginfod *debuginfod, struct debuginfod_worker *settings)
{
	CLEANUP(cleanup_fd) int cache_fd = -1;
	int err = 0;

	/* Who is not root stays who it is, with its own cache. */
	if (geteuid() == 0)
		err = debuginfod_cache_open(&cache_fd);
	if (err < 0) {
		log_error("--debuginfod: cannot keep files in '%s/eprof-debuginfod' "
			  "(DEBUGINFOD_CACHE_PATH): %s",
			  debuginfod_cache_base(), strerror(-err));
		return -ENOENT;
	}
	settings->cache_fd = cache_fd;
	for (size_t i = 0; i < WORKERS && !err; i++)
		err = debuginfod_child_start(&debuginfod->workers[i], settings);
	return err < 0 ? err : wait_until_ready(debuginfod);
}

static void tell_no_servers(const char *directory, int err)
{
	if (err == -ENOENT)
		log_error("--debuginfod: no server to ask: DEBUGINFOD_URLS is not set, and "
			  "'%s' names none",
			  directory);
	else if (err == -ENODATA)
		log_error("--debuginfod: no server to ask: DEBUGINFOD_URLS is set to nothing");
	else if (err == -E2BIG)
		log_error("--debuginfod: the list of servers (DEBUGINFOD_URLS, or '%s') is longer "
			  "than %d bytes",
			  directory, DEBUGINFOD_SERVERS_MAX);
	else
		log_error("--debuginfod: %s", strerror(-err));
}

/* 0, or -errno with the reason printed. */
static int start(struct debuginfod *debuginfod, const struct debuginfod_config *config)
{
	const char *library = config->library ? config->library : DEBUGINFOD_LIBRARY;
	const char *directory =
		config->servers_directory ? config->servers_directory : "/etc/debuginfod";
	CLEANUP(cleanup_free) char *servers = NULL;
	struct debuginfod_worker settings;
	int err = debuginfod_servers(directory, &servers);

	if (err < 0) {
		tell_no_servers(directory, err);
		return err == -ENODATA ? -ENOENT : err;
	}
	settings = (struct debuginfod_worker){ .parent = getpid(),
					       .library = library,
					       .servers = servers };
	err = start_workers(debuginfod, &settings);
	if (err == -ELIBACC)
		log_error("--debuginfod: cannot load '%s'; its package is libdebuginfod1 (Debian) "
			  "or elfutils-debuginfod-client (Fedora)",
			  library);
	else if (err < 0 && err != -ENOENT)
		log_error("--debuginfod: cannot start the downloads: %s", strerror(-err));
	return err;
}

int debuginfod_start(const struct debuginfod_config *config, struct debuginfod **ret)
{
	CLEANUP(cleanup_debuginfod) struct debuginfod *debuginfod = calloc(1, sizeof(*debuginfod));
	int err;

	assert(config->budget_s >= DEBUGINFOD_BUDGET_MIN_S);
	if (!debuginfod) {
		log_error("--debuginfod: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	for (size_t i = 0; i < WORKERS; i++)
		debuginfod->workers[i].socket = -1;
	debuginfod->budget_ns = (uint64_t)(config->budget_s * (double)NS_PER_SECOND);
	err = start(debuginfod, config);
	if (err < 0)
		return err;
	*ret = TAKE(debuginfod);
	return 0;
}

static bool send_ask(struct debuginfod *debuginfod, const struct debuginfod_child *worker)
{
	struct debuginfod_request request = {
		.index = debuginfod->sent,
		.deadline_ns = clock_ns(CLOCK_MONOTONIC) + left_ns(debuginfod),
		.id = debuginfod->asks[debuginfod->sent].id,
	};

	return send(worker->socket, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/*
 * Hands over what they may work on: one ask to each that has none, as one that waited behind a slow
 * one could not be given to others.
 */
static void send_asks(struct debuginfod *debuginfod)
{
	for (size_t i = 0; i < WORKERS && debuginfod->sent < debuginfod->count; i++) {
		struct debuginfod_child *worker = &debuginfod->workers[i];

		if (worker->socket < 0 || worker->is_busy || !send_ask(debuginfod, worker))
			continue;
		worker->is_busy = true;
		worker->ask = debuginfod->sent++;
	}
	update_clock(debuginfod);
}

static int add_ask(struct debuginfod *debuginfod, const struct build_id *id)
{
	if (debuginfod->count == debuginfod->capacity) {
		uint64_t capacity = debuginfod->capacity ? 2 * debuginfod->capacity : 64;
		struct ask *asks = realloc(debuginfod->asks, capacity * sizeof(*asks));

		if (!asks)
			return -ENOMEM;
		debuginfod->asks = asks;
		debuginfod->capacity = capacity;
	}
	debuginfod->asks[debuginfod->count++] = (struct ask){ .id = *id };
	debuginfod->stats.asked++;
	return 0;
}

int debuginfod_ask(struct debuginfod *debuginfod, const struct build_id *id)
{
	uint64_t key, known;
	int err;

	assert(!debuginfod->is_stopped);
	if (!id->size || id->size > BUILD_ID_SIZE_MAX)
		return -EINVAL;
	key = hash_bytes(id->bytes, id->size);
	if (hashmap_get(&debuginfod->asked_for, key, &known))
		return 0;
	if (debuginfod->count == ASKS_MAX)
		return -ENOSPC;
	err = hashmap_put(&debuginfod->asked_for, key, 1);
	if (err < 0)
		return err;
	err = add_ask(debuginfod, id);
	if (err < 0)
		return err;
	send_asks(debuginfod);
	return 0;
}

static void count_answer(struct debuginfod *debuginfod, int err)
{
	struct debuginfod_stats *stats = &debuginfod->stats;

	if (err == 0)
		stats->found++;
	else if (err == -ENOENT)
		stats->not_found++;
	else if (err == -ETIME)
		stats->gave_up++;
	else
		stats->failed++;
	if (err < 0 && err != -ENOENT && err != -ETIME)
		stats->error = err;
}

/* A child that has gone takes along what it was working on; others go on. */
static void lose_worker(struct debuginfod *debuginfod, struct debuginfod_child *worker)
{
	debuginfod_child_close(worker);
	if (worker->is_busy)
		count_answer(debuginfod, -EPIPE);
	worker->is_busy = false;
	update_clock(debuginfod);
}

/* Whether a file came. */
static bool take_reply(struct debuginfod *debuginfod, struct debuginfod_child *worker,
		       struct build_id *ret_id, int *ret_fd)
{
	CLEANUP(cleanup_fd) int fd = -1;
	struct debuginfod_reply reply;
	int err = debuginfod_child_receive(worker, MSG_DONTWAIT, &reply, &fd);

	if (err < 0) {
		if (err != -EAGAIN)
			lose_worker(debuginfod, worker);
		return false;
	}
	if (!worker->is_busy || reply.index != worker->ask)
		return false;
	if (reply.err == 0 && fd < 0)
		reply.err = -EMFILE; /* it was sent, and there was no room for it */
	worker->is_busy = false;
	count_answer(debuginfod, reply.err);
	update_clock(debuginfod);
	if (reply.err < 0)
		return false;
	*ret_id = debuginfod->asks[reply.index].id;
	*ret_fd = TAKE_FD(fd);
	return true;
}

int debuginfod_next(struct debuginfod *debuginfod, struct build_id *ret_id, int *ret_fd)
{
	for (size_t i = 0; i < WORKERS; i++) {
		struct debuginfod_child *worker = &debuginfod->workers[i];

		if (worker->socket >= 0 && take_reply(debuginfod, worker, ret_id, ret_fd))
			return 1;
	}
	if (!debuginfod->is_stopped)
		send_asks(debuginfod);
	return 0;
}

bool debuginfod_is_waiting(const struct debuginfod *debuginfod)
{
	return !debuginfod->is_stopped && has_worker(debuginfod) && left_ns(debuginfod) &&
	       debuginfod->stats.asked > answered(debuginfod);
}

bool debuginfod_wait(struct debuginfod *debuginfod, int interrupt_fd)
{
	if (debuginfod->is_stopped)
		return false;
	send_asks(debuginfod);
	return is_busy(debuginfod) && wait_for(debuginfod, interrupt_fd, left_ns(debuginfod));
}

/* Waits for the children to end by themselves, which closes their sockets. */
static void wait_for_end(struct debuginfod *debuginfod)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + STOP_TIMEOUT_NS, now;

	while (has_worker(debuginfod) && (now = clock_ns(CLOCK_MONOTONIC)) < end) {
		if (!wait_for(debuginfod, -1, end - now))
			return;
		for (size_t i = 0; i < WORKERS; i++) {
			struct debuginfod_child *worker = &debuginfod->workers[i];
			struct debuginfod_reply reply;
			int err, fd = -1;

			if (worker->socket < 0)
				continue;
			err = debuginfod_child_receive(worker, MSG_DONTWAIT, &reply, &fd);
			cleanup_fd(&fd);
			if (err < 0 && err != -EAGAIN)
				debuginfod_child_close(worker);
		}
	}
}

void debuginfod_stop(struct debuginfod *debuginfod)
{
	struct debuginfod_stats *stats = &debuginfod->stats;

	if (debuginfod->is_stopped)
		return;
	debuginfod->is_stopped = true;
	for (size_t i = 0; i < WORKERS; i++) {
		if (debuginfod->workers[i].socket >= 0)
			(void)shutdown(debuginfod->workers[i].socket, SHUT_WR);
	}
	/* What has not ended at the end of the budget has been given its time. */
	if (left_ns(debuginfod))
		wait_for_end(debuginfod);
	debuginfod->used_ns = used_ns(debuginfod);
	debuginfod->busy_since_ns = 0;
	for (size_t i = 0; i < WORKERS; i++)
		stats->cpu_seconds += debuginfod_child_end(&debuginfod->workers[i]);
	stats->gave_up += stats->asked - answered(debuginfod);
}

void debuginfod_free(struct debuginfod *debuginfod)
{
	if (!debuginfod)
		return;
	debuginfod_stop(debuginfod);
	hashmap_done(&debuginfod->asked_for);
	free(debuginfod->asks);
	free(debuginfod);
}

void debuginfod_read_stats(const struct debuginfod *debuginfod, struct debuginfod_stats *ret)
{
	*ret = debuginfod->stats;
	ret->seconds = (double)used_ns(debuginfod) / (double)NS_PER_SECOND;
}
