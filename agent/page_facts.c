/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/page_facts.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/target.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define FACTS_MAX 12
#define TEXT_SIZE (TARGET_TEXT_SIZE + 64)
#define ROWS_MAX  (PAGE_PROCESSES_MAX + 1)
#define LOSS_SIZE 64
#define NS_PER_US 1000u

/* From here on tenths of a second are enough. */
#define TENTHS_FROM_NS (10 * NS_PER_SECOND)

/* On a CPU, and the states off it. */
#define TIME_COUNT (1 + OFF_STATE_COUNT)
_Static_assert(TIME_COUNT <= HTML_TIMES_MAX, "each state has a column");

struct page_facts {
	struct html_page page;
	char subtitle[TEXT_SIZE];
	struct html_fact facts[FACTS_MAX];
	char texts[FACTS_MAX][TEXT_SIZE];
	struct html_loss losses[STATS_LOSSES_MAX];
	char loss_names[STATS_LOSSES_MAX][LOSS_SIZE];
	struct html_ledger_row rows[ROWS_MAX];
	char rest_name[LOSS_SIZE];
};

/* In the order of the table: what is blocked is between what runs and what could. */
static const char *const time_names[TIME_COUNT] = {
	"on-CPU", "asleep", "uninterruptible", "stopped", "other", "run queue",
};
static const enum off_state off_states[OFF_STATE_COUNT] = {
	OFF_SLEEP, OFF_UNINTERRUPTIBLE, OFF_STOPPED, OFF_OTHER, OFF_RUNQUEUE,
};

static void cleanup_facts(struct page_facts **facts)
{
	page_facts_free(*facts);
}

__attribute__((format(printf, 3, 4))) static void
add_fact(struct page_facts *facts, const char *name, const char *format, ...)
{
	size_t i = facts->page.fact_count++;
	va_list arguments;

	assert(i < FACTS_MAX);
	va_start(arguments, format);
	(void)vsnprintf(facts->texts[i], sizeof(facts->texts[i]), format, arguments);
	va_end(arguments);
	facts->facts[i] = (struct html_fact){ name, facts->texts[i] };
}

/* "1,234,567" */
struct grouped {
	char text[32];
};

static struct grouped grouped(uint64_t value)
{
	char digits[24];
	struct grouped grouped;
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value);
	char *to = grouped.text;

	for (size_t i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return grouped;
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static double in_seconds(uint64_t ns)
{
	return (double)ns / (double)NS_PER_SECOND;
}

/* As in the summary: tenths of a second are enough for long times. */
static int decimals_of(uint64_t ns)
{
	return ns < TENTHS_FROM_NS ? 3 : 1;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void add_started(struct page_facts *facts, const struct recording_stats *stats)
{
	time_t seconds = (time_t)(stats->started_at_unix_ns / NS_PER_SECOND);
	struct tm utc;
	char text[64];

	if (!gmtime_r(&seconds, &utc) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &utc))
		return;
	add_fact(facts, "Started", "%s UTC", text);
}

static void add_samples(struct page_facts *facts, const struct recording_stats *stats)
{
	add_fact(facts, "Sampling", "%s%s%" PRIu64 " Hz on %" PRIu64 " CPU%s",
		 stats->event ? stats->event : "", stats->event ? " at " : "", stats->sample_hz,
		 stats->cpus, plural(stats->cpus));
	add_fact(facts, "On-CPU", "%s sample%s; %.1f %% with complete stacks",
		 grouped(stats->samples).text, plural(stats->samples),
		 percent(stats->complete_samples, stats->samples));
	if (stats->idle_samples > 0)
		add_fact(facts, "Left out", "%s sample%s of CPUs with nothing to do",
			 grouped(stats->idle_samples).text, plural(stats->idle_samples));
}

static void add_off_cpu(struct page_facts *facts, const struct off_cpu_stats *off)
{
	add_fact(facts, "Off-CPU", "%.*f s in %s interval%s; %.1f %% of it with complete stacks",
		 decimals_of(off->ns), in_seconds(off->ns), grouped(off->intervals).text,
		 plural(off->intervals), percent(off->complete_ns, off->ns));
	if (off->hidden_intervals > 0 || off->hidden_ns > 0)
		add_fact(facts, "Left out, as asked for", "%.*f s off-CPU in %s interval%s",
			 decimals_of(off->hidden_ns), in_seconds(off->hidden_ns),
			 grouped(off->hidden_intervals).text, plural(off->hidden_intervals));
	if (off->not_sampled > 0)
		add_fact(facts, "Short intervals", "%s stand for %s others (--max-events)",
			 grouped(off->sampled).text, grouped(off->not_sampled).text);
	if (off->preempted_not_sampled > 0)
		add_fact(facts, "Preempted threads",
			 "%s stacks stand for %s others (--preempt-sample)",
			 grouped(off->preempted_sampled).text,
			 grouped(off->preempted_not_sampled).text);
}

static void add_facts(struct page_facts *facts, const struct report *report)
{
	const struct recording_stats *stats = &report->stats;

	add_fact(facts, "Target", "%s", stats->target);
	add_started(facts, stats);
	add_fact(facts, "Duration", "%.1f s", stats->seconds);
	if (stats->has_on_cpu)
		add_samples(facts, stats);
	if (stats->has_off_cpu)
		add_off_cpu(facts, &stats->off_cpu);
	if (report->kernel_names_missing)
		add_fact(facts, "Kernel names", "hidden by the kernel");
	add_fact(facts, "Recorded by", "eprof %s", stats->version);
}

/* "samples_map_full" as words. */
static void add_losses(struct page_facts *facts, const struct recording_stats *stats)
{
	facts->page.tells_losses = true;
	for (size_t i = 0; i < stats->loss_count; i++) {
		char *name = facts->loss_names[facts->page.loss_count];

		if (stats->losses[i].count == 0)
			continue;
		(void)snprintf(name, LOSS_SIZE, "%s", stats->losses[i].name);
		for (char *at = strchr(name, '_'); at; at = strchr(at, '_'))
			*at = ' ';
		facts->losses[facts->page.loss_count++] =
			(struct html_loss){ name, stats->losses[i].count };
	}
}

static void write_subtitle(struct page_facts *facts, const struct recording_stats *stats)
{
	FILE *out = fmemopen(facts->subtitle, sizeof(facts->subtitle), "w");

	if (!out)
		return;
	fprintf(out, "%.1f s", stats->seconds);
	if (stats->has_on_cpu)
		fprintf(out, " \u00b7 %s sample%s on-CPU", grouped(stats->samples).text,
			plural(stats->samples));
	if (stats->has_off_cpu)
		fprintf(out, " \u00b7 %.*f s off-CPU", decimals_of(stats->off_cpu.ns),
			in_seconds(stats->off_cpu.ns));
	fprintf(out, " \u00b7 %s",
		facts->page.loss_count > 0 ? "there were losses, see below" : "nothing lost");
	(void)fclose(out);
	facts->subtitle[sizeof(facts->subtitle) - 1] = '\0';
}

static void add_times(const struct ledger_row *row, struct html_ledger_row *to)
{
	to->wall_us += row->wall_ns / NS_PER_US;
	to->times_us[0] += row->times.on_ns / NS_PER_US;
	for (size_t i = 0; i < OFF_STATE_COUNT; i++)
		to->times_us[1 + i] += row->times.off_ns[off_states[i]] / NS_PER_US;
}

static void add_process(const struct ledger_process *process, struct html_ledger_row *to)
{
	to->threads += process->thread_count + process->other_count;
	add_times(&process->sum, to);
}

/* What is not sleep: time on a CPU or waiting for one, and blocked where sleep is not meant. */
static uint64_t busy_ns(const struct ledger_process *process)
{
	const struct off_ledger *times = &process->sum.times;

	return times->on_ns + times->off_ns[OFF_RUNQUEUE] + times->off_ns[OFF_UNINTERRUPTIBLE];
}

/* Those of an array stay in its order where they are alike. */
static int compare_busy(const void *a, const void *b)
{
	const struct ledger_process *one = *(const struct ledger_process *const *)a;
	const struct ledger_process *other = *(const struct ledger_process *const *)b;

	if (busy_ns(one) != busy_ns(other))
		return busy_ns(one) > busy_ns(other) ? -1 : 1;
	return (one > other) - (one < other);
}

static void add_processes(struct page_facts *facts, const struct ledger_process *const *processes,
			  size_t count)
{
	struct html_ledger *ledger = &facts->page.ledger;

	for (size_t i = 0; i < count; i++) {
		size_t at = i < ROWS_MAX ? i : ROWS_MAX - 1;

		const char *name = processes[i]->sum.process_name;

		facts->rows[at].name = *name ? name : "not told apart";
		facts->rows[at].pid = processes[i]->sum.tgid;
		add_process(processes[i], &facts->rows[at]);
		add_process(processes[i], &ledger->sum);
	}
	ledger->row_count = count < ROWS_MAX ? count : ROWS_MAX;
	if (count > ROWS_MAX) {
		(void)snprintf(facts->rest_name, sizeof(facts->rest_name), "%s others",
			       grouped(count - PAGE_PROCESSES_MAX).text);
		facts->rows[PAGE_PROCESSES_MAX].name = facts->rest_name;
		facts->rows[PAGE_PROCESSES_MAX].pid = 0;
	}
}

static int add_ledger(struct page_facts *facts, struct ledger *from)
{
	CLEANUP(cleanup_free) const struct ledger_process **order = NULL;
	struct html_ledger *ledger = &facts->page.ledger;
	const struct ledger_process *processes;
	size_t count;
	int err;

	if (!from)
		return 0;
	err = ledger_processes(from, &processes, &count);
	if (err < 0)
		return err;
	order = malloc(count * sizeof(*order) + 1);
	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		order[i] = &processes[i];
	qsort(order, count, sizeof(*order), compare_busy);
	add_processes(facts, order, count);
	ledger->sum.name = "All";
	ledger->rows = facts->rows;
	ledger->time_names = time_names;
	ledger->time_count = TIME_COUNT;
	return 0;
}

int page_facts_make(const struct report *report, struct page_facts **ret)
{
	CLEANUP(cleanup_facts) struct page_facts *facts = calloc(1, sizeof(*facts));
	int err;

	if (!facts)
		return -ENOMEM;
	err = add_ledger(facts, report->stats.ledger);
	if (err < 0)
		return err;
	add_facts(facts, report);
	add_losses(facts, &report->stats);
	write_subtitle(facts, &report->stats);
	facts->page.title = report->stats.target;
	facts->page.subtitle = facts->subtitle;
	facts->page.facts = facts->facts;
	facts->page.losses = facts->losses;
	*ret = TAKE(facts);
	return 0;
}

void page_facts_free(struct page_facts *facts)
{
	free(facts);
}

struct html_page page_facts_page(const struct page_facts *facts)
{
	return facts->page;
}
