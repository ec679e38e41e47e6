/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/follower.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "agent/follower_priority.h"
#include "agent/kernel_modules.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/lock.h"

#define EVENTS_AT_ONCE 16

/* How long the thread waits at most for records: for ever, or there is something else to do. */
#define WAIT_FOR_EVER   (-1)
#define WAIT_PUT_OFF_MS 4
#define WAIT_NORMAL_MS  100
/* A ring has room for 400 programs that begin, and wakes the thread when half of it is full. */
#define WAIT_THRIFTY_MS 50

/* Kept busy, it takes records together: woken for each, it costs several times as much. */
#define PAUSE_NS 1000000

/*
 * After a record more follow, of the same exec or load. They are looked for this often, without
 * being told of each, until there was nothing so many times.
 */
#define LOOK_NS   500000
#define LOOKS_MAX 8

enum { EVENT_RECORDS, EVENT_WANTS, EVENT_STOP };

struct follower {
	struct sideband *sideband;
	struct processes *processes;
	struct unwinder *unwinder; /* or NULL */
	int epoll_fd, stop_fd;
	pthread_t thread;
	bool is_running, is_thrifty;
	/* One reader at a time. Whoever holds it runs at the thread's priority while that waits. */
	pthread_mutex_t lock;
	int err;                         /* that stopped the thread */
	struct kernel_code *kernel_code; /* or NULL */
	bool kernel_changed;
	struct kernel_modules modules; /* for who asks whether the kernel has changed */
	uint64_t made_good;            /* of the records that were lost */
	uint64_t dropped;              /* records there was no memory for; under the lock */
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
	follower->modules.path = "/proc/modules";
	(void)kernel_modules_have_changed(&follower->modules);
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

void follower_set_thrifty(struct follower *follower)
{
	follower->is_thrifty = true;
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

/* However much a stranger maps, it does not end the recording: what is done without is counted. */
static int without_memory(struct follower *follower, int err)
{
	if (err != -ENOMEM)
		return err;
	follower->dropped++;
	return 0;
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
	return without_memory(follower, processes_apply(follower->processes, record));
}

/* With the lock held. */
static int read_all(struct follower *follower, bool at_once)
{
	int err = sideband_read(follower->sideband, apply_record, follower);

	if (!err && follower->unwinder)
		err = unwinder_answer(follower->unwinder);
	return err < 0 ? err : processes_bind(follower->processes, at_once);
}

static int catch_up(struct follower *follower, bool at_once, uint64_t *ret_taken)
{
	int err;

	(void)pthread_mutex_lock(&follower->lock);
	err = follower->err ? follower->err : without_memory(follower, read_all(follower, at_once));
	*ret_taken = sideband_taken(follower->sideband);
	(void)pthread_mutex_unlock(&follower->lock);
	return err;
}

int follower_catch_up(struct follower *follower)
{
	uint64_t taken;

	return catch_up(follower, false, &taken);
}

/* Waits for records, or until it is time. False: it is time to stop. */
static bool wait_for_records(struct follower *follower, int timeout_ms)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(follower->epoll_fd, events, EVENTS_AT_ONCE, timeout_ms);

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

static int wait_of(const struct follower *follower, bool is_first)
{
	if (processes_has_put_off(follower->processes))
		return WAIT_PUT_OFF_MS;
	return is_first ? WAIT_FOR_EVER : WAIT_NORMAL_MS;
}

/* Whether the thread is told of records, or looks for them. */
struct looks {
	bool are_going_on;
	unsigned int in_vain;
	uint64_t taken; /* sideband_taken() before */
};

/* Looks without being told, once. */
static int look_thriftily(struct follower *follower, struct looks *looks)
{
	if (!looks->are_going_on)
		sideband_set_bells(follower->sideband, false);
	looks->are_going_on = true;
	looks->in_vain = 0;
	return catch_up(follower, true, &looks->taken);
}

/* What is there now, as after a wait. The bells go on only when nothing has come for a while. */
static int look(struct follower *follower, struct looks *looks)
{
	uint64_t taken;
	int err = catch_up(follower, true, &taken);
	bool is_in_vain = taken == looks->taken;

	looks->taken = taken;
	if (err < 0 || (is_in_vain && !looks->are_going_on))
		return err;
	looks->in_vain = is_in_vain ? looks->in_vain + 1 : 0;
	if (looks->are_going_on && looks->in_vain < LOOKS_MAX)
		return 0;
	looks->are_going_on = !looks->are_going_on;
	sideband_set_bells(follower->sideband, !looks->are_going_on);
	/* What came before the bells went on has rung none. */
	return looks->are_going_on ? 0 : catch_up(follower, true, &looks->taken);
}

static void pause_for(uint64_t ns)
{
	const struct timespec pause = { .tv_nsec = (long)ns };

	(void)nanosleep(&pause, NULL);
}

/*
 * On a busy machine a normal thread is woken, but runs a millisecond or more later: longer than
 * many programs live. So this one runs before all else, unless programs have it do too much.
 */
static void *run(void *context)
{
	struct follower *follower = context;
	struct follower_priority priority = { 0 };
	struct follower_thrift thrift = { 0 };
	struct looks looks = { 0 };
	bool is_first = true, may_hurry = true;
	int timeout_ms = WAIT_FOR_EVER;

	(void)prctl(PR_SET_NAME, "eprof-follow");
	follower_priority_set(true);
	while (wait_for_records(follower, timeout_ms)) {
		int err = may_hurry ? look(follower, &looks) : look_thriftily(follower, &looks);
		uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
		uint64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		bool may_be_first = follower_priority_may_be_first(&priority, now_ns, cpu_ns);

		if (err < 0) {
			(void)pthread_mutex_lock(&follower->lock);
			follower->err = err;
			(void)pthread_mutex_unlock(&follower->lock);
			break;
		}
		if (may_be_first != is_first)
			follower_priority_set(may_be_first);
		is_first = may_be_first;
		may_hurry =
			!follower->is_thrifty || follower_thrift_may_hurry(&thrift, now_ns, cpu_ns);
		if (!may_hurry) {
			timeout_ms = WAIT_THRIFTY_MS;
			continue;
		}
		timeout_ms = looks.are_going_on ? 0 : wait_of(follower, is_first);
		if (looks.are_going_on || !is_first)
			pause_for(is_first ? LOOK_NS : PAUSE_NS);
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
	bool has_changed = __atomic_exchange_n(&follower->kernel_changed, false, __ATOMIC_RELAXED);

	return kernel_modules_have_changed(&follower->modules) || has_changed;
}

/* With the lock held. */
static uint64_t count_lost(const struct follower *follower)
{
	return sideband_lost(follower->sideband) + follower->dropped;
}

/* Whether there is something to make good: as of *ret_ns. */
static int read_what_is_left(struct follower *follower, bool *ret_lost, uint64_t *ret_ns)
{
	int err = follower->err;

	*ret_lost = count_lost(follower) > follower->made_good;
	if (err < 0 || !*ret_lost)
		return err;
	*ret_ns = clock_ns(CLOCK_MONOTONIC);
	err = without_memory(follower, read_all(follower, false));
	follower->made_good = count_lost(follower);
	return err;
}

int follower_make_good(struct follower *follower)
{
	uint64_t time_ns = 0;
	bool is_lost;
	int err;

	(void)pthread_mutex_lock(&follower->lock);
	err = read_what_is_left(follower, &is_lost, &time_ns);
	(void)pthread_mutex_unlock(&follower->lock);
	if (err < 0 || !is_lost)
		return err;
	/* The thread goes on meanwhile. Without memory or files all stays as it was, counted. */
	(void)processes_reread(follower->processes, time_ns);
	return follower_catch_up(follower);
}

uint64_t follower_lost(struct follower *follower)
{
	uint64_t lost;

	(void)pthread_mutex_lock(&follower->lock);
	lost = count_lost(follower);
	(void)pthread_mutex_unlock(&follower->lock);
	return lost;
}
