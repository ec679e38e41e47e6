/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often each of several may do something: so many times a second, and as many as that is in
 * RATE_BURST_S at once (the generic cell rate algorithm, ITU-T I.371). Thread-safe.
 */
#ifndef EPROF_WEB_RATE_LIMIT_H
#define EPROF_WEB_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RATE_BURST_S 10
#define RATE_MAX     1000000

struct rate_limit;

/* per_second: from 1 to RATE_MAX. 0 and the caller's *ret, or -ENOMEM. */
int rate_limit_new(size_t count, uint64_t per_second, struct rate_limit **ret);
void rate_limit_free(struct rate_limit *limit); /* NULL is fine */

/* Whether one of them may, now; *ret_wait_s: if not, when it may be tried again. now_ns: of a clock
 * that only goes forward. */
bool rate_limit_take(struct rate_limit *limit, size_t who, uint64_t now_ns,
		     unsigned int *ret_wait_s);

/* Counts what was done without asking. */
void rate_limit_charge(struct rate_limit *limit, size_t who, uint64_t now_ns, unsigned int count);

#endif
