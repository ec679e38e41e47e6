// SPDX-License-Identifier: Apache-2.0
/* A short life: 10 ms of CPU in burst_work(). */
#include "tests/programs/work.h"

#define BURST_CPU_SECONDS 0.010

FRAME uint64_t burst_work(uint64_t count)
{
	return spin_here(count);
}

int main(void)
{
	double begin = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);

	alarm(RUN_SLACK_SECONDS);
	while (clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - begin < BURST_CPU_SECONDS)
		burst_work(SPINS / 4);
	return 0;
}
