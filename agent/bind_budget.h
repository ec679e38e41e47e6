/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often a process that changes again and again is bound at once: as long as that takes less
 * than a row every 2 us, by and large. What programs load when they begin, and many libraries at
 * once, are a fraction of what it may be ahead.
 */
#ifndef EPROF_AGENT_BIND_BUDGET_H
#define EPROF_AGENT_BIND_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIND_ROW_NS   UINT64_C(2000)
#define BIND_ROWS     16 /* what a bind takes beside those that it has */
#define BIND_AHEAD_NS UINT64_C(32000000)

/* The zero value has spent nothing. */
struct bind_budget {
	uint64_t until_ns; /* what was spent takes up the time until then, CLOCK_MONOTONIC */
};

static inline bool bind_budget_allows(const struct bind_budget *budget, uint64_t now_ns)
{
	return budget->until_ns <= now_ns + BIND_AHEAD_NS;
}

static inline void bind_budget_spend(struct bind_budget *budget, size_t rows, uint64_t now_ns)
{
	uint64_t from_ns = budget->until_ns > now_ns ? budget->until_ns : now_ns;

	budget->until_ns = from_ns + (rows + BIND_ROWS) * BIND_ROW_NS;
}

#endif
