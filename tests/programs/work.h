/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all test programs share: burning CPU in a function with a known name, and the lines they
 * print for the test that started them:
 *
 *	ready PID               everything is set up
 *	thread NAME TID         before ready, one for each thread
 *	cpu NAME SECONDS        at the end: CPU time of that part, by its own clock
 *
 * Usage of each program: PROGRAM [SECONDS [cpu|wall]], CPU seconds by default. SIGTERM and SIGINT
 *end it early, with its report. An abandoned program ends by itself: see run_begin().
 */
#ifndef EPROF_TESTS_WORK_H
#define EPROF_TESTS_WORK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Functions whose frames tests look for: never inlined, cloned or renamed by the compiler. */
#if defined(__clang__)
#define FRAME __attribute__((noinline, used))
#else
#define FRAME __attribute__((noinline, noclone, used))
#endif

/* Compilers give leaf functions no frame of their own unless something asks where it is. */
#define KEEP_FRAME() __asm__ volatile("" : : "r"(__builtin_frame_address(0)))

/* One or two milliseconds: the clock is read so rarely that it does not show in a profile. */
#define SPINS 1000000

/* Longest run that can be asked for, and how much longer than that a busy machine may make it. */
#define RUN_SECONDS_MAX   120.0
#define RUN_SLACK_SECONDS 60

/*
 * One step waits for the one before it, so that the time depends on the count alone and not on
 * where the compiler put the loop.
 */
static inline uint64_t spin_here(uint64_t count)
{
	uint64_t value = count;

	KEEP_FRAME();
	for (uint64_t i = 0; i < count; i++) {
		value = value * 6364136223846793005ULL + 1442695040888963407ULL;
		__asm__ volatile("" : "+r"(value));
	}
	return value;
}

static inline double clock_seconds(clockid_t clock)
{
	struct timespec now = { 0, 0 };

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static volatile sig_atomic_t run_stop;

static inline void run_on_signal(int number)
{
	(void)number;
	run_stop = 1;
}

struct run {
	double seconds;
	clockid_t clock;
	double begin;
};

/* Parses the arguments, starts the clock, and bounds the life of this process. */
static inline struct run run_begin(int argc, char **argv)
{
	struct run run;
	struct sigaction action;

	run.seconds = argc > 1 ? atof(argv[1]) : 5;
	run.clock = CLOCK_PROCESS_CPUTIME_ID;
	if (argc > 2 && strcmp(argv[2], "wall") == 0)
		run.clock = CLOCK_MONOTONIC;
	if (!(run.seconds > 0 && run.seconds <= RUN_SECONDS_MAX)) {
		fprintf(stderr, "%s: seconds must be above 0 and at most %g\n", argv[0],
			RUN_SECONDS_MAX);
		exit(2);
	}
	memset(&action, 0, sizeof(action));
	action.sa_handler = run_on_signal;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	alarm((unsigned int)run.seconds + RUN_SLACK_SECONDS);
	run.begin = clock_seconds(run.clock);
	return run;
}

static inline void run_ready(void)
{
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
}

static inline bool run_is_over(const struct run *run)
{
	return run_stop || clock_seconds(run->clock) - run->begin >= run->seconds;
}

static inline void run_report(const char *name, double cpu_seconds)
{
	printf("cpu %s %.6f\n", name, cpu_seconds);
	fflush(stdout);
}

/* The CPU time of this process since its first instruction. */
static inline void run_report_process(const char *name)
{
	run_report(name, clock_seconds(CLOCK_PROCESS_CPUTIME_ID));
}

#endif
