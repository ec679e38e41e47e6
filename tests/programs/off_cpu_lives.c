// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that begin, change and end while they wait. As off_cpu_threads prints what it sees:
 *
 *	off_cpu_lives reuse COUNT    threads one after the other, all with the same id
 *	off_cpu_lives exec MS        a thread that is not the leader sleeps, and execs this file
 *	off_cpu_lives stacks DEPTH   two threads, each on 2^DEPTH different stacks once
 *
 * `reuse` needs the right to choose ids, and prints `life odd|even` for each thread; `exec` prints
 * `slept FUNCTION NS` for each function that waited, by CLOCK_MONOTONIC.
 */
#include "tests/programs/off_cpu.h"

#include <pthread.h>
#include <sched.h>

#define COUNT_MAX       100000
#define ODD_MS          3
#define EVEN_MS         6
#define STACK_DEPTH_MAX 24

/* --- reuse --- */

struct mortal {
	bool is_odd;
	int tid;
	struct clocks clocks;
};

FRAME void odd_sleep(void)
{
	nap(ODD_MS);
	KEEP_FRAME();
}

FRAME void even_sleep(void)
{
	nap(EVEN_MS);
	KEEP_FRAME();
}

FRAME void *mortal_main(void *argument)
{
	struct mortal *mortal = argument;

	mortal->tid = thread_id();
	pthread_setname_np(pthread_self(), mortal->is_odd ? "odd" : "even");
	if (mortal->is_odd)
		odd_sleep();
	else
		even_sleep();
	mortal->clocks.times++;
	end_clocks(&mortal->clocks);
	return NULL;
}

/* An id is free some time after the thread was joined. */
static void wait_gone(int tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d", tid);
	while (access(path, F_OK) == 0)
		sched_yield();
}

/* The next thread gets the first free id from tid on. */
static void choose_id(int tid)
{
	FILE *file = fopen("/proc/sys/kernel/ns_last_pid", "we");

	if (!file || fprintf(file, "%d", tid - 1) < 0 || fclose(file) != 0)
		die("ns_last_pid");
}

static int reuse(unsigned count)
{
	int tid = 0;

	for (unsigned i = 0; i < count; i++) {
		struct mortal mortal = { .is_odd = i % 2 != 0 };
		pthread_t thread;

		if (tid)
			choose_id(tid);
		mortal.clocks.made_ns = clock_ns(CLOCK_MONOTONIC);
		if (pthread_create(&thread, NULL, mortal_main, &mortal) != 0)
			die("pthread_create");
		pthread_join(thread, NULL);
		wait_gone(mortal.tid);
		print_clocks("life", mortal.is_odd ? "odd" : "even", mortal.tid, &mortal.clocks);
		if (!tid)
			tid = mortal.tid;
	}
	return 0;
}

/* --- exec --- */

struct execution {
	const char *path, *ms;
	uint64_t joined_ns;
};

static void print_slept(const char *function, uint64_t since_ns)
{
	printf("slept %s %llu\n", function,
	       (unsigned long long)(clock_ns(CLOCK_MONOTONIC) - since_ns));
	fflush(stdout);
}

FRAME void sleep_before_exec(unsigned ms)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);

	nap(ms);
	print_slept("sleep_before_exec", begin);
}

FRAME void sleep_after_exec(unsigned ms)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);

	nap(ms);
	print_slept("sleep_after_exec", begin);
}

FRAME void *exec_main(void *argument)
{
	struct execution *execution = argument;

	pthread_setname_np(pthread_self(), "not-the-leader");
	sleep_before_exec((unsigned)atoi(execution->ms));
	print_slept("wait_for_the_other", execution->joined_ns);
	execl(execution->path, execution->path, "after", execution->ms, (char *)NULL);
	die(execution->path);
	return NULL;
}

/* Never returns: the exec ends this thread, and gives its id to the other one. */
FRAME void wait_for_the_other(pthread_t thread)
{
	pthread_join(thread, NULL);
	KEEP_FRAME();
}

static int exec_by_another(const char *path, const char *ms)
{
	struct execution execution = { .path = path, .ms = ms };
	pthread_t thread;

	execution.joined_ns = clock_ns(CLOCK_MONOTONIC);
	if (pthread_create(&thread, NULL, exec_main, &execution) != 0)
		die("pthread_create");
	wait_for_the_other(thread);
	return 1;
}

/* --- stacks --- */

struct climber {
	pthread_t thread;
	const char *name;
	int tid;
	unsigned depth;
	pthread_barrier_t *begin;
	struct clocks clocks;
};

FRAME void go_left(struct climber *climber, unsigned depth);
FRAME void go_right(struct climber *climber, unsigned depth);

static inline void go_on(struct climber *climber, unsigned depth)
{
	if (depth == 0) {
		climber->clocks.times++;
		sched_yield();
		return;
	}
	go_left(climber, depth - 1);
	go_right(climber, depth - 1);
}

void go_left(struct climber *climber, unsigned depth)
{
	go_on(climber, depth);
	KEEP_FRAME();
}

void go_right(struct climber *climber, unsigned depth)
{
	go_on(climber, depth);
	KEEP_FRAME();
}

FRAME void *climber_main(void *argument)
{
	struct climber *climber = argument;

	climber->tid = thread_id();
	pthread_setname_np(pthread_self(), climber->name);
	pthread_barrier_wait(climber->begin);
	go_on(climber, climber->depth);
	end_clocks(&climber->clocks);
	return NULL;
}

static void use_one_cpu(void)
{
	cpu_set_t one;
	int cpu = sched_getcpu();

	CPU_ZERO(&one);
	CPU_SET(cpu < 0 ? 0 : cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) != 0)
		die("sched_setaffinity");
}

/* On one CPU, so that each yield is a switch to the other thread. */
static int climb(unsigned depth)
{
	pthread_barrier_t begin;
	struct climber climbers[] = { { .name = "climber-0" }, { .name = "climber-1" } };

	use_one_cpu();
	pthread_barrier_init(&begin, NULL, 2);
	for (int i = 0; i < 2; i++) {
		climbers[i].depth = depth;
		climbers[i].begin = &begin;
		climbers[i].clocks.made_ns = clock_ns(CLOCK_MONOTONIC);
		if (pthread_create(&climbers[i].thread, NULL, climber_main, &climbers[i]) != 0)
			die("pthread_create");
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(climbers[i].thread, NULL);
		print_clocks("life", climbers[i].name, climbers[i].tid, &climbers[i].clocks);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int number = argc == 3 ? atoi(argv[2]) : 0;

	if (number <= 0 || number > COUNT_MAX) {
		fprintf(stderr, "usage: %s reuse COUNT | exec MS | stacks DEPTH\n", argv[0]);
		return 2;
	}
	alarm(RUN_SLACK_SECONDS);
	if (strcmp(argv[1], "reuse") == 0)
		return reuse((unsigned)number);
	if (strcmp(argv[1], "exec") == 0)
		return exec_by_another(argv[0], argv[2]);
	if (strcmp(argv[1], "after") == 0)
		sleep_after_exec((unsigned)number);
	else if (strcmp(argv[1], "stacks") == 0 && number <= STACK_DEPTH_MAX)
		return climb((unsigned)number);
	else
		return 2;
	return 0;
}
