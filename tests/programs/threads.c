// SPDX-License-Identifier: Apache-2.0
/* Three named threads, each with a call chain of its own; the main thread only waits. */
#include "tests/programs/work.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>

#define COLORS 3

struct worker {
	pthread_t thread;
	const char *name;
	void (*burn)(const struct run *run);
	const struct run *run;
	pthread_barrier_t *barrier;
	int tid;
	double cpu_seconds;
};

#define DEFINE_CHAIN(color)                                                                        \
	FRAME uint64_t color##_inner(uint64_t count)                                               \
	{                                                                                          \
		return spin_here(count);                                                           \
	}                                                                                          \
	FRAME void color##_outer(const struct run *run)                                            \
	{                                                                                          \
		while (!run_is_over(run))                                                          \
			color##_inner(SPINS);                                                      \
	}

DEFINE_CHAIN(red)
DEFINE_CHAIN(green)
DEFINE_CHAIN(blue)

FRAME void *worker_main(void *argument)
{
	struct worker *worker = argument;

	pthread_setname_np(pthread_self(), worker->name);
	worker->tid = (int)syscall(SYS_gettid);
	pthread_barrier_wait(worker->barrier);
	worker->burn(worker->run);
	worker->cpu_seconds = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

int main(int argc, char **argv)
{
	struct run run = run_begin(argc, argv);
	pthread_barrier_t barrier;
	struct worker workers[COLORS] = {
		{ .name = "worker-red", .burn = red_outer },
		{ .name = "worker-green", .burn = green_outer },
		{ .name = "worker-blue", .burn = blue_outer },
	};

	pthread_barrier_init(&barrier, NULL, COLORS + 1);
	for (int i = 0; i < COLORS; i++) {
		workers[i].run = &run;
		workers[i].barrier = &barrier;
		if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) != 0)
			return 1;
	}
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < COLORS; i++)
		printf("thread %s %d\n", workers[i].name, workers[i].tid);
	run_ready();
	for (int i = 0; i < COLORS; i++)
		pthread_join(workers[i].thread, NULL);
	for (int i = 0; i < COLORS; i++)
		run_report(workers[i].name, workers[i].cpu_seconds);
	run_report_process("threads");
	return 0;
}
