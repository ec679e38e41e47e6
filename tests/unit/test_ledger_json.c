/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ledger_json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "agent/stats_json.h"

static void add(struct ledger *ledger, uint32_t tid, uint64_t wall_ns, bool is_whole)
{
	struct ledger_row row = {
		.tgid = 7,
		.tid = tid,
		.process_name = "a \"b\"\xff",
		.thread_name = "sixteen bytes...", /* without a NUL, as the kernel never does */
		.wall_ns = wall_ns,
		.is_whole = is_whole,
		.times = { .on_ns = 1,
			   .off_ns = { 2, 3, 4, 5, 6 },
			   .intervals = 7,
			   .lengths = { [0] = 8, [OFF_LENGTHS - 1] = 9 } },
	};

	assert_int_equal(ledger_add(ledger, &row), 0);
}

/* Of stats.json with nothing else in it; the caller deletes it. */
static cJSON *written(struct ledger *ledger)
{
	struct recording_stats stats = { .version = "1", .ledger = ledger };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	cJSON *json;

	assert_non_null(out);
	assert_int_equal(stats_json_write(&stats, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(text[size - 1], '\n');
	json = cJSON_Parse(text);
	if (!json)
		fail_msg("no JSON: %s", text);
	free(text);
	return json;
}

static const cJSON *item(const cJSON *object, const char *name)
{
	const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, name);

	if (!found)
		fail_msg("no '%s'", name);
	return found;
}

static double number(const cJSON *object, const char *name)
{
	assert_true(cJSON_IsNumber(item(object, name)));
	return item(object, name)->valuedouble;
}

static void check_times(const cJSON *object, double times, double wall_ns)
{
	static const char *const states[] = { "runqueue", "sleep", "uninterruptible", "stopped",
					      "other" };
	const cJSON *lengths = item(object, "interval_us_log2");
	const cJSON *off = item(object, "off_cpu_ns");

	assert_true(number(object, "wall_ns") == wall_ns);
	assert_true(number(object, "on_cpu_ns") == times);
	assert_true(number(object, "intervals") == 7 * times);
	assert_int_equal(cJSON_GetArraySize(off), OFF_STATE_COUNT);
	for (int i = 0; i < OFF_STATE_COUNT; i++)
		assert_true(number(off, states[i]) == (2 + i) * times);
	assert_int_equal(cJSON_GetArraySize(lengths), OFF_LENGTHS);
	assert_true(cJSON_GetArrayItem(lengths, 0)->valuedouble == 8 * times);
	assert_true(cJSON_GetArrayItem(lengths, 1)->valuedouble == 0);
	assert_true(cJSON_GetArrayItem(lengths, OFF_LENGTHS - 1)->valuedouble == 9 * times);
}

static void what_was_not_recorded_is_null(void **state)
{
	cJSON *json = written(NULL);

	(void)state;
	assert_true(cJSON_IsNull(item(json, "ledger")));
	assert_true(cJSON_IsNull(item(json, "off_cpu")));
	cJSON_Delete(json);
}

static void an_empty_ledger_has_no_processes(void **state)
{
	struct ledger *ledger;
	cJSON *json;

	(void)state;
	assert_int_equal(ledger_new(&ledger), 0);
	json = written(ledger);
	assert_string_equal(item(item(json, "ledger"), "clock")->valuestring, "scheduler");
	assert_int_equal(cJSON_GetArraySize(item(item(json, "ledger"), "processes")), 0);
	cJSON_Delete(json);
	ledger_free(ledger);
}

static void every_value_can_be_read_back(void **state)
{
	const cJSON *process, *rows;
	struct ledger *ledger;
	cJSON *json;

	(void)state;
	assert_int_equal(ledger_new(&ledger), 0);
	add(ledger, 8, 100, true);
	add(ledger, 9, 200, false);
	json = written(ledger);
	assert_string_equal(item(json, "version")->valuestring, "1");
	process = cJSON_GetArrayItem(item(item(json, "ledger"), "processes"), 0);
	assert_true(number(process, "pid") == 7 && number(process, "threads") == 2);
	assert_string_equal(item(process, "name")->valuestring, "a \"b\"\xef\xbf\xbd");
	assert_true(cJSON_IsFalse(item(process, "whole")));
	assert_true(cJSON_IsNull(item(process, "other_threads")));
	check_times(process, 2, 300);
	rows = item(process, "thread_rows");
	assert_int_equal(cJSON_GetArraySize(rows), 2);
	assert_true(number(cJSON_GetArrayItem(rows, 0), "tid") == 9);
	assert_true(cJSON_IsFalse(item(cJSON_GetArrayItem(rows, 0), "whole")));
	assert_true(cJSON_IsTrue(item(cJSON_GetArrayItem(rows, 1), "whole")));
	assert_string_equal(item(cJSON_GetArrayItem(rows, 1), "name")->valuestring,
			    "sixteen bytes...");
	check_times(cJSON_GetArrayItem(rows, 0), 1, 200);
	check_times(cJSON_GetArrayItem(rows, 1), 1, 100);
	cJSON_Delete(json);
	ledger_free(ledger);
}

static void the_longest_threads_are_told_apart(void **state)
{
	const cJSON *process, *others, *rows;
	struct ledger *ledger;
	cJSON *json;

	(void)state;
	assert_int_equal(ledger_new(&ledger), 0);
	for (uint32_t tid = 1; tid <= LEDGER_JSON_THREADS_MAX + 3; tid++)
		add(ledger, tid, 1000 + tid, true);
	add(ledger, 0, 5, false); /* one that was not kept apart */
	json = written(ledger);
	process = cJSON_GetArrayItem(item(item(json, "ledger"), "processes"), 0);
	rows = item(process, "thread_rows");
	others = item(process, "other_threads");
	assert_true(number(process, "threads") == LEDGER_JSON_THREADS_MAX + 4);
	assert_int_equal(cJSON_GetArraySize(rows), LEDGER_JSON_THREADS_MAX);
	assert_true(number(rows->child, "tid") == LEDGER_JSON_THREADS_MAX + 3);
	assert_true(number(others, "threads") == 4);
	assert_true(cJSON_IsFalse(item(others, "whole")));
	check_times(others, 4, 1001 + 1002 + 1003 + 5);
	cJSON_Delete(json);
	ledger_free(ledger);
}

static void a_full_disk_is_an_error(void **state)
{
	struct recording_stats stats = { .version = "1" };
	FILE *out = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(out);
	(void)setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(ledger_new(&stats.ledger), 0);
	assert_int_equal(stats_json_write(&stats, out), -EIO);
	(void)fclose(out);
	ledger_free(stats.ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_not_recorded_is_null),
		cmocka_unit_test(an_empty_ledger_has_no_processes),
		cmocka_unit_test(every_value_can_be_read_back),
		cmocka_unit_test(the_longest_threads_are_told_apart),
		cmocka_unit_test(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
