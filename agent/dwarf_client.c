/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/dwarf_client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/dwarf_protocol.h"
#include "agent/dwarf_spawn.h"
#include "agent/process_memory.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "symbolize/file_change.h"

/* Each holds two descriptors. */
#define FILES_MAX 4096

/* The reader is ended by us before it ends itself. */
#define LATER_SECONDS 5

struct file {
	int fd, alt_fd;  /* kept for the next reader; -1 none */
	uint32_t reader; /* which reader knows it; 0: none */
	uint32_t number; /* as that reader calls it */
	bool is_bad;
	uint64_t waited_ns; /* for answers about it */
	struct stat opened; /* what fd was then: all answers are about that */
};

/* What is slow or wrong once a day costs the files that come later nothing. */
#define GIVEN_BACK_PART     100
#define READER_GIVEN_BACK_S 3600

struct dwarf_client {
	uint64_t request_ns_max;
	uint64_t given_back_ns; /* CLOCK_MONOTONIC: until when; 0: not yet */
	uint64_t reader_ns;     /* and since when no reader has been */
	uint64_t slow_ns;       /* waited, beyond what each file has for itself */
	int interrupt_fd;
	bool is_interrupted;
	int socket;            /* -1: no reader */
	_Atomic pid_t pid;     /* 0: no reader */
	uint64_t first_bytes;  /* what it had at the first dwarf_client_rest(); 0: there was none */
	uint32_t reader;       /* how many have been started */
	uint32_t rested;       /* of these, ended between questions */
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
	client->interrupt_fd = -1;
	client->socket = -1;
	*ret = client;
	return 0;
}

void dwarf_client_set_interrupt(struct dwarf_client *client, int interrupt_fd)
{
	client->interrupt_fd = interrupt_fd;
}

/* Ends it whatever it does: what it holds is copies. */
static void end_reader(struct dwarf_client *client)
{
	struct rusage usage = { 0 };
	siginfo_t end;
	pid_t pid = client->pid;

	if (client->socket < 0)
		return;
	cleanup_fd(&client->socket);
	client->socket = -1;
	client->first_bytes = 0;
	(void)kill(pid, SIGKILL);
	/* Until it is waited for its time can be read, and its number is no other's. */
	while (waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	client->pid = 0;
	while (wait4(pid, NULL, 0, &usage) < 0 && errno == EINTR)
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

static int start_reader(struct dwarf_client *client)
{
	int sockets[2], err;
	pid_t pid;

	if (client->socket >= 0)
		return 0;
	if (client->reader - client->rested >= DWARF_READERS_MAX)
		return -ECONNABORTED;
	if (!client->answers)
		client->answers = malloc(DWARF_ANSWERS_SIZE_MAX);
	if (!client->answers)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	err = dwarf_spawn(sockets[1], &pid);
	(void)close(sockets[1]);
	if (err < 0) {
		(void)close(sockets[0]);
		return err;
	}
	client->socket = sockets[0];
	client->pid = pid;
	client->reader++;
	client->reader_files = 0;
	return 0;
}

/* What a file may still take: of one request, of its own time, of the time of all slow ones. */
static uint64_t left_ns(const struct dwarf_client *client, const struct file *file)
{
	uint64_t quick = client->request_ns_max / DWARF_QUICK_PART;
	uint64_t own = DWARF_FILE_REQUESTS * client->request_ns_max;
	uint64_t all = DWARF_SLOW_REQUESTS * client->request_ns_max;
	uint64_t left = client->request_ns_max;

	own = file->waited_ns < own ? own - file->waited_ns : 0;
	all = client->slow_ns < all ? all - client->slow_ns : 0;
	all += file->waited_ns < quick ? quick - file->waited_ns : 0;
	left = own < left ? own : left;
	return all < left ? all : left;
}

static void charge(struct dwarf_client *client, struct file *file, uint64_t ns)
{
	uint64_t quick = client->request_ns_max / DWARF_QUICK_PART;
	uint64_t before = file->waited_ns > quick ? file->waited_ns : quick;

	file->waited_ns += ns;
	if (file->waited_ns > before)
		client->slow_ns += file->waited_ns - before;
}

/* The reply, with its answers. -EPIPE: the reader has gone before it said anything. */
static int talk(struct dwarf_client *client, const struct dwarf_request *request, const int *fds,
		size_t fd_count, const uint64_t *addresses, const struct dwarf_wait *wait,
		struct dwarf_reply *ret)
{
	int err = dwarf_send(client->socket, request, sizeof(*request), fds, fd_count, wait);

	if (!err && addresses)
		err = dwarf_send(client->socket, addresses, request->count * sizeof(*addresses),
				 NULL, 0, wait);
	if (!err)
		err = dwarf_receive(client->socket, ret, sizeof(*ret), NULL, 0, NULL, wait);
	if (err < 0 || !ret->size)
		return err;
	if (ret->size > DWARF_ANSWERS_SIZE_MAX)
		return -EPROTO;
	err = dwarf_receive(client->socket, client->answers, ret->size, NULL, 0, NULL, wait);
	return err == -EPIPE ? -EPROTO : err;
}

/* Requests one thing of the reader, which is ended where it cannot be talked to any more. */
static int request(struct dwarf_client *client, struct file *file, struct dwarf_request *request,
		   const uint64_t *addresses, struct dwarf_reply *ret)
{
	const int fds[] = { file->fd, file->alt_fd };
	size_t fd_count = request->kind != DWARF_OPEN ? 0 : file->alt_fd >= 0 ? 2 : 1;
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), left = left_ns(client, file);
	struct dwarf_wait wait = { begin + left, client->interrupt_fd };
	int err;

	/* A file that has had its time is not this reader's fault. */
	if (!left)
		return -ETIMEDOUT;
	request->seconds = (uint32_t)(left / NS_PER_SECOND) + LATER_SECONDS;
	err = talk(client, request, fds, fd_count, addresses, &wait, ret);
	charge(client, file, clock_ns(CLOCK_MONOTONIC) - begin);
	client->is_interrupted |= err == -EINTR;
	if (err < 0)
		end_reader(client);
	return err;
}

/* Not to be tried again. */
static void give_up(struct file *file)
{
	file->is_bad = true;
	cleanup_fd(&file->fd);
	cleanup_fd(&file->alt_fd);
	file->fd = file->alt_fd = -1;
}

static int fail(struct file *file, uint64_t *counter, int err)
{
	(*counter)++;
	give_up(file);
	return err;
}

/* Of a reader that was ended by it. */
static int fail_for(struct dwarf_client *client, struct file *file, int err)
{
	struct dwarf_client_stats *stats = &client->stats;
	uint64_t *counter = err == -EINTR       ? &stats->unread
			    : err == -ETIMEDOUT ? &stats->timeouts
						: &stats->crashes;

	return fail(file, counter, err);
}

/*
 * Sees to it that there is a reader, that it has the file, and if there are addresses that it is
 * asked for them. -errno: a file that is not bad then has cost a reader.
 */
static int try(struct dwarf_client *client, struct file *file, const uint64_t *addresses, size_t n,
	       struct dwarf_reply *ret)
{
	struct dwarf_request open = { .kind = DWARF_OPEN }, find = { .kind = DWARF_FIND };
	int err = client->is_interrupted ? -EINTR : start_reader(client);

	if (err < 0)
		return fail(file, &client->stats.unread, err);
	if (file->reader != client->reader) {
		open.file = client->reader_files;
		err = request(client, file, &open, NULL, ret);
		if (err < 0)
			return err;
		if (ret->err < 0)
			return fail(file, &client->stats.refused, ret->err);
		file->reader = client->reader;
		file->number = client->reader_files++;
	}
	if (!n)
		return 0;
	find.file = file->number;
	find.count = (uint32_t)n;
	err = request(client, file, &find, addresses, ret);
	if (err < 0)
		return err;
	for (size_t i = 0; i < DWARF_REFUSALS; i++)
		client->stats.parts_refused[i] += ret->refused[i];
	return ret->err < 0 ? fail(file, &client->stats.refused, ret->err) : 0;
}

static int ask(struct dwarf_client *client, struct file *file, const uint64_t *addresses, size_t n,
	       struct dwarf_reply *ret)
{
	bool was_there = client->socket >= 0;
	int err = try(client, file, addresses, n, ret);

	/* It may have been ended while nobody asked it for anything: that is not this file's doing.
	 */
	if (err == -EPIPE && was_there && !file->is_bad)
		err = try(client, file, addresses, n, ret);
	if (err >= 0 || file->is_bad)
		return err;
	return fail_for(client, file, err);
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
	struct dwarf_reply reply = { 0 };
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
	err = ask(client, file, NULL, 0, &reply);
	if (err < 0)
		return err;
	*ret_file = (uint32_t)(file - client->files);
	return 0;
}

/* Hands over the answers of a reply, to the addresses from number first on. */
static int read_answers(struct dwarf_client *client, const struct dwarf_reply *reply, size_t first,
			dwarf_answer answer, void *answer_context)
{
	struct dwarf_answer taken;
	size_t position = 0;

	for (size_t i = 0; i < reply->count; i++) {
		if (!dwarf_answers_take(client->answers, reply->size, &position, &taken))
			return -EPROTO;
		client->stats.left_out += taken.is_left_out;
		answer(answer_context, first + i, taken.frames, taken.count);
	}
	return position == reply->size ? 0 : -EPROTO;
}

int dwarf_client_find(void *context, uint32_t number, const uint64_t *addresses, size_t n,
		      dwarf_answer answer, void *answer_context)
{
	struct dwarf_client *client = context;
	struct file *file = &client->files[number];
	size_t done = 0;

	if (file->is_bad)
		return -EBADF;
	client->stats.addresses += n;
	/* As many as find room are answered at once. */
	while (done < n) {
		struct dwarf_reply reply = { 0 };
		int err = ask(client, file, addresses + done, n - done, &reply);

		if (err < 0)
			return err;
		/* The reader looks at the file itself: what stands there now need not be what was
		 * mapped. */
		if (!file_is_as_before(file->fd, &file->opened))
			return fail(file, &client->stats.refused, -ESTALE);
		err = reply.count && reply.count <= n - done ? 0 : -EPROTO;
		if (!err)
			err = read_answers(client, &reply, done, answer, answer_context);
		if (err < 0) {
			end_reader(client);
			return fail(file, &client->stats.crashes, err);
		}
		done += reply.count;
	}
	return 0;
}

/* Ended by somebody else while nobody asked it for anything. */
static bool has_gone(const struct dwarf_client *client)
{
	struct pollfd socket = { .fd = client->socket };

	return poll(&socket, 1, 0) > 0;
}

static bool can_rest(const struct dwarf_client *client, const struct file *file)
{
	return file->reader == client->reader && !file->is_bad && left_ns(client, file) > 0;
}

/*
 * What the reader has is measured when it has given up what was for the last answers: right behind
 * them that is some megabytes, and would end one that has not grown. File by file: who crashes
 * there or takes too long is given up as when it is asked for names.
 */
static void rest_reader(struct dwarf_client *client)
{
	uint32_t left = 0;

	if (client->socket >= 0 && has_gone(client))
		end_reader(client);
	for (size_t i = 0; i < client->count; i++)
		left += can_rest(client, &client->files[i]);
	for (size_t i = 0; client->socket >= 0 && left && i < client->count; i++) {
		struct dwarf_request rest = { .kind = DWARF_REST };
		struct file *file = &client->files[i];
		struct dwarf_reply reply;
		int err;

		if (!can_rest(client, file))
			continue;
		rest.file = file->number;
		rest.count = --left;
		err = request(client, file, &rest, NULL, &reply);
		if (err < 0)
			(void)fail_for(client, file, err);
	}
}

static uint64_t less(uint64_t from, uint64_t amount)
{
	return from > amount ? from - amount : 0;
}

static void give_back(struct dwarf_client *client, uint64_t now_ns)
{
	uint64_t ns;

	if (!client->given_back_ns)
		client->given_back_ns = client->reader_ns = now_ns;
	ns = (now_ns - client->given_back_ns) / GIVEN_BACK_PART;
	client->given_back_ns = now_ns;
	client->slow_ns = less(client->slow_ns, ns);
	for (size_t i = 0; i < client->count; i++)
		client->files[i].waited_ns = less(client->files[i].waited_ns, ns);
	if (now_ns - client->reader_ns < READER_GIVEN_BACK_S * NS_PER_SECOND)
		return;
	client->reader_ns = now_ns;
	/* One that lives is not one that ended badly. */
	client->rested += client->reader - client->rested > (client->socket >= 0);
}

void dwarf_client_rest(struct dwarf_client *client, const struct dwarf_client_room *room,
		       uint64_t now_ns)
{
	uint64_t bytes;

	give_back(client, now_ns);
	rest_reader(client);
	bytes = client->socket < 0 ? 0 : process_resident_bytes(client->pid);
	if (!bytes)
		return;
	if (!client->first_bytes)
		client->first_bytes = bytes;
	if (bytes <= room->bytes_max && bytes <= client->first_bytes + room->growth_max)
		return;
	end_reader(client);
	client->rested++;
}

void dwarf_client_usage_of(const struct dwarf_client *client, struct dwarf_client_usage *ret)
{
	pid_t pid = client->pid;
	clockid_t clock;
	struct timespec time;

	*ret = (struct dwarf_client_usage){ 0 };
	if (!pid || clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &time) < 0)
		return;
	ret->cpu_ns = (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_nsec;
	ret->resident_bytes = process_resident_bytes(pid);
}

void dwarf_client_read_stats(const struct dwarf_client *client, struct dwarf_client_stats *ret)
{
	struct dwarf_client_usage usage;

	dwarf_client_usage_of(client, &usage);
	*ret = client->stats;
	ret->cpu_seconds += (double)usage.cpu_ns / (double)NS_PER_SECOND;
}
