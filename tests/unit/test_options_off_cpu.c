/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ask_options.h"

#define ALL_STATES ((1u << OFF_STATE_COUNT) - 1)

static void both_kinds_are_recorded_unless_one_is_asked_for(void **state)
{
	const struct record_options *record = &accepted("eprof record -a")->record;

	(void)state;
	assert_true(record->on_cpu && record->off_cpu);
	assert_int_equal(record->states, ALL_STATES);
	assert_int_equal(record->max_events, 300000);
	assert_true(record->min_block_us == 0 && record->max_block_us == 0);
	assert_false(record->wakers || record->kernel_threads || record->raw_tracepoint);
	record = &accepted("eprof record -a --on-cpu")->record;
	assert_true(record->on_cpu && !record->off_cpu);
	record = &accepted("eprof record -a --off-cpu")->record;
	assert_true(!record->on_cpu && record->off_cpu);
	record = &accepted("eprof record -a --off-cpu --on-cpu -F 49 --idle --wakers")->record;
	assert_true(record->on_cpu && record->off_cpu);
}

static void every_option_is_taken(void **state)
{
	const struct record_options *record =
		&accepted("eprof record -a --off-cpu --min-block 100 --max-block=5000 "
			  "--state sleep,D --wakers --kernel-threads --max-events=7 "
			  "--preempt-sample=8 "
			  "--raw-tracepoint -o x.svg")
			 ->record;

	(void)state;
	assert_int_equal(record->min_block_us, 100);
	assert_int_equal(record->max_block_us, 5000);
	assert_int_equal(record->states, 1 << OFF_SLEEP | 1 << OFF_UNINTERRUPTIBLE);
	assert_true(record->wakers && record->kernel_threads && record->raw_tracepoint);
	assert_int_equal(record->max_events, 7);
	assert_int_equal(record->preempt_sample_us, 8);
	assert_int_equal(record->form, OUTPUT_SVG);
	assert_int_equal(accepted("eprof record -a --max-events 0")->record.max_events, 0);
	assert_int_equal(accepted("eprof record -a")->record.preempt_sample_us, 0);
}

static void lengths_are_whole_microseconds(void **state)
{
	const char *const words[] = { "1.5", "-1", "1ms", "''", "0x10", "abc", "315360000000001" };
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		(void)snprintf(line, sizeof(line), "eprof record -a --min-block %s", words[i]);
		check_refused(line, "--min-block: '");
		(void)snprintf(line, sizeof(line), "eprof record -a --max-block %s", words[i]);
		check_refused(line, "--max-block: '");
	}
	/* It would mean that there is no limit. */
	check_refused("eprof record -a --max-block 0", "--max-block: '0'");
	assert_int_equal(accepted("eprof record -a --min-block 0")->record.min_block_us, 0);
	assert_true(accepted("eprof record -a --max-block 315360000000000")->record.max_block_us ==
		    UINT64_C(315360000000000));
	check_refused("eprof record -a --min-block 6 --max-block 5", "--min-block 6");
	check_refused("eprof record -a --max-block 5 --min-block 6", "--max-block 5");
	assert_int_equal(
		accepted("eprof record -a --min-block 5 --max-block 5")->record.min_block_us, 5);
}

static void states_have_names_and_letters(void **state)
{
	static const struct {
		const char *word;
		uint32_t states;
	} cases[] = {
		{ "runqueue", 1 << OFF_RUNQUEUE },
		{ "R", 1 << OFF_RUNQUEUE },
		{ "sleep", 1 << OFF_SLEEP },
		{ "S", 1 << OFF_SLEEP },
		{ "uninterruptible", 1 << OFF_UNINTERRUPTIBLE },
		{ "D", 1 << OFF_UNINTERRUPTIBLE },
		{ "stopped", 1 << OFF_STOPPED },
		{ "T", 1 << OFF_STOPPED },
		{ "other", 1 << OFF_OTHER },
		{ "S,sleep,S", 1 << OFF_SLEEP },
		{ "R,S,D,T,other", ALL_STATES },
	};
	static const char *const wrong[] = {
		"''", "X", "r", "Sleep", "sleeping", "S,,D", "S,", "RS"
	};
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(line, sizeof(line), "eprof record -a --state %s", cases[i].word);
		assert_int_equal(accepted(line)->record.states, cases[i].states);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(line, sizeof(line), "eprof record -a --state %s", wrong[i]);
		check_refused(line, "is none of runqueue (R), sleep (S), uninterruptible (D), "
				    "stopped (T), other");
	}
	check_refused("eprof record -a --state S,idle", "--state: 'idle'");
}

static void limits_of_events_are_numbers(void **state)
{
	(void)state;
	check_refused("eprof record -a --max-events -1", "--max-events: '-1'");
	check_refused("eprof record -a --max-events 1000000001",
		      "'1000000001' is not between 0 and 1000000000");
	check_refused("eprof record -a --max-events many", "'many' is not a whole number");
	check_refused("eprof record -a --preempt-sample 1000001",
		      "'1000001' is not between 0 and 1000000");
}

static void what_says_nothing_of_the_one_kind_is_refused(void **state)
{
	static const char *const off_only[] = { "--min-block 5",    "--max-block 5",
						"--state S",        "--wakers",
						"--kernel-threads", "--max-events 5",
						"--raw-tracepoint", "--preempt-sample 5" };
	static const char *const on_only[] = { "-F 99", "-e cpu-clock", "--idle" };
	char line[128], word[32];

	(void)state;
	for (size_t i = 0; i < sizeof(off_only) / sizeof(off_only[0]); i++) {
		(void)sscanf(off_only[i], "%31s", word);
		(void)snprintf(line, sizeof(line), "eprof record -a %s --on-cpu", off_only[i]);
		check_refused(line, word);
		check_refused(line, "--on-cpu alone leaves out");
		(void)snprintf(line, sizeof(line), "eprof record -a -C 0 %s", off_only[i]);
		check_refused(line, "-C leaves out");
	}
	for (size_t i = 0; i < sizeof(on_only) / sizeof(on_only[0]); i++) {
		(void)sscanf(on_only[i], "%31s", word);
		(void)snprintf(line, sizeof(line), "eprof record -a --off-cpu %s", on_only[i]);
		check_refused(line, word);
	}
}

static void one_cpu_has_no_time_of_threads(void **state)
{
	const struct record_options *record = &accepted("eprof record -a -C 1 -o x.svg")->record;

	(void)state;
	assert_true(record->on_cpu && !record->off_cpu);
	check_refused("eprof record -a -C 1 --off-cpu", "-C and --off-cpu");
	check_refused("eprof record -a -C 1 --off-cpu --on-cpu", "-C and --off-cpu");
}

static void kernel_threads_are_part_of_the_machine_only(void **state)
{
	(void)state;
	assert_true(accepted("eprof record -a --kernel-threads")->record.kernel_threads);
	check_refused("eprof record -p 1 --kernel-threads", "-a only");
	check_refused("eprof record --kernel-threads -- ls", "-a only");
}

static void a_file_of_one_kind_takes_one_kind(void **state)
{
	static const char *const single[] = { "-o x.svg",
					      "-o x.folded",
					      "-o x.json",
					      "-o -",
					      "-o x --format svg",
					      "-o - --format svg",
					      "-o x --format folded",
					      "-o x --format speedscope" };
	static const char *const both[] = {
		"-o x.html", "-o x.pb.gz",         "-o x/",
		"-o x.d",    "-o x --format html", "-o - --format pprof"
	};
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
		(void)snprintf(line, sizeof(line), "eprof record -a %s", single[i]);
		check_refused(line, "add --on-cpu or --off-cpu");
		(void)snprintf(line, sizeof(line), "eprof record -a --on-cpu --off-cpu %s",
			       single[i]);
		check_refused(line, "add --on-cpu or --off-cpu");
		(void)snprintf(line, sizeof(line), "eprof record -a --off-cpu %s", single[i]);
		assert_int_equal(ask(line)->exit_code, RETURNED);
		(void)snprintf(line, sizeof(line), "eprof record -a --on-cpu %s", single[i]);
		assert_int_equal(ask(line)->exit_code, RETURNED);
	}
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		(void)snprintf(line, sizeof(line), "eprof record -a %s", both[i]);
		assert_int_equal(ask(line)->exit_code, RETURNED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_kinds_are_recorded_unless_one_is_asked_for),
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(lengths_are_whole_microseconds),
		cmocka_unit_test(states_have_names_and_letters),
		cmocka_unit_test(limits_of_events_are_numbers),
		cmocka_unit_test(what_says_nothing_of_the_one_kind_is_refused),
		cmocka_unit_test(one_cpu_has_no_time_of_threads),
		cmocka_unit_test(kernel_threads_are_part_of_the_machine_only),
		cmocka_unit_test(a_file_of_one_kind_takes_one_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
