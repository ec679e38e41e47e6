/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/page_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define S  UINT64_C(1000000000)
#define MS UINT64_C(1000000)

/* Of a recording of both kinds of time, in which nothing went wrong. */
static struct report good_report(void)
{
	return (struct report){
		.stats = { .version = "1.2.3",
			   .target = "demo (pid 7)",
			   .started_at_unix_ns = UINT64_C(1700000000) * S + 5,
			   .seconds = 10.04,
			   .has_on_cpu = true,
			   .event = "cpu-clock",
			   .sample_hz = 99,
			   .cpus = 2,
			   .samples = 12000,
			   .complete_samples = 11940,
			   .has_off_cpu = true,
			   .off_cpu = { .ns = 19 * S,
					.complete_ns = 18 * S,
					.intervals = 1234567 } },
	};
}

static struct page_facts *facts_of(const struct report *report)
{
	struct page_facts *facts;

	assert_int_equal(page_facts_make(report, &facts), 0);
	return facts;
}

/* The text of a fact, or NULL. */
static const char *fact(const struct html_page *page, const char *name)
{
	for (size_t i = 0; i < page->fact_count; i++) {
		if (strcmp(page->facts[i].name, name) == 0)
			return page->facts[i].text;
	}
	return NULL;
}

static void add_process(struct ledger *ledger, uint32_t pid, uint64_t on_ns, uint64_t sleep_ns)
{
	struct ledger_row row = { .tgid = pid,
				  .tid = pid,
				  .wall_ns = on_ns + sleep_ns,
				  .times = { .on_ns = on_ns,
					     .off_ns = { [OFF_SLEEP] = sleep_ns } } };

	(void)snprintf(row.process_name, sizeof(row.process_name), "p%u", pid);
	assert_int_equal(ledger_add(ledger, &row), 0);
}

static void the_facts_are_those_of_the_recording(void **state)
{
	struct report report = good_report();
	struct page_facts *facts = facts_of(&report);
	struct html_page page = page_facts_page(facts);

	(void)state;
	assert_string_equal(page.title, "demo (pid 7)");
	assert_string_equal(page.subtitle, "10.0 s \u00b7 12,000 samples on-CPU \u00b7 "
					   "19.0 s off-CPU \u00b7 nothing lost");
	assert_string_equal(fact(&page, "Target"), "demo (pid 7)");
	assert_string_equal(fact(&page, "Started"), "2023-11-14 22:13:20 UTC");
	assert_string_equal(fact(&page, "Duration"), "10.0 s");
	assert_string_equal(fact(&page, "Sampling"), "cpu-clock at 99 Hz on 2 CPUs");
	assert_string_equal(fact(&page, "On-CPU"), "12,000 samples; 99.5 % with complete stacks");
	assert_string_equal(fact(&page, "Off-CPU"),
			    "19.0 s in 1,234,567 intervals; 94.7 % of it with complete stacks");
	assert_string_equal(fact(&page, "Recorded by"), "eprof 1.2.3");
	assert_null(fact(&page, "Left out"));
	assert_true(page.tells_losses);
	assert_int_equal(page.loss_count, 0);
	assert_int_equal(page.ledger.row_count, 0);
	page_facts_free(facts);
}

static void only_what_was_recorded_is_told(void **state)
{
	struct report report = good_report();
	struct page_facts *facts;
	struct html_page page;

	(void)state;
	report.stats.has_on_cpu = false;
	report.stats.off_cpu = (struct off_cpu_stats){ 0 };
	facts = facts_of(&report);
	page = page_facts_page(facts);
	assert_string_equal(page.subtitle, "10.0 s \u00b7 0.000 s off-CPU \u00b7 nothing lost");
	assert_null(fact(&page, "Sampling"));
	assert_null(fact(&page, "On-CPU"));
	assert_string_equal(fact(&page, "Off-CPU"),
			    "0.000 s in 0 intervals; 0.0 % of it with complete stacks");
	page_facts_free(facts);
}

static void what_is_left_out_is_told(void **state)
{
	struct report report = good_report();
	struct page_facts *facts;
	struct html_page page;

	(void)state;
	report.kernel_names_missing = true;
	report.stats.idle_samples = 1;
	report.stats.off_cpu.hidden_ns = 55 * S;
	report.stats.off_cpu.hidden_intervals = 4400;
	report.stats.off_cpu.sampled = 66;
	report.stats.off_cpu.not_sampled = 7700;
	report.stats.off_cpu.preempted_sampled = 88;
	report.stats.off_cpu.preempted_not_sampled = 9900;
	facts = facts_of(&report);
	page = page_facts_page(facts);
	assert_string_equal(fact(&page, "Left out"), "1 sample of CPUs with nothing to do");
	assert_string_equal(fact(&page, "Left out, as asked for"),
			    "55.0 s off-CPU in 4,400 intervals");
	assert_string_equal(fact(&page, "Short intervals"),
			    "66 stand for 7,700 others (--max-events)");
	assert_string_equal(fact(&page, "Preempted threads"),
			    "88 stacks stand for 9,900 others (--preempt-sample)");
	assert_string_equal(fact(&page, "Kernel names"), "hidden by the kernel");
	page_facts_free(facts);
}

static void losses_are_those_that_are_not_0_in_words(void **state)
{
	struct report report = good_report();
	struct page_facts *facts;
	struct html_page page;

	(void)state;
	report.stats.losses[0] = (struct named_count){ "samples_map_full", 5 };
	report.stats.losses[1] = (struct named_count){ "nothing_of_it", 0 };
	report.stats.losses[2] = (struct named_count){ "mappings", UINT64_MAX };
	report.stats.loss_count = 3;
	facts = facts_of(&report);
	page = page_facts_page(facts);
	assert_int_equal(page.loss_count, 2);
	assert_string_equal(page.losses[0].name, "samples map full");
	assert_int_equal(page.losses[0].count, 5);
	assert_string_equal(page.losses[1].name, "mappings");
	assert_true(page.losses[1].count == UINT64_MAX);
	assert_non_null(strstr(page.subtitle, "there were losses"));
	page_facts_free(facts);
}

static void each_state_has_its_column(void **state)
{
	struct report report = good_report();
	struct ledger_row row = { .tgid = 3,
				  .tid = 4,
				  .process_name = "demo",
				  .wall_ns = 21 * MS,
				  .times = { .on_ns = MS,
					     .off_ns = { [OFF_RUNQUEUE] = 2 * MS,
							 [OFF_SLEEP] = 3 * MS,
							 [OFF_UNINTERRUPTIBLE] = 4 * MS,
							 [OFF_STOPPED] = 5 * MS,
							 [OFF_OTHER] = 6 * MS } } };
	const uint64_t wanted[] = { 1000, 3000, 4000, 5000, 6000, 2000 };
	struct page_facts *facts;
	struct html_ledger ledger;

	(void)state;
	assert_int_equal(ledger_new(&report.stats.ledger), 0);
	assert_int_equal(ledger_add(report.stats.ledger, &row), 0);
	facts = facts_of(&report);
	ledger = page_facts_page(facts).ledger;
	assert_int_equal(ledger.row_count, 1);
	assert_string_equal(ledger.rows[0].name, "demo");
	assert_int_equal(ledger.rows[0].pid, 3);
	assert_int_equal(ledger.rows[0].threads, 1);
	assert_int_equal(ledger.rows[0].wall_us, 21000);
	assert_memory_equal(ledger.rows[0].times_us, wanted, sizeof(wanted));
	assert_memory_equal(ledger.sum.times_us, wanted, sizeof(wanted));
	assert_string_equal(ledger.time_names[0], "on-CPU");
	assert_string_equal(ledger.time_names[5], "run queue");
	page_facts_free(facts);
	ledger_free(report.stats.ledger);
}

static void processes_that_slept_least_have_rows_of_their_own(void **state)
{
	struct report report = good_report();
	struct page_facts *facts;
	struct html_ledger ledger;

	(void)state;
	assert_int_equal(ledger_new(&report.stats.ledger), 0);
	for (uint32_t pid = 1; pid <= PAGE_PROCESSES_MAX + 2; pid++)
		add_process(report.stats.ledger, pid, pid * MS, (1000 - pid) * S);
	facts = facts_of(&report);
	ledger = page_facts_page(facts).ledger;
	assert_int_equal(ledger.row_count, PAGE_PROCESSES_MAX + 1);
	assert_string_equal(ledger.rows[0].name, "p32");
	assert_string_equal(ledger.rows[PAGE_PROCESSES_MAX - 1].name, "p3");
	assert_string_equal(ledger.rows[PAGE_PROCESSES_MAX].name, "2 others");
	assert_int_equal(ledger.rows[PAGE_PROCESSES_MAX].pid, 0);
	assert_int_equal(ledger.rows[PAGE_PROCESSES_MAX].threads, 2);
	assert_int_equal(ledger.rows[PAGE_PROCESSES_MAX].times_us[0], 3000);
	assert_int_equal(ledger.sum.threads, PAGE_PROCESSES_MAX + 2);
	page_facts_free(facts);
	ledger_free(report.stats.ledger);
}

static void one_more_process_than_rows_is_not_called_others(void **state)
{
	struct report report = good_report();
	struct page_facts *facts;
	struct html_ledger ledger;

	(void)state;
	assert_int_equal(ledger_new(&report.stats.ledger), 0);
	for (uint32_t pid = 1; pid <= PAGE_PROCESSES_MAX + 1; pid++)
		add_process(report.stats.ledger, pid, pid * MS, S);
	facts = facts_of(&report);
	ledger = page_facts_page(facts).ledger;
	assert_int_equal(ledger.row_count, PAGE_PROCESSES_MAX + 1);
	assert_string_equal(ledger.rows[PAGE_PROCESSES_MAX].name, "p1");
	assert_int_equal(ledger.rows[PAGE_PROCESSES_MAX].pid, 1);
	page_facts_free(facts);
	ledger_free(report.stats.ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_facts_are_those_of_the_recording),
		cmocka_unit_test(only_what_was_recorded_is_told),
		cmocka_unit_test(what_is_left_out_is_told),
		cmocka_unit_test(losses_are_those_that_are_not_0_in_words),
		cmocka_unit_test(each_state_has_its_column),
		cmocka_unit_test(processes_that_slept_least_have_rows_of_their_own),
		cmocka_unit_test(one_more_process_than_rows_is_not_called_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
