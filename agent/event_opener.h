/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that opens perf events for the agent, where CAP_PERFMON is not enough: kernels of
 * Debian and Ubuntu refuse perf_event_open() to whoever lacks CAP_SYS_ADMIN while
 * kernel.perf_event_paranoid is 3 or more, which it is by default. The agent does not keep a
 * capability for which so much else is open; this process has no other, and its filter lets it do
 * nothing with it but that one call.
 */
#ifndef EPROF_AGENT_EVENT_OPENER_H
#define EPROF_AGENT_EVENT_OPENER_H

#include <linux/perf_event.h>
#include <sys/types.h>

/*
 * Starts it, as that user, if the kernel is like that and we may; from then on
 * perf_event_open_cpu() asks it when it is refused. To be called while there is one thread, which
 * is also the only one that opens events. It ends when all of our process has. 0, also where there
 * is no need or no right (then opening fails as before), or -errno.
 */
int event_opener_start(uid_t uid, gid_t gid);

/* For perf_event.c. A close-on-exec descriptor; -errno, the kernel's among them:
 * -ENOTCONN there is no opener, -EPIPE it has ended and -ETIMEDOUT it hangs (each said). */
int event_opener_ask(const struct perf_event_attr *attr, int pid, int cpu);

/* For tests: starts it whatever the kernel is like. */
int event_opener_start_always(uid_t uid, gid_t gid);

/* What it does to itself first, for tests: the calling process has no capability but one after it,
 * and a filter. -ENOTSUP where there is none. */
int event_opener_confine(uid_t uid, gid_t gid);

#endif
