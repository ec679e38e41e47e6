/* SPDX-License-Identifier: Apache-2.0 */
/* One finished window: all that is written to disk. What was not asked for is NULL. */
#ifndef EPROF_AGENT_PROFILE_H
#define EPROF_AGENT_PROFILE_H

#include <stdint.h>

#include "agent/ledger.h"
#include "agent/profile_file.h"
#include "bpf/abi.h"
#include "flamegraph/call_tree.h"

/* One service's part of a profile: below the frame whose name is the service's number. */
struct profile_service {
	char *name; /* NULL: nothing of it in this window */
	struct profile_label *labels;
	size_t label_count;
	uint64_t samples, complete_samples;
	uint64_t off_ns, off_complete_ns;
	uint32_t node, off_node; /* while samples are named; CALL_TREE_NONE: none yet */
};

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
	uint64_t counters[COUNTER_COUNT];  /* what they grew by */
	uint64_t sample_hz;                /* of the samples */
	double name_seconds;               /* CPU time of the thread that named it */
	struct profile_service *services;  /* by number; NULL: samples are not told apart */
	size_t service_count;
};

/* Frees what it owns. The zero value is fine. */
void profile_done(struct profile *profile);

/* The entry of a service, which is made when it is new, with its name and labels copied. 0 or
 * -ENOMEM. */
int profile_service_of(struct profile *profile, uint32_t number, const char *name,
		       const struct profile_label *labels, size_t label_count,
		       struct profile_service **ret);

#endif
