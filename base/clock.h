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

#endif
