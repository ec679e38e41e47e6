/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/report.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/report_modules.h"
#include "base/cleanup.h"

static double cpu_seconds(int whose)
{
	struct rusage usage;

	if (getrusage(whose, &usage) < 0)
		return 0;
	return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/*
 * VmHWM, not getrusage(): ru_maxrss survives exec, so a large shell or Python that starts eprof
 * would be charged to it.
 */
static uint64_t tool_peak_rss(void)
{
	CLEANUP(cleanup_file) FILE *file = fopen("/proc/self/status", "re");
	uint64_t kilobytes = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmHWM: %" SCNu64, &kilobytes) == 1)
			break;
	}
	return kilobytes * 1024;
}

static void add_loss(struct recording_stats *stats, const char *name, uint64_t count)
{
	assert(stats->loss_count < STATS_LOSSES_MAX);
	stats->losses[stats->loss_count++] = (struct named_count){ name, count };
}

static void fill_losses(const struct report_sources *sources, const struct sampler_stats *sampler,
			struct recording_stats *stats)
{
	const struct pipeline *pipeline = sources->pipeline;

	for (int i = 0; i < COUNTER_COUNT; i++) {
		enum counter counter = (enum counter)i;

		if (counter_is_loss(counter))
			add_loss(stats, counter_name(counter), sampler->counters[counter]);
	}
	add_loss(stats, "process_records", follower_lost(pipeline->follower));
	add_loss(stats, "mappings", processes_dropped_mappings(pipeline->processes));
	add_loss(stats, "binaries_too_many", binaries_dropped(sources->binaries));
	add_loss(stats, "binaries_unopened", binaries_unopened(sources->binaries));
	add_loss(stats, "binaries_rewritten", binaries_rewritten(sources->binaries));
	add_loss(stats, "process_roots_no_room", binaries_roots_no_room(sources->binaries));
}

static void fill_jit(const struct jit *jit, struct recording_stats *stats)
{
	struct jit_stats counts;

	jit_read_stats(jit, &counts);
	add_loss(stats, "jit_files_refused", counts.files_refused);
	add_loss(stats, "jit_entries_refused", counts.entries_refused);
	add_loss(stats, "jit_no_room", counts.no_room);
}

static void add_unwind(struct recording_stats *stats, const char *name, uint64_t count)
{
	stats->unwind[stats->unwind_count++] = (struct named_count){ name, count };
}

static void fill_unwind(struct unwinder *unwinder, struct report *report)
{
	struct recording_stats *stats = &report->stats;
	struct unwinder_stats unwind;
	uint64_t unsupported = 0;

	if (!unwinder)
		return;
	unwinder_read_stats(unwinder, &unwind);
	for (size_t i = 0; i < UNWIND_UNSUPPORTED_KINDS; i++)
		unsupported += unwind.tables.unsupported[i];
	add_unwind(stats, "files", unwind.tables.files);
	add_unwind(stats, "tables_built", unwind.tables.built);
	add_unwind(stats, "files_without_rules", unwind.tables.without);
	add_unwind(stats, "tables_evicted", unwind.tables.evicted);
	add_unwind(stats, "rows", unwind.tables.rows);
	add_unwind(stats, "rows_unsupported", unsupported);
	add_unwind(stats, "kernel_bytes", unwind.tables.bytes);
	add_unwind(stats, "build_us", unwind.tables.build_ns / 1000);
	add_loss(stats, "unwind_tables_failed", unwind.tables.failed);
	add_loss(stats, "unwind_tables_no_room", unwind.tables.refused);
	add_loss(stats, "unwind_bindings_no_room", unwind.unbound);
	add_loss(stats, "unwind_files_no_descriptor", unwind.no_descriptor);
	add_loss(stats, "unwind_mappings_no_room", unwind.left_out);
	report->lacks_descriptors = unwind.no_descriptor > 0;
	report->table_failed_name = unwind.tables.failed_name;
	report->table_failed_error = unwind.tables.failed_error;
}

static void add_name(struct recording_stats *stats, const char *name, uint64_t count)
{
	stats->names[stats->name_count++] = (struct named_count){ name, count };
}

static void fill_downloads(const struct report_sources *sources, struct recording_stats *stats)
{
	struct debug_downloads_stats downloads;

	if (!sources->pipeline->downloads)
		return;
	debug_downloads_read_stats(sources->pipeline->downloads, &downloads);
	add_name(stats, "debuginfod_asked", downloads.debuginfod.asked);
	add_name(stats, "debuginfod_found", downloads.debuginfod.found);
	add_name(stats, "debuginfod_not_found", downloads.debuginfod.not_found);
	add_name(stats, "debuginfod_ms", (uint64_t)(downloads.debuginfod.seconds * 1000));
	add_loss(stats, "debuginfod_failed", downloads.debuginfod.failed);
	add_loss(stats, "debuginfod_gave_up", downloads.debuginfod.gave_up);
	add_loss(stats, "debuginfod_not_asked", downloads.not_asked);
	add_loss(stats, "debuginfod_refused", downloads.refused);
	add_loss(stats, "debuginfod_named_early", sources->profile->named_early);
	stats->tool_cpu_seconds += downloads.debuginfod.cpu_seconds;
}

static void fill_refused(const uint64_t refused[DWARF_REFUSALS], struct recording_stats *stats)
{
	add_name(stats, "debug_units_too_large", refused[DWARF_REFUSED_LARGE]);
	add_name(stats, "debug_units_malformed", refused[DWARF_REFUSED_MALFORMED]);
	add_name(stats, "debug_units_split_missing", refused[DWARF_REFUSED_SPLIT]);
	add_name(stats, "debug_units_packaged", refused[DWARF_REFUSED_PACKAGE]);
	add_name(stats, "debug_names_missing", refused[DWARF_REFUSED_ALTERNATE]);
	add_name(stats, "debug_ranges_discarded", refused[DWARF_REFUSED_DISCARDED]);
}

static int fill_names(const struct report_sources *sources, struct report *report)
{
	struct recording_stats *stats = &report->stats;
	struct dwarf_client_stats dwarf;

	dwarf_client_read_stats(sources->dwarf, &dwarf);
	add_name(stats, "debug_files", dwarf.files);
	add_name(stats, "debug_addresses", dwarf.addresses);
	fill_refused(dwarf.parts_refused, stats);
	add_loss(stats, "symbols_no_room", symbolizer_symbols_refused(sources->symbolizer));
	add_loss(stats, "debug_files_refused", dwarf.refused);
	add_loss(stats, "debug_files_crashed", dwarf.crashes);
	add_loss(stats, "debug_files_too_slow", dwarf.timeouts);
	add_loss(stats, "debug_files_unread", dwarf.unread);
	add_loss(stats, "debug_answers_left_out", dwarf.left_out);
	add_loss(stats, "names_no_room", symbolizer_names_unkept(sources->symbolizer));
	fill_downloads(sources, stats);
	stats->tool_cpu_seconds += dwarf.cpu_seconds;
	return report_modules_make(sources->symbolizer, &report->modules, &stats->module_count);
}

static void fill_stops(const struct profile *profile, struct recording_stats *stats)
{
	for (int i = 0; i < STOP_REASON_COUNT; i++)
		stats->stop_reasons[stats->stop_reason_count++] =
			(struct named_count){ stop_reason_name((enum stop_reason)i),
					      profile->stops[i] };
}

static void fill_off_cpu(const struct profile *profile, const struct sampler_stats *sampler,
			 struct recording_stats *stats)
{
	const uint64_t *counters = sampler->counters;

	stats->has_off_cpu = profile->off_tree != NULL;
	if (!stats->has_off_cpu)
		return;
	stats->off_cpu = (struct off_cpu_stats){
		.ns = profile->off_ns,
		.complete_ns = profile->off_complete_ns,
		.intervals = counters[COUNTER_OFF_INTERVALS],
		.hidden_intervals = counters[COUNTER_OFF_HIDDEN],
		.hidden_ns = counters[COUNTER_OFF_HIDDEN_NS],
		.sampled = counters[COUNTER_OFF_SAMPLED],
		.not_sampled = counters[COUNTER_OFF_NOT_SAMPLED],
		.preempted_sampled = counters[COUNTER_OFF_PREEMPTED_SAMPLED],
		.preempted_not_sampled = counters[COUNTER_OFF_PREEMPTED_NOT_SAMPLED],
		.user_known = counters[COUNTER_OFF_USER_MEMO],
		.user_walked = counters[COUNTER_OFF_USER_WALKS],
		.kernel_known = counters[COUNTER_OFF_KERNEL_MEMO],
		.kernel_walked = counters[COUNTER_OFF_KERNEL_WALKS],
	};
}

static void fill_off_cpu_facts(const struct off_cpu *off, struct recording_stats *stats)
{
	struct off_cpu_facts facts;

	off_cpu_read_facts(off, &facts);
	stats->off_cpu.tracepoint = facts.is_raw ? "raw" : "typed";
	add_loss(stats, "off_cpu_stacks_not_kept", facts.not_kept);
	add_loss(stats, "off_cpu_threads_exiting", facts.missed);
}

static int fill_ledger(struct ledger *ledger, struct report *report)
{
	const struct ledger_process *processes;
	size_t count;
	int err;

	report->stats.ledger = ledger;
	if (!ledger)
		return 0;
	err = ledger_processes(ledger, &processes, &count);
	if (err < 0)
		return err;
	for (size_t i = 0; i < count; i++) {
		ledger_row_add(&report->ledger_sum, &processes[i].sum);
		report->thread_count += processes[i].thread_count + processes[i].other_count;
	}
	return 0;
}

static void fill_samples(const struct report_sources *sources, const struct sampler_stats *sampler,
			 struct recording_stats *stats)
{
	const struct profile *profile = sources->profile;

	stats->version = EPROF_VERSION;
	stats->target = sources->target;
	stats->seconds = profile->seconds;
	stats->has_on_cpu = sources->options->on_cpu;
	stats->sample_hz = sources->options->sample_hz;
	stats->cpus = sources->cpu_count;
	stats->event = sources->options->event;
	stats->started_at_unix_ns = profile->started_unix_ns;
	stats->samples = profile->samples;
	stats->complete_samples = profile->complete_samples;
	stats->idle_samples = sampler->counters[COUNTER_IDLE];
	stats->distinct_stacks = sampler->distinct_stacks;
	stats->tool_cpu_seconds = cpu_seconds(RUSAGE_SELF);
	stats->tool_peak_rss_bytes = tool_peak_rss();
	stats->has_bpf_time = sampler->has_run_time && stats->samples;
	stats->bpf_runs = sampler->run_count;
	if (stats->has_bpf_time)
		stats->bpf_ns_per_sample = (double)sampler->run_time_ns / (double)stats->samples;
	fill_stops(profile, stats);
	fill_losses(sources, sampler, stats);
}

int report_make(const struct report_sources *sources, struct report *ret)
{
	struct report report = { 0 };
	struct recording_stats *stats = &report.stats;
	struct sampler_stats sampler;
	struct naming_stats naming;
	int err = sampler_read_stats(sources->pipeline->sampler, &sampler);

	if (err < 0)
		return err;
	naming_read_stats(sources->pipeline->naming, &naming);
	fill_samples(sources, &sampler, stats);
	stats->frames = naming.frames;
	stats->unnamed_user_frames = naming.unnamed_user_frames;
	stats->unnamed_kernel_frames = naming.unnamed_kernel_frames;
	fill_off_cpu(sources->profile, &sampler, stats);
	if (sources->pipeline->off_cpu)
		fill_off_cpu_facts(sources->pipeline->off_cpu, stats);
	add_loss(stats, "kernel_code", naming.kernel_code_dropped);
	add_loss(stats, "run_time_names_no_room", naming.names_not_kept);
	fill_jit(sources->jit, stats);
	fill_unwind(sources->pipeline->unwinder, &report);
	report.kernel_names_missing = naming.kernel_names_missing;
	err = fill_ledger(sources->profile->ledger, &report);
	if (!err)
		err = fill_names(sources, &report);
	if (err < 0)
		return err;
	stats->modules = report.modules;
	report_write_notes(&report);
	*ret = report;
	return 0;
}

void report_done(struct report *report)
{
	free(report->modules);
}
