/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a session of the agent has learned too much. What is known of binaries and their names is
 * kept for as long as it lasts, also of binaries that are gone: where programs are built there are
 * new ones all the time. What a machine has all along is not held against it, however large: that
 * is what a session has come to in its first windows.
 */
#ifndef EPROF_AGENT_HEAP_GROWTH_H
#define EPROF_AGENT_HEAP_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* The first window may be a short one, and what it has shown may not be named at its end. Where
 * windows are long, the first of them is enough. */
#define HEAP_LEARNING_WINDOWS 3
#define HEAP_LEARNING_NS_MIN  (180 * NS_PER_SECOND)
#define HEAP_LEARNING_NS_MAX  (600 * NS_PER_SECOND)

/* Another session costs a fraction of a second of samples, and the names anew: above so much more,
 * or this part of what there was at the end of those windows, not more often than that. */
#define HEAP_GROWTH_MAX    (UINT64_C(12) << 20)
#define HEAP_GROWTH_PART   4
#define HEAP_GROWTH_NS_MIN (600 * NS_PER_SECOND)

/* Above so much more it does not wait that long, or what the unit may use (dist/) would not last.
 */
#define HEAP_GROWTH_URGENT (UINT64_C(64) << 20)

/* Of one session; zero when it begins. */
struct heap_growth {
	uint64_t learned_bytes; /* the most of those windows */
	unsigned int windows;   /* of them */
};

/* To be asked at the end of each window, with what is in use and since when the session is. */
bool heap_growth_is_too_much(struct heap_growth *growth, uint64_t bytes, uint64_t age_ns);

#endif
