/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/debuginfod.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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
#define START_TIMEOUT_NS (60 * NS_PER_SECOND)

/* What a download is given to end by itself, and to remove what it has begun: see the worker. */
#define STOP_TIMEOUT_NS (2 * NS_PER_SECOND)

struct ask {
	struct build_id id;
	bool is_answered;
};

struct debuginfod {
	pid_t workers[WORKERS];
	int socket;      /* to all of them; -1: stopped */
	bool has_failed; /* all have died */

	struct ask *asks;
	uint64_t count, capacity;
	uint64_t sent;            /* asks before this one are with the workers */
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

/* The clock of the budget runs while something is under way. */
static void update_clock(struct debuginfod *debuginfod)
{
	bool is_busy = debuginfod->sent > answered(debuginfod);

	if (is_busy == (debuginfod->busy_since_ns != 0))
		return;
	debuginfod->used_ns = used_ns(debuginfod);
	debuginfod->busy_since_ns = is_busy ? clock_ns(CLOCK_MONOTONIC) : 0;
}

static void cleanup_debuginfod(struct debuginfod **debuginfod)
{
	debuginfod_free(*debuginfod);
}

static int start_workers(struct debuginfod *debuginfod, int socket, const char *library,
			 const char *servers)
{
	struct debuginfod_worker worker = { socket, getpid(), library, servers };

	for (size_t i = 0; i < WORKERS; i++) {
		debuginfod->workers[i] = fork();
		if (debuginfod->workers[i] < 0)
			return -errno;
		if (debuginfod->workers[i] == 0)
			debuginfod_worker_run(&worker);
	}
	return 0;
}

static bool wait_for(struct debuginfod *debuginfod, int interrupt_fd, uint64_t timeout_ns)
{
	struct pollfd files[] = { { debuginfod->socket, POLLIN, 0 }, { interrupt_fd, POLLIN, 0 } };
	struct timespec timeout = { (time_t)(timeout_ns / NS_PER_SECOND),
				    (long)(timeout_ns % NS_PER_SECOND) };

	return ppoll(files, 2, &timeout, NULL) > 0 && files[0].revents && !files[1].revents;
}

/* 0 and a reply, with -1 or a descriptor; -EAGAIN: none now; -errno: there will be none. */
static int receive(const struct debuginfod *debuginfod, struct debuginfod_reply *ret, int *ret_fd)
{
	struct iovec bytes = { ret, sizeof(*ret) };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr alignment;
	} control;
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *header;
	ssize_t n = recvmsg(debuginfod->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	*ret_fd = -1;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(header), sizeof(*ret_fd));
	if (n == sizeof(*ret))
		return 0;
	cleanup_fd(ret_fd);
	return -EPIPE;
}

/* Each child says whether it can work. */
static int wait_until_ready(struct debuginfod *debuginfod)
{
	for (size_t i = 0; i < WORKERS; i++) {
		struct debuginfod_reply reply;
		int err, fd = -1;

		if (!wait_for(debuginfod, -1, START_TIMEOUT_NS))
			return -ETIMEDOUT;
		err = receive(debuginfod, &reply, &fd);
		cleanup_fd(&fd);
		if (err < 0 || reply.err < 0)
			return err < 0 ? err : reply.err;
	}
	return 0;
}

static int start(struct debuginfod *debuginfod, const struct debuginfod_config *config)
{
	const char *library = config->library ? config->library : DEBUGINFOD_LIBRARY;
	const char *directory =
		config->servers_directory ? config->servers_directory : "/etc/debuginfod";
	CLEANUP(cleanup_free) char *servers = NULL;
	CLEANUP(cleanup_fd) int theirs = -1;
	int sockets[2], err;

	err = debuginfod_servers(directory, &servers);
	if (err == -ENOENT)
		log_error("--debuginfod: no server to ask: DEBUGINFOD_URLS is not set, and "
			  "'%s' names none",
			  directory);
	if (err < 0)
		return err;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	debuginfod->socket = sockets[0];
	theirs = sockets[1];
	err = start_workers(debuginfod, theirs, library, servers);
	if (err < 0)
		return err;
	/* With no copy of ours left, their end is closed when the last of them ends. */
	cleanup_fd(&theirs);
	theirs = -1;
	err = wait_until_ready(debuginfod);
	if (err == -ELIBACC)
		log_error("--debuginfod: cannot load '%s'; its package is libdebuginfod1 (Debian) "
			  "or elfutils-debuginfod-client (Fedora)",
			  library);
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
	debuginfod->socket = -1;
	debuginfod->budget_ns = (uint64_t)(config->budget_s * (double)NS_PER_SECOND);
	err = start(debuginfod, config);
	if (err < 0 && err != -ENOENT && err != -ELIBACC)
		log_error("--debuginfod: cannot start the downloads: %s", strerror(-err));
	if (err < 0)
		return err;
	*ret = TAKE(debuginfod);
	return 0;
}

/* Hands over what they may work on, as far as the socket takes it. */
static void send_asks(struct debuginfod *debuginfod)
{
	while (debuginfod->sent < debuginfod->count && debuginfod->socket >= 0) {
		struct debuginfod_request request = {
			.index = debuginfod->sent,
			.deadline_ns = clock_ns(CLOCK_MONOTONIC) + left_ns(debuginfod),
			.id = debuginfod->asks[debuginfod->sent].id,
		};

		if (send(debuginfod->socket, &request, sizeof(request),
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return;
		debuginfod->sent++;
		update_clock(debuginfod);
	}
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

	assert(debuginfod->socket >= 0);
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
	update_clock(debuginfod);
}

/* The ask that a reply is for; NULL when there is none that waits for it. */
static struct ask *find_ask(struct debuginfod *debuginfod, const struct debuginfod_reply *reply)
{
	struct ask *ask;

	if (reply->index >= debuginfod->sent)
		return NULL;
	ask = &debuginfod->asks[reply->index];
	return ask->is_answered ? NULL : ask;
}

int debuginfod_next(struct debuginfod *debuginfod, struct build_id *ret_id, int *ret_fd)
{
	while (debuginfod->socket >= 0) {
		CLEANUP(cleanup_fd) int fd = -1;
		struct debuginfod_reply reply;
		struct ask *ask;
		int err = receive(debuginfod, &reply, &fd);

		if (err < 0) {
			debuginfod->has_failed = err != -EAGAIN;
			break;
		}
		ask = find_ask(debuginfod, &reply);
		if (!ask)
			continue;
		ask->is_answered = true;
		if (reply.err == 0 && fd < 0)
			reply.err = -EMFILE; /* it was sent, and there was no room for it */
		count_answer(debuginfod, reply.err);
		if (reply.err < 0)
			continue;
		*ret_id = ask->id;
		*ret_fd = TAKE_FD(fd);
		return 1;
	}
	send_asks(debuginfod);
	return 0;
}

bool debuginfod_is_waiting(const struct debuginfod *debuginfod)
{
	return debuginfod->socket >= 0 && !debuginfod->has_failed && left_ns(debuginfod) &&
	       debuginfod->stats.asked > answered(debuginfod);
}

bool debuginfod_wait(struct debuginfod *debuginfod, int interrupt_fd)
{
	if (debuginfod->socket < 0 || debuginfod->has_failed)
		return false;
	send_asks(debuginfod);
	if (debuginfod->sent == answered(debuginfod))
		return false;
	return wait_for(debuginfod, interrupt_fd, left_ns(debuginfod));
}

/* Waits for the children to end by themselves, which closes the socket. */
static void wait_for_end(struct debuginfod *debuginfod)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + STOP_TIMEOUT_NS, now;

	while ((now = clock_ns(CLOCK_MONOTONIC)) < end) {
		struct debuginfod_reply reply;
		int fd = -1;

		if (!wait_for(debuginfod, -1, end - now))
			return;
		if (receive(debuginfod, &reply, &fd) < 0)
			return;
		cleanup_fd(&fd);
	}
}

void debuginfod_stop(struct debuginfod *debuginfod)
{
	struct debuginfod_stats *stats = &debuginfod->stats;

	if (debuginfod->socket < 0)
		return;
	(void)shutdown(debuginfod->socket, SHUT_WR);
	/* What has not ended at the end of the budget has been given its time. */
	if (left_ns(debuginfod))
		wait_for_end(debuginfod);
	for (size_t i = 0; i < WORKERS && debuginfod->workers[i] > 0; i++) {
		(void)kill(debuginfod->workers[i], SIGKILL);
		(void)waitpid(debuginfod->workers[i], NULL, 0);
	}
	debuginfod->used_ns = used_ns(debuginfod);
	debuginfod->busy_since_ns = 0;
	cleanup_fd(&debuginfod->socket);
	debuginfod->socket = -1;
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
