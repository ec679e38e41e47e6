/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/agent_status_parts.h"
#include "tests/unit/made_status.h"

/* The caller frees it. */
static char *text_of(const struct agent_status *status, uint64_t now)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	agent_status_put_text_at(status, now, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void everything_has_its_line(void **state)
{
	struct agent_status status = made_status();
	char *text;

	(void)state;
	text = text_of(&status, MADE_NOW);
	assert_string_equal(
		text,
		"sampling  yes, the last window ended 12 s ago (one each 60 s), at 49 Hz instead "
		"of 99, as max-cpu asks\n"
		"windows   1666 in 1 d 3 h, 1 of them COULD NOT BE WRITTEN; 2 files could not be "
		"spooled\n"
		"samples   10000, 99.90 % with complete stacks; 104 d 5 h off a CPU\n"
		"lost      samples_map_full 17\n"
		"          off_cpu_nanoseconds_map_full 1500000000\n"
		"          process_records 9\n"
		"uploads   to 2 targets, 1 FAILS\n"
		"  a\"b\\c?d?[31m\xff\xc3\xa9: FAILS, https://host/put\n"
		"    503: ?]0;\"no\"?room\n"
		"    2 files (3.0 MiB) wait, the oldest is of 2 h 5 min ago; tried again in 30 s\n"
		"    LOST: 4 for want of room in the spool\n"
		"    LOST: 5 that were too old\n"
		"    refused: 8; the spool keeps 1 (512 B)\n"
		"    sent: 6 (7.0 KiB), the last 1 min 1 s ago, each in 5.00 s; 1 attempt had to "
		"be "
		"made again\n"
		"  quiet: nothing sent yet, file:///srv\n"
		"    nothing waits\n"
		"services  45; samples of others 3, left out 4, by their command only 0\n"
		"cost      0.50 % of a CPU: 250.0 s, uploader 50.0 s, in the kernel 200.0 s\n"
		"memory    54.0 MiB, uploader 8.0 MiB, reader 24.0 MiB, BPF maps 12.0 MiB, "
		"123 unwind tables 15.0 MiB\n"
		"window    named in 0.25 s, drawn and spooled in 0.12 s\n"
		"restarts  2 reloads, 1 of the uploader\n");
	free(text);
}

static void check_line(const struct agent_status *status, uint64_t now, const char *line)
{
	char *text = text_of(status, now);

	if (!strstr(text, line))
		fail_msg("'%s' is not in:\n%s", line, text);
	free(text);
}

static void an_agent_that_began_is_not_late_before_its_window_is_due(void **state)
{
	struct agent_status status = { .began_unix_s = MADE_NOW, .window_s = 60, .sample_hz = 99 };

	(void)state;
	check_line(&status, MADE_NOW + 130,
		   "sampling  yes, no window has ended yet (one each 60 s), at 99 Hz\n");
	check_line(&status, MADE_NOW + 131, "sampling  NO, no window has ended yet");
	check_line(&status, MADE_NOW, "cost      0.0 s, uploader 0.0 s, in the kernel not counted");
	check_line(&status, MADE_NOW, "lost      nothing\n");
	check_line(&status, MADE_NOW, "uploads   to 0 targets\n");
}

static void an_agent_whose_windows_stopped_is_late(void **state)
{
	struct agent_status status = made_status();

	(void)state;
	check_line(&status, status.last_window_unix_s + 3 * 86400 + 4 * 3600,
		   "sampling  NO, the last window ended 3 d 4 h ago");
}

static void a_clock_that_went_back_makes_no_giant_ages(void **state)
{
	struct agent_status status = made_status();

	(void)state;
	check_line(&status, MADE_BEGAN - 3600, "sampling  yes, the last window ended 0 s ago");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_has_its_line),
		cmocka_unit_test(an_agent_that_began_is_not_late_before_its_window_is_due),
		cmocka_unit_test(an_agent_whose_windows_stopped_is_late),
		cmocka_unit_test(a_clock_that_went_back_makes_no_giant_ages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
