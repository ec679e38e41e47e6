/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/report.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/log.h"
#include "agent/report_modules.h"
#include "tests/unit/hear.h"

/*
 * Where the figures come from, in place of the modules that need a kernel: the linker takes these
 * and leaves those in the library.
 */
static struct {
	int err;
	struct sampler_stats sampler;
	struct off_cpu_facts off;
	struct naming_stats naming;
	uint64_t lost_records, dropped_mappings, unopened, rewritten, too_many;
	struct dwarf_client_stats dwarf;
	struct debug_downloads_stats downloads;
	size_t modules;
	bool no_memory;
} fake;

int sampler_read_stats(struct sampler *sampler, struct sampler_stats *ret)
{
	(void)sampler;
	if (!fake.err)
		*ret = fake.sampler;
	return fake.err;
}

void off_cpu_read_facts(const struct off_cpu *off, struct off_cpu_facts *ret)
{
	(void)off;
	*ret = fake.off;
}

void naming_read_stats(const struct naming *naming, struct naming_stats *ret)
{
	(void)naming;
	*ret = fake.naming;
}

uint64_t follower_lost(struct follower *follower)
{
	(void)follower;
	return fake.lost_records;
}

uint64_t processes_dropped_mappings(struct processes *processes)
{
	(void)processes;
	return fake.dropped_mappings;
}

uint64_t binaries_unopened(const struct binaries *binaries)
{
	(void)binaries;
	return fake.unopened;
}

uint64_t binaries_rewritten(const struct binaries *binaries)
{
	(void)binaries;
	return fake.rewritten;
}

uint64_t binaries_roots_no_room(const struct binaries *binaries)
{
	(void)binaries;
	return 0;
}

uint64_t binaries_dropped(const struct binaries *binaries)
{
	(void)binaries;
	return fake.too_many;
}

void dwarf_client_read_stats(const struct dwarf_client *client, struct dwarf_client_stats *ret)
{
	(void)client;
	*ret = fake.dwarf;
}

void debug_downloads_read_stats(const struct debug_downloads *downloads,
				struct debug_downloads_stats *ret)
{
	(void)downloads;
	*ret = fake.downloads;
}

int report_modules_make(const struct symbolizer *symbolizer, struct stats_module **ret,
			size_t *ret_count)
{
	(void)symbolizer;
	if (fake.no_memory)
		return -ENOMEM;
	*ret = calloc(fake.modules + 1, sizeof(**ret));
	*ret_count = fake.modules;
	return *ret ? 0 : -ENOMEM;
}

static const struct record_options options = {
	.on_cpu = true,
	.sample_hz = 99,
	.event = "cpu-clock",
};
static const struct pipeline pipeline;

static const struct profile profile = {
	.started_unix_ns = UINT64_C(1700000000000000000),
	.seconds = 10.04,
	.samples = 200,
	.complete_samples = 199,
	.stops = { [STOP_COMPLETE] = 199, [STOP_TOO_DEEP] = 1 },
};

static const struct report_sources sources = {
	.options = &options,
	.profile = &profile,
	.pipeline = &pipeline,
	.target = "demo (pid 7)",
	.cpu_count = 2,
};

static int forget_all(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static uint64_t loss(const struct report *report, const char *name)
{
	for (size_t i = 0; i < report->stats.loss_count; i++) {
		if (!strcmp(report->stats.losses[i].name, name))
			return report->stats.losses[i].count;
	}
	fail_msg("no loss '%s'", name);
	return 0;
}

static void figures_come_from_their_modules(void **state)
{
	const struct recording_stats *stats;
	struct report report;

	(void)state;
	fake.sampler.counters[COUNTER_IDLE] = 3;
	fake.sampler.distinct_stacks = 41;
	fake.naming = (struct naming_stats){ .frames = 1000,
					     .unnamed_user_frames = 20,
					     .unnamed_kernel_frames = 4 };
	assert_int_equal(report_make(&sources, &report), 0);
	stats = &report.stats;
	assert_string_equal(stats->version, EPROF_VERSION);
	assert_string_equal(stats->target, "demo (pid 7)");
	assert_string_equal(stats->event, "cpu-clock");
	assert_true(stats->samples == 200 && stats->complete_samples == 199);
	assert_true(stats->sample_hz == 99 && stats->cpus == 2);
	assert_true(stats->started_at_unix_ns == profile.started_unix_ns);
	assert_true(stats->idle_samples == 3 && stats->distinct_stacks == 41);
	assert_true(stats->frames == 1000 && stats->unnamed_user_frames == 20);
	assert_true(stats->unnamed_kernel_frames == 4);
	assert_int_equal(stats->stop_reason_count, STOP_REASON_COUNT);
	assert_string_equal(stats->stop_reasons[STOP_TOO_DEEP].name, "too_deep");
	assert_true(stats->stop_reasons[STOP_TOO_DEEP].count == 1);
	assert_true(stats->tool_peak_rss_bytes > 100000 && stats->tool_cpu_seconds >= 0);
	report_done(&report);
}

static void every_loss_is_listed_and_what_is_none_is_not(void **state)
{
	struct report report;

	(void)state;
	for (int i = 0; i < COUNTER_COUNT; i++)
		fake.sampler.counters[i] = 10 + (uint64_t)i;
	fake.lost_records = 1;
	fake.dropped_mappings = 2;
	fake.unopened = 3;
	fake.rewritten = 5;
	fake.too_many = 4;
	assert_int_equal(report_make(&sources, &report), 0);
	for (int i = 0; i < COUNTER_COUNT; i++) {
		if (counter_is_loss((enum counter)i))
			assert_true(loss(&report, counter_name((enum counter)i)) ==
				    10 + (uint64_t)i);
	}
	assert_true(loss(&report, "process_records") == 1);
	assert_true(loss(&report, "mappings") == 2);
	assert_true(loss(&report, "binaries_unopened") == 3);
	assert_true(loss(&report, "binaries_rewritten") == 5);
	assert_true(loss(&report, "binaries_too_many") == 4);
	for (size_t i = 0; i < report.stats.loss_count; i++)
		assert_string_not_equal(report.stats.losses[i].name, "samples");
	report_done(&report);
}

static void names_are_told_and_what_was_lost_of_them(void **state)
{
	struct profile early = profile;
	struct pipeline with_downloads = pipeline;
	struct report_sources all = sources;
	const struct named_count *names;
	struct report report;

	(void)state;
	fake.dwarf = (struct dwarf_client_stats){ .files = 21,
						  .addresses = 22,
						  .refused = 23,
						  .crashes = 24,
						  .timeouts = 25,
						  .unread = 26,
						  .parts_refused = { 41, 42, 43, 44, 45, 46 },
						  .cpu_seconds = 1000 };
	fake.modules = 3;
	assert_int_equal(report_make(&sources, &report), 0);
	assert_int_equal(report.stats.name_count, 2 + DWARF_REFUSALS);
	assert_string_equal(report.stats.names[0].name, "debug_files");
	assert_true(report.stats.names[0].count == 21 && report.stats.names[1].count == 22);
	assert_string_equal(report.stats.names[4].name, "debug_units_split_missing");
	for (size_t i = 0; i < DWARF_REFUSALS; i++)
		assert_int_equal(report.stats.names[2 + i].count, 41 + i);
	assert_true(loss(&report, "symbols_no_room") == 0);
	assert_true(loss(&report, "debug_files_refused") == 23);
	assert_true(loss(&report, "debug_files_crashed") == 24);
	assert_true(loss(&report, "debug_files_too_slow") == 25);
	assert_true(loss(&report, "debug_files_unread") == 26);
	assert_true(report.stats.tool_cpu_seconds > 1000);
	assert_ptr_equal(report.stats.modules, report.modules);
	assert_int_equal(report.stats.module_count, 3);
	report_done(&report);
	/* Of debuginfod only where it was asked. */
	fake.downloads = (struct debug_downloads_stats){
		.debuginfod = { 31, 32, 33, 34, 35, 1.5, 0 }, .not_asked = 36, .refused = 37
	};
	early.named_early = 38;
	all.profile = &early;
	with_downloads.downloads = (struct debug_downloads *)&fake;
	all.pipeline = &with_downloads;
	assert_int_equal(report_make(&all, &report), 0);
	assert_int_equal(report.stats.name_count, 6 + DWARF_REFUSALS);
	names = report.stats.names + 2 + DWARF_REFUSALS;
	assert_string_equal(names[0].name, "debuginfod_asked");
	assert_true(names[0].count == 31 && names[1].count == 32);
	assert_string_equal(names[3].name, "debuginfod_ms");
	assert_true(names[2].count == 33 && names[3].count == 1500);
	assert_true(loss(&report, "debuginfod_failed") == 34);
	assert_true(loss(&report, "debuginfod_gave_up") == 35);
	assert_true(loss(&report, "debuginfod_not_asked") == 36);
	assert_true(loss(&report, "debuginfod_refused") == 37);
	assert_true(loss(&report, "debuginfod_named_early") == 38);
	report_done(&report);
}

static void the_cost_of_a_sample_is_told_when_it_is_known(void **state)
{
	struct profile nothing = *sources.profile;
	struct report_sources idle = sources;
	struct report report;

	(void)state;
	fake.sampler.run_time_ns = 5000;
	fake.sampler.run_count = 4;
	assert_int_equal(report_make(&sources, &report), 0);
	assert_false(report.stats.has_bpf_time);
	fake.sampler.has_run_time = true;
	report_done(&report);
	assert_int_equal(report_make(&sources, &report), 0);
	assert_true(report.stats.has_bpf_time);
	assert_true(report.stats.bpf_ns_per_sample == 5000 / 200.0);
	nothing.samples = 0; /* no sample, no cost of one */
	idle.profile = &nothing;
	report_done(&report);
	assert_int_equal(report_make(&idle, &report), 0);
	assert_false(report.stats.has_bpf_time);
	report_done(&report);
}

static void time_off_a_cpu_is_told_when_it_was_measured(void **state)
{
	struct profile waiting = profile;
	struct report_sources both = sources;
	struct pipeline with_off = pipeline;
	struct ledger_row row = { .tgid = 7, .tid = 7, .wall_ns = 30, .times = { .on_ns = 10 } };
	struct report report;

	(void)state;
	fake.sampler.counters[COUNTER_OFF_INTERVALS] = 1;
	fake.sampler.counters[COUNTER_OFF_HIDDEN] = 4;
	fake.sampler.counters[COUNTER_OFF_HIDDEN_NS] = 5;
	fake.sampler.counters[COUNTER_OFF_SAMPLED] = 6;
	fake.sampler.counters[COUNTER_OFF_NOT_SAMPLED] = 7;
	fake.sampler.counters[COUNTER_OFF_PREEMPTED_SAMPLED] = 8;
	fake.sampler.counters[COUNTER_OFF_PREEMPTED_NOT_SAMPLED] = 9;
	assert_int_equal(report_make(&sources, &report), 0);
	assert_false(report.stats.has_off_cpu);
	assert_null(report.stats.ledger);
	assert_string_equal(report.off_notes, "");
	report_done(&report);

	assert_int_equal(call_tree_new(&waiting.off_tree), 0);
	assert_int_equal(ledger_new(&waiting.ledger), 0);
	assert_int_equal(ledger_add(waiting.ledger, &row), 0);
	row.tid = 8;
	assert_int_equal(ledger_add(waiting.ledger, &row), 0);
	row.tgid = 9;
	row.tid = 0;
	assert_int_equal(ledger_add(waiting.ledger, &row), 0);
	waiting.off_ns = 3;
	waiting.off_complete_ns = 2;

	both.profile = &waiting;
	with_off.off_cpu = (struct off_cpu *)&fake;
	both.pipeline = &with_off;
	fake.off.is_raw = true;
	assert_int_equal(report_make(&both, &report), 0);
	assert_true(report.stats.has_off_cpu && report.stats.has_on_cpu);
	assert_true(report.stats.off_cpu.ns == 3 && report.stats.off_cpu.complete_ns == 2);
	assert_true(report.stats.off_cpu.intervals == 1);
	assert_true(report.stats.off_cpu.hidden_intervals == 4);
	assert_true(report.stats.off_cpu.hidden_ns == 5);
	assert_true(report.stats.off_cpu.sampled == 6 && report.stats.off_cpu.not_sampled == 7);
	assert_true(report.stats.off_cpu.preempted_sampled == 8 &&
		    report.stats.off_cpu.preempted_not_sampled == 9);
	assert_string_equal(report.stats.off_cpu.tracepoint, "raw");
	assert_ptr_equal(report.stats.ledger, waiting.ledger);
	assert_true(report.thread_count == 3 && report.ledger_sum.wall_ns == 90);
	assert_true(report.ledger_sum.times.on_ns == 30);
	assert_non_null(strstr(report.off_notes, "nothing lost"));
	report_done(&report);
	/* Under each picture stands what it lacks. */
	fake.sampler.counters[COUNTER_OFF_REPAIRED] = 2;
	fake.sampler.counters[COUNTER_LOST_MAP_BUSY] = 3;
	fake.sampler.counters[COUNTER_USER_UNREADABLE] = 4;
	fake.off = (struct off_cpu_facts){ .not_kept = 5 };
	assert_int_equal(report_make(&both, &report), 0);
	assert_null(strstr(report.notes, "off_cpu_switches_missed"));
	assert_non_null(strstr(report.notes, "samples_map_busy 3"));
	assert_non_null(strstr(report.notes, "user_stacks_unreadable 4"));
	assert_non_null(strstr(report.off_notes, "off_cpu_switches_missed 2"));
	assert_non_null(strstr(report.off_notes, "off_cpu_stacks_not_kept 5"));
	assert_string_equal(report.stats.off_cpu.tracepoint, "typed");
	assert_null(strstr(report.off_notes, "samples_map_busy"));
	assert_non_null(strstr(report.off_notes, "user_stacks_unreadable 4"));
	report_done(&report);
	call_tree_free(waiting.off_tree);
	ledger_free(waiting.ledger);
}

static void the_notes_are_one_line_of_conditions_and_losses(void **state)
{
	struct report report;

	(void)state;
	assert_int_equal(report_make(&sources, &report), 0);
	assert_string_equal(report.notes, "demo (pid 7), 10.0 s at 99 Hz on 2 CPUs; complete "
					  "stacks: 99.5 %; nothing lost");
	fake.sampler.counters[COUNTER_LOST_MAP_BUSY] = 5;
	fake.lost_records = 6;
	fake.naming.kernel_names_missing = true;
	report_done(&report);
	assert_int_equal(report_make(&sources, &report), 0);
	assert_string_equal(report.notes,
			    "demo (pid 7), 10.0 s at 99 Hz on 2 CPUs; complete stacks: 99.5 %; "
			    "kernel names hidden; lost: samples_map_busy 5; lost: "
			    "process_records 6");
	report_done(&report);
}

static void notes_that_are_too_long_are_cut(void **state)
{
	struct report_sources longest = sources;
	struct report report;
	char target[256];

	(void)state;
	memset(target, 'x', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	longest.target = target;
	memset(fake.sampler.counters, 0x7f, sizeof(fake.sampler.counters));
	assert_int_equal(report_make(&longest, &report), 0);
	assert_int_equal(strlen(report.notes), REPORT_NOTES_SIZE - 1);
	report_done(&report);
}

static void no_samples_are_no_percentage(void **state)
{
	struct report_sources empty = sources;
	struct profile none = { 0 };
	struct report report;

	(void)state;
	empty.profile = &none;
	assert_int_equal(report_make(&empty, &report), 0);
	assert_string_equal(report.notes, "demo (pid 7), 0.0 s at 99 Hz on 2 CPUs; nothing lost");
	hear();
	report_print(&report);
	assert_string_equal(heard(), "0 samples in 0.0 s of demo (pid 7)\n"
				     "eprof: warning: no samples: nothing of demo (pid 7) ran on a "
				     "CPU\n");
	report_done(&report);
}

static void a_failure_writes_nothing(void **state)
{
	struct report report, before;

	(void)state;
	memset(&report, 0x5a, sizeof(report));
	memset(&before, 0x5a, sizeof(before));
	fake.err = -EIO;
	assert_int_equal(report_make(&sources, &report), -EIO);
	assert_memory_equal(&report, &before, sizeof(report));
	fake.err = 0;
	fake.no_memory = true;
	assert_int_equal(report_make(&sources, &report), -ENOMEM);
	assert_memory_equal(&report, &before, sizeof(report));
}

static void the_summary_has_a_line_for_each_trouble(void **state)
{
	struct report report;

	(void)state;
	fake.sampler.counters[COUNTER_FOLLOW_FULL] = 8;
	assert_int_equal(report_make(&sources, &report), 0);
	hear();
	report_print(&report);
	assert_string_equal(heard(), "200 samples in 10.0 s of demo (pid 7); 99.5 % of the stacks "
				     "are complete\n"
				     "eprof: warning: lost: children_not_followed 8\n");
	fake.naming.kernel_names_missing = true;
	report_done(&report);
	assert_int_equal(report_make(&sources, &report), 0);
	hear();
	report_print(&report);
	assert_non_null(strstr(heard(), "eprof: warning: the kernel hides its names"));
	hear();
	log_set_quiet(true);
	report_print(&report);
	log_set_quiet(false);
	assert_string_equal(heard(), "");
	report_done(&report);
}

#define WITH_FAKES(test) cmocka_unit_test_setup(test, forget_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAKES(figures_come_from_their_modules),
		WITH_FAKES(every_loss_is_listed_and_what_is_none_is_not),
		WITH_FAKES(names_are_told_and_what_was_lost_of_them),
		WITH_FAKES(the_cost_of_a_sample_is_told_when_it_is_known),
		WITH_FAKES(time_off_a_cpu_is_told_when_it_was_measured),
		WITH_FAKES(the_notes_are_one_line_of_conditions_and_losses),
		WITH_FAKES(notes_that_are_too_long_are_cut),
		WITH_FAKES(no_samples_are_no_percentage),
		WITH_FAKES(a_failure_writes_nothing),
		WITH_FAKES(the_summary_has_a_line_for_each_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
