/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile counts by the state of its threads: for time series, without its stacks. */
#ifndef EPROF_WEB_STATE_SUMS_H
#define EPROF_WEB_STATE_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "flamegraph/call_tree.h"
#include "flamegraph/wait_state.h"

#define STATE_SUMS_MAX 8

struct state_sum {
	const char *state; /* in the words of flamegraph/wait_state.h; "" on a CPU */
	enum wait_state number;
	uint64_t count;
};

/* States that count nothing are left out; their counts together are the tree's total. */
struct state_sums {
	struct state_sum list[STATE_SUMS_MAX];
	size_t count;
};

/* kind: of the profile; in those of "off-cpu" who says nothing else sleeps. 0 or -ENOMEM. */
int state_sums_make(const struct call_tree *tree, const char *kind, struct state_sums *ret);

#endif
