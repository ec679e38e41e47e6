/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

static const struct stats_module modules[] = {
	{ .path = "/lib/libc.so.6",
	  .build_id = "deadbeef",
	  .symbols = "build_id",
	  .debug_information = "none",
	  .frames = 12,
	  .unnamed_frames = 3 },
	{ .path = "/opt/\xff \"x\"", .symbols = "none", .error = "it is damaged", .frames = 1 },
};

static const struct recording_stats example = {
	.version = "1.2.3",
	.target = "pid 7 (redis \"x\")",
	.seconds = 10.5,
	.has_on_cpu = true,
	.sample_hz = 99,
	.cpus = 2,
	.event = "cpu-clock",
	.started_at_unix_ns = UINT64_C(1700000000123456789),
	.samples = 1980,
	.idle_samples = 3,
	.distinct_stacks = 41,
	.has_off_cpu = true,
	.off_cpu = { .ns = 2000999,
		     .complete_ns = 1000000,
		     .intervals = 21,
		     .hidden_intervals = 22,
		     .hidden_ns = 23,
		     .sampled = 24,
		     .not_sampled = 25,
		     .preempted_sampled = 30,
		     .preempted_not_sampled = 31,
		     .user_known = 26,
		     .user_walked = 27,
		     .kernel_known = 28,
		     .kernel_walked = 29,
		     .tracepoint = "raw" },
	.stop_reasons = { { "complete", 1979 }, { "too_deep", 1 } },
	.stop_reason_count = 2,
	.losses = { { "map_full", 5 } },
	.loss_count = 1,
	.names = { { "debug_files", 8 } },
	.name_count = 1,
	.modules = modules,
	.module_count = 2,
	.tool_cpu_seconds = 0.25,
	.tool_peak_rss_bytes = 12345678,
	.has_bpf_time = true,
	.bpf_ns_per_sample = 812.5,
	.bpf_runs = 1980,
};

/* The text; the caller frees it. */
static char *write_text(const struct recording_stats *stats)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(stats_json_write(stats, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void check_text(const cJSON *object, const char *name, const char *expected)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	assert_non_null(text);
	assert_string_equal(text, expected);
}

static void check_number(const cJSON *object, const char *name, double expected)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	assert_true(cJSON_IsNumber(item));
	assert_true(item->valuedouble == expected);
}

static void every_value_can_be_read_back(void **state)
{
	char *text = write_text(&example);
	cJSON *json = cJSON_Parse(text);
	const cJSON *inner;

	(void)state;
	assert_non_null(json);
	check_text(json, "version", "1.2.3");
	check_text(json, "target", "pid 7 (redis \"x\")");
	check_text(json, "event", "cpu-clock");
	check_text(json, "started_at", "2023-11-14T22:13:20Z");
	check_number(json, "seconds", 10.5);
	check_number(json, "hz", 99);
	check_number(json, "cpus", 2);
	check_number(json, "samples", 1980);
	check_number(json, "idle_samples", 3);
	check_number(json, "distinct_stacks", 41);
	inner = cJSON_GetObjectItemCaseSensitive(json, "stop_reasons");
	assert_int_equal(cJSON_GetArraySize(inner), 2);
	check_number(inner, "complete", 1979);
	check_number(inner, "too_deep", 1);
	inner = cJSON_GetObjectItemCaseSensitive(json, "losses");
	assert_int_equal(cJSON_GetArraySize(inner), 1);
	check_number(inner, "map_full", 5);
	inner = cJSON_GetObjectItemCaseSensitive(json, "names");
	assert_int_equal(cJSON_GetArraySize(inner), 1);
	check_number(inner, "debug_files", 8);
	inner = cJSON_GetObjectItemCaseSensitive(json, "tool");
	check_number(inner, "cpu_seconds", 0.25);
	check_number(inner, "peak_rss_bytes", 12345678);
	check_number(inner, "bpf_ns_per_sample", 812.5);
	check_number(inner, "bpf_runs", 1980);
	assert_int_equal(text[strlen(text) - 1], '\n');
	cJSON_Delete(json);
	free(text);
}

static void time_off_a_cpu_is_an_object_of_its_own(void **state)
{
	struct recording_stats stats = example;
	char *text = write_text(&stats);
	cJSON *json = cJSON_Parse(text);
	const cJSON *off = cJSON_GetObjectItemCaseSensitive(json, "off_cpu");

	(void)state;
	check_number(off, "microseconds", 2000);
	check_number(off, "complete_share", 1000000.0 / 2000999.0);
	check_number(off, "intervals", 21);
	check_number(off, "hidden_intervals", 22);
	check_number(off, "hidden_ns", 23);
	check_number(off, "sampled_intervals", 24);
	check_number(off, "not_sampled_intervals", 25);
	check_number(off, "preempted_sampled", 30);
	check_number(off, "preempted_not_sampled", 31);
	check_number(off, "user_stacks_known", 26);
	check_number(off, "user_stacks_walked", 27);
	check_number(off, "kernel_stacks_known", 28);
	check_number(off, "kernel_stacks_walked", 29);
	assert_string_equal(
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(off, "tracepoint")), "raw");
	cJSON_Delete(json);
	free(text);
	/* Of no time there is no share. */
	stats.off_cpu = (struct off_cpu_stats){ 0 };
	text = write_text(&stats);
	json = cJSON_Parse(text);
	off = cJSON_GetObjectItemCaseSensitive(json, "off_cpu");
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(off, "complete_share")));
	cJSON_Delete(json);
	free(text);
}

static void binaries_are_a_list_in_their_order(void **state)
{
	char *text = write_text(&example);
	cJSON *json = cJSON_Parse(text);
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "modules"), *module;

	(void)state;
	assert_int_equal(cJSON_GetArraySize(list), 2);
	module = cJSON_GetArrayItem(list, 0);
	check_text(module, "path", "/lib/libc.so.6");
	check_text(module, "build_id", "deadbeef");
	check_text(module, "symbols", "build_id");
	check_text(module, "debug_information", "none");
	check_number(module, "frames", 12);
	check_number(module, "unnamed_frames", 3);
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(module, "error")));
	module = cJSON_GetArrayItem(list, 1);
	check_text(module, "path", "/opt/\xef\xbf\xbd \"x\"");
	check_text(module, "error", "it is damaged");
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(module, "build_id")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(module, "debug_information")));
	cJSON_Delete(json);
	free(text);
}

static void counters_keep_all_64_bits(void **state)
{
	struct recording_stats stats = example;
	char *text;

	(void)state;
	stats.samples = UINT64_MAX;
	stats.losses[0].count = UINT64_MAX - 1;
	text = write_text(&stats);
	assert_non_null(strstr(text, "\"samples\":\t18446744073709551615,"));
	assert_non_null(strstr(text, "\"map_full\":\t18446744073709551614"));
	assert_non_null(strstr(text, "\"started_at_unix_ns\":\t1700000000123456789,"));
	free(text);
}

static void what_is_unknown_is_null(void **state)
{
	struct recording_stats stats = { 0 };
	char *text;
	cJSON *json;
	const cJSON *tool;

	(void)state;
	stats.seconds = NAN;
	text = write_text(&stats);
	json = cJSON_Parse(text);
	assert_non_null(json);
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "target")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "hz")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "event")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "off_cpu")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "ledger")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "seconds")));
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "stop_reasons")),
			 0);
	tool = cJSON_GetObjectItemCaseSensitive(json, "tool");
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(tool, "bpf_ns_per_sample")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(tool, "bpf_runs")));
	cJSON_Delete(json);
	free(text);
}

static void check_target(const char *target, const char *expected)
{
	struct recording_stats stats = example;
	char *text;
	cJSON *json;

	stats.target = target;
	text = write_text(&stats);
	json = cJSON_Parse(text);
	assert_non_null(json);
	check_text(json, "target", expected);
	cJSON_Delete(json);
	free(text);
}

#define FFFD "\xef\xbf\xbd"

static void names_are_valid_utf8_whatever_they_were(void **state)
{
	(void)state;
	check_target("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\xa5",
		     "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\xa5");
	check_target("a\xff"
		     "b",
		     "a" FFFD "b");
	/* a 16-byte comm cuts characters */
	check_target("x\xe2\x82", "x" FFFD FFFD);
	check_target("\xf0\x9f\x94", FFFD FFFD FFFD);
	check_target("\xc3", FFFD);
	/* over-long '/', a surrogate, above U+10FFFF */
	check_target("\xc0\xaf", FFFD FFFD);
	check_target("\xe0\x80\xaf", FFFD FFFD FFFD);
	check_target("\xed\xa0\x80", FFFD FFFD FFFD);
	check_target("\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD);
	check_target("\xf0\x80\x80\xaf", FFFD FFFD FFFD FFFD);
	check_target("\"\\\n\t\x01\x1b[31m</script>", "\"\\\n\t\x01\x1b[31m</script>");
	check_target("", "");
}

static void control_characters_are_escaped(void **state)
{
	struct recording_stats stats = example;
	char *text;

	(void)state;
	stats.target = "a\x01\nb";
	text = write_text(&stats);
	assert_non_null(strstr(text, "\"a\\u0001\\nb\""));
	free(text);
}

static void a_full_disk_is_an_error(void **state)
{
	FILE *out = fopen("/dev/full", "w");

	(void)state;
	if (!out)
		skip();
	(void)setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(stats_json_write(&example, out), -EIO);
	(void)fclose(out);
}

/* Allocations after the limit fail. */
static size_t allocations_left;

static void *limited_malloc(size_t size)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left--;
	return malloc(size);
}

static void no_memory_is_an_error_and_leaks_nothing(void **state)
{
	cJSON_Hooks hooks = { .malloc_fn = limited_malloc, .free_fn = free };
	FILE *out = fopen("/dev/null", "w");
	size_t limit = 0;
	int err;

	(void)state;
	assert_non_null(out);
	cJSON_InitHooks(&hooks);
	do {
		allocations_left = limit++;
		err = stats_json_write(&example, out);
		assert_true(err == 0 || err == -ENOMEM);
	} while (err < 0 && limit < 1000);
	cJSON_InitHooks(NULL);
	assert_int_equal(err, 0);
	assert_in_range(limit, 20, 999);
	(void)fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_can_be_read_back),
		cmocka_unit_test(time_off_a_cpu_is_an_object_of_its_own),
		cmocka_unit_test(binaries_are_a_list_in_their_order),
		cmocka_unit_test(counters_keep_all_64_bits),
		cmocka_unit_test(what_is_unknown_is_null),
		cmocka_unit_test(names_are_valid_utf8_whatever_they_were),
		cmocka_unit_test(control_characters_are_escaped),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(no_memory_is_an_error_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
