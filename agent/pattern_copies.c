/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pattern_copies.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define TOO_MANY (PATTERN_COPIES_MAX + 1)

struct parts {
	uint64_t copies;
	uint64_t sum;                       /* of all parts until here, with their copies */
	uint64_t last;                      /* what a repetition that follows is about */
	uint64_t before[PATTERN_BYTES_MAX]; /* the sum where each group that is open began */
	size_t depth;
};

/* From '[' on: its ']', or the last byte. One that comes first is not its end. */
static const char *bracket_end(const char *c)
{
	c += c[1] == '^' ? 2 : 1;
	c += *c == ']';
	for (; *c && *c != ']'; c++) {
		/* [:alpha:], [.].], [=a=] */
		const char ending[] = { c[1], ']', '\0' };
		const char *inner = NULL;

		if (c[0] == '[' && c[1] && strchr(":.=", c[1]))
			inner = strstr(c + 2, ending);
		c = inner ? inner + 1 : c;
	}
	return *c ? c : c - 1;
}

/* From '{' on: its '}', or the last byte. */
static const char *braces_end(const char *c)
{
	const char *end = strchr(c, '}');

	return end ? end : c + strlen(c) - 1;
}

/* Of "{2,5}"; what else may be there the C library reads in ways of its own. */
static uint64_t largest_number(const char *c, const char *end)
{
	uint64_t largest = 0, number = 0;

	for (c++; c < end; c++) {
		if (*c == ',')
			number = 0;
		else if (*c < '0' || *c > '9' || number > TOO_MANY)
			return TOO_MANY;
		else
			number = 10 * number + (uint64_t)(*c - '0');
		if (number > largest)
			largest = number;
	}
	return largest;
}

static void repeat(struct parts *parts, uint64_t times)
{
	uint64_t copies = times * parts->last;

	parts->copies += copies;
	parts->sum += copies;
	parts->last += copies;
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

static const char *add(struct parts *parts, const char *c)
{
	switch (*c) {
	case '(':
		parts->before[parts->depth++] = parts->sum++;
		parts->last = 0;
		return c;
	case ')':
		if (!parts->depth)
			return add_single(parts, c);
		parts->last = parts->sum - parts->before[--parts->depth];
		return c;
	case '+':
		repeat(parts, 1);
		return c;
	case '{':
		repeat(parts, largest_number(c, braces_end(c)));
		return braces_end(c);
	case '*':
	case '?':
		return c;
	default:
		return add_single(parts, c);
	}
}

uint64_t pattern_copies(const char *pattern)
{
	struct parts parts = { 0 };

	assert(strlen(pattern) <= PATTERN_BYTES_MAX);
	for (const char *c = pattern; *c && parts.copies <= PATTERN_COPIES_MAX; c++)
		c = add(&parts, c);
	return parts.copies;
}
