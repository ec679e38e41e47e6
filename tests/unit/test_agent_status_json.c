/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent_status.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "agent/agent_status_parts.h"
#include "tests/unit/made_status.h"

/* As --status --json prints it; the caller frees it. */
static char *json_of(const struct agent_status *status)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(agent_status_put_json(status, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void what_is_written_can_be_read_again(void **state)
{
	struct agent_status status = made_status(), again;
	char *text, *text_again;
	cJSON *document;

	(void)state;
	text = json_of(&status);
	document = cJSON_Parse(text);
	assert_non_null(document);
	assert_int_equal(agent_status_from_json(document, &again), 0);
	/* The one figure that no double has. */
	assert_int_equal(again.off_cpu_ns, status.off_cpu_ns - 1);
	again.off_cpu_ns = status.off_cpu_ns;
	text_again = json_of(&again);
	assert_string_equal(text_again, text);
	assert_int_equal(again.targets[0].uploads.latency_buckets[UPLOADER_BUCKETS], 3);
	assert_int_equal(again.targets[0].uploads.last_status, 503);
	assert_int_equal(again.counters[COUNTER_LOST_COUNTS_FULL], 17);
	assert_int_equal(again.follower_lost, 9);
	cJSON_Delete(document);
	free(text_again);
	free(text);
}

static void large_counts_are_exact(void **state)
{
	struct agent_status status = made_status();
	char *text;

	(void)state;
	status.samples = UINT64_MAX;
	text = json_of(&status);
	assert_non_null(strstr(text, "9007199254740993"));
	assert_non_null(strstr(text, "18446744073709551615"));
	free(text);
}

static void hostile_texts_stay_strings_and_secrets_are_left_out(void **state)
{
	struct agent_status status = made_status();
	char *text;
	cJSON *document;
	const cJSON *target;

	(void)state;
	text = json_of(&status);
	document = cJSON_Parse(text);
	assert_non_null(document);
	target = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "targets"), 0);
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(target, "name")),
			    "a\"b\\c\nd\x1b[31m\xef\xbf\xbd\xc3\xa9");
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(target, "url")),
			    "https://host/put");
	assert_null(strstr(text, "secret"));
	assert_null(strchr(text, '\x1b'));
	cJSON_Delete(document);
	free(text);
}

static void check_url(const char *url, const char *expected)
{
	char *public_url = agent_status_public_url(url);

	assert_non_null(public_url);
	assert_string_equal(public_url, expected);
	free(public_url);
}

static void urls_tell_no_secrets(void **state)
{
	(void)state;
	check_url("https://u:p@h:1/x", "https://h:1/x");
	check_url("https://u:p@q@h/x@y", "https://h/x@y");
	check_url("https://h?sig=1@2/3", "https://h");
	check_url("file:///a@b", "file:///a@b");
	check_url("no url", "no url");
	check_url("", "");
}

/* What a document of a stranger becomes. */
static int read_document(const char *text, struct agent_status *ret)
{
	cJSON *document = cJSON_Parse(text);
	int err;

	assert_non_null(document);
	err = agent_status_from_json(document, ret);
	/* Its strings go with it. */
	for (size_t i = 0; err == 0 && i < ret->target_count; i++)
		ret->targets[i].name = ret->targets[i].url = NULL;
	cJSON_Delete(document);
	return err;
}

static void foreign_documents_are_refused_or_harmless(void **state)
{
	struct agent_status status;

	(void)state;
	assert_int_equal(read_document("[]", &status), -EINVAL);
	assert_int_equal(read_document("{}", &status), -EINVAL);
	assert_int_equal(read_document("\"windows\"", &status), -EINVAL);
	assert_int_equal(read_document("{\"windows\": -5, \"samples\": 1e300, \"window_s\": \"x\","
				       "\"cpu_seconds\": 1e999, \"lost\": 3, \"services\": [],"
				       "\"unknown\": {}, \"targets\": [1, {\"uploads\": {"
				       "\"latency_buckets\": 5, \"last_error\": 7}}, null]}",
				       &status),
			 0);
	assert_int_equal(status.windows, 0);
	assert_true(status.samples == UINT64_MAX);
	assert_int_equal(status.window_s, 0);
	assert_true(status.cpu_seconds == 0);
	assert_int_equal(status.target_count, 3);
}

static void targets_beyond_the_most_are_left_out(void **state)
{
	char text[1024];
	struct agent_status status;
	int used = snprintf(text, sizeof(text), "{\"windows\": 1, \"targets\": [1");

	(void)state;
	for (int i = 0; i < 2 * AGENT_TARGETS_MAX; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, ", {}");
	(void)snprintf(text + used, sizeof(text) - (size_t)used, "]}");
	assert_int_equal(read_document(text, &status), 0);
	assert_int_equal(status.target_count, AGENT_TARGETS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_can_be_read_again),
		cmocka_unit_test(large_counts_are_exact),
		cmocka_unit_test(hostile_texts_stay_strings_and_secrets_are_left_out),
		cmocka_unit_test(urls_tell_no_secrets),
		cmocka_unit_test(foreign_documents_are_refused_or_harmless),
		cmocka_unit_test(targets_beyond_the_most_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
