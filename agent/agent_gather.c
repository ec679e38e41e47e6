/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent_parts.h"
#include "agent/process_memory.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* Of /proc/self/fdinfo/N; what a map says fits. */
#define FDINFO_SIZE 1024

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static uint64_t time_ns(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * NS_PER_SECOND + (uint64_t)time->tv_usec * 1000;
}

uint64_t agent_cpu_ns(const struct agent *agent)
{
	static const int whose[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
	uint64_t sum = 0, uploaders;
	struct dwarf_client_usage reader = { 0 };

	for (size_t i = 0; i < sizeof(whose) / sizeof(whose[0]); i++) {
		struct rusage usage;

		if (getrusage(whose[i], &usage) == 0)
			sum += time_ns(&usage.ru_utime) + time_ns(&usage.ru_stime);
	}
	if (agent->recording.dwarf)
		dwarf_client_usage_of(agent->recording.dwarf, &reader);
	sum += reader.cpu_ns;
	uploaders = (uint64_t)(uploader_ended_cpu_seconds(agent->uploader) * (double)NS_PER_SECOND);
	return sum > uploaders ? sum - uploaders : 0;
}

/* 0: it is no map. */
static uint64_t map_bytes_of(int dir_fd, const char *name)
{
	CLEANUP(cleanup_fd) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	char text[FDINFO_SIZE];
	const char *line;
	ssize_t length;

	if (fd < 0)
		return 0;
	length = read(fd, text, sizeof(text) - 1);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	line = strstr(text, "map_type:") ? strstr(text, "memlock:") : NULL;
	return line ? strtoull(line + strlen("memlock:"), NULL, 10) : 0;
}

/* What the kernel itself says of each map that is open here. */
static uint64_t map_bytes(void)
{
	CLEANUP(cleanup_dir) DIR *dir = opendir("/proc/self/fdinfo");
	const struct dirent *entry;
	uint64_t sum = 0;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			sum += map_bytes_of(dirfd(dir), entry->d_name);
	}
	return sum;
}

static void add_counters(const struct agent *agent, struct agent_status *status)
{
	struct sampler_stats stats;

	memcpy(status->counters, agent->counters, sizeof(status->counters));
	status->follower_lost = agent->follower_lost;
	status->bpf_ns = agent->counters[COUNTER_BPF_NS];
	if (!agent->recording.pipeline.sampler)
		return;
	status->follower_lost += follower_lost(agent->recording.pipeline.follower);
	if (sampler_read_stats(agent->recording.pipeline.sampler, &stats) < 0)
		return;
	for (int i = 0; i < COUNTER_COUNT; i++)
		status->counters[i] += stats.counters[i];
	status->bpf_ns += stats.counters[COUNTER_BPF_NS];
}

void agent_gather_session(struct agent *agent)
{
	struct agent_status status = { 0 };

	if (!agent->recording.pipeline.follower)
		return;
	add_counters(agent, &status);
	memcpy(agent->counters, status.counters, sizeof(agent->counters));
	agent->follower_lost = status.follower_lost;
}

static void add_tables(const struct agent *agent, struct agent_status *status)
{
	struct unwinder_stats unwind;

	if (!agent->recording.pipeline.unwinder)
		return;
	unwinder_read_stats(agent->recording.pipeline.unwinder, &unwind);
	status->tables = unwind.tables.built - unwind.tables.evicted;
	status->table_bytes = unwind.tables.bytes;
}

static void add_written(const struct agent *agent, struct agent_status *status)
{
	struct window_writer_figures figures;

	/* What was sent since the last window waits no more. */
	window_writer_count(agent->writer);
	window_writer_figures_of(agent->writer, &figures);
	status->windows = figures.windows;
	status->windows_failed = figures.windows_failed;
	status->last_window_unix_s = figures.last_window_unix_s;
	status->samples = figures.samples;
	status->complete_samples = figures.complete_samples;
	status->off_cpu_ns = figures.off_cpu_ns;
	status->files_put = figures.files_put;
	status->files_failed = figures.files_failed;
	status->services = figures.services;
	status->cgroups_lost = figures.cgroups_lost;
	status->name_seconds = figures.name_seconds;
	status->write_seconds = figures.write_seconds;
	for (size_t i = 0; i < status->target_count; i++)
		status->targets[i].spool = figures.usage[i];
}

static void add_targets(const struct agent *agent, struct agent_status *status)
{
	status->target_count = agent->config->target_count;
	for (size_t i = 0; i < status->target_count; i++) {
		struct agent_target_status *target = &status->targets[i];

		target->name = agent->config->targets[i].name;
		target->url = agent->config->targets[i].url;
		(void)uploader_figures_of(agent->uploader, i, &target->uploads);
	}
}

static void add_memory(const struct agent *agent, struct agent_status *status)
{
	struct dwarf_client_usage reader = { 0 };

	if (agent->recording.dwarf)
		dwarf_client_usage_of(agent->recording.dwarf, &reader);
	status->rss_bytes = process_resident_bytes(getpid());
	status->uploader_rss_bytes = process_resident_bytes(uploader_pid(agent->uploader));
	status->reader_rss_bytes = reader.resident_bytes;
	status->heap_bytes = own_heap_bytes();
	status->map_bytes = map_bytes();
}

void agent_gather(struct agent *agent, struct agent_status *ret)
{
	*ret = (struct agent_status){
		.began_unix_s = agent->began_unix_s,
		.window_s = agent->config->window_s,
		.reloads = agent->reloads,
		.uploader_restarts = uploader_restarts(agent->uploader),
		.cpu_seconds = (double)agent_cpu_ns(agent) / 1e9,
		.asked_hz = agent->config->record.sample_hz,
		.sample_hz = agent->config->record.sample_hz,
	};
	ret->uploader_cpu_seconds = uploader_cpu_seconds(agent->uploader);
	add_memory(agent, ret);
	if (agent->recording.pipeline.sampler)
		ret->sample_hz = sampler_hz(agent->recording.pipeline.sampler);
	add_counters(agent, ret);
	add_tables(agent, ret);
	add_targets(agent, ret);
	add_written(agent, ret);
}
