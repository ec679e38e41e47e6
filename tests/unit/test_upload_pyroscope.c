/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/upload_parts.h"
#include "tests/unit/upload_file.h"

static void names_are_made_valid(void **state)
{
	const struct profile_label given[] = {
		{ "zone", "eu" },
		{ "a-b.c", "1" },
		{ "9lives", "cat" },
		{ "\xc3\xbc", "2" },
	};
	struct pyroscope_label labels[PYROSCOPE_LABELS_MAX];
	struct profile_file file = upload_file("s");

	(void)state;
	file.labels = given;
	file.label_count = sizeof(given) / sizeof(given[0]);
	assert_int_equal(upload_pyroscope_labels(&file, labels), 6);
	assert_string_equal(labels[0].name, "service_name");
	assert_string_equal(labels[0].value, "s");
	assert_string_equal(labels[1].name, "hostname");
	assert_string_equal(labels[1].value, "web1");
	assert_string_equal(labels[3].name, "a_b_c");
	assert_string_equal(labels[4].name, "_9lives");
	assert_string_equal(labels[5].name, "__");
}

static void none_comes_twice_or_empty_or_in_place_of_ours(void **state)
{
	const struct profile_label given[] = {
		{ "a.b", "1" }, { "a-b", "2" },      { "empty", "" },
		{ "", "x" },    { "__name__", "x" }, { "hostname", "x" },
	};
	struct pyroscope_label labels[PYROSCOPE_LABELS_MAX];
	struct profile_file file = upload_file("s");

	(void)state;
	file.labels = given;
	file.label_count = sizeof(given) / sizeof(given[0]);
	assert_int_equal(upload_pyroscope_labels(&file, labels), 3);
	assert_string_equal(labels[1].value, "web1");
	assert_string_equal(labels[2].name, "a_b");
	assert_string_equal(labels[2].value, "1");
}

static void there_is_a_limit_to_their_number_and_length(void **state)
{
	static char names[100][300];
	static struct profile_label given[100];
	struct pyroscope_label labels[PYROSCOPE_LABELS_MAX];
	struct profile_file file = upload_file("s");

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		memset(names[i], 'n', sizeof(names[i]) - 1);
		names[i][0] = (char)('a' + i / 10);
		names[i][1] = (char)('a' + i % 10);
		given[i] = (struct profile_label){ names[i], "v" };
	}
	file.labels = given;
	file.label_count = 100;
	assert_int_equal(upload_pyroscope_labels(&file, labels), PYROSCOPE_LABELS_MAX);
	assert_int_equal(strlen(labels[2].name), PYROSCOPE_NAME_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_made_valid),
		cmocka_unit_test(none_comes_twice_or_empty_or_in_place_of_ours),
		cmocka_unit_test(there_is_a_limit_to_their_number_and_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
