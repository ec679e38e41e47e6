/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ask_options.h"

static void doctor_takes_a_process_and_a_configuration(void **state)
{
	const struct options *options = accepted("eprof doctor");

	(void)state;
	assert_int_equal(options->command, COMMAND_DOCTOR);
	assert_int_equal(options->doctor.pid, 0);
	assert_null(options->doctor.config_file);
	assert_false(options->doctor.json);
	options = accepted("eprof doctor --json -p 123 --config x.ini");
	assert_int_equal(options->doctor.pid, 123);
	assert_string_equal(options->doctor.config_file, "x.ini");
	assert_true(options->doctor.json);
	assert_int_equal(accepted("eprof doctor --pid=2147483647")->doctor.pid, INT32_MAX);
}

static void doctor_refuses_what_it_does_not_know(void **state)
{
	(void)state;
	check_refused("eprof doctor 123", "-p PID");
	check_refused("eprof doctor -p 0", "-p: '0'");
	check_refused("eprof doctor -p 2147483648", "2147483648");
	check_refused("eprof doctor -p x", "'x' is not a whole number");
	check_refused("eprof doctor -p 1 -p 2", "one process too many");
	check_refused("eprof doctor --config ''", "--config");
	check_refused("eprof doctor -a", "");
	check_refused("eprof doctor --json=x", "");
}

static void help_is_on_stdout(void **state)
{
	const struct answer *answer = ask("eprof doctor --help");

	(void)state;
	assert_int_equal(answer->exit_code, 0);
	assert_non_null(strstr(answer->out, "--json"));
	assert_string_equal(answer->err, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doctor_takes_a_process_and_a_configuration),
		cmocka_unit_test(doctor_refuses_what_it_does_not_know),
		cmocka_unit_test(help_is_on_stdout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
