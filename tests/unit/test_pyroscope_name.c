/* SPDX-License-Identifier: Apache-2.0 */
#include "web/pyroscope_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tree.h"

/* "APPLICATION|KIND|NAME=VALUE NAME=VALUE" */
static void check(const char *name, const char *expected)
{
	struct pyroscope_name parsed;
	char text[256];
	const char *kind;

	assert_int_equal(pyroscope_name_parse(name, &parsed), 0);
	kind = pyroscope_name_take_kind(&parsed);
	(void)snprintf(text, sizeof(text), "%s|%s|", parsed.application, kind ? kind : "");
	for (size_t i = 0; i < parsed.label_count; i++) {
		append_text(text, sizeof(text), i ? " " : "");
		append_text(text, sizeof(text), parsed.labels[i].name);
		append_text(text, sizeof(text), "=");
		append_text(text, sizeof(text), parsed.labels[i].value);
	}
	assert_string_equal(text, expected);
	pyroscope_name_done(&parsed);
}

static void names_have_kinds_and_labels(void **state)
{
	(void)state;
	check("shop", "shop||");
	check("shop.cpu", "shop|on-cpu|");
	check("shop.example.cpu{}", "shop.example|on-cpu|");
	check("shop.off_cpu{a=b}", "shop|off-cpu|a=b");
	check("shop.inuse_space{a=b,c=d=e,f=}", "shop|inuse_space|a=b c=d=e f=");
	check("shop.service", "shop.service||");
	check("a{b=c,}", "a||b=c");
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const wrong[] = { "", "{}", "a{", "a{b", "a{b}", "a{=c}", "a{b=c}x" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct pyroscope_name parsed;

		assert_int_equal(pyroscope_name_parse(wrong[i], &parsed), -EINVAL);
		pyroscope_name_done(&parsed);
	}
}

static void labels_have_a_limit(void **state)
{
	struct pyroscope_name parsed;
	char name[1024] = "a{";

	(void)state;
	for (int i = 0; i <= STORE_LABELS_MAX; i++)
		append_text(name, sizeof(name), "b=c,");
	append_text(name, sizeof(name), "}");
	assert_int_equal(pyroscope_name_parse(name, &parsed), -E2BIG);
	pyroscope_name_done(&parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_kinds_and_labels),
		cmocka_unit_test(what_is_no_name_is_refused),
		cmocka_unit_test(labels_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
