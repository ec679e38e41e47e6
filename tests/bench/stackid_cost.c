/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs stackid_twice() for samples of one process on one CPU, and prints what that took:
 *	stackid_cost PID CPU HZ SECONDS
 * "SAMPLES RUNS NANOSECONDS": runs are also those that found somebody else. Needs root.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "stackid_cost.skel.h"

static void close_skeleton(struct stackid_cost_bpf **skeleton)
{
	stackid_cost_bpf__destroy(*skeleton);
}

static void close_link(struct bpf_link **link)
{
	bpf_link__destroy(*link);
}

static int fail(const char *what, int err)
{
	(void)fprintf(stderr, "stackid_cost: %s: %s\n", what, strerror(-err));
	return EXIT_FAILURE;
}

static int open_event(int cpu, uint64_t hz)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_freq = hz,
		.freq = 1,
	};
	long fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

static void wait_for(double seconds)
{
	struct timespec left = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	while (nanosleep(&left, &left) && errno == EINTR)
		continue;
}

static int print_cost(const struct stackid_cost_bpf *skeleton)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int err = bpf_obj_get_info_by_fd(bpf_program__fd(skeleton->progs.stackid_twice), &info,
					 &size);

	if (err < 0)
		return fail("reading the program's run time", err);
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (uint64_t)skeleton->bss->target_samples,
	       (uint64_t)info.run_cnt, (uint64_t)info.run_time_ns);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	CLEANUP(close_skeleton) struct stackid_cost_bpf *skeleton = NULL;
	CLEANUP(close_link) struct bpf_link *link = NULL;
	CLEANUP(cleanup_fd) int stats = -1;
	int event, err;

	if (argc != 5) {
		(void)fprintf(stderr, "usage: stackid_cost PID CPU HZ SECONDS\n");
		return 2;
	}
	skeleton = stackid_cost_bpf__open();
	if (!skeleton)
		return fail("opening the BPF program", -errno);
	skeleton->rodata->target_tgid = (uint32_t)strtoul(argv[1], NULL, 10);
	err = stackid_cost_bpf__load(skeleton);
	if (err < 0)
		return fail("loading the BPF program", err);
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats < 0)
		return fail("switching on BPF statistics", stats);
	event = open_event((int)strtol(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	if (event < 0)
		return fail("opening the event", event);
	/* The link owns the event, once it is there. */
	link = bpf_program__attach_perf_event(skeleton->progs.stackid_twice, event);
	if (!link) {
		err = -errno;
		(void)close(event);
		return fail("attaching", err);
	}
	wait_for(strtod(argv[4], NULL));
	return print_cost(skeleton);
}
