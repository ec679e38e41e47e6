/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/text.h"

#include "tests/unit/tree.h"

#define FFFD "\xef\xbf\xbd"

/* What is put into a stream is compared with expected. */
#define ASSERT_PUT(expected, put)                                                                  \
	do {                                                                                       \
		char *bytes = NULL;                                                                \
		size_t length;                                                                     \
		FILE *out = open_memstream(&bytes, &length);                                       \
                                                                                                   \
		assert_non_null(out);                                                              \
		put;                                                                               \
		assert_int_equal(fclose(out), 0);                                                  \
		assert_string_equal(bytes, expected);                                              \
		free(bytes);                                                                       \
	} while (0)

static void assert_repaired(const char *text, const char *expected)
{
	char *copy = text_repair(text);

	assert_non_null(copy);
	assert_string_equal(copy, expected);
	free(copy);
}

static void utf8_is_kept(void **state)
{
	(void)state;
	assert_repaired("", "");
	assert_repaired("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\xa5",
			"a\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\xa5");
	assert_repaired("\xc2\xa0\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf",
			"\xc2\xa0\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf");
}

static void what_is_not_utf8_is_replaced(void **state)
{
	(void)state;
	assert_repaired("\xff", FFFD);
	assert_repaired("\x80z", FFFD "z");
	assert_repaired("\xc3", FFFD);
	assert_repaired("\xe2\x82z", FFFD FFFD "z");
	assert_repaired("\xc0\xaf", FFFD FFFD);                   /* overlong */
	assert_repaired("\xe0\x80\xaf", FFFD FFFD FFFD);          /* overlong */
	assert_repaired("\xed\xa0\x80", FFFD);                    /* surrogate */
	assert_repaired("\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD); /* beyond Unicode */
	assert_repaired("\xf5\x80\x80\x80", FFFD FFFD FFFD FFFD);
}

static void what_xml_does_not_know_is_replaced(void **state)
{
	(void)state;
	assert_repaired("\x01\x1b\x7f", FFFD FFFD FFFD);
	assert_repaired("\xc2\x85", FFFD);
	assert_repaired("\xef\xbf\xbe\xef\xbf\xbf", FFFD FFFD);
	assert_repaired("a\tb\nc\rd", "a b c d");
}

static void length_counts_characters(void **state)
{
	(void)state;
	assert_int_equal(text_length("a\xc3\xa4\xff", 100), 3);
	assert_int_equal(text_length("a\xc3\xa4\xff", 2), 2);
}

static void markup_is_escaped(void **state)
{
	(void)state;
	ASSERT_PUT("&lt;/script&gt;&amp;&quot;&#39;]]&gt;",
		   text_put_xml(out, "</script>&\"']]>", TEXT_WHOLE));
	ASSERT_PUT("\xc3\xa4&lt;", text_put_xml(out, "\xc3\xa4<b", 2));
	ASSERT_PUT("\"a\\\"\\\\" FFFD " \"", text_put_json(out, "a\"\\\x1f\n"));
}

static void numbers_are_written_in_full(void **state)
{
	(void)state;
	ASSERT_PUT("0 18446744073709551615", {
		text_put_u64(out, 0);
		text_put(out, " ");
		text_put_u64(out, UINT64_MAX);
	});
	ASSERT_PUT("0", text_put_grouped(out, 0));
	ASSERT_PUT("999", text_put_grouped(out, 999));
	ASSERT_PUT("1,000", text_put_grouped(out, 1000));
	ASSERT_PUT("18,446,744,073,709,551,615", text_put_grouped(out, UINT64_MAX));
	ASSERT_PUT("12.34", text_put_hundredths(out, 1234));
	ASSERT_PUT("12.3", text_put_hundredths(out, 1230));
	ASSERT_PUT("-16", text_put_hundredths(out, -1600));
	ASSERT_PUT("0.05", text_put_hundredths(out, 5));
}

static void percentages_round_to_the_nearest(void **state)
{
	(void)state;
	ASSERT_PUT("33.33%", text_put_percent(out, 1, 3));
	ASSERT_PUT("66.67%", text_put_percent(out, 2, 3));
	ASSERT_PUT("0.01%", text_put_percent(out, 1, 20000));
	ASSERT_PUT("0.00%", text_put_percent(out, 1, 20001));
	ASSERT_PUT("100.00%", text_put_percent(out, UINT64_MAX, UINT64_MAX));
	ASSERT_PUT("0.00%", text_put_percent(out, 0, 0));
	/* Exactly between two, which only eighths can be: to the even one. */
	ASSERT_PUT("0.12%", text_put_percent(out, 1, 800));
	ASSERT_PUT("0.38%", text_put_percent(out, 3, 800));
}

static void decimals_are_written_exactly(void **state)
{
	(void)state;
	ASSERT_PUT("1,234", text_put_decimal(out, 1234, 0));
	ASSERT_PUT("1,234.5", text_put_decimal(out, 1234500, 3));
	ASSERT_PUT("0.05", text_put_decimal(out, 5, 2));
	ASSERT_PUT("2", text_put_decimal(out, 200, 2));
	ASSERT_PUT("18,446,744,073.709551615", text_put_decimal(out, UINT64_MAX, 9));
	ASSERT_PUT("1234.5", text_put_plain_decimal(out, 1234500, 3));
	ASSERT_PUT("0.05", text_put_plain_decimal(out, 5, 2));
	ASSERT_PUT("200", text_put_plain_decimal(out, 200, 0));
}

static void times_have_three_digits(void **state)
{
	(void)state;
	ASSERT_PUT("0 us", text_put_time(out, 0));
	ASSERT_PUT("999 us", text_put_time(out, 999));
	ASSERT_PUT("1.00 ms", text_put_time(out, 1000));
	ASSERT_PUT("1.24 ms", text_put_time(out, 1235));
	ASSERT_PUT("9.99 ms", text_put_time(out, 9994));
	ASSERT_PUT("10.0 ms", text_put_time(out, 9995));
	ASSERT_PUT("12.3 ms", text_put_time(out, 12345));
	ASSERT_PUT("999 ms", text_put_time(out, 999499));
	ASSERT_PUT("1.00 s", text_put_time(out, 999500));
	ASSERT_PUT("95.2 s", text_put_time(out, 95249999));
	ASSERT_PUT("999 s", text_put_time(out, 999499999));
	ASSERT_PUT("1,000 s", text_put_time(out, 999500000));
	ASSERT_PUT("18,446,744,073,710 s", text_put_time(out, UINT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_kept),
		cmocka_unit_test(what_is_not_utf8_is_replaced),
		cmocka_unit_test(what_xml_does_not_know_is_replaced),
		cmocka_unit_test(length_counts_characters),
		cmocka_unit_test(markup_is_escaped),
		cmocka_unit_test(numbers_are_written_in_full),
		cmocka_unit_test(percentages_round_to_the_nearest),
		cmocka_unit_test(decimals_are_written_exactly),
		cmocka_unit_test(times_have_three_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
