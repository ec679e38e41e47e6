/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "agent/doctor.h"

/* A name that a terminal would take for a command, or that is no UTF-8, is none in the output. */
static void names_of_strangers_are_harmless(void **state)
{
	struct findings findings = { 0 };
	struct finding finding = { .level = FINDING_WARN, .subject = "module" };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	finding_set(&finding, FINDING_WARN, "a\033[2J\nb\xff\xc2\x9b\xe2\x82\xac");
	finding_advise(&finding, "do it");
	assert_int_equal(findings_add(&findings, &finding), 0);
	finding = (struct finding){ .level = FINDING_OK, .subject = "x", .found = "fine" };
	assert_int_equal(findings_add(&findings, &finding), 0);
	assert_int_equal(doctor_print(out, &findings), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "warn  module                  a?[2J?b??\xe2\x82\xac; do it\n"
				  "ok    x                       fine\n");
	findings_done(&findings);
	free(text);
}

static void json_has_findings_and_modules(void **state)
{
	struct doctor_module module = {
		.path = (char *)"/tmp/\xff\"x",
		.text_bytes = 4096,
		.build_id = { .size = 2, .bytes = { 0xab, 0x0c } },
		.dwarf_from = DEBUG_LINK,
	};
	struct doctor_process process = { .pid = 7, .modules = &module, .module_count = 1 };
	struct findings findings = { 0 };
	struct finding finding = { .level = FINDING_FAIL, .subject = "BTF", .advice = "boot" };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	cJSON *root;
	const cJSON *modules, *item;

	(void)state;
	assert_int_equal(findings_add(&findings, &finding), 0);
	assert_int_equal(doctor_print_json(out, &findings, &process, 3), 0);
	assert_int_equal(fclose(out), 0);
	root = cJSON_Parse(text);
	assert_non_null(root);
	assert_string_equal(cJSON_GetObjectItem(root, "worst")->valuestring, "fail");
	assert_int_equal(cJSON_GetObjectItem(root, "exit_code")->valueint, 3);
	item = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "findings"), 0);
	assert_string_equal(cJSON_GetObjectItem(item, "advice")->valuestring, "boot");
	modules = cJSON_GetObjectItem(cJSON_GetObjectItem(root, "process"), "modules");
	item = cJSON_GetArrayItem(modules, 0);
	assert_string_equal(cJSON_GetObjectItem(item, "path")->valuestring, "/tmp/?\"x");
	assert_string_equal(cJSON_GetObjectItem(item, "build_id")->valuestring, "ab0c");
	assert_string_equal(cJSON_GetObjectItem(item, "dwarf_from")->valuestring, "debuglink");
	cJSON_Delete(root);
	findings_done(&findings);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_strangers_are_harmless),
		cmocka_unit_test(json_has_findings_and_modules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
