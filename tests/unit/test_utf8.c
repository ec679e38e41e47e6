/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/utf8.h"

#include "tests/unit/tree.h"

#define BAD UTF8_REPLACEMENT

static void assert_repaired(const char *bytes, size_t length, const char *expected)
{
	char out[128];
	size_t n;

	assert_in_range(UTF8_GROWTH_MAX * length, 0, sizeof(out) - 1);
	n = utf8_repair(bytes, length, out);
	out[n] = '\0';
	assert_string_equal(out, expected);
	assert_true(utf8_is_valid(out, n));
	assert_int_equal(utf8_is_valid(bytes, length), strcmp(out, bytes) == 0);
}

static void characters_stay(void **state)
{
	static const char *const valid[] = {
		"",
		"plain",
		"\x01\x7f",
		"\xc2\x80",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
		"more than eight\xc3\xa4 bytes, and then \xf0\x9f\x94\xa5",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++)
		assert_repaired(valid[i], strlen(valid[i]), valid[i]);
}

static void each_byte_of_no_character_is_replaced(void **state)
{
	static const char *const bad[][2] = {
		{ "\xff", BAD },
		{ "a\x80z", "a" BAD "z" },
		{ "\xc0\xaf", BAD BAD },
		{ "\xc1\xbf", BAD BAD },
		{ "\xe0\x9f\xbf", BAD BAD BAD },
		{ "\xf0\x8f\xbf\xbf", BAD BAD BAD BAD },
		{ "\xf4\x90\x80\x80", BAD BAD BAD BAD },
		{ "\xf5\x80\x80\x80", BAD BAD BAD BAD },
		{ "\xc3", BAD },
		{ "\xc3(", BAD "(" },
		{ "\xf0\x9f\x94", BAD BAD BAD },
		{ "12345678\xff", "12345678" BAD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_repaired(bad[i][0], strlen(bad[i][0]), bad[i][1]);
}

static void a_surrogate_is_one_bad_character(void **state)
{
	(void)state;
	assert_repaired("\xed\xa0\x80"
			"a",
			4, BAD "a");
	assert_repaired("\xed\xbf\xbf", 3, BAD);
}

/* What follows is another name's. */
static void nothing_is_read_beyond_the_end(void **state)
{
	(void)state;
	assert_false(utf8_is_valid("\xc3\xa4", 1));
	assert_false(utf8_is_valid("abcdefg\xf0\x9f\x94\xa5", 10));
	assert_true(utf8_is_valid("abc\xff", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_stay),
		cmocka_unit_test(each_byte_of_no_character_is_replaced),
		cmocka_unit_test(a_surrogate_is_one_bad_character),
		cmocka_unit_test(nothing_is_read_beyond_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
