/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which messages of a program that runs for months are said: of each format LOG_LIMIT_BURST in
 * LOG_LIMIT_NS, as what fails once for each of ten thousand files fails as often for the next ten
 * thousand. The others are held: counted, with the text of the newest, until somebody asks. No
 * clock and no lock of its own. All zero is empty.
 */
#ifndef EPROF_AGENT_LOG_LIMIT_H
#define EPROF_AGENT_LOG_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/log.h"

#define LOG_LIMIT_BURST   5
#define LOG_LIMIT_NS      UINT64_C(60000000000)
/* More kinds of trouble at once are told of as they change places. */
#define LOG_LIMIT_FORMATS 32
/* Most messages; of a longer one its beginning is held. */
#define LOG_LIMIT_TEXT    256

/* Messages of one format that were not said. */
struct log_held {
	enum log_level level;
	uint64_t count; /* 0: none */
	char text[LOG_LIMIT_TEXT];
};

struct log_limit {
	struct log_limit_format {
		const char *format; /* by its address; NULL: free */
		uint64_t began_ns;
		uint64_t said;
		struct log_held held;
	} formats[LOG_LIMIT_FORMATS];
};

/*
 * Whether a message is to be said at now_ns; otherwise it is held. When the time of its format is
 * over, or another format has to give way to it, *ret_held is what was held of that, to be said
 * before. Formats are string literals; what they have become is text.
 */
bool log_limit_may_say(struct log_limit *limit, uint64_t now_ns, enum log_level level,
		       const char *format, const char *text, struct log_held *ret_held);

/*
 * Takes what is held of one format whose time is over, or with all of any: to be called until
 * false. The count of what is held later begins anew.
 */
bool log_limit_take(struct log_limit *limit, uint64_t now_ns, bool all, struct log_held *ret);

#endif
