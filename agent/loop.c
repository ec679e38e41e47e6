/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/loop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "base/cleanup.h"

#define EVENTS_AT_ONCE 16

/* What a descriptor of ours is; packed with it into epoll_event.data. */
struct watch {
	int fd;
	enum loop_event event;
	bool is_borrowed;
};

struct loop {
	int epoll_fd;
	int signal_fd; /* among the watches */
	struct watch *watches;
	size_t count;
	size_t processes_left;
	bool reloads; /* SIGHUP does not end anything */
	sigset_t mask_before;
};

static void cleanup_loop(struct loop **loop)
{
	loop_free(*loop);
}

/* Consumes fd on success. */
static int add_watch(struct loop *loop, int fd, enum loop_event event)
{
	struct epoll_event epoll = {
		.events = EPOLLIN,
		.data.u64 = (uint64_t)event | (uint64_t)(uint32_t)fd << 32,
	};
	struct watch *watches = realloc(loop->watches, (loop->count + 1) * sizeof(*loop->watches));

	if (!watches)
		return -ENOMEM;
	loop->watches = watches;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &epoll) < 0)
		return -errno;
	loop->watches[loop->count++] = (struct watch){ .fd = fd, .event = event };
	return 0;
}

/* Those that end a recording. */
static void fill_signals(sigset_t *ret)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	(void)sigemptyset(ret);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct sigaction action;

		if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			(void)sigaddset(ret, ends[i]);
	}
}

int loop_new(struct loop **ret)
{
	CLEANUP(cleanup_loop) struct loop *loop = calloc(1, sizeof(*loop));
	CLEANUP(cleanup_fd) int signal_fd = -1;
	sigset_t signals;
	int err;

	if (!loop)
		return -ENOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return -errno;
	fill_signals(&signals);
	if (sigprocmask(SIG_BLOCK, &signals, &loop->mask_before) < 0)
		return -errno;
	signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return -errno;
	err = add_watch(loop, signal_fd, LOOP_INTERRUPTED);
	if (err < 0)
		return err;
	loop->signal_fd = TAKE_FD(signal_fd);
	*ret = TAKE(loop);
	return 0;
}

int loop_signal_fd(const struct loop *loop)
{
	return loop->signal_fd;
}

static void read_all(int fd)
{
	struct signalfd_siginfo buffer;

	while (read(fd, &buffer, sizeof(buffer)) > 0)
		;
}

void loop_release_signals(struct loop *loop)
{
	read_all(loop->signal_fd);
	(void)sigprocmask(SIG_SETMASK, &loop->mask_before, NULL);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	for (size_t i = 0; i < loop->count; i++) {
		if (!loop->watches[i].is_borrowed)
			cleanup_fd(&loop->watches[i].fd);
	}
	free(loop->watches);
	cleanup_fd(&loop->epoll_fd);
	free(loop);
}

void loop_set_reload(struct loop *loop)
{
	loop->reloads = true;
}

int loop_add_fd(struct loop *loop, int fd, enum loop_event event)
{
	int err = add_watch(loop, fd, event);

	if (!err)
		loop->watches[loop->count - 1].is_borrowed = true;
	return err;
}

static int set_timer(int fd, double seconds, bool periodic)
{
	struct itimerspec when = { 0 };

	when.it_value.tv_sec = (time_t)seconds;
	when.it_value.tv_nsec = (long)((seconds - (double)when.it_value.tv_sec) * 1e9);
	if (!when.it_value.tv_sec && !when.it_value.tv_nsec)
		when.it_value.tv_nsec = 1; /* 0 would disarm it */
	if (periodic)
		when.it_interval = when.it_value;
	return timerfd_settime(fd, 0, &when, NULL) < 0 ? -errno : 0;
}

int loop_set_timer(struct loop *loop, double seconds, enum loop_event event)
{
	for (size_t i = 0; i < loop->count; i++) {
		if (loop->watches[i].event == event)
			return set_timer(loop->watches[i].fd, seconds, false);
	}
	return loop_add_timer(loop, seconds, false, event);
}

int loop_add_timer(struct loop *loop, double seconds, bool periodic, enum loop_event event)
{
	CLEANUP(cleanup_fd) int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int err;

	if (fd < 0)
		return -errno;
	err = set_timer(fd, seconds, periodic);
	if (err < 0)
		return err;
	err = add_watch(loop, fd, event);
	if (err < 0)
		return err;
	(void)TAKE_FD(fd);
	return 0;
}

int loop_add_process(struct loop *loop, pid_t pid)
{
	CLEANUP(cleanup_fd) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = add_watch(loop, fd, LOOP_PROCESSES_ENDED);
	if (err < 0)
		return err;
	(void)TAKE_FD(fd);
	loop->processes_left++;
	return 0;
}

/* Which events the signals are that have come. */
static unsigned int read_signals(const struct loop *loop)
{
	struct signalfd_siginfo info;
	unsigned int events = 0;

	while (read(loop->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		events |=
			loop->reloads && info.ssi_signo == SIGHUP ? LOOP_RELOAD : LOOP_INTERRUPTED;
	return events;
}

/* Of who has a descriptor in the loop that only its owner reads. */
static bool is_borrowed(enum loop_event event)
{
	return event == LOOP_STATUS || event == LOOP_UPLOADER;
}

/*
 * Timers and signals are read, so that they can come again; an ended process comes only once, and
 * counts once however many end together. Returns the events that are to be told.
 */
static unsigned int consume(struct loop *loop, int fd, enum loop_event event)
{
	if (fd == loop->signal_fd)
		return read_signals(loop);
	if (is_borrowed(event))
		return event;
	if (event == LOOP_PROCESSES_ENDED) {
		(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return --loop->processes_left == 0 ? event : 0;
	}
	read_all(fd);
	return event;
}

int loop_wait(struct loop *loop, unsigned int *ret_events)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	unsigned int set = 0;
	int count;

	do {
		count = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, -1);
	} while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		enum loop_event event = (enum loop_event)(events[i].data.u64 & 0xffffffff);
		int fd = (int)(events[i].data.u64 >> 32);

		set |= consume(loop, fd, event);
	}
	*ret_events = set;
	return 0;
}
