/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pattern_parts.h"

#include <stddef.h>
#include <string.h>

struct parts {
	uint64_t sum;  /* of the group that is open */
	uint64_t last; /* what a repetition that follows is about */
};

/* From '[' on: its ']', or the last byte. One that comes first is not its end. */
static const char *bracket_end(const char *c)
{
	c += c[1] == '^' ? 2 : 1;
	c += *c == ']';
	for (; *c && *c != ']'; c++) {
		/* [:alpha:] and its like */
		const char *inner =
			c[0] == '[' && c[1] && strchr(":.=", c[1]) ? strchr(c + 2, ']') : NULL;

		c = inner ? inner : c;
	}
	return *c ? c : c - 1;
}

/* From '{' on: its '}', or the last byte. */
static const char *braces_end(const char *c)
{
	const char *end = strchr(c, '}');

	return end ? end : c + strlen(c) - 1;
}

static uint64_t largest_number(const char *c, const char *end)
{
	uint64_t largest = 0, number = 0;

	for (; c < end; c++) {
		if (*c < '0' || *c > '9')
			number = 0;
		else if (number <= PATTERN_PARTS_MAX)
			number = 10 * number + (uint64_t)(*c - '0');
		if (number > largest)
			largest = number;
	}
	return largest;
}

static void repeat(struct parts *parts, uint64_t copies)
{
	parts->sum += copies * parts->last;
	parts->last += copies * parts->last;
}

/* One byte, one of several, or one that is escaped: where it ends. */
static const char *add_single(struct parts *parts, const char *c)
{
	parts->last = 1;
	parts->sum++;
	if (*c == '[')
		return bracket_end(c);
	return *c == '\\' && c[1] ? c + 1 : c;
}

uint64_t pattern_parts(const char *pattern)
{
	uint64_t outer[PATTERN_BYTES_MAX];
	struct parts parts = { 0 };
	size_t depth = 0;

	for (const char *c = pattern; *c && parts.sum <= PATTERN_PARTS_MAX; c++) {
		switch (*c) {
		case '(':
			outer[depth++] = parts.sum;
			parts = (struct parts){ 0 };
			break;
		case ')':
			parts.last = parts.sum + 1;
			parts.sum = parts.last + (depth ? outer[--depth] : 0);
			break;
		case '+':
			repeat(&parts, 1);
			break;
		case '{':
			repeat(&parts, largest_number(c, braces_end(c)));
			c = braces_end(c);
			break;
		case '*':
		case '?':
			break;
		default:
			c = add_single(&parts, c);
		}
	}
	return parts.sum;
}
