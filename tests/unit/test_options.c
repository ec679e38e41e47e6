/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ask_options.h"

static void defaults_are_the_documented_ones(void **state)
{
	const struct record_options *record = &accepted("eprof record -a")->record;

	(void)state;
	assert_int_equal(record->target, TARGET_ALL);
	assert_int_equal(record->cpu, -1);
	assert_int_equal(record->sample_hz, 99);
	assert_true(record->seconds == 0);
	assert_string_equal(record->event, "cpu-clock");
	assert_null(record->output);
	assert_int_equal(record->form, OUTPUT_DIRECTORY);
	assert_false(record->user_only || record->kernel_only || record->per_thread ||
		     record->with_idle || record->quiet || record->force || record->name_lines);
	assert_int_equal(record->unwind, UNWIND_TABLES);
	assert_true(record->unwind_bytes == 256ULL << 20);
	assert_null(record->verifier_log);
	assert_null(record->symfs);
	assert_true(record->debuginfod_s == 0);
	assert_null(record->command);
	assert_int_equal(record->id_count, 0);
}

static void every_option_is_taken(void **state)
{
	const struct options *options =
		accepted("eprof record -p 1,22 -p 333,22 -d 2.5 -F 997 -e cycles -C 3 -U -q --idle "
			 "--per-thread --on-cpu --lines --force --verifier-log=log -o x.html "
			 "--symfs=copies --debuginfod=2.5");
	const struct record_options *record = &options->record;

	(void)state;
	assert_int_equal(options->command, COMMAND_RECORD);
	assert_int_equal(record->target, TARGET_PIDS);
	assert_int_equal(record->id_count, 3);
	assert_int_equal(record->ids[0], 1);
	assert_int_equal(record->ids[1], 22);
	assert_int_equal(record->ids[2], 333);
	assert_true(record->seconds == 2.5);
	assert_int_equal(record->sample_hz, 997);
	assert_string_equal(record->event, "cycles");
	assert_int_equal(record->cpu, 3);
	assert_true(record->user_only && record->quiet && record->with_idle);
	assert_true(record->per_thread && record->force && record->name_lines);
	assert_false(record->kernel_only);
	assert_string_equal(record->verifier_log, "log");
	assert_string_equal(record->symfs, "copies");
	assert_true(record->debuginfod_s == 2.5);
	assert_string_equal(record->output, "x.html");
	assert_int_equal(record->form, OUTPUT_HTML);
	assert_true(accepted("eprof record -K -a")->record.kernel_only);
}

static void debug_files_are_waited_for_as_long_as_asked_for(void **state)
{
	(void)state;
	assert_true(accepted("eprof record -a --debuginfod")->record.debuginfod_s == 20);
	assert_true(accepted("eprof record -a --debuginfod=2")->record.debuginfod_s == 2);
	assert_true(accepted("eprof record -a --debuginfod=3600")->record.debuginfod_s == 3600);
	check_refused("eprof record -a --debuginfod=1.9", "--debuginfod: '1.9'");
	check_refused("eprof record -a --debuginfod=3601", "--debuginfod: '3601'");
	check_refused("eprof record -a --debuginfod=x", "--debuginfod: 'x'");
	check_refused("eprof record -a --symfs=", "--symfs");
	/* The next word is not its argument. */
	assert_string_equal(accepted("eprof record --debuginfod 7")->record.command[0], "7");
}

static void stacks_are_walked_as_asked_for(void **state)
{
	(void)state;
	assert_int_equal(accepted("eprof record -a --unwind=auto")->record.unwind, UNWIND_TABLES);
	assert_int_equal(accepted("eprof record -a --unwind fp")->record.unwind,
			 UNWIND_FRAME_POINTERS);
	assert_int_equal(accepted("eprof record -a --unwind=none")->record.unwind, UNWIND_NONE);
	assert_true(accepted("eprof record -a --unwind-memory=1")->record.unwind_bytes == 1 << 20);
	assert_true(accepted("eprof record -a --unwind-memory 4096")->record.unwind_bytes ==
		    4096ULL << 20);
	check_refused("eprof record -a --unwind=dwarf", "--unwind: 'dwarf'");
	check_refused("eprof record -a --unwind=FP", "--unwind: 'FP'");
	check_refused("eprof record -a --unwind=", "--unwind: ''");
	check_refused("eprof record -a --unwind-memory=0", "--unwind-memory: '0'");
	check_refused("eprof record -a --unwind-memory=4097", "between 1 and 4096 MiB");
	check_refused("eprof record -a --unwind-memory=-1", "--unwind-memory: '-1'");
	check_refused("eprof record -a --unwind-memory=18446744073709551617", "--unwind-memory: ");
	check_refused("eprof record -a --unwind-memory=1G", "--unwind-memory: '1G'");
	check_refused("eprof record -a --unwind-memory=", "--unwind-memory: ''");
	check_refused("eprof record -a --unwind-memory=1.5", "'1.5' is not a whole number");
	check_refused("eprof record -a --unwind-memory=1k", "'1k' is not a whole number");
}

static void long_names_do_the_same(void **state)
{
	const struct record_options *record =
		&accepted("eprof record --tid=7 --duration 30 --frequency=49 --cpu 0 --kernel "
			  "--output=-")
			 ->record;

	(void)state;
	assert_int_equal(record->target, TARGET_TIDS);
	assert_int_equal(record->ids[0], 7);
	assert_true(record->seconds == 30);
	assert_int_equal(record->sample_hz, 49);
	assert_int_equal(record->cpu, 0);
	assert_true(record->kernel_only);
	assert_int_equal(record->form, OUTPUT_STDOUT);
	record = &accepted("eprof record --cgroup system.slice")->record;
	assert_int_equal(record->target, TARGET_CGROUP);
	assert_string_equal(record->cgroup, "system.slice");
}

static void options_end_where_the_command_begins(void **state)
{
	const struct record_options *record = &accepted("eprof record -d 1 ls -d -p 5")->record;

	(void)state;
	assert_int_equal(record->target, TARGET_COMMAND);
	assert_true(record->seconds == 1);
	assert_string_equal(record->command[0], "ls");
	assert_string_equal(record->command[1], "-d");
	assert_string_equal(record->command[3], "5");
	assert_null(record->command[4]);
	record = &accepted("eprof record -q -- -odd-name -- -a")->record;
	assert_string_equal(record->command[0], "-odd-name");
	assert_string_equal(record->command[1], "--");
	assert_string_equal(record->command[2], "-a");
	assert_null(record->command[3]);
}

static void without_a_target_there_is_usage(void **state)
{
	const char *const lines[] = { "eprof record", "eprof record -d 3", "eprof record --",
				      "eprof record -C 0 -q", "eprof" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const struct answer *answer = ask(lines[i]);

		assert_int_equal(answer->exit_code, 2);
		assert_string_equal(answer->out, "");
		assert_true(strncmp(answer->err, "Usage: eprof ", strlen("Usage: eprof ")) == 0);
	}
}

static void one_kind_of_target_at_a_time(void **state)
{
	(void)state;
	check_refused("eprof record -p 1 -a", "-p and -a");
	check_refused("eprof record -a -t 1", "-a and -t");
	check_refused("eprof record -G x -p 1", "-G and -p");
	check_refused("eprof record -G x -G y", "-G");
	check_refused("eprof record -p 1 ls", "a command");
	check_refused("eprof record -a -- ls", "a command");
}

static void wrong_ids_are_named(void **state)
{
	(void)state;
	check_refused("eprof record -p 12x", "-p: '12x'");
	check_refused("eprof record -p 1,0", "-p: '0'");
	check_refused("eprof record -p 1,,2", "-p: ''");
	check_refused("eprof record -p 1,", "-p: ''");
	check_refused("eprof record -p ''", "-p: ''");
	check_refused("eprof record -t -5", "-t: '-5'");
	check_refused("eprof record -t +5", "-t: '+5'");
	check_refused("eprof record -p 2147483648", "-p: '2147483648'");
	check_refused("eprof record -p 99999999999999999999999999", "-p: '999");
}

static void more_ids_than_the_limit_are_refused(void **state)
{
	static char list[TARGET_IDS_MAX * 6 + 16];
	char *argv[] = { (char *)"eprof", (char *)"record", (char *)"-p", list, NULL };
	size_t length = 0;
	const struct answer *answer;

	(void)state;
	for (int i = 1; i <= TARGET_IDS_MAX; i++)
		length += (size_t)sprintf(list + length, i == 1 ? "%d" : ",%d", i);
	assert_int_equal(ask_argv(4, argv)->exit_code, RETURNED);
	/* One that is there already needs no room, another one does. */
	(void)strcpy(list + length, ",17");
	assert_int_equal(ask_argv(4, argv)->exit_code, RETURNED);
	(void)strcpy(list + length, ",1025");
	answer = ask_argv(4, argv);
	assert_int_equal(answer->exit_code, 2);
	assert_string_equal(answer->err, "eprof: -p: more than 1024 ids\n");
}

static void wrong_durations_are_refused(void **state)
{
	const char *const words[] = { "0",   "-1",     "0.0",   "abc",
				      "1s",  "inf",    "nan",   "0x10",
				      "1e3", ".",      "''",    "315360001",
				      "-",   "0.0001", "1.2.3", "9999999999999999999999999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char line[128];

		(void)snprintf(line, sizeof(line), "eprof record -a -d %s", words[i]);
		check_refused(line, "-d: '");
	}
	assert_true(accepted("eprof record -a -d .5")->record.seconds == 0.5);
	assert_true(accepted("eprof record -a -d 315360000")->record.seconds == 315360000);
}

static void wrong_frequencies_are_refused(void **state)
{
	(void)state;
	check_refused("eprof record -a -F 0", "-F: '0'");
	check_refused("eprof record -a -F 1000001",
		      "-F: '1000001' is not between 1 and 1000000 Hz");
	check_refused("eprof record -a -F 99.5", "-F: '99.5' is not a whole number");
	check_refused("eprof record -a -F -99", "-F: '-99'");
	check_refused("eprof record -a -F 18446744073709551715", "-F: '18446744073709551715'");
	assert_int_equal(accepted("eprof record -a -F 1000000")->record.sample_hz, 1000000);
	assert_int_equal(accepted("eprof record -a -F 1")->record.sample_hz, 1);
}

static void unknown_events_are_refused(void **state)
{
	(void)state;
	check_refused("eprof record -a -e foo", "-e: 'foo' is none of cpu-clock, cycles, ");
	check_refused("eprof record -a --event=cpu-cloc", "-e: 'cpu-cloc'");
	check_refused("eprof record -a -e cycles,instructions", "-e: 'cycles,instructions'");
	assert_string_equal(accepted("eprof record -a -e ref-cycles")->record.event, "ref-cycles");
}

/* Each option with a value, without one; each without a value, with one. */
static void missing_and_needless_values_are_refused(void **state)
{
	const char *const with[] = { "pid",           "tid",           "cgroup",    "duration",
				     "frequency",     "event",         "cpu",       "output",
				     "unwind-memory", "unwind",        "format",    "verifier-log",
				     "symfs",         "min-block",     "max-block", "state",
				     "max-events",    "preempt-sample" };
	const char *const without[] = { "all",           "on-cpu", "off-cpu",    "user",
					"kernel",        "idle",   "per-thread", "quiet",
					"force",         "lines",  "wakers",     "kernel-threads",
					"raw-tracepoint" };
	const char *const drawing[] = { "output",   "format", "title", "notes",
					"subtitle", "unit",   "width", "frequency" };
	char line[64];

	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		(void)snprintf(line, sizeof(line), "eprof record --%s", with[i]);
		check_refused(line, "requires an argument");
	}
	for (size_t i = 0; i < sizeof(drawing) / sizeof(drawing[0]); i++) {
		(void)snprintf(line, sizeof(line), "eprof flamegraph --%s", drawing[i]);
		check_refused(line, "requires an argument");
	}
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		(void)snprintf(line, sizeof(line), "eprof record -a --%s=1", without[i]);
		check_refused(line, without[i]);
	}
}

static void other_wrong_values_are_refused(void **state)
{
	(void)state;
	check_refused("eprof record -a -C 0,1", "-C: '0,1'");
	check_refused("eprof record -a -C 4294967296", "-C: '4294967296'");
	check_refused("eprof record -a -U -K", "-U and -K");
	check_refused("eprof record -a -o ''", "-o: ");
	check_refused("eprof record -a -e ''", "-e: ");
	check_refused("eprof record -G ''", "-G: ");
	check_refused("eprof record -- ''", "command: ");
	check_refused("eprof record -a --format=png -o x", "'png'");
	check_refused("eprof record -a --format=svg", "-o FILE");
}

static void unknown_words_are_one_line_and_not_argps(void **state)
{
	(void)state;
	check_refused("eprof record -a --nope", "'--nope'");
	check_refused("eprof record -qz -a", "'z'");
	check_refused("eprof record -p", "'p'");
	check_refused("eprof record --all=3", "'--all'");
	check_refused("eprof record --o x -a", "'--o");
	check_refused("eprof rekord -a", "'rekord'");
	check_refused("eprof --nope", "'--nope'");
	check_refused("eprof help nope", "'nope'");
	check_refused("eprof help record x", "'x'");
	check_refused("eprof --help record", "'record'");
	check_refused("eprof --version x", "'x'");
	check_refused("eprof -V x", "'x'");
	check_refused("eprof flamegraph --nope", "'--nope'");
}

static void format_says_what_a_name_does_not(void **state)
{
	(void)state;
	assert_int_equal(accepted("eprof record -a --on-cpu -o x --format svg")->record.form,
			 OUTPUT_SVG);
	assert_int_equal(accepted("eprof record -a -o x --format pprof")->record.form,
			 OUTPUT_PPROF);
	assert_int_equal(
		accepted("eprof record -a --off-cpu -o x --format speedscope")->record.form,
		OUTPUT_SPEEDSCOPE);
	assert_int_equal(accepted("eprof record -a -o - --format html")->record.form, OUTPUT_HTML);
	assert_int_equal(accepted("eprof record -a --on-cpu -o x.svg --format svg")->record.form,
			 OUTPUT_SVG);
	assert_int_equal(accepted("eprof record -a -o x.pb.gz")->record.form, OUTPUT_PPROF);
	assert_int_equal(accepted("eprof record -a -o x.svg/")->record.form, OUTPUT_DIRECTORY);
	check_refused("eprof record -a -o x.svg --format folded", "'x.svg'");
	check_refused("eprof record -a -o x/ --format folded", "'x/'");
}

static void help_goes_to_stdout(void **state)
{
	const char *const lines[] = { "eprof record --help", "eprof record -h", "eprof help record",
				      "eprof record -p 1 --help" };
	const struct answer *answer;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		answer = ask(lines[i]);
		assert_int_equal(answer->exit_code, 0);
		assert_string_equal(answer->err, "");
		assert_non_null(strstr(answer->out, "Usage: eprof record"));
		assert_non_null(strstr(answer->out, "--verifier-log=FILE"));
		assert_null(strstr(answer->out, "Mandatory"));
	}
	answer = ask("eprof help flamegraph");
	assert_int_equal(answer->exit_code, 0);
	assert_non_null(strstr(answer->out, "Usage: eprof flamegraph"));
	answer = ask("eprof --help");
	assert_int_equal(answer->exit_code, 0);
	assert_non_null(strstr(answer->out, "eprof flamegraph"));
	assert_string_equal(answer->err, "");
	assert_string_equal(ask("eprof help")->out, answer->out);
	answer = ask("eprof --version");
	assert_int_equal(answer->exit_code, 0);
	assert_string_equal(answer->out, "eprof " EPROF_VERSION "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(debug_files_are_waited_for_as_long_as_asked_for),
		cmocka_unit_test(stacks_are_walked_as_asked_for),
		cmocka_unit_test(long_names_do_the_same),
		cmocka_unit_test(options_end_where_the_command_begins),
		cmocka_unit_test(without_a_target_there_is_usage),
		cmocka_unit_test(one_kind_of_target_at_a_time),
		cmocka_unit_test(wrong_ids_are_named),
		cmocka_unit_test(more_ids_than_the_limit_are_refused),
		cmocka_unit_test(wrong_durations_are_refused),
		cmocka_unit_test(wrong_frequencies_are_refused),
		cmocka_unit_test(unknown_events_are_refused),
		cmocka_unit_test(missing_and_needless_values_are_refused),
		cmocka_unit_test(other_wrong_values_are_refused),
		cmocka_unit_test(unknown_words_are_one_line_and_not_argps),
		cmocka_unit_test(format_says_what_a_name_does_not),
		cmocka_unit_test(help_goes_to_stdout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
