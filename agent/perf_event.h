/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the events that drive sampling: perf_event_open(2) with errors in words. */
#ifndef EPROF_AGENT_PERF_EVENT_H
#define EPROF_AGENT_PERF_EVENT_H

#include <linux/perf_event.h>
#include <stdint.h>

/* "cpu-clock", "cycles", ... -> type and config of *attr; -EINVAL for a name we do not know. */
int perf_event_parse(const char *name, struct perf_event_attr *attr);
/* The names that perf_event_parse() knows, separated by ", ". */
const char *perf_event_names(void);

/* Opens attr for every process on cpu. A close-on-exec descriptor, or -errno. */
int perf_event_open_cpu(const struct perf_event_attr *attr, int cpu);

/* The same for one process: ours, or whoever opens events for us (agent/event_opener.h). */
int perf_event_open_self(const struct perf_event_attr *attr);

/*
 * An event that was opened by its name and with a frequency counts at this one, which is not 0,
 * from now on. 0 or -errno (-EINVAL: a name we do not know, or a rate that the kernel does not
 * take).
 */
int perf_event_set_hz(int fd, const char *name, uint64_t hz);

/* Prints why opening name at hz on cpu failed with err (-errno), and what to do about it. */
void perf_event_explain(const char *name, uint64_t hz, int cpu, int err);

#endif
