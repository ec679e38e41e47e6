/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/follower_priority.h"

#include <sched.h>
#include <sys/resource.h>

#include "base/clock.h"

#define COUNTED_NS   (NS_PER_SECOND / 10)
#define FIRST_MAX_NS (COUNTED_NS / 5)
#define NORMAL_NS    NS_PER_SECOND

/* 0.2 % of a CPU; a build of some seconds after a quiet minute; and soon again when it is quiet. */
#define EARNED_PART   500
#define CREDIT_NS_MAX ((int64_t)NS_PER_SECOND / 10)
#define DEBT_NS_MAX   ((int64_t)NS_PER_SECOND / 200)

/* Where running first is not permitted. */
#define FIRST_NICE (-20)

bool follower_priority_may_be_first(struct follower_priority *priority, uint64_t now_ns,
				    uint64_t cpu_ns)
{
	/* What has been used since it was last asked about is of now: before, it waited. */
	if (now_ns - priority->began_ns >= COUNTED_NS) {
		priority->began_ns = now_ns;
		priority->began_cpu_ns = priority->seen_cpu_ns;
	}
	priority->seen_cpu_ns = cpu_ns;
	if (cpu_ns - priority->began_cpu_ns > FIRST_MAX_NS)
		priority->normal_until_ns = now_ns + NORMAL_NS;
	return now_ns >= priority->normal_until_ns;
}

bool follower_thrift_may_hurry(struct follower_thrift *thrift, uint64_t now_ns, uint64_t cpu_ns)
{
	if (!thrift->seen_ns)
		thrift->credit_ns = CREDIT_NS_MAX;
	else
		thrift->credit_ns += (int64_t)((now_ns - thrift->seen_ns) / EARNED_PART) -
				     (int64_t)(cpu_ns - thrift->seen_cpu_ns);
	if (thrift->credit_ns > CREDIT_NS_MAX)
		thrift->credit_ns = CREDIT_NS_MAX;
	if (thrift->credit_ns < -DEBT_NS_MAX)
		thrift->credit_ns = -DEBT_NS_MAX;
	thrift->seen_ns = now_ns;
	thrift->seen_cpu_ns = cpu_ns;
	return thrift->credit_ns > 0;
}

void follower_priority_set(bool is_first)
{
	const struct sched_param lowest = { .sched_priority = 1 }, none = { 0 };

	if (is_first && !sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest))
		return;
	(void)sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none);
	/* On Linux of this thread alone. */
	if (is_first)
		(void)setpriority(PRIO_PROCESS, 0, FIRST_NICE);
	else if (getpriority(PRIO_PROCESS, 0) == FIRST_NICE)
		(void)setpriority(PRIO_PROCESS, 0, 0);
}
