/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the follower's thread may run before everything else on its CPU: as long as that is for
 * moments. Programs that keep it busy get it as one thread among others.
 */
#ifndef EPROF_AGENT_FOLLOWER_PRIORITY_H
#define EPROF_AGENT_FOLLOWER_PRIORITY_H

#include <stdbool.h>
#include <stdint.h>

/* The zero value is a thread that has used no CPU time, and runs first. */
struct follower_priority {
	uint64_t began_ns;     /* of what is counted together, CLOCK_MONOTONIC */
	uint64_t began_cpu_ns; /* what the thread had used then */
	uint64_t seen_cpu_ns;  /* and when it was last asked about */
	uint64_t normal_until_ns;
};

/*
 * Whether it may run first from now on (CLOCK_MONOTONIC), having used cpu_ns in all: not for a
 * second from when it has used more than a fifth of a tenth of one.
 */
bool follower_priority_may_be_first(struct follower_priority *priority, uint64_t now_ns,
				    uint64_t cpu_ns);

/*
 * Has the calling thread run before everything else, or as others do. What is not permitted is
 * tried no further.
 */
void follower_priority_set(bool is_first);

/*
 * What a thread that runs for months may take to be told of records at once. It earns a share of
 * the time that passes, and saves up some; without any it looks for them now and then.
 */
struct follower_thrift {
	uint64_t seen_ns, seen_cpu_ns; /* as above, at the last call */
	int64_t credit_ns;
};

/* Whether it may be told at once; the first call begins. */
bool follower_thrift_may_hurry(struct follower_thrift *thrift, uint64_t now_ns, uint64_t cpu_ns);

#endif
