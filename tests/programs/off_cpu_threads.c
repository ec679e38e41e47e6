// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that wait, each in a way and a function of its own, and clocks to check a ledger by.
 *
 *	off_cpu_threads SECONDS FILE [GROUP...]
 *
 * runs the threads of these groups, or of all, for that many seconds of wall time, or until it is
 * terminated. FILE is made, for those that read. Each line on stdin is answered by the clocks of
 * every thread, as `clocks` (off_cpu.h; without SWITCHES), and `done`. At the end come those of
 * their lives, as `life`.
 */
#include "tests/programs/off_cpu.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>

#define SLEEP_MS        70
#define WRITE_PAUSE_MS  5
#define SIGNAL_PAUSE_MS 8
#define HOLD_MS         3
#define OUTSIDE_MS      1

/* Of these there are more spinners, so that each is preempted, and migrated now and then. */
#define SPINNER_CPUS 2

/* One half is read around the page cache, the other one mapped. */
#define HALF_SIZE   (8u << 20)
#define DIRECT_SIZE (64u << 10)
#define PAGE_SIZE   4096u
/* Every page is visited once, far from the one before: it is odd, their number a power of 2. */
#define PAGE_STRIDE 997u

struct shared {
	struct run run;
	const char *path;
	int fed_pipe[2];   /* one thread writes what another one reads */
	int empty_pipe[2]; /* nobody writes: its end is the end of the file */
	pthread_mutex_t mutex, condition_mutex;
	pthread_cond_t condition;
	unsigned signals;
	bool signals_end;
	pthread_barrier_t begin;
};

struct worker {
	const char *group, *name;
	void (*body)(struct worker *worker);
	struct shared *shared;
	pthread_t thread;
	int tid;
	struct clocks clocks;
	sem_t leave; /* it may end */
};

static bool is_over(const struct worker *worker)
{
	return run_is_over(&worker->shared->run);
}

FRAME void sleep_70_ms(struct worker *worker)
{
	nap(SLEEP_MS);
	worker->clocks.times++;
}

FRAME void sleeper_run(struct worker *worker)
{
	while (!is_over(worker))
		sleep_70_ms(worker);
}

FRAME bool read_pipe(struct worker *worker)
{
	char byte;
	bool has_read = read(worker->shared->fed_pipe[0], &byte, 1) == 1;

	worker->clocks.times += has_read;
	return has_read;
}

FRAME void reader_run(struct worker *worker)
{
	while (read_pipe(worker))
		;
}

FRAME void feed_pipe(struct worker *worker)
{
	if (write(worker->shared->fed_pipe[1], "", 1) != 1)
		die("write");
	worker->clocks.times++;
}

FRAME void writer_pause(void)
{
	nap(WRITE_PAUSE_MS);
	KEEP_FRAME();
}

FRAME void writer_run(struct worker *worker)
{
	while (!is_over(worker)) {
		writer_pause();
		feed_pipe(worker);
	}
	close(worker->shared->fed_pipe[1]);
}

FRAME void wait_condition(struct shared *shared)
{
	pthread_cond_wait(&shared->condition, &shared->condition_mutex);
	KEEP_FRAME();
}

FRAME void waiter_run(struct worker *worker)
{
	struct shared *shared = worker->shared;

	pthread_mutex_lock(&shared->condition_mutex);
	for (;;) {
		while (shared->signals == 0 && !shared->signals_end)
			wait_condition(shared);
		if (shared->signals == 0)
			break;
		shared->signals--;
		worker->clocks.times++;
	}
	pthread_mutex_unlock(&shared->condition_mutex);
}

FRAME void signal_condition(struct worker *worker, bool is_end)
{
	struct shared *shared = worker->shared;

	pthread_mutex_lock(&shared->condition_mutex);
	if (is_end)
		shared->signals_end = true;
	else
		shared->signals++;
	pthread_cond_signal(&shared->condition);
	pthread_mutex_unlock(&shared->condition_mutex);
	worker->clocks.times++;
}

FRAME void signaller_pause(void)
{
	nap(SIGNAL_PAUSE_MS);
	KEEP_FRAME();
}

FRAME void signaller_run(struct worker *worker)
{
	while (!is_over(worker)) {
		signaller_pause();
		signal_condition(worker, false);
	}
	signal_condition(worker, true);
}

FRAME void read_forever(struct worker *worker)
{
	char byte;

	if (read(worker->shared->empty_pipe[0], &byte, 1) != 0)
		die("read");
	worker->clocks.times++;
}

FRAME void blocked_run(struct worker *worker)
{
	read_forever(worker);
	KEEP_FRAME();
}

FRAME void spin_briefly(struct worker *worker)
{
	spin_here(SPINS);
	worker->clocks.times++;
}

/* The first few of the CPUs that this process may use. */
static void use_few_cpus(void)
{
	cpu_set_t allowed, few;

	CPU_ZERO(&few);
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		die("sched_getaffinity");
	for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&few) < SPINNER_CPUS; cpu++) {
		if (CPU_ISSET(cpu, &allowed))
			CPU_SET(cpu, &few);
	}
	if (sched_setaffinity(0, sizeof(few), &few) != 0)
		die("sched_setaffinity");
}

FRAME void spinner_run(struct worker *worker)
{
	use_few_cpus();
	while (!is_over(worker))
		spin_briefly(worker);
}

FRAME void read_direct(struct worker *worker, int fd, void *buffer, off_t offset)
{
	if (pread(fd, buffer, DIRECT_SIZE, offset) != DIRECT_SIZE)
		die("pread");
	worker->clocks.times++;
}

FRAME void direct_run(struct worker *worker)
{
	bool is_direct = true;
	int fd = open(worker->shared->path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	void *buffer;

	if (fd < 0 && errno == EINVAL) {
		/* Not on this file system: then what is cached is dropped before it is read. */
		is_direct = false;
		fd = open(worker->shared->path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		die(worker->shared->path);
	if (posix_memalign(&buffer, PAGE_SIZE, DIRECT_SIZE) != 0)
		die("posix_memalign");
	for (off_t at = 0; !is_over(worker); at = (at + DIRECT_SIZE) % HALF_SIZE) {
		if (!is_direct)
			posix_fadvise(fd, at, DIRECT_SIZE, POSIX_FADV_DONTNEED);
		read_direct(worker, fd, buffer, at);
	}
	free(buffer);
	close(fd);
}

FRAME void touch_page(struct worker *worker, const volatile char *page)
{
	(void)*page;
	worker->clocks.times++;
}

/* Takes the pages away from the process and from the cache, and wants each of them back. */
FRAME void fault_half(struct worker *worker, int fd, char *map)
{
	if (madvise(map, HALF_SIZE, MADV_DONTNEED) != 0)
		die("madvise");
	posix_fadvise(fd, HALF_SIZE, HALF_SIZE, POSIX_FADV_DONTNEED);
	for (unsigned i = 0; i < HALF_SIZE / PAGE_SIZE && !is_over(worker); i++)
		touch_page(worker,
			   map + (size_t)(i * PAGE_STRIDE % (HALF_SIZE / PAGE_SIZE)) * PAGE_SIZE);
}

FRAME void faulter_run(struct worker *worker)
{
	int fd = open(worker->shared->path, O_RDONLY | O_CLOEXEC);
	char *map = mmap(NULL, HALF_SIZE, PROT_READ, MAP_SHARED, fd, HALF_SIZE);

	if (fd < 0 || map == MAP_FAILED)
		die(worker->shared->path);
	/* One page at a time. */
	madvise(map, HALF_SIZE, MADV_RANDOM);
	while (!is_over(worker))
		fault_half(worker, fd, map);
	munmap(map, HALF_SIZE);
	close(fd);
}

FRAME void take_mutex(struct worker *worker)
{
	pthread_mutex_lock(&worker->shared->mutex);
	worker->clocks.times++;
}

FRAME void hold_mutex(struct worker *worker)
{
	nap(HOLD_MS);
	pthread_mutex_unlock(&worker->shared->mutex);
	/* Else who had it would always be the first to have it again. */
	nap(OUTSIDE_MS);
}

FRAME void mutex_run(struct worker *worker)
{
	while (!is_over(worker)) {
		take_mutex(worker);
		hold_mutex(worker);
	}
}

FRAME void *worker_main(void *argument)
{
	struct worker *worker = argument;

	pthread_setname_np(pthread_self(), worker->name);
	worker->tid = thread_id();
	pthread_barrier_wait(&worker->shared->begin);
	worker->body(worker);
	sem_wait(&worker->leave);
	end_clocks(&worker->clocks);
	return NULL;
}

/* Of all threads, in as short a time as possible; then they are printed. */
static void take_clocks(struct worker *workers, size_t count)
{
	clockid_t clock;

	for (size_t i = 0; i < count; i++) {
		struct clocks *clocks = &workers[i].clocks;

		if (pthread_getcpuclockid(workers[i].thread, &clock) != 0)
			continue;
		clocks->wait_ns = read_wait_ns(workers[i].tid);
		clocks->cpu_ns = clock_ns(clock);
		clocks->wall_ns = clock_ns(CLOCK_MONOTONIC) - clocks->made_ns;
	}
	for (size_t i = 0; i < count; i++)
		print_clocks("clocks", workers[i].name, workers[i].tid, &workers[i].clocks);
	printf("done\n");
	fflush(stdout);
}

/* Answers every line on stdin until the time is over. */
FRAME void answer(const struct run *run, const sigset_t *mask, struct worker *workers, size_t count)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char bytes[64];

	while (!run_is_over(run)) {
		double left = run->seconds - (clock_seconds(run->clock) - run->begin);
		struct timespec timeout = { .tv_sec = (time_t)left };

		timeout.tv_nsec = (long)((left - (double)timeout.tv_sec) * 1e9);
		if (left <= 0 || ppoll(&in, 1, &timeout, mask) <= 0)
			continue;
		if (read(in.fd, bytes, sizeof(bytes)) > 0)
			take_clocks(workers, count);
		else
			in.fd = -1;
	}
}

static void write_file(const char *path)
{
	char *half = malloc(HALF_SIZE);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (!half || fd < 0)
		die(path);
	memset(half, 'x', HALF_SIZE);
	for (int i = 0; i < 2; i++) {
		if (write(fd, half, HALF_SIZE) != HALF_SIZE)
			die(path);
	}
	/* Dirty pages would not be dropped. */
	if (fsync(fd) != 0)
		die(path);
	close(fd);
	free(half);
}

/* Moves those of the groups to the front; their number. */
static size_t choose(struct worker *workers, size_t count, char **groups, int group_count)
{
	size_t chosen = 0;

	for (size_t i = 0; i < count; i++) {
		bool wanted = group_count <= 0;

		for (int j = 0; j < group_count; j++)
			wanted |= strcmp(groups[j], workers[i].group) == 0;
		if (wanted)
			workers[chosen++] = workers[i];
	}
	return chosen;
}

static void start(struct shared *shared, struct worker *workers, size_t count)
{
	pthread_barrier_init(&shared->begin, NULL, (unsigned)count + 1);
	for (size_t i = 0; i < count; i++) {
		workers[i].shared = shared;
		sem_init(&workers[i].leave, 0, 0);
		workers[i].clocks.made_ns = clock_ns(CLOCK_MONOTONIC);
		if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) != 0)
			die("pthread_create");
	}
	pthread_barrier_wait(&shared->begin);
	for (size_t i = 0; i < count; i++)
		printf("thread %s %d\n", workers[i].name, workers[i].tid);
	run_ready();
}

int main(int argc, char **argv)
{
	struct worker workers[] = {
		{ .group = "pipe", .name = "pipe-reader", .body = reader_run },
		{ .group = "pipe", .name = "pipe-writer", .body = writer_run },
		{ .group = "condition", .name = "cond-waiter", .body = waiter_run },
		{ .group = "condition", .name = "cond-signaller", .body = signaller_run },
		{ .group = "blocked", .name = "blocked", .body = blocked_run },
		{ .group = "direct", .name = "direct-reader", .body = direct_run },
		{ .group = "fault", .name = "faulter", .body = faulter_run },
		{ .group = "mutex", .name = "mutex-0", .body = mutex_run },
		{ .group = "mutex", .name = "mutex-1", .body = mutex_run },
		{ .group = "spin", .name = "spinner-0", .body = spinner_run },
		{ .group = "spin", .name = "spinner-1", .body = spinner_run },
		{ .group = "spin", .name = "spinner-2", .body = spinner_run },
		/* The last one to notice that the time is over. */
		{ .group = "sleep", .name = "sleeper", .body = sleeper_run },
	};
	struct shared shared = {
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.condition_mutex = PTHREAD_MUTEX_INITIALIZER,
		.condition = PTHREAD_COND_INITIALIZER,
	};
	char *run_argv[] = { argv[0], argc > 1 ? argv[1] : "", "wall", NULL };
	sigset_t ends, before;
	size_t count;

	if (argc < 3 || pipe(shared.fed_pipe) != 0 || pipe(shared.empty_pipe) != 0)
		return 2;
	count = choose(workers, sizeof(workers) / sizeof(workers[0]), argv + 3, argc - 3);
	shared.path = argv[2];
	write_file(shared.path);
	/* This thread is told, for the others have no time to be interrupted. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, &before);
	shared.run = run_begin(3, run_argv);
	start(&shared, workers, count);
	answer(&shared.run, &before, workers, count);
	close(shared.empty_pipe[1]);
	for (size_t i = 0; i < count; i++) {
		/* One by one, so that no clock is read long before its thread is gone. */
		sem_post(&workers[i].leave);
		pthread_join(workers[i].thread, NULL);
	}
	for (size_t i = 0; i < count; i++)
		print_clocks("life", workers[i].name, workers[i].tid, &workers[i].clocks);
	run_report_process("off_cpu_threads");
	return 0;
}
