/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/jit_process.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Memory for the names and addresses of one file: half a million functions. */
#define FILE_BYTES_MAX ((size_t)64 << 20)

void jit_process_drop(struct jit_process *process)
{
	cleanup_fd(&process->map_fd);
	cleanup_fd(&process->dump_fd);
	process->map_fd = process->dump_fd = -1;
	jit_files_done(&process->files);
	perf_map_free(process->map);
	jitdump_free(process->dump);
	process->map = NULL;
	process->dump = NULL;
	process->bytes = 0;
	process->files_refused = 0;
	process->is_map_stale = false;
	process->is_dropped = true;
}

void jit_process_free(struct jit_process *process)
{
	jit_process_drop(process);
	free(process);
}

/* What is there under its name now; what was opened before, when there is nothing. */
static void open_map(struct jit_process *process)
{
	int fd;

	if (process->map_fd >= 0 && jit_files_is_map(&process->files, process->map_fd))
		return;
	fd = jit_files_open_map(&process->files);
	/* A runtime may write it anew, and then it is its own. */
	process->is_map_stale = fd == -ESTALE;
	if (fd == -EPERM && !process->is_map_refused) {
		process->is_map_refused = true;
		process->files_refused++;
	}
	if (fd < 0)
		return;
	cleanup_fd(&process->map_fd);
	process->map_fd = fd;
}

static void note_failure(struct jit_process *process, int err, bool *is_counted)
{
	if (err >= 0 || *is_counted)
		return;
	*is_counted = true;
	process->files_refused++;
}

static void read_map(struct jit_process *process, uint64_t *budget)
{
	if (process->map_fd < 0 ||
	    (!process->map && perf_map_new(FILE_BYTES_MAX, &process->map) < 0))
		return;
	note_failure(process, perf_map_read(process->map, process->map_fd, budget),
		     &process->is_map_failed);
}

static void read_dump(struct jit_process *process, uint64_t *budget)
{
	if (process->dump_fd < 0 ||
	    (!process->dump && jitdump_new(FILE_BYTES_MAX, &process->dump) < 0))
		return;
	note_failure(
		process,
		jitdump_read(process->dump, process->dump_fd, clock_ns(CLOCK_MONOTONIC), budget),
		&process->is_dump_failed);
}

static uint64_t entries_read(const struct jit_process *process)
{
	struct perf_map_stats map = { 0 };
	struct jitdump_stats dump = { 0 };

	if (process->map)
		perf_map_read_stats(process->map, &map);
	if (process->dump)
		jitdump_read_stats(process->dump, &dump);
	return map.entries + dump.entries;
}

bool jit_process_is_behind(const struct jit_process *process)
{
	return (process->map && perf_map_is_behind(process->map)) ||
	       (process->dump && jitdump_is_behind(process->dump));
}

bool jit_process_read(struct jit_process *process, bool is_running, uint64_t *budget)
{
	uint64_t before = entries_read(process);
	bool was_behind = jit_process_is_behind(process);

	if (process->is_dropped)
		return false;
	if (is_running) {
		open_map(process);
		read_map(process, budget);
	}
	read_dump(process, budget);
	process->bytes = process->replaced = 0;
	if (process->map) {
		process->bytes += perf_map_bytes(process->map);
		process->replaced += perf_map_version(process->map);
	}
	if (process->dump) {
		process->bytes += jitdump_bytes(process->dump);
		process->replaced += jitdump_version(process->dump);
	}
	return entries_read(process) != before || (was_behind && !jit_process_is_behind(process));
}

bool jit_process_name(const struct jit_process *process, uint64_t time_ns, uint64_t address,
		      struct frame *ret)
{
	struct jitdump_code code = { 0 };

	if (process->dump && jitdump_is_behind(process->dump))
		return false;
	/* It knows of times, and of lines. */
	if (!process->dump || !jitdump_find(process->dump, address, time_ns, &code)) {
		if (process->map && !perf_map_is_behind(process->map))
			code.name = perf_map_find(process->map, address);
	}
	if (!code.name)
		return false;
	*ret = (struct frame){
		.name = code.name, .file = code.file, .line = code.line, .kind = FRAME_JIT
	};
	return true;
}

bool jit_process_has_files(const struct jit_process *process)
{
	return process->files.directory_fd >= 0 || process->map_fd >= 0 || process->dump_fd >= 0;
}

void jit_process_add_stats(const struct jit_process *process, struct jit_stats *stats)
{
	struct perf_map_stats map = { 0 };
	struct jitdump_stats dump = { 0 };

	if (process->map)
		perf_map_read_stats(process->map, &map);
	if (process->dump)
		jitdump_read_stats(process->dump, &dump);
	stats->files_refused += process->files_refused + process->is_map_stale;
	stats->entries_refused += map.refused + dump.refused;
	stats->no_room += map.no_room + dump.no_room + jit_process_is_behind(process);
}
