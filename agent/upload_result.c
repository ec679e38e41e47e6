/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/upload_parts.h"
#include "flamegraph/utf8.h"

#define RETRY_AFTER_MAX_S 86400

/* Statuses of HTTP that say: come back. */
#define STATUS_TIMEOUT            408
#define STATUS_TOO_EARLY          425
#define STATUS_TOO_MANY           429
#define STATUS_PROXY_WANTS_SECRET 407 /* of the proxy, which is not the target's answer */

bool upload_is_control(uint32_t rune)
{
	return rune < ' ' || (rune >= 0x7f && rune < 0xa0) || rune == 0x2028 || rune == 0x2029;
}

void upload_clean(const char *bytes, size_t length, char *ret, size_t size)
{
	size_t at = 0;

	for (size_t i = 0, step; i < length; i += step) {
		uint32_t rune = 0;
		bool is_blank;

		step = utf8_decode(bytes + i, length - i, &rune);
		if (!step || (rune >= 0xd800 && rune < 0xe000)) {
			step = step ? step : 1;
			rune = '?';
		}
		is_blank = rune == ' ' || upload_is_control(rune);
		if (is_blank && (at == 0 || ret[at - 1] == ' '))
			continue;
		if (at + (is_blank || rune == '?' ? 1 : step) >= size)
			break;
		if (is_blank || rune == '?') {
			ret[at++] = is_blank ? ' ' : '?';
		} else {
			memcpy(ret + at, bytes + i, step);
			at += step;
		}
	}
	while (at > 0 && ret[at - 1] == ' ')
		at--;
	ret[at] = '\0';
}

void upload_result_set(struct upload_result *result, enum upload_outcome outcome,
		       const char *format, ...)
{
	char text[2 * UPLOAD_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	result->outcome = outcome;
	upload_clean(text, strlen(text), result->text, sizeof(result->text));
}

enum upload_outcome upload_outcome_of(long status)
{
	if (status >= 200 && status < 300)
		return UPLOAD_SENT;
	if (status < 200 || status >= 500)
		return UPLOAD_LATER;
	switch (status) {
	case STATUS_PROXY_WANTS_SECRET:
	case STATUS_TIMEOUT:
	case STATUS_TOO_EARLY:
	case STATUS_TOO_MANY:
		return UPLOAD_LATER;
	default:
		return UPLOAD_REFUSED;
	}
}

static bool parse_date(const char *value, time_t *ret)
{
	/* The one that is written today, and the two that have to be read. */
	static const char *const forms[] = {
		"%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT",
		"%a %b %d %H:%M:%S %Y",
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm date = { 0 };
		const char *end = strptime(value, forms[i], &date);

		if (!end || end[strspn(end, " \t\r\n")])
			continue;
		*ret = timegm(&date);
		return true;
	}
	return false;
}

uint64_t upload_retry_after(const char *value, time_t now)
{
	size_t digits;
	time_t date;
	uint64_t seconds = 0;

	value += strspn(value, " \t");
	digits = strspn(value, "0123456789");
	if (digits && !value[digits + strspn(value + digits, " \t\r\n")])
		seconds = strtoull(value, NULL, 10); /* beyond its range: the largest number */
	else if (parse_date(value, &date) && date > now)
		seconds = (uint64_t)date - (uint64_t)now;
	return seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S;
}
