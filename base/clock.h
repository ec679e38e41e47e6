/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EPROF_BASE_CLOCK_H
#define EPROF_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_SECOND UINT64_C(1000000000)

/* What a clock says now (CLOCK_MONOTONIC, CLOCK_REALTIME, a CPU time), in nanoseconds. */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* So much later than what a clock says now. */
static inline struct timespec clock_in_ms(clockid_t clock, uint32_t milliseconds)
{
	uint64_t ns = clock_ns(clock) + milliseconds * UINT64_C(1000000);

	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_SECOND),
				  .tv_nsec = (long)(ns % NS_PER_SECOND) };
}

#endif
