/* SPDX-License-Identifier: Apache-2.0 */
/* A report in words: the summary, and the line under each picture. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/log.h"
#include "agent/report.h"
#include "agent/target.h"
#include "base/clock.h"

/* What stands between the target and the losses, at its longest. */
#define NOTES_CONDITIONS 240
_Static_assert(TARGET_TEXT_SIZE + NOTES_CONDITIONS <= REPORT_NOTES_SIZE,
	       "only losses are cut when notes are too long");

/* From here on tenths of a second are enough. */
#define TENTHS_FROM_NS (10 * NS_PER_SECOND)

/* A line of limited length. */
struct line {
	char *text;
	size_t used, size;
};

__attribute__((format(printf, 2, 3))) static void line_add(struct line *line, const char *format,
							   ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line->text + line->used, line->size - line->used, format, arguments);
	va_end(arguments);
	line->used += length < 0 ? 0 : (size_t)length;
	if (line->used >= line->size)
		line->used = line->size - 1;
}

static double in_seconds(uint64_t ns)
{
	return (double)ns / (double)NS_PER_SECOND;
}

static int decimals_of(uint64_t ns)
{
	return ns < TENTHS_FROM_NS ? 3 : 1;
}

static double percent(uint64_t part, uint64_t whole)
{
	return 100.0 * (double)part / (double)whole;
}

enum picture_kind { PICTURE_ON_CPU, PICTURE_OFF_CPU };

/* Losses of samples are not of time off a CPU, and the other way round. */
static bool concerns(const struct named_count *loss, enum picture_kind kind)
{
	static const char *const prefixes[] = {
		[PICTURE_ON_CPU] = "samples_", [PICTURE_OFF_CPU] = "off_cpu_"
	};
	const char *other = prefixes[kind == PICTURE_ON_CPU ? PICTURE_OFF_CPU : PICTURE_ON_CPU];

	return strncmp(loss->name, other, strlen(other)) != 0;
}

static void add_losses(struct line *line, const struct report *report, enum picture_kind kind)
{
	const struct recording_stats *stats = &report->stats;
	bool is_lossless = true;

	if (report->kernel_names_missing)
		line_add(line, "; kernel names hidden");
	for (size_t i = 0; i < stats->loss_count; i++) {
		const struct named_count *loss = &stats->losses[i];

		if (!loss->count || !concerns(loss, kind))
			continue;
		is_lossless = false;
		line_add(line, "; lost: %s %" PRIu64, loss->name, loss->count);
	}
	if (is_lossless)
		line_add(line, "; nothing lost");
}

static void write_on_notes(struct report *report)
{
	const struct recording_stats *stats = &report->stats;
	struct line line = { report->notes, 0, sizeof(report->notes) };

	line_add(&line, "%s, %.1f s at %" PRIu64 " Hz on %" PRIu64 " CPUs", stats->target,
		 stats->seconds, stats->sample_hz, stats->cpus);
	if (stats->samples)
		line_add(&line, "; complete stacks: %.1f %%",
			 percent(stats->complete_samples, stats->samples));
	add_losses(&line, report, PICTURE_ON_CPU);
}

static bool hides_time(const struct off_cpu_stats *off)
{
	return off->hidden_ns || off->hidden_intervals;
}

static void add_hidden(struct line *line, const struct off_cpu_stats *off, const char *what)
{
	line_add(line, "%.*f s%s in ", decimals_of(off->hidden_ns), in_seconds(off->hidden_ns),
		 what);
	if (off->hidden_intervals)
		line_add(line, "%" PRIu64 " intervals", off->hidden_intervals);
	else
		line_add(line, "intervals that have not ended");
}

static void write_off_notes(struct report *report)
{
	const struct recording_stats *stats = &report->stats;
	const struct off_cpu_stats *off = &stats->off_cpu;
	struct line line = { report->off_notes, 0, sizeof(report->off_notes) };

	line_add(&line, "%s, %.1f s; off-CPU: %.*f s", stats->target, stats->seconds,
		 decimals_of(off->ns), in_seconds(off->ns));
	if (off->ns)
		line_add(&line, "; complete stacks: %.1f %%", percent(off->complete_ns, off->ns));
	if (hides_time(off)) {
		line_add(&line, "; left out: ");
		add_hidden(&line, off, "");
	}
	if (off->not_sampled)
		line_add(&line, "; short intervals sampled");
	if (off->preempted_not_sampled)
		line_add(&line, "; preempted threads sampled");
	add_losses(&line, report, PICTURE_OFF_CPU);
}

void report_write_notes(struct report *report)
{
	write_on_notes(report);
	if (report->stats.has_off_cpu)
		write_off_notes(report);
}

static void print_samples(const struct recording_stats *stats)
{
	if (stats->samples)
		log_info("%" PRIu64 " samples in %.1f s of %s; %.1f %% of the stacks are complete",
			 stats->samples, stats->seconds, stats->target,
			 percent(stats->complete_samples, stats->samples));
	else
		log_info("0 samples in %.1f s of %s", stats->seconds, stats->target);
}

static void print_off_cpu(const struct report *report)
{
	const struct recording_stats *stats = &report->stats;
	const struct off_cpu_stats *off = &stats->off_cpu;
	const struct off_ledger *times = &report->ledger_sum.times;
	char shares[128] = "", hidden[128] = "";
	struct line line = { shares, 0, sizeof(shares) };
	struct line hidden_line = { hidden, 0, sizeof(hidden) };

	if (off->ns)
		line_add(&line, "; %.1f %% of it with complete stacks",
			 percent(off->complete_ns, off->ns));
	if (ledger_off_ns(times))
		line_add(&line, "; %.1f %% of all waiting for a CPU",
			 percent(times->off_ns[OFF_RUNQUEUE], ledger_off_ns(times)));
	log_info("off-CPU: %.*f s in %.1f s of %s, %" PRIu64 " intervals%s", decimals_of(off->ns),
		 in_seconds(off->ns), stats->seconds, stats->target, off->intervals, shares);
	if (hides_time(off)) {
		add_hidden(&hidden_line, off, " off-CPU");
		log_info("left out, as asked for: %s", hidden);
	}
	if (off->not_sampled)
		log_info("switches above --max-events: %" PRIu64
			 " short intervals stand for %" PRIu64 " others",
			 off->sampled, off->not_sampled);
	if (off->preempted_not_sampled)
		log_info("preempted threads (--preempt-sample): %" PRIu64
			 " stacks stand for %" PRIu64 " others",
			 off->preempted_sampled, off->preempted_not_sampled);
}

static void print_ledger(const struct report *report)
{
	const struct ledger_row *sum = &report->ledger_sum;
	uint64_t runqueue_ns = sum->times.off_ns[OFF_RUNQUEUE];
	int decimals = decimals_of(sum->wall_ns);

	log_info("time of its %" PRIu64 " thread%s: %.*f s wall = %.*f s on-CPU + %.*f s blocked + "
		 "%.*f s waiting for a CPU",
		 report->thread_count, report->thread_count == 1 ? "" : "s", decimals,
		 in_seconds(sum->wall_ns), decimals, in_seconds(sum->times.on_ns), decimals,
		 in_seconds(ledger_off_ns(&sum->times) - runqueue_ns), decimals,
		 in_seconds(runqueue_ns));
}

static void print_troubles(const struct report *report)
{
	const struct recording_stats *stats = &report->stats;

	for (size_t i = 0; i < stats->loss_count; i++) {
		if (stats->losses[i].count)
			log_warning("lost: %s %" PRIu64, stats->losses[i].name,
				    stats->losses[i].count);
	}
	if (report->lacks_descriptors)
		log_warning(
			"there are more binaries than files that may be open: raise 'ulimit -n'");
	if (report->table_failed_name)
		log_warning(
			"cannot use the unwind rules of '%s': %s; its code is walked without them",
			report->table_failed_name, report->table_failed_error);
	if (report->kernel_names_missing)
		log_warning(
			"the kernel hides its names, its frames are one [kernel]: needs CAP_SYSLOG "
			"and 'sysctl kernel.kptr_restrict=1'");
}

/* A picture with nothing in it. */
static void print_absence(const struct recording_stats *stats)
{
	if (stats->off_cpu.ns)
		return;
	if (stats->has_on_cpu && stats->samples == 0)
		log_warning("no samples: nothing of %s ran on a CPU", stats->target);
	else if (!stats->has_on_cpu && hides_time(&stats->off_cpu))
		log_warning("no time: all that %s was off a CPU is left out", stats->target);
	else if (!stats->has_on_cpu)
		log_warning("no time: nothing of %s was off a CPU", stats->target);
}

void report_print(const struct report *report)
{
	if (report->stats.has_on_cpu)
		print_samples(&report->stats);
	if (report->stats.has_off_cpu)
		print_off_cpu(report);
	if (report->thread_count)
		print_ledger(report);
	print_troubles(report);
	print_absence(&report->stats);
}
