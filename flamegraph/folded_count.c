/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/folded_count.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t count_digits(const char *text, size_t length)
{
	size_t n = 0;

	while (n < length && is_digit(text[n]))
		n++;
	return n;
}

static bool append_digits(const char *digits, size_t n, uint64_t *value)
{
	for (size_t i = 0; i < n; i++) {
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(digits[i] - '0'), value))
			return false;
	}
	return true;
}

/* Of a word that is no count: people want to know whether it was meant to be one. */
static enum bad_line_reason reason_of(const char *word, size_t length)
{
	size_t digits = count_digits(word, length);

	if (length > 1 && word[0] == '-' && is_digit(word[1]))
		return BAD_LINE_NEGATIVE;
	if (digits == 0 || digits == length)
		return BAD_LINE_NO_COUNT;
	if (digits == 1 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X'))
		return BAD_LINE_NOT_DECIMAL;
	if (word[digits] == '.')
		digits += 1 + count_digits(word + digits + 1, length - digits - 1);
	if (digits + 1 < length && (word[digits] == 'e' || word[digits] == 'E') &&
	    (is_digit(word[length - 1])))
		return BAD_LINE_NOT_DECIMAL;
	return BAD_LINE_NO_COUNT;
}

/* Digits, which may have a point and more digits behind them. */
static bool parse_count(const char *word, size_t length, struct folded_count *ret,
			enum bad_line_reason *ret_reason)
{
	size_t whole = count_digits(word, length), decimals = 0;
	struct folded_count count = { 0 };

	if (whole < length && word[whole] == '.')
		decimals = count_digits(word + whole + 1, length - whole - 1);
	if (whole == 0 ||
	    (whole < length && (word[whole] != '.' || whole + 1 + decimals < length))) {
		*ret_reason = reason_of(word, length);
		return false;
	}
	while (decimals > 0 && word[whole + decimals] == '0')
		decimals--;
	if (decimals > CALL_TREE_DECIMALS_MAX) {
		*ret_reason = BAD_LINE_TOO_PRECISE;
		return false;
	}
	count.decimals = (unsigned int)decimals;
	if (!append_digits(word, whole, &count.value) ||
	    !append_digits(word + whole + 1, decimals, &count.value)) {
		*ret_reason = BAD_LINE_TOO_LARGE;
		return false;
	}
	*ret = count;
	return true;
}

bool folded_count_cut(const char *line, size_t *length, struct folded_count *ret,
		      enum bad_line_reason *ret_reason)
{
	size_t start = *length;

	while (start > 0 && !folded_is_blank(line[start - 1]))
		start--;
	if (start <= 1) {
		/* A count alone, or a word alone. */
		if (parse_count(line + start, *length - start, ret, ret_reason))
			*ret_reason = BAD_LINE_NO_STACK;
		return false;
	}
	if (!parse_count(line + start, *length - start, ret, ret_reason))
		return false;
	*length = start - 1;
	return true;
}
