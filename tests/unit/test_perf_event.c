/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/perf_event.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/cpus.h"
#include "tests/unit/hear.h"

static void known_names_set_type_and_config_only(void **state)
{
	struct perf_event_attr attr = { .sample_freq = 99, .config = 7 };

	(void)state;
	assert_int_equal(perf_event_parse("cpu-clock", &attr), 0);
	assert_int_equal(attr.type, PERF_TYPE_SOFTWARE);
	assert_int_equal(attr.config, PERF_COUNT_SW_CPU_CLOCK);
	assert_int_equal(perf_event_parse("cycles", &attr), 0);
	assert_int_equal(attr.type, PERF_TYPE_HARDWARE);
	assert_int_equal(attr.config, PERF_COUNT_HW_CPU_CYCLES);
	assert_int_equal(perf_event_parse("branch-misses", &attr), 0);
	assert_int_equal(attr.config, PERF_COUNT_HW_BRANCH_MISSES);
	assert_int_equal(perf_event_parse("cpu-cycles", &attr), 0);
	assert_int_equal(attr.config, PERF_COUNT_HW_CPU_CYCLES);
	assert_int_equal(attr.sample_freq, 99);
}

static void unknown_names_change_nothing(void **state)
{
	static const char *const names[] = { "", "cycle", "cyclesx", "CYCLES", " cycles", "r1a8" };
	struct perf_event_attr attr = { .type = 77, .config = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(perf_event_parse(names[i], &attr), -EINVAL);
	assert_int_equal(attr.type, 77);
	assert_int_equal(attr.config, 7);
}

static void every_listed_name_is_known(void **state)
{
	char *names = strdup(perf_event_names()), *rest = names, *name;
	struct perf_event_attr attr = { 0 };
	size_t count = 0;

	(void)state;
	assert_non_null(names);
	while ((name = strsep(&rest, ","))) {
		assert_int_equal(perf_event_parse(name + (*name == ' '), &attr), 0);
		count++;
	}
	assert_int_equal(count, 10);
	free(names);
}

static void an_event_is_closed_on_exec(void **state)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .disabled = 1 };
	struct cpus cpus = { 0 };
	int fd;

	(void)state;
	assert_int_equal(cpus_online(-1, &cpus), 0);
	assert_int_equal(perf_event_parse("cpu-clock", &attr), 0);
	fd = perf_event_open_cpu(&attr, cpus.ids[0]);
	cpus_done(&cpus);
	if (fd == -EACCES || fd == -EPERM || fd == -ENOSYS)
		skip();
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	(void)close(fd);
}

static void an_event_that_cannot_be_gives_its_errno(void **state)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = PERF_TYPE_SOFTWARE };

	(void)state;
	errno = 0;
	assert_true(perf_event_open_cpu(&attr, 1 << 20) < 0);
	attr.size = 1; /* no kernel knows so small a structure */
	assert_int_equal(perf_event_open_cpu(&attr, 0), -E2BIG);
}

static void check_explained(int err, const char *expected)
{
	const char *text;

	hear();
	perf_event_explain("cycles", 4000, 3, err);
	text = heard();
	assert_int_equal(strncmp(text, "eprof: ", 7), 0);
	assert_non_null(strstr(text, expected));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
}

static void every_failure_is_explained_in_one_line(void **state)
{
	(void)state;
	check_explained(-ENOENT, "event 'cycles' is not supported on this machine");
	check_explained(-EOPNOTSUPP, "cpu-clock");
	check_explained(-ENODEV, "event 'cycles' is not supported on this machine");
	check_explained(-EACCES, "CAP_PERFMON");
	check_explained(-EPERM, "CPU 3");
	check_explained(-EINVAL, "'cycles' at 4000 Hz on CPU 3");
	check_explained(-EMFILE, "ulimit -n");
	check_explained(-EIO, "cannot open event 'cycles' on CPU 3: Input/output error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_names_set_type_and_config_only),
		cmocka_unit_test(unknown_names_change_nothing),
		cmocka_unit_test(every_listed_name_is_known),
		cmocka_unit_test(an_event_is_closed_on_exec),
		cmocka_unit_test(an_event_that_cannot_be_gives_its_errno),
		cmocka_unit_test(every_failure_is_explained_in_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
