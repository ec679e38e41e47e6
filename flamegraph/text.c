/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "flamegraph/utf8.h"

static bool is_xml_char(uint32_t rune)
{
	return (rune >= 0x20 && rune < 0x7f) || (rune >= 0xa0 && rune <= 0xd7ff) ||
	       (rune >= 0xe000 && rune <= 0xfffd) || rune >= 0x10000;
}

size_t text_next(const char *text, uint32_t *ret_rune)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t rune = p[0];
	size_t length = 1;

	if (rune >= 0x80) {
		length = utf8_decode(text, strnlen(text, UTF8_BYTES_MAX), &rune);
		if (length == 0) {
			*ret_rune = TEXT_REPLACEMENT;
			return 1;
		}
	}
	if (rune == '\t' || rune == '\n' || rune == '\r')
		rune = ' ';
	*ret_rune = is_xml_char(rune) ? rune : TEXT_REPLACEMENT;
	return length;
}

size_t text_length(const char *text, size_t max)
{
	size_t length = 0;
	uint32_t rune;

	while (*text && length < max) {
		text += text_next(text, &rune);
		length++;
	}
	return length;
}

size_t text_encode(uint32_t rune, char ret[TEXT_RUNE_BYTES])
{
	if (rune < 0x80) {
		ret[0] = (char)rune;
		return 1;
	}
	if (rune < 0x800) {
		ret[0] = (char)(0xc0 | rune >> 6);
		ret[1] = (char)(0x80 | (rune & 0x3f));
		return 2;
	}
	if (rune < 0x10000) {
		ret[0] = (char)(0xe0 | rune >> 12);
		ret[1] = (char)(0x80 | (rune >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (rune & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | rune >> 18);
	ret[1] = (char)(0x80 | (rune >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (rune >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (rune & 0x3f));
	return 4;
}

static void put_rune(FILE *out, uint32_t rune)
{
	char bytes[TEXT_RUNE_BYTES];
	size_t length = text_encode(rune, bytes);

	for (size_t i = 0; i < length; i++)
		putc_unlocked(bytes[i], out);
}

void text_put_xml(FILE *out, const char *text, size_t max)
{
	uint32_t rune;

	for (; *text && max > 0; max--) {
		text += text_next(text, &rune);
		switch (rune) {
		case '&':
			text_put(out, "&amp;");
			break;
		case '<':
			text_put(out, "&lt;");
			break;
		case '>':
			text_put(out, "&gt;");
			break;
		case '"':
			text_put(out, "&quot;");
			break;
		case '\'':
			text_put(out, "&#39;");
			break;
		default:
			put_rune(out, rune);
		}
	}
}

void text_put_repaired(FILE *out, const char *text, size_t max)
{
	uint32_t rune;

	for (; *text && max > 0; max--) {
		text += text_next(text, &rune);
		put_rune(out, rune);
	}
}

void text_put_json(FILE *out, const char *text)
{
	uint32_t rune;

	putc_unlocked('"', out);
	while (*text) {
		text += text_next(text, &rune);
		if (rune == '"' || rune == '\\')
			putc_unlocked('\\', out);
		put_rune(out, rune);
	}
	putc_unlocked('"', out);
}

char *text_repair(const char *text)
{
	size_t length = strlen(text);
	char *copy;
	size_t n = 0;

	/* The worst is one bad byte becoming the three of U+FFFD. */
	if (length > (SIZE_MAX - 1) / 3)
		return NULL;
	copy = malloc(3 * length + 1);
	if (!copy)
		return NULL;
	while (*text) {
		uint32_t rune;

		text += text_next(text, &rune);
		n += text_encode(rune, copy + n);
	}
	copy[n] = '\0';
	return copy;
}

void text_put(FILE *out, const char *text)
{
	fputs_unlocked(text, out);
}

void text_put_u64(FILE *out, uint64_t value)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	fwrite_unlocked(digits + n, 1, sizeof(digits) - n, out);
}

void text_put_grouped(FILE *out, uint64_t value)
{
	char digits[21];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, value);

	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			putc_unlocked(',', out);
		putc_unlocked(digits[i], out);
	}
}

void text_put_percent(FILE *out, uint64_t part, uint64_t whole)
{
	fprintf(out, "%.2f%%", whole > 0 ? 100.0 * (double)part / (double)whole : 0.0);
}

static void put_fraction(FILE *out, uint64_t fraction, unsigned int decimals)
{
	if (fraction == 0)
		return;
	for (; fraction % 10 == 0; decimals--)
		fraction /= 10;
	fprintf(out, ".%0*" PRIu64, (int)decimals, fraction);
}

static uint64_t units_of_one(unsigned int decimals)
{
	uint64_t units = 1;

	while (decimals-- > 0)
		units *= 10;
	return units;
}

void text_put_decimal(FILE *out, uint64_t value, unsigned int decimals)
{
	uint64_t one = units_of_one(decimals);

	text_put_grouped(out, value / one);
	put_fraction(out, value % one, decimals);
}

void text_put_plain_decimal(FILE *out, uint64_t value, unsigned int decimals)
{
	uint64_t one = units_of_one(decimals);

	text_put_u64(out, value / one);
	put_fraction(out, value % one, decimals);
}

void text_put_hundredths(FILE *out, int64_t value)
{
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;

	if (value < 0)
		putc_unlocked('-', out);
	text_put_u64(out, size / 100);
	if (size % 100 == 0)
		return;
	putc_unlocked('.', out);
	putc_unlocked((int)('0' + size / 10 % 10), out);
	if (size % 10 != 0)
		putc_unlocked((int)('0' + size % 10), out);
}

/* value has three digits, the last decimals of them behind the point. */
static void put_decimals(FILE *out, uint64_t value, unsigned decimals)
{
	uint64_t whole = decimals == 2 ? 100 : decimals == 1 ? 10 : 1;

	text_put_grouped(out, value / whole);
	if (decimals > 0)
		fprintf(out, ".%0*" PRIu64, (int)decimals, value % whole);
}

void text_put_time(FILE *out, uint64_t microseconds)
{
	static const char *const units[] = { " us", " ms", " s" };
	uint64_t step = 1; /* microseconds that the last digit is worth */
	uint64_t value = microseconds;
	unsigned unit = 0, decimals = 0;

	while (value > 999 && (unit < 2 || decimals > 0)) {
		step *= 10;
		value = microseconds / step + (microseconds % step >= step / 2);
		unit += decimals == 0;
		decimals = decimals == 0 ? 2 : decimals - 1;
	}
	put_decimals(out, value, decimals);
	text_put(out, units[unit]);
}

int text_finish(FILE *out)
{
	if (fflush(out) != 0 || ferror(out))
		return -EIO;
	return 0;
}
