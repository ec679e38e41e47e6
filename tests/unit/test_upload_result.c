/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/upload_parts.h"

/* Sun, 06 Nov 1994 08:49:37 GMT */
#define DATE 784111777

static void seconds_are_taken_and_bounded(void **state)
{
	(void)state;
	assert_int_equal(upload_retry_after("120", 0), 120);
	assert_int_equal(upload_retry_after(" 120 \r\n", 0), 120);
	assert_int_equal(upload_retry_after("0", 0), 0);
	assert_int_equal(upload_retry_after("86401", 0), 86400);
	assert_int_equal(upload_retry_after("99999999999999999999999", 0), 86400);
}

static void dates_of_all_three_forms_are_taken(void **state)
{
	(void)state;
	assert_int_equal(upload_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", DATE - 60), 60);
	assert_int_equal(upload_retry_after("Sunday, 06-Nov-94 08:49:37 GMT", DATE - 60), 60);
	assert_int_equal(upload_retry_after("Sun Nov  6 08:49:37 1994", DATE - 60), 60);
	assert_int_equal(upload_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", DATE + 60), 0);
	assert_int_equal(upload_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 0), 86400);
}

static void what_makes_no_sense_is_nothing(void **state)
{
	static const char *const values[] = {
		"", "soon", "-5", "12x", "1.5", "0x10", "Sun, 06 Nov 1994 08:49:37 GMT or so",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_int_equal(upload_retry_after(values[i], DATE - 60), 0);
}

static void each_status_has_its_outcome(void **state)
{
	static const long later[] = { 0, 100, 407, 408, 425, 429, 500, 503, 599, 999 };
	static const long refused[] = { 300, 301, 307, 308, 400, 401, 403, 404, 413, 499 };

	(void)state;
	for (long status = 200; status < 300; status++)
		assert_int_equal(upload_outcome_of(status), UPLOAD_SENT);
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		assert_int_equal(upload_outcome_of(later[i]), UPLOAD_LATER);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(upload_outcome_of(refused[i]), UPLOAD_REFUSED);
}

static void check_clean(const char *bytes, size_t length, size_t size, const char *expected)
{
	char text[64];

	upload_clean(bytes, length, text, size);
	assert_string_equal(text, expected);
}

static void words_of_strangers_become_one_line(void **state)
{
	(void)state;
	check_clean("", 0, 64, "");
	check_clean(" \r\n a\t\tb \n", 11, 64, "a b");
	check_clean("a\0b", 3, 64, "a b");
	check_clean("\xff\xc3", 2, 64, "??");
	check_clean("\xc2\x9b[2J\xe2\x80\xa9", 8, 64, "[2J");
	/* Whole characters only. */
	check_clean("ab\xc3\xbc", 4, 4, "ab");
	check_clean("ab\xc3\xbc", 4, 5, "ab\xc3\xbc");
	check_clean("abc", 3, 1, "");
}

static void secrets_are_hidden_wherever_they_are(void **state)
{
	char text[128] = "secret-1 x secret-1 Basic am9lOnNlY3JldC0x pw";
	struct upload_secrets secrets = { .user = "joe", .password = "secret-1", .token = "pw" };

	(void)state;
	upload_secrets_hide(&secrets, text);
	assert_string_equal(text, "*** x *** Basic *** pw");
	(void)snprintf(text, sizeof(text), "cut: secret");
	upload_secrets_hide(&secrets, text);
	assert_string_equal(text, "cut: ***");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_are_taken_and_bounded),
		cmocka_unit_test(dates_of_all_three_forms_are_taken),
		cmocka_unit_test(what_makes_no_sense_is_nothing),
		cmocka_unit_test(each_status_has_its_outcome),
		cmocka_unit_test(words_of_strangers_become_one_line),
		cmocka_unit_test(secrets_are_hidden_wherever_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
