/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/perf_event.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/event_opener.h"
#include "agent/limits.h"
#include "agent/log.h"
#include "base/clock.h"

static const struct {
	const char *name;
	uint32_t type;
	uint64_t config;
} events[] = {
	{ "cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK },
	{ "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	{ "cpu-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	{ "instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS },
	{ "ref-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES },
	{ "cache-references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES },
	{ "cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES },
	{ "branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS },
	{ "branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES },
	{ "page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS },
	{ "context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES },
};

int perf_event_parse(const char *name, struct perf_event_attr *attr)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (strcmp(events[i].name, name) != 0)
			continue;
		attr->type = events[i].type;
		attr->config = events[i].config;
		return 0;
	}
	return -EINVAL;
}

const char *perf_event_names(void)
{
	return "cpu-clock, cycles, instructions, ref-cycles, cache-references, cache-misses, "
	       "branches, branch-misses, page-faults, context-switches";
}

static int open_event(const struct perf_event_attr *attr, int pid, int cpu)
{
	long fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	if (err == -EACCES || err == -EPERM) {
		fd = event_opener_ask(attr, pid, cpu);
		/* What the kernel said to us tells more than that there was nobody to ask. */
		if (fd < 0 && fd != -ENOTCONN)
			err = (int)fd;
	}
	return fd < 0 ? err : (int)fd;
}

int perf_event_open_cpu(const struct perf_event_attr *attr, int cpu)
{
	return open_event(attr, -1, cpu);
}

int perf_event_open_self(const struct perf_event_attr *attr)
{
	return open_event(attr, 0, -1);
}

/*
 * PERF_EVENT_IOC_PERIOD takes a frequency of an event that goes by one. A clock does so only until
 * it is opened: its timer has a period in nanoseconds, for good (kernel/events/core.c,
 * perf_swevent_init_hrtimer()).
 */
int perf_event_set_hz(int fd, const char *name, uint64_t hz)
{
	struct perf_event_attr attr = { 0 };
	int err = perf_event_parse(name, &attr);
	uint64_t value = hz;

	if (err < 0)
		return err;
	if (attr.type == PERF_TYPE_SOFTWARE && attr.config == PERF_COUNT_SW_CPU_CLOCK)
		value = NS_PER_SECOND / hz;
	return ioctl(fd, PERF_EVENT_IOC_PERIOD, &value) < 0 ? -errno : 0;
}

void perf_event_explain(const char *name, uint64_t hz, int cpu, int err)
{
	switch (-err) {
	case ENOENT:
	case EOPNOTSUPP:
	case ENODEV:
		log_error("event '%s' is not supported on this machine (most virtual machines "
			  "have no hardware counters); leave out -e to sample by cpu-clock",
			  name);
		return;
	case EACCES:
	case EPERM:
		log_error("not allowed to sample CPU %d: needs CAP_PERFMON, or root with "
			  "'sysctl kernel.perf_event_paranoid=2'",
			  cpu);
		return;
	case EINVAL:
		log_error("the kernel refuses event '%s' at %" PRIu64 " Hz on CPU %d", name, hz,
			  cpu);
		return;
	default:
		log_error("cannot open event '%s' on CPU %d: %s%s", name, cpu, strerror(-err),
			  limits_advice(err));
	}
}
