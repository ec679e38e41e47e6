/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/readers.h"

#include "tests/unit/tree.h"

#define FORMAT(text) input_format_of(text, sizeof(text) - 1)

static void folded_stacks_are_what_is_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(FORMAT(""), INPUT_FOLDED);
	assert_int_equal(FORMAT("\n"), INPUT_FOLDED);
	assert_int_equal(FORMAT("a;b 5\n"), INPUT_FOLDED);
	assert_int_equal(FORMAT("\n\na;b 5\nc;d 6\n"), INPUT_FOLDED);
	assert_int_equal(FORMAT("main;f 12 bar: 5\n"), INPUT_FOLDED);
	assert_int_equal(FORMAT("a thread 12 bar: 5\nother 7\n"), INPUT_FOLDED);
	assert_int_equal(FORMAT("pH8Ph@pH8P 1\n"), INPUT_FOLDED);
	assert_int_equal(FORMAT("\"\x01;b 5\n"), INPUT_FOLDED);
	assert_int_equal(FORMAT("# 12 cycles:\na 1\n"), INPUT_FOLDED);
	assert_int_equal(FORMAT("\xef\xbb\xbf"
				"a 1\n"),
			 INPUT_FOLDED);
}

static void perf_scripts_begin_with_a_sample(void **state)
{
	(void)state;
	assert_int_equal(FORMAT("a b 12 [001] 1.5: 7 cycles:\n\t40 f (/bin/a)\n"),
			 INPUT_PERF_SCRIPT);
	assert_int_equal(FORMAT("# captured on x\n# more\n\na 12 1.5: cycles:\r\n\r\n"),
			 INPUT_PERF_SCRIPT);
	assert_int_equal(FORMAT("a 12 1.5: cycles: "), INPUT_PERF_SCRIPT);
	assert_int_equal(FORMAT("a 12 cycles:\n\t40 f (/bin/a)\n"), INPUT_PERF_SCRIPT);
	assert_int_equal(FORMAT("a 12 cycles:\n"), INPUT_FOLDED);
	assert_int_equal(FORMAT("a 12 cycles:\na 12 cycles:\n"), INPUT_FOLDED);
}

static void profiles_are_known_by_their_fields(void **state)
{
	char *text = calloc(1, 2 * INPUT_FORMAT_BYTES);
	static const char start[] = "\x0a\x04\x08\x01\x10\x02\x12\x07\x0a\x01\x01\x12\x02\x01\x02";

	(void)state;
	assert_non_null(text);
	assert_int_equal(FORMAT("\x1f\x8b\x08"), INPUT_PPROF);
	assert_int_equal(FORMAT("\x0a\x04\x08\x01\x10\x02\x12\x07\x0a\x01\x01\x12\x02\x01\x02"),
			 INPUT_PPROF);
	assert_int_equal(FORMAT("\x32\x00\x32\x03"
				"cpu"),
			 INPUT_PPROF);
	/* Its last field goes on behind what is looked at. */
	memcpy(text, start, sizeof(start) - 1);
	memcpy(text + sizeof(start) - 1, "\x32\xff\xff\x7f", 4);
	assert_int_equal(input_format_of(text, INPUT_FORMAT_BYTES), INPUT_PPROF);
	/* One that begins like a profile, and then is none. */
	assert_int_equal(FORMAT("\x0a\x04\x08\x01\x10\x02\x12\x01\x01\xff\x01\x01"), INPUT_FOLDED);
	assert_int_equal(FORMAT("\x0a\x04\x08\x01\x10\x02"), INPUT_FOLDED);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folded_stacks_are_what_is_nothing_else),
		cmocka_unit_test(perf_scripts_begin_with_a_sample),
		cmocka_unit_test(profiles_are_known_by_their_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
