// SPDX-License-Identifier: Apache-2.0
/*
 * Three leaves that burn 60, 30 and 10 % of the CPU time, in slices of changing length: a fixed
 * rhythm could beat against the profiler's clock. Each leaf's true CPU time is reported at the end.
 */
#include "tests/programs/work.h"

FRAME uint64_t heavy(uint64_t count)
{
	return spin_here(count);
}

FRAME uint64_t medium(uint64_t count)
{
	return spin_here(count);
}

FRAME uint64_t light(uint64_t count)
{
	return spin_here(count);
}

/* A new pseudo-random number; the same sequence in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

FRAME void dispatch(double cpu[3], uint64_t unit)
{
	double times[4];

	times[0] = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
	heavy(6 * unit);
	times[1] = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
	medium(3 * unit);
	times[2] = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
	light(unit);
	times[3] = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < 3; i++)
		cpu[i] += times[i + 1] - times[i];
}

int main(int argc, char **argv)
{
	struct run run = run_begin(argc, argv);
	double cpu[3] = { 0, 0, 0 };
	uint64_t state = 88172645463325252ULL;

	run_ready();
	while (!run_is_over(&run))
		dispatch(cpu, 20000 + next_random(&state) % 200000);
	run_report("heavy", cpu[0]);
	run_report("medium", cpu[1]);
	run_report("light", cpu[2]);
	run_report_process("shares");
	return 0;
}
