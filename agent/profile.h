/* SPDX-License-Identifier: Apache-2.0 */
/* One finished window: all that is written to disk. What was not asked for is NULL. */
#ifndef EPROF_AGENT_PROFILE_H
#define EPROF_AGENT_PROFILE_H

#include <stdint.h>

#include "agent/ledger.h"
#include "bpf/abi.h"
#include "flamegraph/call_tree.h"

struct profile {
	uint64_t started_unix_ns;
	double seconds;
	struct call_tree *tree;           /* on-CPU: samples */
	struct call_tree *off_tree;       /* off-CPU: nanoseconds */
	struct ledger *ledger;            /* with off_tree */
	uint64_t off_ns, off_complete_ns; /* of off_tree, and with stacks that miss nothing */
	uint64_t samples;
	uint64_t complete_samples;         /* whose stacks miss nothing */
	uint64_t named_early;              /* while debug files were under way, for want of room */
	uint64_t stops[STOP_REASON_COUNT]; /* samples by how the walk of the user stack ended */
};

#endif
