/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/load_error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/hear.h"

static const char *explained(const char *program, const char *log, int err)
{
	hear();
	load_error_explain(&(struct load_error){
		.release = "6.1.0-test", .program = program, .log = log, .err = err });
	return heard();
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void without_a_log_one_line_says_what_the_kernel_said(void **state)
{
	const char *text = explained(NULL, "", -EPERM);

	(void)state;
	assert_string_equal(text, "eprof: cannot load the BPF programs into Linux 6.1.0-test: "
				  "Operation not permitted\n");
}

static void a_refusal_names_the_program_and_what_to_do(void **state)
{
	const char *text = explained("on_cpu_sample", "R1 invalid mem access\n", -EACCES);

	(void)state;
	assert_non_null(strstr(text, "refuses program 'on_cpu_sample' (Permission denied)"));
	assert_non_null(strstr(text, "--verifier-log=FILE"));
	assert_non_null(strstr(text, "\neprof: | R1 invalid mem access\n"));
	assert_int_equal(count_lines(text), 2);
}

static void only_the_end_of_a_long_log_is_shown(void **state)
{
	char log[4096] = "";
	size_t used = 0;
	const char *text;

	(void)state;
	for (int i = 1; i <= 100; i++)
		used += (size_t)snprintf(log + used, sizeof(log) - used, "line %d\n", i);
	text = explained("on_cpu_sample", log, -EINVAL);
	assert_int_equal(count_lines(text), 21);
	assert_null(strstr(text, "| line 80\n"));
	assert_non_null(strstr(text, "| line 81\n"));
	assert_non_null(strstr(text, "| line 100\n"));
}

static void too_few_descriptors_are_told_with_what_to_do(void **state)
{
	(void)state;
	assert_string_equal(
		explained(NULL, "", -EMFILE),
		"eprof: cannot load the BPF programs into Linux 6.1.0-test: Too many open files; "
		"raise 'ulimit -n'\n");
}

static void a_log_without_a_last_line_break_is_shown_too(void **state)
{
	(void)state;
	assert_non_null(strstr(explained("on_exit", "first\nlast", -EINVAL), "| last\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_log_one_line_says_what_the_kernel_said),
		cmocka_unit_test(a_refusal_names_the_program_and_what_to_do),
		cmocka_unit_test(only_the_end_of_a_long_log_is_shown),
		cmocka_unit_test(too_few_descriptors_are_told_with_what_to_do),
		cmocka_unit_test(a_log_without_a_last_line_break_is_shown_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
