// SPDX-License-Identifier: Apache-2.0
/*
 * Forks children again and again, three at a time; each burns CPU in a function of its own.
 * Whenever a recording begins, later children are born under it.
 */
#include "tests/programs/work.h"

#include <sys/resource.h>
#include <sys/wait.h>

#define CHILD_CPU_SECONDS 0.05

FRAME uint64_t first_child(uint64_t count)
{
	return spin_here(count);
}

FRAME uint64_t second_child(uint64_t count)
{
	return spin_here(count);
}

FRAME uint64_t third_child(uint64_t count)
{
	return spin_here(count);
}

static void burn(uint64_t (*leaf)(uint64_t))
{
	while (!run_stop && clock_seconds(CLOCK_PROCESS_CPUTIME_ID) < CHILD_CPU_SECONDS)
		leaf(SPINS);
}

FRAME bool breed(void)
{
	uint64_t (*const leaves[])(uint64_t) = { first_child, second_child, third_child };

	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return false;
		if (pid == 0) {
			burn(leaves[i]);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	return true;
}

int main(int argc, char **argv)
{
	struct run run = run_begin(argc, argv);
	struct rusage usage;

	/* The parent itself hardly runs: only the wall clock ends it. */
	run.clock = CLOCK_MONOTONIC;
	run.begin = clock_seconds(run.clock);
	run_ready();
	while (!run_is_over(&run)) {
		if (!breed())
			return 1;
	}
	getrusage(RUSAGE_CHILDREN, &usage);
	run_report("children",
		   (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
			   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	return 0;
}
