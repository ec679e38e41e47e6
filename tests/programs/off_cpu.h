/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clocks of a thread, in nanoseconds, as off_cpu_threads and off_cpu_lives print them:
 *
 *	WORD NAME TID WALL CPU RUNQUEUE TIMES SWITCHES
 *
 * CLOCK_MONOTONIC since shortly before it was made, CLOCK_THREAD_CPUTIME_ID, the kernel's own
 * run_delay; how often it did what it is for, and its context switches.
 */
#ifndef EPROF_TESTS_OFF_CPU_H
#define EPROF_TESTS_OFF_CPU_H

#include "tests/programs/work.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define NS_PER_MS     1000000
#define NS_PER_SECOND 1000000000ull

struct clocks {
	uint64_t made_ns; /* CLOCK_MONOTONIC, before the thread was */
	uint64_t wall_ns, cpu_ns, wait_ns, switches;
	_Atomic uint64_t times;
};

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = { 0, 0 };

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static inline void nap(unsigned ms)
{
	struct timespec time = { 0, (long)ms * NS_PER_MS };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline int thread_id(void)
{
	return (int)syscall(SYS_gettid);
}

/* The second number of schedstat: how long the thread has waited for a CPU. */
static inline uint64_t read_wait_ns(int tid)
{
	char path[64];
	unsigned long long wait = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", tid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%*u %llu", &wait) != 1)
		die(path);
	fclose(file);
	return wait;
}

/*
 * Of the calling thread, which has nothing left to do. What it does after its last clock is in
 * none: whoever runs beside it shall not make it wait there, if that is ours to say.
 */
static inline void end_clocks(struct clocks *clocks)
{
	const struct sched_param first = { .sched_priority = 1 };
	struct rusage usage;

	(void)sched_setscheduler(0, SCHED_FIFO, &first);
	getrusage(RUSAGE_THREAD, &usage);
	clocks->switches = (uint64_t)(usage.ru_nvcsw + usage.ru_nivcsw);
	clocks->wait_ns = read_wait_ns(thread_id());
	clocks->wall_ns = clock_ns(CLOCK_MONOTONIC) - clocks->made_ns;
	clocks->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static inline void print_clocks(const char *word, const char *name, int tid,
				const struct clocks *clocks)
{
	printf("%s %s %d %llu %llu %llu %llu %llu\n", word, name, tid,
	       (unsigned long long)clocks->wall_ns, (unsigned long long)clocks->cpu_ns,
	       (unsigned long long)clocks->wait_ns, (unsigned long long)clocks->times,
	       (unsigned long long)clocks->switches);
}

#endif
