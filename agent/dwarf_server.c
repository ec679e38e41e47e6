/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/dwarf_server.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/dwarf_protocol.h"
#include "agent/dwarf_sandbox.h"
#include "agent/privileges.h"
#include "base/cleanup.h"

/* Address space: files of debug information are mapped, and reach some gigabytes. */
#define ADDRESS_SPACE_MAX (16ULL << 30)
/* Of all requests together; one that takes too long is ended by who asks, or by the alarm. */
#define CPU_SECONDS_MAX   3600
/* What the index of one file may take; then what is used least is forgotten. */
#define INDEX_BYTES_MAX   (256ULL << 20)

/* They begin with more address space than that, and ask the kernel for more than we do. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER
#endif

/*
 * So long without a question, and the files' pages are given up: of each that is looked at the
 * kernel maps those around it, too, and they would add up to most of what this process has.
 */
#define REST_MS 200

struct server {
	struct dwarf_names **files;
	uint32_t count;
	struct dwarf_answers answers;
	uint64_t addresses[DWARF_LOOKUP_MAX];
};

static void limit(int resource, uint64_t value)
{
	struct rlimit limits;

	if (getrlimit(resource, &limits) < 0)
		return;
	if (limits.rlim_max == RLIM_INFINITY || limits.rlim_max > value)
		limits.rlim_max = value;
	limits.rlim_cur = limits.rlim_max;
	(void)setrlimit(resource, &limits);
}

static void be_killed_first(void)
{
	CLEANUP(cleanup_fd) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1000", 4) < 0)
		return; /* the memory limit stays */
}

static void set_limits(void)
{
	be_killed_first();
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, CPU_SECONDS_MAX);
#ifndef HAS_SANITIZER
	limit(RLIMIT_AS, ADDRESS_SPACE_MAX);
#endif
}

/* Without all of it this is no better than reading the file in the profiler itself. */
static int drop_privileges(void)
{
	int err;

	/* What whoever started eprof has left open. */
	if (close_range(DWARF_SERVER_SOCKET + 1, UINT32_MAX, 0) < 0)
		return -errno;
	err = privileges_drop();
	if (err < 0)
		return err;
#ifdef HAS_SANITIZER
	return 0;
#else
	return dwarf_sandbox_enter();
#endif
}

static int open_file(struct server *server, uint32_t number, int fd, int alt_fd)
{
	const struct dwarf_options options = { .bytes_max = INDEX_BYTES_MAX };
	struct dwarf_names **files, *names;
	int err;

	if (number != server->count) {
		cleanup_fd(&fd);
		cleanup_fd(&alt_fd);
		return -EPROTO;
	}
	err = dwarf_names_open(fd, &options, &names);
	if (err < 0) {
		cleanup_fd(&alt_fd);
		return err;
	}
	/* Without it some names are missing, no more. */
	if (alt_fd >= 0)
		(void)dwarf_names_set_alternate(names, alt_fd);
	files = realloc(server->files, (server->count + 1) * sizeof(struct dwarf_names *));
	if (!files) {
		dwarf_names_free(names);
		return -ENOMEM;
	}
	server->files = files;
	files[server->count++] = names;
	return 0;
}

static int send_reply(struct dwarf_reply *reply, const struct dwarf_answers *answers)
{
	int err;

	reply->size = reply->err < 0 ? 0 : (uint32_t)answers->size;
	err = dwarf_send(DWARF_SERVER_SOCKET, reply, sizeof(*reply), NULL, 0, NULL);
	if (err < 0 || !reply->size)
		return err;
	return dwarf_send(DWARF_SERVER_SOCKET, answers->bytes, reply->size, NULL, 0, NULL);
}

/* Looks the addresses up while there is room for answers; returns how many have one. */
static uint32_t look_up(struct server *server, struct dwarf_names *names, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct dwarf_frame frames[DWARF_FRAMES_MAX];
		size_t n = dwarf_names_find(names, server->addresses[i], frames, DWARF_FRAMES_MAX);

		if (!dwarf_answers_put(&server->answers, frames, n))
			return i;
	}
	return count;
}

static int find(struct server *server, const struct dwarf_request *request)
{
	struct dwarf_stats before, after;
	struct dwarf_reply reply = { 0 };
	struct dwarf_names *names;
	int err;

	if (!request->count || request->count > DWARF_LOOKUP_MAX || request->file >= server->count)
		return -EPROTO;
	err = dwarf_receive(DWARF_SERVER_SOCKET, server->addresses,
			    request->count * sizeof(uint64_t), NULL, 0, NULL, NULL);
	if (err < 0)
		return err;
	server->answers.size = 0;
	names = server->files[request->file];
	dwarf_names_stats(names, &before);
	reply.count = look_up(server, names, request->count);
	dwarf_names_stats(names, &after);
	for (size_t i = 0; i < DWARF_REFUSALS; i++)
		reply.refused[i] = (uint32_t)(after.refused[i] - before.refused[i]);
	return send_reply(&reply, &server->answers);
}

static void rest(const struct server *server)
{
	for (uint32_t i = 0; i < server->count; i++)
		dwarf_names_rest(server->files[i]);
	(void)malloc_trim(0);
}

static int rest_for_long(const struct server *server, const struct dwarf_request *request)
{
	if (request->file >= server->count)
		return -EPROTO;
	dwarf_names_forget(server->files[request->file]);
	dwarf_names_rest(server->files[request->file]);
	if (!request->count)
		(void)malloc_trim(0);
	return 0;
}

static int do_request(struct server *server, const struct dwarf_request *request, const int fds[2],
		      size_t fd_count)
{
	static const struct dwarf_answers none = { 0 };
	struct dwarf_reply reply = { 0 };
	int err = 0;

	if (request->kind == DWARF_FIND && !fd_count)
		return find(server, request);
	if (request->kind == DWARF_OPEN && fd_count)
		reply.err = open_file(server, request->file, fds[0], fds[1]);
	else if (request->kind == DWARF_REST && !fd_count)
		err = rest_for_long(server, request);
	else
		err = -EPROTO;
	return err < 0 ? err : send_reply(&reply, &none);
}

static void rest_if_idle(const struct server *server)
{
	struct pollfd socket = { .fd = DWARF_SERVER_SOCKET, .events = POLLIN };

	if (poll(&socket, 1, REST_MS) == 0)
		rest(server);
}

/* -errno: the other end has gone, or makes no sense. */
static int serve(struct server *server)
{
	int fds[2] = { -1, -1 };
	struct dwarf_request request;
	size_t fd_count = 0;
	int err;

	rest_if_idle(server);
	err = dwarf_receive(DWARF_SERVER_SOCKET, &request, sizeof(request), fds, 2, &fd_count,
			    NULL);

	if (err < 0)
		return err;
	/*
	 * Who asks may be killed while we read: then this ends us. The signal of
	 * prctl(PR_SET_PDEATHSIG) would come when the thread ends that has started us, although
	 * others may still ask.
	 */
	(void)alarm(request.seconds);
	err = do_request(server, &request, fds, fd_count);
	(void)alarm(0);
	return err;
}

static void server_done(struct server *server)
{
	for (uint32_t i = 0; i < server->count; i++)
		dwarf_names_free(server->files[i]);
	free(server->files);
	free(server->answers.bytes);
}

int dwarf_server_run(void)
{
	CLEANUP(server_done) struct server server = { 0 };
	struct stat st;

	if (fstat(DWARF_SERVER_SOCKET, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		(void)fprintf(stderr, "eprof: %s is for eprof itself\n", DWARF_SERVER_ARGUMENT);
		return 2;
	}
	(void)prctl(PR_SET_NAME, "eprof-dwarf");
	server.answers.bytes = malloc(DWARF_ANSWERS_SIZE_MAX);
	if (!server.answers.bytes)
		return 1;
	set_limits();
	server.answers.room = DWARF_ANSWERS_SIZE_MAX;
	if (drop_privileges() < 0)
		return 1;
	while (serve(&server) == 0)
		;
	return 0;
}
