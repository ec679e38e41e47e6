/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/log_limit.h"

#include <stdio.h>

static bool is_over(const struct log_limit_format *format, uint64_t now_ns)
{
	return now_ns - format->began_ns >= LOG_LIMIT_NS;
}

/* The format's place; a free one, or else the oldest, when it has none. */
static struct log_limit_format *find(struct log_limit *limit, const char *format)
{
	struct log_limit_format *found = &limit->formats[0];

	for (size_t i = 0; i < LOG_LIMIT_FORMATS; i++) {
		struct log_limit_format *each = &limit->formats[i];

		if (each->format == format)
			return each;
		if (found->format && (!each->format || each->began_ns < found->began_ns))
			found = each;
	}
	return found;
}

bool log_limit_may_say(struct log_limit *limit, uint64_t now_ns, enum log_level level,
		       const char *format, const char *text, struct log_held *ret_held)
{
	struct log_limit_format *place = find(limit, format);

	ret_held->count = 0;
	if (place->format != format || is_over(place, now_ns)) {
		*ret_held = place->held;
		*place = (struct log_limit_format){ .format = format, .began_ns = now_ns };
	}
	if (place->said < LOG_LIMIT_BURST) {
		place->said++;
		return true;
	}
	place->held.level = level;
	place->held.count++;
	(void)snprintf(place->held.text, sizeof(place->held.text), "%s", text);
	return false;
}

bool log_limit_take(struct log_limit *limit, uint64_t now_ns, bool all, struct log_held *ret)
{
	for (size_t i = 0; i < LOG_LIMIT_FORMATS; i++) {
		struct log_limit_format *each = &limit->formats[i];

		if (each->held.count == 0 || !(all || is_over(each, now_ns)))
			continue;
		*ret = each->held;
		each->held.count = 0;
		return true;
	}
	return false;
}
