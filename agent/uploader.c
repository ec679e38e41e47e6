/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's side. What a process needs is an order: the config and the memory for its figures,
 * which stay when the process does not. The caller waits for one descriptor, an epoll set that has
 * the process while it runs, and a timer while it is to be started again: so nobody sleeps here.
 */
#include "agent/uploader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/uploader_backoff.h"
#include "agent/uploader_config.h"
#include "agent/uploader_shared.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* Who lives that long was not started in vain. */
#define LIFE_NS_MIN (60 * NS_PER_SECOND)

/* For what is being sent when the targets change: the caller's loop stands still meanwhile. */
#define CHANGE_SECONDS 1

/* Sends that are cut have to come back; the process gives itself less. */
#define KILL_NS (2 * NS_PER_SECOND)

#define NS_PER_MS     UINT64_C(1000000)
#define SECONDS_MAX   1e6
#define US_PER_SECOND 1e6

/* Its jitter does not matter here: there is one process, and 1 s is the least. */
static const struct uploader_backoff start_backoff = {
	.first_ns = NS_PER_SECOND,
	.most_ns = 60 * NS_PER_SECOND,
};

struct order {
	int config_fd, shared_fd;
	struct uploader_shared *shared;
	char *urls[AGENT_TARGETS_MAX], *names[AGENT_TARGETS_MAX];
	size_t count;
};

struct uploader {
	struct order order;
	int wake_fd, timer_fd, poll_fd;
	pid_t pid; /* 0: there is none */
	int pidfd, life_fd;
	uint64_t started_ns;
	unsigned int early_ends; /* in a row */
	uint64_t restarts;
	double cpu_seconds; /* of those that have ended */
};

static void cleanup_order(struct order *order)
{
	cleanup_fd(&order->config_fd);
	cleanup_fd(&order->shared_fd);
	uploader_shared_unmap(order->shared);
	for (size_t i = 0; i < order->count; i++) {
		free(order->urls[i]);
		free(order->names[i]);
	}
	*order = (struct order){ .config_fd = -1, .shared_fd = -1 };
}

/* Figures of a target that there was before go on. */
static void carry_over(const struct order *before, struct order *order)
{
	for (size_t i = 0; i < order->count; i++) {
		for (size_t k = 0; k < before->count; k++) {
			struct uploader_figures figures;

			if (strcmp(order->names[i], before->names[k]) != 0 ||
			    strcmp(order->urls[i], before->urls[k]) != 0)
				continue;
			if (uploader_slot_read(&before->shared->slots[k], &figures))
				uploader_slot_publish(&order->shared->slots[i], &figures);
			break;
		}
	}
}

/* On failure it has what is to be cleaned up. */
static int order_fill(const struct agent_config *config, struct order *order)
{
	int err = uploader_config_seal(config, &order->config_fd);

	if (!err)
		err = uploader_shared_new(&order->shared_fd, &order->shared);
	if (err < 0)
		return err;
	while (order->count < config->target_count) {
		const struct upload_config *target = &config->targets[order->count];
		char *name = strdup(target->name), *url = strdup(target->url);

		order->names[order->count] = name;
		order->urls[order->count++] = url;
		if (!name || !url)
			return -ENOMEM;
	}
	return 0;
}

static int order_init(const struct agent_config *config, struct order *ret)
{
	struct order order = { .config_fd = -1, .shared_fd = -1 };
	int err = order_fill(config, &order);

	if (err < 0)
		cleanup_order(&order);
	else
		*ret = order;
	return err;
}

/*
 * It begins with its four descriptors and stderr: what else should be open always is a path, which
 * is there in every container. Signals that end the agent come to all of its processes; only the
 * agent ends this one.
 */
static int prepare_spawn(const int fds[UPLOADER_FD_END], posix_spawn_file_actions_t *actions,
			 posix_spawnattr_t *attributes)
{
	static const int blocked[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM };
	sigset_t signals, defaults;
	int err = 0;

	(void)sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(blocked) / sizeof(blocked[0]); i++)
		(void)sigaddset(&signals, blocked[i]);
	(void)sigemptyset(&defaults);
	(void)sigaddset(&defaults, SIGCHLD);
	for (int fd = 0; !err && fd < STDERR_FILENO; fd++)
		err = posix_spawn_file_actions_addopen(actions, fd, "/", O_PATH | O_DIRECTORY, 0);
	for (int fd = UPLOADER_CONFIG_FD; !err && fd < UPLOADER_FD_END; fd++)
		err = posix_spawn_file_actions_adddup2(actions, fds[fd], fd);
	if (!err)
		err = posix_spawnattr_setsigmask(attributes, &signals);
	if (!err)
		err = posix_spawnattr_setsigdefault(attributes, &defaults);
	if (!err)
		err = posix_spawnattr_setflags(attributes,
					       POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return -err;
}

/* The environment stays: proxies, certificates and credentials are said there. */
static int spawn(const int fds[UPLOADER_FD_END], pid_t *ret_pid)
{
	char *argv[] = { "eprof", UPLOADER_ARGUMENT, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int err;

	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	(void)posix_spawnattr_init(&attributes);
	err = prepare_spawn(fds, &actions, &attributes);
	if (!err)
		err = -posix_spawn(ret_pid, "/proc/self/exe", &actions, &attributes, argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return err;
}

/* Copies above those numbers that they get over there: none takes another one's place on its way.
 */
static int spawn_with(const struct uploader *uploader, int life_fd, pid_t *ret_pid)
{
	int fds[UPLOADER_FD_END] = {
		[UPLOADER_CONFIG_FD] = uploader->order.config_fd,
		[UPLOADER_SHARED_FD] = uploader->order.shared_fd,
		[UPLOADER_WAKE_FD] = uploader->wake_fd,
		[UPLOADER_LIFE_FD] = life_fd,
	};
	int fd = UPLOADER_CONFIG_FD, err = 0;

	for (; !err && fd < UPLOADER_FD_END; fd++) {
		fds[fd] = fcntl(fds[fd], F_DUPFD_CLOEXEC, UPLOADER_FD_END);
		err = fds[fd] < 0 ? -errno : 0;
	}
	if (!err)
		err = spawn(fds, ret_pid);
	while (--fd >= UPLOADER_CONFIG_FD)
		cleanup_fd(&fds[fd]);
	return err;
}

static int watch(const struct uploader *uploader, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(uploader->poll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Takes what is left of it; whoever waits here waits for an end that has been seen or forced. */
static int bury(struct uploader *uploader)
{
	struct rusage usage = { 0 };
	int status = 0;

	while (wait4(uploader->pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	uploader->cpu_seconds +=
		(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / US_PER_SECOND;
	cleanup_fd(&uploader->pidfd); /* the epoll set forgets it */
	cleanup_fd(&uploader->life_fd);
	uploader->pidfd = uploader->life_fd = -1;
	uploader->pid = 0;
	return status;
}

static int start_process(struct uploader *uploader)
{
	CLEANUP(cleanup_fd) int theirs = -1;
	int life[2], err;

	if (pipe2(life, O_CLOEXEC) < 0)
		return -errno;
	theirs = life[0];
	uploader->life_fd = life[1];
	err = spawn_with(uploader, theirs, &uploader->pid);
	if (err < 0) {
		cleanup_fd(&uploader->life_fd);
		uploader->life_fd = -1;
		uploader->pid = 0;
		return err;
	}
	uploader->started_ns = clock_ns(CLOCK_MONOTONIC);
	uploader->pidfd = (int)syscall(SYS_pidfd_open, uploader->pid, 0);
	err = uploader->pidfd < 0 ? -errno : watch(uploader, uploader->pidfd);
	if (err < 0) {
		/* Who cannot be watched cannot be kept. */
		(void)kill(uploader->pid, SIGKILL);
		(void)bury(uploader);
	}
	return err;
}

static void set_timer(const struct uploader *uploader, uint64_t ns)
{
	const struct itimerspec timer = {
		.it_value = { .tv_sec = (time_t)(ns / NS_PER_SECOND),
			      .tv_nsec = (long)(ns % NS_PER_SECOND) },
	};

	(void)timerfd_settime(uploader->timer_fd, 0, &timer, NULL);
}

/* Returns the seconds until it is tried again. */
static unsigned int start_later(struct uploader *uploader)
{
	uint64_t wait_ns = uploader_backoff_ceiling_ns(&start_backoff, ++uploader->early_ends);

	set_timer(uploader, wait_ns);
	return (unsigned int)(wait_ns / NS_PER_SECOND);
}

static int open_parts(struct uploader *uploader)
{
	uploader->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (uploader->wake_fd < 0)
		return -errno;
	uploader->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (uploader->timer_fd < 0)
		return -errno;
	uploader->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (uploader->poll_fd < 0)
		return -errno;
	return watch(uploader, uploader->timer_fd);
}

static void free_uploader(struct uploader **uploader)
{
	if (!*uploader)
		return;
	cleanup_order(&(*uploader)->order);
	cleanup_fd(&(*uploader)->wake_fd);
	cleanup_fd(&(*uploader)->timer_fd);
	cleanup_fd(&(*uploader)->poll_fd);
	free(*uploader);
}

int uploader_start(const struct agent_config *config, struct uploader **ret)
{
	CLEANUP(free_uploader) struct uploader *uploader = malloc(sizeof(*uploader));
	int err = -ENOMEM;

	if (uploader) {
		*uploader = (struct uploader){ .order = { .config_fd = -1, .shared_fd = -1 },
					       .wake_fd = -1,
					       .timer_fd = -1,
					       .poll_fd = -1,
					       .pidfd = -1,
					       .life_fd = -1 };
		err = open_parts(uploader);
	}
	if (!err)
		err = order_init(config, &uploader->order);
	if (!err)
		err = start_process(uploader);
	if (err < 0) {
		log_error("cannot start the process that uploads: %s", strerror(-err));
		return err;
	}
	*ret = TAKE(uploader);
	return 0;
}

void uploader_wake(struct uploader *uploader)
{
	static const uint64_t one = 1;

	/* It fails when it was woken often enough. */
	(void)!write(uploader->wake_fd, &one, sizeof(one));
}

int uploader_fd(const struct uploader *uploader)
{
	return uploader->poll_fd;
}

static bool waits_for_end(const struct uploader *uploader, uint64_t until_ns)
{
	struct pollfd end = { .fd = uploader->pidfd, .events = POLLIN };
	uint64_t now;
	int n;

	do {
		now = clock_ns(CLOCK_MONOTONIC);
		n = poll(&end, 1, now < until_ns ? (int)((until_ns - now) / NS_PER_MS) + 1 : 0);
	} while ((n < 0 && errno == EINTR) || (n == 0 && clock_ns(CLOCK_MONOTONIC) < until_ns));
	return n > 0;
}

/* Puts what the status of wait4() says into words. */
static void describe_end(int status, char *ret, size_t size)
{
	if (WIFSIGNALED(status))
		(void)snprintf(ret, size, "was ended by signal %d", WTERMSIG(status));
	else
		(void)snprintf(ret, size, "ended with code %d", WEXITSTATUS(status));
}

static int try_to_start(struct uploader *uploader)
{
	int err = start_process(uploader);

	if (err < 0)
		log_warning("cannot start the process that uploads: %s; tried again in %u s",
			    strerror(-err), start_later(uploader));
	return err;
}

static int start_again(struct uploader *uploader)
{
	int err = try_to_start(uploader);

	uploader->restarts += !err;
	return err;
}

int uploader_restart(struct uploader *uploader)
{
	uint64_t expirations;
	char how[64];
	bool was_early;

	if (!uploader->pid) {
		if (read(uploader->timer_fd, &expirations, sizeof(expirations)) < 0)
			return 0;
		return start_again(uploader);
	}
	if (!waits_for_end(uploader, 0))
		return 0;
	was_early = clock_ns(CLOCK_MONOTONIC) - uploader->started_ns < LIFE_NS_MIN;
	describe_end(bury(uploader), how, sizeof(how));
	if (was_early) {
		log_warning("the process that uploads %s; it is started again in %u s", how,
			    start_later(uploader));
		return 0;
	}
	log_warning("the process that uploads %s; it is started again", how);
	uploader->early_ends = 0;
	return start_again(uploader);
}

/* So many seconds and KILL_NS are the longest that it takes. */
static void end_process(struct uploader *uploader, double seconds, bool drains)
{
	uint64_t cut_at_ns;

	if (!uploader->pid)
		return;
	if (!(seconds > 0))
		seconds = 0;
	if (seconds > SECONDS_MAX)
		seconds = SECONDS_MAX;
	cut_at_ns = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * (double)NS_PER_SECOND);
	uploader->order.shared->drains = drains;
	uploader->order.shared->cut_at_ns = cut_at_ns;
	uploader_wake(uploader);
	if (!waits_for_end(uploader, cut_at_ns + KILL_NS))
		(void)syscall(SYS_pidfd_send_signal, uploader->pidfd, SIGKILL, NULL, 0);
	(void)bury(uploader);
}

int uploader_change(struct uploader *uploader, const struct agent_config *config)
{
	struct order order;
	int err = order_init(config, &order);

	if (err < 0)
		return err;
	end_process(uploader, CHANGE_SECONDS, false);
	set_timer(uploader, 0);
	carry_over(&uploader->order, &order);
	cleanup_order(&uploader->order);
	uploader->order = order;
	uploader->early_ends = 0;
	(void)try_to_start(uploader);
	return 0;
}

bool uploader_figures_of(const struct uploader *uploader, size_t target,
			 struct uploader_figures *ret)
{
	if (target >= uploader->order.count)
		return false;
	return uploader_slot_read(&uploader->order.shared->slots[target], ret);
}

uint64_t uploader_restarts(const struct uploader *uploader)
{
	return uploader->restarts;
}

pid_t uploader_pid(const struct uploader *uploader)
{
	return uploader->pid;
}

double uploader_cpu_seconds(const struct uploader *uploader)
{
	clockid_t clock;

	if (!uploader->pid || clock_getcpuclockid(uploader->pid, &clock))
		return uploader->cpu_seconds;
	return uploader->cpu_seconds + (double)clock_ns(clock) / (double)NS_PER_SECOND;
}

double uploader_ended_cpu_seconds(const struct uploader *uploader)
{
	return uploader->cpu_seconds;
}

void uploader_stop(struct uploader *uploader, double seconds)
{
	if (!uploader)
		return;
	end_process(uploader, seconds, true);
	free_uploader(&uploader);
}
