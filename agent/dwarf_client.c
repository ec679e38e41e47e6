/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/dwarf_client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/dwarf_protocol.h"
#include "agent/dwarf_server.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "symbolize/file_change.h"

/* Each holds two descriptors. */
#define FILES_MAX 4096

struct file {
	int fd, alt_fd;  /* kept for the next reader; -1 none */
	uint32_t reader; /* which reader knows it; 0: none */
	uint32_t number; /* as that reader calls it */
	bool is_bad;
	struct stat opened; /* what fd was then: all answers are about that */
};

struct dwarf_client {
	uint64_t request_ns_max;
	int socket; /* -1: no reader */
	pid_t pid;
	uint32_t reader;       /* how many have been started */
	uint32_t reader_files; /* how many files this one has */
	struct file *files;
	size_t count, capacity;
	char *answers; /* DWARF_ANSWERS_SIZE_MAX */
	struct dwarf_client_stats stats;
};

int dwarf_client_new(uint64_t request_ns_max, struct dwarf_client **ret)
{
	struct dwarf_client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	client->request_ns_max = request_ns_max;
	client->socket = -1;
	*ret = client;
	return 0;
}

/* Ends it whatever it does: what it holds is copies. */
static void end_reader(struct dwarf_client *client)
{
	struct rusage usage = { 0 };

	if (client->socket < 0)
		return;
	cleanup_fd(&client->socket);
	client->socket = -1;
	(void)kill(client->pid, SIGKILL);
	while (wait4(client->pid, NULL, 0, &usage) < 0 && errno == EINTR)
		;
	client->stats.cpu_seconds +=
		(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void dwarf_client_free(struct dwarf_client *client)
{
	if (!client)
		return;
	end_reader(client);
	for (size_t i = 0; i < client->count; i++) {
		cleanup_fd(&client->files[i].fd);
		cleanup_fd(&client->files[i].alt_fd);
	}
	free(client->files);
	free(client->answers);
	free(client);
}

/*
 * The reader begins with its socket and no other file: what should be open always is a path, which
 * is there in every container, and cannot be read or written. Signals that end a recording come to
 * all that it consists of, while names are still asked for: only eprof ends the reader. What eprof
 * ignores does to the reader what it does to everybody.
 */
static int prepare_spawn(int socket, posix_spawn_file_actions_t *actions,
			 posix_spawnattr_t *attributes)
{
	static const int blocked[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM };
	sigset_t signals, defaults;
	int err = 0;

	(void)sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(blocked) / sizeof(blocked[0]); i++)
		(void)sigaddset(&signals, blocked[i]);
	(void)sigemptyset(&defaults);
	(void)sigaddset(&defaults, SIGPIPE);
	(void)sigaddset(&defaults, SIGXFSZ);
	for (int fd = 0; !err && fd < DWARF_SERVER_SOCKET; fd++)
		err = posix_spawn_file_actions_addopen(actions, fd, "/", O_PATH | O_DIRECTORY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(actions, socket, DWARF_SERVER_SOCKET);
	if (!err)
		err = posix_spawnattr_setsigmask(attributes, &signals);
	if (!err)
		err = posix_spawnattr_setsigdefault(attributes, &defaults);
	if (!err)
		err = posix_spawnattr_setflags(attributes,
					       POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return -err;
}

static int spawn(int socket, pid_t *ret_pid)
{
	char *argv[] = { "eprof", DWARF_SERVER_ARGUMENT, NULL };
	char *environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int err;

	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	(void)posix_spawnattr_init(&attributes);
	err = prepare_spawn(socket, &actions, &attributes);
	if (!err)
		err = -posix_spawn(ret_pid, "/proc/self/exe", &actions, &attributes, argv,
				   environment);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return err;
}

static int start_reader(struct dwarf_client *client)
{
	int sockets[2], err;

	if (client->socket >= 0)
		return 0;
	if (client->reader >= DWARF_READERS_MAX)
		return -ECONNABORTED;
	if (!client->answers)
		client->answers = malloc(DWARF_ANSWERS_SIZE_MAX);
	if (!client->answers)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	err = spawn(sockets[1], &client->pid);
	(void)close(sockets[1]);
	if (err < 0) {
		(void)close(sockets[0]);
		return err;
	}
	client->socket = sockets[0];
	client->reader++;
	client->reader_files = 0;
	return 0;
}

/* Requests one thing of the reader; -errno also when that is its answer. */
static int request(struct dwarf_client *client, const struct dwarf_request *request, const int *fds,
		   size_t fd_count, const uint64_t *addresses, uint32_t *ret_size)
{
	uint64_t deadline = clock_ns(CLOCK_MONOTONIC) + client->request_ns_max;
	struct dwarf_reply reply = { 0 };
	int err = dwarf_send(client->socket, request, sizeof(*request), fds, fd_count, deadline);

	if (!err && addresses)
		err = dwarf_send(client->socket, addresses, request->count * sizeof(*addresses),
				 NULL, 0, deadline);
	if (!err)
		err = dwarf_receive(client->socket, &reply, sizeof(reply), NULL, 0, NULL, deadline);
	if (!err && reply.size > DWARF_ANSWERS_SIZE_MAX)
		err = -EPROTO;
	if (!err && reply.size)
		err = dwarf_receive(client->socket, client->answers, reply.size, NULL, 0, NULL,
				    deadline);
	if (err < 0) {
		/* Whatever it was, this reader is not to be talked to any more. */
		client->stats.timeouts += err == -ETIMEDOUT;
		client->stats.crashes += err != -ETIMEDOUT;
		end_reader(client);
		return err;
	}
	client->stats.refused += reply.err < 0;
	*ret_size = reply.size;
	return reply.err < 0 ? reply.err : 0;
}

/* Sees to it that there is a reader, and that it has the file. */
static int hand_over(struct dwarf_client *client, struct file *file)
{
	const int fds[] = { file->fd, file->alt_fd };
	uint32_t size;
	int err = start_reader(client);

	client->stats.unread += err < 0;
	if (err < 0 || file->reader == client->reader)
		return err;
	err = request(client,
		      &(struct dwarf_request){ .kind = DWARF_OPEN, .file = client->reader_files },
		      fds, file->alt_fd >= 0 ? 2 : 1, NULL, &size);
	if (err < 0)
		return err;
	file->reader = client->reader;
	file->number = client->reader_files++;
	return 0;
}

/* Not to be tried again. */
static void give_up(struct file *file)
{
	file->is_bad = true;
	cleanup_fd(&file->fd);
	cleanup_fd(&file->alt_fd);
	file->fd = file->alt_fd = -1;
}

static struct file *add_file(struct dwarf_client *client)
{
	if (client->count >= FILES_MAX)
		return NULL;
	if (client->count == client->capacity) {
		size_t capacity = client->capacity ? 2 * client->capacity : 16;
		struct file *files = realloc(client->files, capacity * sizeof(*files));

		if (!files)
			return NULL;
		client->files = files;
		client->capacity = capacity;
	}
	return &client->files[client->count++];
}

int dwarf_client_open(void *context, int fd, int alt_fd, uint32_t *ret_file)
{
	struct dwarf_client *client = context;
	struct file *file = add_file(client);
	int err;

	client->stats.files++;
	if (!file) {
		client->stats.unread++;
		cleanup_fd(&fd);
		cleanup_fd(&alt_fd);
		return -ENOMEM;
	}
	*file = (struct file){ .fd = fd, .alt_fd = alt_fd };
	(void)fstat(fd, &file->opened);
	err = hand_over(client, file);
	if (err < 0) {
		give_up(file);
		return err;
	}
	*ret_file = (uint32_t)(file - client->files);
	return 0;
}

static int read_answers(const struct dwarf_client *client, uint32_t size, size_t n,
			dwarf_answer answer, void *answer_context)
{
	size_t position = 0;

	for (size_t i = 0; i < n; i++) {
		struct dwarf_frame frames[DWARF_FRAMES_MAX];
		size_t count;

		if (!dwarf_answers_take(client->answers, size, &position, frames, DWARF_FRAMES_MAX,
					&count))
			return -EPROTO;
		answer(answer_context, i, frames, count);
	}
	return position == size ? 0 : -EPROTO;
}

int dwarf_client_find(void *context, uint32_t number, const uint64_t *addresses, size_t n,
		      dwarf_answer answer, void *answer_context)
{
	struct dwarf_client *client = context;
	struct file *file = &client->files[number];
	uint32_t size;
	int err;

	if (file->is_bad)
		return -EBADF;
	err = hand_over(client, file);
	if (err < 0) {
		give_up(file);
		return err;
	}
	client->stats.addresses += n;
	err = request(client,
		      &(struct dwarf_request){
			      .kind = DWARF_FIND, .file = file->number, .count = (uint32_t)n },
		      NULL, 0, addresses, &size);
	if (err < 0) {
		give_up(file);
		return err;
	}
	/* The reader looks at the file itself: what stands there now need not be what was mapped.
	 */
	if (!file_is_as_before(file->fd, &file->opened)) {
		client->stats.refused++;
		give_up(file);
		return -ESTALE;
	}
	err = read_answers(client, size, n, answer, answer_context);
	if (err < 0) {
		client->stats.crashes++;
		end_reader(client);
		give_up(file);
	}
	return err;
}

void dwarf_client_read_stats(const struct dwarf_client *client, struct dwarf_client_stats *ret)
{
	clockid_t clock;
	struct timespec time;

	*ret = client->stats;
	if (client->socket < 0 || clock_getcpuclockid(client->pid, &clock) ||
	    clock_gettime(clock, &time) < 0)
		return;
	ret->cpu_seconds += (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
