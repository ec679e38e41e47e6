/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/line_reader.h"

#include "tests/unit/tree.h"

#define MANY 300000
#define LONG (LINE_MAX_BYTES + 1)

static FILE *open_text(const char *text, size_t length)
{
	FILE *in = fmemopen((void *)text, length, "r");

	assert_non_null(in);
	return in;
}

static void assert_lines(const char *text, size_t length, const char *const *expected, size_t n)
{
	struct line_reader reader;
	FILE *in = open_text(text, length);

	assert_int_equal(line_reader_make(in, &reader), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(line_reader_next(&reader), 1);
		assert_int_equal(reader.number, i + 1);
		assert_int_equal(reader.line.length, strlen(expected[i]));
		assert_memory_equal(reader.line.bytes, expected[i], strlen(expected[i]));
	}
	assert_int_equal(line_reader_next(&reader), 0);
	assert_int_equal(line_reader_next(&reader), 0);
	line_reader_done(&reader);
	(void)fclose(in);
}

static void lines_end_in_lf_or_cr_lf_or_with_the_file(void **state)
{
	static const char *const lines[] = { "a", "", "b\rc", "", "d" };
	static const char text[] = "a\n\r\nb\rc\r\n\nd";

	(void)state;
	assert_lines(text, strlen(text), lines, 5);
	assert_lines("d\r", 2, lines + 4, 1);
	assert_lines("\xef\xbb\xbf"
		     "a\n",
		     5, lines, 1);
	assert_lines("\xef\xbb\xbf", 3, lines, 0);
}

/* Also across many refills. */
static void the_line_before_is_there(void **state)
{
	size_t size = MANY * 16, length = 0;
	char *text = malloc(size);
	struct line_reader reader;
	char expected[32];
	FILE *in;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < MANY; i++)
		length += (size_t)snprintf(text + length, size - length, "line %d\n", i);
	in = open_text(text, length);
	assert_int_equal(line_reader_make(in, &reader), 0);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(line_reader_next(&reader), 1);
		(void)snprintf(expected, sizeof(expected), "line %d", i - 1);
		if (i == 0) {
			assert_null(reader.previous.bytes);
			continue;
		}
		assert_int_equal(reader.previous.length, strlen(expected));
		assert_memory_equal(reader.previous.bytes, expected, strlen(expected));
	}
	assert_int_equal(line_reader_next(&reader), 0);
	line_reader_done(&reader);
	(void)fclose(in);
	free(text);
}

static void lines_that_are_too_long_are_passed_over(void **state)
{
	size_t length = LONG + strlen("a\n") + strlen("\nb");
	char *text = malloc(length);
	struct line_reader reader;
	struct read_report report = { 0 };
	FILE *in;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', length);
	memcpy(text, "a\n", 2);
	memcpy(text + length - 2, "\nb", 2);
	in = open_text(text, length);
	assert_int_equal(line_reader_make(in, &reader), 0);
	assert_int_equal(line_reader_next(&reader), 1);
	assert_int_equal(line_reader_next(&reader), 1);
	assert_true(reader.line.is_too_long);
	line_reader_note(&reader, BAD_LINE_TOO_LONG, &report);
	assert_int_equal(report.first[0].number, 2);
	assert_int_equal(line_reader_next(&reader), 1);
	assert_int_equal(reader.number, 3);
	assert_int_equal(reader.line.length, 1);
	assert_null(reader.previous.bytes);
	assert_int_equal(line_reader_next(&reader), 0);
	assert_in_range(reader.capacity, 0, 4 * LINE_MAX_BYTES);
	line_reader_done(&reader);
	(void)fclose(in);
	free(text);
}

static void the_longest_line_is_whole(void **state)
{
	char *text = malloc(LINE_MAX_BYTES + 2);
	struct line_reader reader;
	FILE *in;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', LINE_MAX_BYTES);
	memcpy(text + LINE_MAX_BYTES, "\nb", 2);
	in = open_text(text, LINE_MAX_BYTES + 2);
	assert_int_equal(line_reader_make(in, &reader), 0);
	assert_int_equal(line_reader_next(&reader), 1);
	assert_int_equal(reader.line.length, LINE_MAX_BYTES);
	assert_int_equal(line_reader_next(&reader), 1);
	assert_int_equal(reader.line.length, 1);
	line_reader_done(&reader);
	(void)fclose(in);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_in_lf_or_cr_lf_or_with_the_file),
		cmocka_unit_test(the_line_before_is_there),
		cmocka_unit_test(lines_that_are_too_long_are_passed_over),
		cmocka_unit_test(the_longest_line_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
