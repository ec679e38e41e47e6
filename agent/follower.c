/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/follower.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/lock.h"

#define EVENTS_AT_ONCE 16

enum { EVENT_RECORDS, EVENT_WANTS, EVENT_STOP };

struct follower {
	struct sideband *sideband;
	struct processes *processes;
	struct unwinder *unwinder; /* or NULL */
	int epoll_fd, stop_fd;
	pthread_t thread;
	bool is_running;
	/* One reader at a time. Whoever holds it runs at the thread's priority while that waits. */
	pthread_mutex_t lock;
	int err;                         /* that stopped the thread */
	struct kernel_code *kernel_code; /* or NULL */
	bool kernel_changed;
};

static void cleanup_follower(struct follower **follower)
{
	follower_free(*follower);
}

static int watch(const struct follower *follower)
{
	struct epoll_event stop = { .events = EPOLLIN, .data.u64 = EVENT_STOP };
	int err = sideband_watch(follower->sideband, follower->epoll_fd, EVENT_RECORDS);

	if (!err && follower->unwinder)
		err = unwinder_watch(follower->unwinder, follower->epoll_fd, EVENT_WANTS);
	if (err < 0)
		return err;
	return epoll_ctl(follower->epoll_fd, EPOLL_CTL_ADD, follower->stop_fd, &stop) < 0 ? -errno
											  : 0;
}

int follower_new(struct sideband *sideband, struct processes *processes, struct unwinder *unwinder,
		 struct follower **ret)
{
	CLEANUP(cleanup_follower) struct follower *follower = calloc(1, sizeof(*follower));
	int err;

	if (!follower)
		return -ENOMEM;
	follower->sideband = sideband;
	follower->processes = processes;
	follower->unwinder = unwinder;
	lock_init(&follower->lock);
	follower->stop_fd = -1;
	follower->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (follower->epoll_fd < 0)
		return -errno;
	follower->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (follower->stop_fd < 0)
		return -errno;
	err = watch(follower);
	if (err < 0)
		return err;
	*ret = TAKE(follower);
	return 0;
}

void follower_set_kernel_code(struct follower *follower, struct kernel_code *code)
{
	follower->kernel_code = code;
}

void follower_stop(struct follower *follower)
{
	if (!follower->is_running)
		return;
	(void)eventfd_write(follower->stop_fd, 1);
	(void)pthread_join(follower->thread, NULL);
	follower->is_running = false;
}

void follower_free(struct follower *follower)
{
	if (!follower)
		return;
	follower_stop(follower);
	cleanup_fd(&follower->epoll_fd);
	cleanup_fd(&follower->stop_fd);
	(void)pthread_mutex_destroy(&follower->lock);
	free(follower);
}

static int apply_record(void *context, const struct sideband_record *record)
{
	struct follower *follower = context;

	if (record->type == SIDEBAND_KSYMBOL) {
		if (follower->kernel_code)
			kernel_code_apply(follower->kernel_code, record);
		__atomic_store_n(&follower->kernel_changed, true, __ATOMIC_RELAXED);
		return 0;
	}
	return processes_apply(follower->processes, record);
}

/* With the lock held. */
static int read_all(struct follower *follower, bool at_once)
{
	int err = sideband_read(follower->sideband, apply_record, follower);

	if (!err && follower->unwinder)
		err = unwinder_answer(follower->unwinder);
	return err < 0 ? err : processes_bind(follower->processes, at_once);
}

static int catch_up(struct follower *follower, bool at_once)
{
	int err;

	(void)pthread_mutex_lock(&follower->lock);
	err = follower->err ? follower->err : read_all(follower, at_once);
	(void)pthread_mutex_unlock(&follower->lock);
	return err;
}

int follower_catch_up(struct follower *follower)
{
	return catch_up(follower, false);
}

/* Waits for records. False: it is time to stop. */
static bool wait_for_records(struct follower *follower)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(follower->epoll_fd, events, EVENTS_AT_ONCE, -1);

	if (count < 0)
		return errno == EINTR;
	for (int i = 0; i < count; i++) {
		int fd = (int)(events[i].data.u64 >> 32);

		if ((events[i].data.u64 & 0xffffffff) == EVENT_STOP)
			return false;
		/* The ring of a CPU that went offline would be ready for ever. */
		if (events[i].events & (EPOLLHUP | EPOLLERR))
			(void)epoll_ctl(follower->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	}
	return true;
}

/*
 * On a busy machine a normal thread is woken, but runs a millisecond or more later: longer than
 * many programs live. What is not permitted is tried no further.
 */
static void raise_priority(void)
{
	const struct sched_param lowest = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest) < 0)
		(void)setpriority(PRIO_PROCESS, 0, -20);
}

static void *run(void *context)
{
	struct follower *follower = context;

	raise_priority();
	while (wait_for_records(follower)) {
		int err = catch_up(follower, true);

		if (err < 0) {
			(void)pthread_mutex_lock(&follower->lock);
			follower->err = err;
			(void)pthread_mutex_unlock(&follower->lock);
			break;
		}
	}
	return NULL;
}

int follower_start(struct follower *follower)
{
	int err = pthread_create(&follower->thread, NULL, run, follower);

	follower->is_running = !err;
	return -err;
}

bool follower_take_kernel_changed(struct follower *follower)
{
	return __atomic_exchange_n(&follower->kernel_changed, false, __ATOMIC_RELAXED);
}

uint64_t follower_lost(struct follower *follower)
{
	uint64_t lost;

	(void)pthread_mutex_lock(&follower->lock);
	lost = sideband_lost(follower->sideband);
	(void)pthread_mutex_unlock(&follower->lock);
	return lost;
}
