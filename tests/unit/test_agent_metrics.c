/* SPDX-License-Identifier: Apache-2.0 */
/* tests/cli/test_agent_metrics.py checks the form as a whole. */
#include "agent/agent_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/made_status.h"

#define HOSTILE_LABEL "target=\"a\\\"b\\\\c\\nd\x1b[31m\xef\xbf\xbd\xc3\xa9\""

/* The caller frees it. */
static char *metrics_of(const struct agent_status *status)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	agent_status_put_metrics(status, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void check_has(const char *text, const char *lines)
{
	if (!strstr(text, lines))
		fail_msg("'%s' is not in:\n%s", lines, text);
}

static void a_family_is_its_help_its_type_and_its_lines(void **state)
{
	struct agent_status status = made_status();
	char *text = metrics_of(&status);

	(void)state;
	check_has(text, "# HELP eprof_cpu_seconds_total CPU time that eprof used.\n"
			"# TYPE eprof_cpu_seconds_total counter\n"
			"eprof_cpu_seconds_total{process=\"agent\"} 250.000000\n"
			"eprof_cpu_seconds_total{process=\"uploader\"} 50.000000\n");
	check_has(text, "\neprof_lost_total{reason=\"samples_map_full\"} 17\n");
	check_has(text, "\neprof_lost_total{reason=\"process_records\"} 9\n");
	check_has(text, "\neprof_upload_attempts_total{" HOSTILE_LABEL ",result=\"refused\"} 8\n");
	check_has(text, "\neprof_upload_attempts_total{target=\"quiet\",result=\"sent\"} 0\n");
	check_has(text, "\neprof_upload_failing{" HOSTILE_LABEL "} 1\n"
			"eprof_upload_failing{target=\"quiet\"} 0\n");
	free(text);
}

static void nanoseconds_are_told_in_seconds_exactly(void **state)
{
	struct agent_status status = made_status();
	char *text = metrics_of(&status);

	(void)state;
	check_has(text, "\neprof_off_cpu_seconds_total 9007199.254740993\n");
	check_has(text, "\neprof_off_cpu_lost_seconds_total 1.500000000\n");
	check_has(text, "\neprof_off_cpu_hidden_seconds_total 2.000000001\n");
	assert_null(strstr(text, "nanoseconds"));
	free(text);
}

/* A counter of time has a family of its own: among counts it would be read as one. */
static void times_are_no_events(void **state)
{
	static const char family[] = "\neprof_events_total{kind=\"";
	struct agent_status status = made_status();
	size_t events = 0;
	char *text;

	(void)state;
	for (int i = 0; i < COUNTER_COUNT; i++)
		status.counters[i] = 1000 + (uint64_t)i;
	text = metrics_of(&status);
	for (const char *at = text; (at = strstr(at, family)); events++) {
		char kind[64];

		at += sizeof(family) - 1;
		assert_int_equal(sscanf(at, "%63[^\"]", kind), 1);
		assert_null(strstr(kind, "_ns"));
		assert_null(strstr(kind, "nanoseconds"));
	}
	assert_in_range(events, 1, COUNTER_COUNT);
	free(text);
}

static void latency_is_a_histogram_of_sums(void **state)
{
	struct agent_status status = made_status();
	char *text = metrics_of(&status);

	(void)state;
	check_has(text, "# TYPE eprof_upload_duration_seconds histogram\n"
			"eprof_upload_duration_seconds_bucket{" HOSTILE_LABEL ",le=\"0.01\"} 1\n"
			"eprof_upload_duration_seconds_bucket{" HOSTILE_LABEL ",le=\"0.02\"} 3\n");
	check_has(text, "{" HOSTILE_LABEL ",le=\"20.48\"} 3\n"
			"eprof_upload_duration_seconds_bucket{" HOSTILE_LABEL ",le=\"+Inf\"} 6\n"
			"eprof_upload_duration_seconds_sum{" HOSTILE_LABEL "} 30.000000001\n"
			"eprof_upload_duration_seconds_count{" HOSTILE_LABEL "} 6\n");
	free(text);
}

static void what_never_was_has_no_line(void **state)
{
	struct agent_status status = made_status();
	char *text;

	(void)state;
	status.last_window_unix_s = 0;
	status.bpf_ns = 0;
	text = metrics_of(&status);
	assert_null(strstr(text, "\neprof_last_window_timestamp_seconds "));
	assert_null(strstr(text, "\neprof_bpf_seconds_total "));
	assert_null(strstr(text, "eprof_spool_oldest_timestamp_seconds{target=\"quiet\""));
	assert_non_null(strstr(text, "eprof_spool_oldest_timestamp_seconds{" HOSTILE_LABEL "}"));
	free(text);
}

static void urls_and_their_secrets_are_in_no_file_that_all_may_read(void **state)
{
	struct agent_status status = made_status();
	char *text = metrics_of(&status);

	(void)state;
	assert_null(strstr(text, "secret"));
	assert_null(strstr(text, "https://"));
	free(text);
}

static void targets_of_one_name_are_numbered(void **state)
{
	struct agent_status status = made_status();
	char *text;

	(void)state;
	status.targets[0].name = status.targets[1].name = status.targets[2].name = "file://";
	status.target_count = 3;
	text = metrics_of(&status);
	check_has(text, "\neprof_spool_files{target=\"file://\"} 2\n"
			"eprof_spool_files{target=\"file://\",number=\"2\"} 0\n"
			"eprof_spool_files{target=\"file://\",number=\"3\"} 0\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_family_is_its_help_its_type_and_its_lines),
		cmocka_unit_test(nanoseconds_are_told_in_seconds_exactly),
		cmocka_unit_test(times_are_no_events),
		cmocka_unit_test(latency_is_a_histogram_of_sums),
		cmocka_unit_test(what_never_was_has_no_line),
		cmocka_unit_test(urls_and_their_secrets_are_in_no_file_that_all_may_read),
		cmocka_unit_test(targets_of_one_name_are_numbered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
