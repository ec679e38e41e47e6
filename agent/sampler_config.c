/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sampler_config.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/random.h>

#include "agent/namespaces.h"
#include "base/cleanup.h"

/*
 * How often the maps are drained. A drain costs 0.1 ms; a map must be cleared page by page when it
 * is made, and one for a second at 99 Hz on 2 CPUs takes 7 ms less than one for five. Where CPUs x
 * Hz is large, more often, so that a period's samples still fit SAMPLES_MAX; user space cannot keep
 * a shorter period than DRAIN_SECONDS_MIN.
 */
#define DRAIN_SECONDS_MAX 1.0
#define DRAIN_SECONDS_MIN 0.1
#define SAMPLES_MAX       65536
/* The drain may come late by one period before anything is lost. */
#define MAP_SLACK         2.0
#define MAP_ENTRIES_MIN   256
/* Pieces of stacks, 0.3 KB each. */
#define STACKS_PER_SAMPLE 6

/* Most processes map four to ten executable pieces, few more than 60; a browser 200. */
#define MAPPINGS_PER_PROCESS 64
#define UNWIND_MAPPINGS_MIN  (1u << 14)
#define UNWIND_MAPPINGS_MAX  (1u << 20) /* 32 MiB */

/* perf_event_open(2): a lower limit than ours can be set for the whole machine. */
static uint32_t frames_max(void)
{
	CLEANUP(cleanup_file) FILE *file = fopen("/proc/sys/kernel/perf_event_max_stack", "re");
	unsigned int limit;

	if (!file || fscanf(file, "%u", &limit) != 1 || limit > KERNEL_FRAMES_MAX)
		return KERNEL_FRAMES_MAX;
	return limit;
}

/* Returns the seconds between two drains. */
static double choose_sizes(struct sampler_bpf *skeleton, double rate)
{
	double seconds = SAMPLES_MAX / rate / MAP_SLACK;
	double entries;

	if (seconds > DRAIN_SECONDS_MAX)
		seconds = DRAIN_SECONDS_MAX;
	if (seconds < DRAIN_SECONDS_MIN)
		seconds = DRAIN_SECONDS_MIN;
	entries = rate * seconds * MAP_SLACK;
	if (entries < MAP_ENTRIES_MIN)
		entries = MAP_ENTRIES_MIN;
	if (entries > SAMPLES_MAX)
		entries = SAMPLES_MAX;
	/* Two stacks a sample, mostly of one piece each; deep ones share their outer pieces. */
	bpf_map__set_max_entries(skeleton->maps.counts_0, (uint32_t)entries);
	bpf_map__set_max_entries(skeleton->maps.counts_1, (uint32_t)entries);
	bpf_map__set_max_entries(skeleton->maps.stacks_0, STACKS_PER_SAMPLE * (uint32_t)entries);
	bpf_map__set_max_entries(skeleton->maps.stacks_1, STACKS_PER_SAMPLE * (uint32_t)entries);
	return seconds;
}

/* Directories in /proc named by a number. */
static uint32_t count_processes(void)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	uint32_t count = 0;

	while (directory && (entry = readdir(directory)))
		count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
	if (directory)
		(void)closedir(directory);
	return count;
}

/* The maps are allocated whole: what the machine runs now, and as much again. */
static void choose_unwind_sizes(struct sampler_bpf *skeleton)
{
	uint32_t mappings = 2 * MAPPINGS_PER_PROCESS * count_processes();

	if (mappings < UNWIND_MAPPINGS_MIN)
		mappings = UNWIND_MAPPINGS_MIN;
	if (mappings > UNWIND_MAPPINGS_MAX)
		mappings = UNWIND_MAPPINGS_MAX;
	bpf_map__set_max_entries(skeleton->maps.unwind_mappings, mappings);
	bpf_map__set_max_entries(skeleton->maps.unwind_processes, UNWIND_PROCESSES_MAX);
	bpf_map__set_max_entries(skeleton->maps.unwind_slots, UNWIND_SLOTS_MAX);
	bpf_map__set_max_entries(skeleton->maps.unwind_chunks, UNWIND_CHUNKS_MAX);
}

bool sampler_follows_processes(const struct sampler_bpf *skeleton)
{
	const struct sampler_config *config =
		(const struct sampler_config *)&skeleton->rodata->config;

	return config->filter == FILTER_PIDS || config->unwind == UNWIND_TABLES;
}

static void fill_config(const struct record_options *options, struct sampler_config *config)
{
	static const enum filter filters[] = {
		[TARGET_ALL] = FILTER_ALL,       [TARGET_PIDS] = FILTER_PIDS,
		[TARGET_COMMAND] = FILTER_PIDS,  [TARGET_TIDS] = FILTER_TIDS,
		[TARGET_CGROUP] = FILTER_CGROUP,
	};

	config->filter = filters[options->target];
	config->with_idle = options->with_idle;
	config->unwind = options->kernel_only ? UNWIND_NONE : options->unwind;
	config->kernel_stacks = !options->user_only;
	config->by_thread = options->per_thread;
	config->pid_namespace = namespaces_own_pid();
	config->frames_max = frames_max();
	if (getrandom(&config->stack_seed, sizeof(config->stack_seed), GRND_NONBLOCK) < 0)
		config->stack_seed = (uint64_t)getpid(); /* early at boot: still distinct stacks */
}

double sampler_configure(struct sampler_bpf *skeleton, const struct record_options *options,
			 size_t cpu_count)
{
	struct sampler_config *config = (struct sampler_config *)&skeleton->rodata->config;
	bool follows;

	fill_config(options, config);
	follows = sampler_follows_processes(skeleton);
	if (config->filter != FILTER_PIDS)
		bpf_map__set_max_entries(skeleton->maps.targets, TARGET_IDS_MAX);
	if (follows)
		bpf_map__set_max_entries(skeleton->maps.births, TARGETS_MAX);
	if (config->pid_namespace && follows)
		bpf_map__set_max_entries(skeleton->maps.exiting, TARGETS_MAX);
	bpf_program__set_autoload(skeleton->progs.on_fork, follows);
	bpf_program__set_autoload(skeleton->progs.on_exit, follows);
	bpf_program__set_autoload(skeleton->progs.on_free, follows);
	if (config->unwind == UNWIND_TABLES)
		choose_unwind_sizes(skeleton);
	return choose_sizes(skeleton, (double)options->sample_hz * (double)cpu_count);
}
