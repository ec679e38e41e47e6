/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/hear.h"

#define S UINT64_C(1000000000)

/* Of a recording of both kinds of time, in which nothing went wrong. */
static struct report good_report(void)
{
	return (struct report){
		.stats = { .target = "demo (pid 7)",
			   .seconds = 10.04,
			   .has_on_cpu = true,
			   .sample_hz = 99,
			   .cpus = 2,
			   .samples = 200,
			   .complete_samples = 199,
			   .has_off_cpu = true,
			   .off_cpu = { .ns = 19 * S, .complete_ns = 18 * S, .intervals = 1234 } },
		.thread_count = 3,
		.ledger_sum = { .wall_ns = 25 * S,
				.times = { .on_ns = 5 * S,
					   .off_ns = { [OFF_RUNQUEUE] = 1 * S,
						       [OFF_SLEEP] = 16 * S,
						       [OFF_UNINTERRUPTIBLE] = 2 * S,
						       [OFF_STOPPED] = S / 2,
						       [OFF_OTHER] = S / 2 } } },
	};
}

static const char *printed(const struct report *report)
{
	hear();
	report_print(report);
	return heard();
}

static void the_summary_says_where_the_time_went(void **state)
{
	struct report report = good_report();

	(void)state;
	assert_string_equal(
		printed(&report),
		"200 samples in 10.0 s of demo (pid 7); 99.5 % of the stacks are complete\n"
		"off-CPU: 19.0 s in 10.0 s of demo (pid 7), 1234 intervals; 94.7 % of it with "
		"complete stacks; 5.0 % of all waiting for a CPU\n"
		"time of its 3 threads: 25.0 s wall = 5.0 s on-CPU + 19.0 s blocked + 1.0 s "
		"waiting "
		"for a CPU\n");
}

static void short_times_have_milliseconds(void **state)
{
	struct report report = good_report();

	(void)state;
	report.stats.off_cpu.ns = report.stats.off_cpu.complete_ns = S / 16;
	report.thread_count = 1;
	report.ledger_sum = (struct ledger_row){
		.wall_ns = S / 8, .times = { .on_ns = S / 16, .off_ns = { [OFF_SLEEP] = S / 16 } }
	};
	assert_non_null(strstr(printed(&report), "off-CPU: 0.062 s in 10.0 s"));
	assert_non_null(strstr(printed(&report),
			       "time of its 1 thread: 0.125 s wall = 0.062 s on-CPU + 0.062 s "
			       "blocked + 0.000 s waiting for a CPU\n"));
}

static void only_what_was_recorded_is_told(void **state)
{
	struct report report = good_report();

	(void)state;
	report.stats.has_on_cpu = false;
	assert_null(strstr(printed(&report), "samples"));
	report = good_report();
	report.stats.has_off_cpu = false;
	report.thread_count = 0;
	assert_string_equal(printed(&report),
			    "200 samples in 10.0 s of demo (pid 7); 99.5 % of the "
			    "stacks are complete\n");
}

static void no_time_is_no_percentage(void **state)
{
	struct report report = good_report();

	(void)state;
	report.stats.off_cpu = (struct off_cpu_stats){ 0 };
	report.thread_count = 0;
	report.ledger_sum = (struct ledger_row){ 0 };
	report.stats.has_on_cpu = false;
	assert_string_equal(printed(&report),
			    "off-CPU: 0.000 s in 10.0 s of demo (pid 7), 0 intervals\n"
			    "eprof: warning: no time: nothing of demo (pid 7) was off a CPU\n");
	report_write_notes(&report);
	assert_string_equal(report.off_notes,
			    "demo (pid 7), 10.0 s; off-CPU: 0.000 s; nothing lost");
}

static void what_is_hidden_or_sampled_is_said(void **state)
{
	struct report report = good_report();

	(void)state;
	report.stats.off_cpu.hidden_intervals = 44;
	report.stats.off_cpu.hidden_ns = 55 * S;
	report.stats.off_cpu.sampled = 66;
	report.stats.off_cpu.not_sampled = 77;
	report.stats.off_cpu.preempted_sampled = 88;
	report.stats.off_cpu.preempted_not_sampled = 99;
	assert_non_null(strstr(printed(&report),
			       "left out, as asked for: 55.0 s off-CPU in 44 intervals\n"));
	assert_non_null(strstr(printed(&report), "switches above --max-events: 66 short intervals "
						 "stand for 77 others\n"));
	assert_non_null(strstr(printed(&report), "preempted threads (--preempt-sample): 88 stacks "
						 "stand for 99 others\n"));
	report_write_notes(&report);
	assert_string_equal(report.off_notes,
			    "demo (pid 7), 10.0 s; off-CPU: 19.0 s; complete stacks: 94.7 %; left "
			    "out: 55.0 s in 44 intervals; short intervals sampled; preempted "
			    "threads sampled; nothing "
			    "lost");
	assert_string_equal(report.notes, "demo (pid 7), 10.0 s at 99 Hz on 2 CPUs; complete "
					  "stacks: 99.5 %; nothing lost");
}

static void what_is_hidden_is_said_before_any_of_it_has_ended(void **state)
{
	struct report report = good_report();

	(void)state;
	report.stats.off_cpu = (struct off_cpu_stats){ .hidden_ns = 2 * S };
	report.thread_count = 0;
	report.ledger_sum = (struct ledger_row){ 0 };
	report.stats.has_on_cpu = false;
	assert_string_equal(printed(&report),
			    "off-CPU: 0.000 s in 10.0 s of demo (pid 7), 0 intervals\n"
			    "left out, as asked for: 2.000 s off-CPU in intervals that have not "
			    "ended\n"
			    "eprof: warning: no time: all that demo (pid 7) was off a CPU is left "
			    "out\n");
	report_write_notes(&report);
	assert_string_equal(report.off_notes,
			    "demo (pid 7), 10.0 s; off-CPU: 0.000 s; left out: 2.000 s in "
			    "intervals that have not ended; nothing lost");
}

static void without_samples_there_is_a_warning_unless_there_is_time(void **state)
{
	struct report report = good_report();

	(void)state;
	report.stats.samples = 0;
	assert_null(strstr(printed(&report), "warning"));
	report.stats.off_cpu.ns = 0;
	assert_non_null(strstr(printed(&report), "eprof: warning: no samples: nothing of demo "
						 "(pid 7) ran on a CPU\n"));
}

static void both_pictures_tell_losses(void **state)
{
	struct report report = good_report();

	(void)state;
	report.kernel_names_missing = true;
	report.stats.losses[0] = (struct named_count){ "things", 5 };
	report.stats.losses[1] = (struct named_count){ "nothing", 0 };
	report.stats.loss_count = 2;
	report_write_notes(&report);
	assert_non_null(strstr(report.notes, "; kernel names hidden; lost: things 5"));
	assert_non_null(strstr(report.off_notes, "; kernel names hidden; lost: things 5"));
	assert_null(strstr(report.off_notes, "nothing"));
	assert_non_null(strstr(printed(&report), "eprof: warning: lost: things 5\n"));
}

static void notes_that_are_too_long_are_cut(void **state)
{
	struct report report = good_report();
	char target[256];

	(void)state;
	memset(target, 'x', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	report.stats.target = target;
	report.stats.off_cpu = (struct off_cpu_stats){ .ns = UINT64_MAX,
						       .complete_ns = UINT64_MAX,
						       .intervals = UINT64_MAX,
						       .hidden_intervals = UINT64_MAX,
						       .hidden_ns = UINT64_MAX,
						       .sampled = UINT64_MAX,
						       .not_sampled = UINT64_MAX,
						       .preempted_not_sampled = UINT64_MAX };
	for (size_t i = 0; i < STATS_LOSSES_MAX; i++)
		report.stats.losses[i] = (struct named_count){ "a_loss_of_a_kind", UINT64_MAX };
	report.stats.loss_count = STATS_LOSSES_MAX;
	report_write_notes(&report);
	assert_int_equal(strlen(report.notes), REPORT_NOTES_SIZE - 1);
	assert_int_equal(strlen(report.off_notes), REPORT_NOTES_SIZE - 1);
	assert_non_null(strstr(report.off_notes, "; preempted threads sampled; lost: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_summary_says_where_the_time_went),
		cmocka_unit_test(short_times_have_milliseconds),
		cmocka_unit_test(only_what_was_recorded_is_told),
		cmocka_unit_test(no_time_is_no_percentage),
		cmocka_unit_test(what_is_hidden_or_sampled_is_said),
		cmocka_unit_test(what_is_hidden_is_said_before_any_of_it_has_ended),
		cmocka_unit_test(without_samples_there_is_a_warning_unless_there_is_time),
		cmocka_unit_test(both_pictures_tell_losses),
		cmocka_unit_test(notes_that_are_too_long_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
