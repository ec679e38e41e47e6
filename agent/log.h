/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only place that prints messages. One failure, one line on stderr, with the object in quotes.
 * Every call prints exactly one line: the line break is added here, and control characters inside
 * the message (a file name may hold anything) are shown as '?'. errno is left alone.
 */
#ifndef EPROF_AGENT_LOG_H
#define EPROF_AGENT_LOG_H

#include <stdbool.h>

/* "eprof: " + message. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "eprof: warning: " + message; nothing when quiet. */
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Plain summary lines on stderr; nothing when quiet. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Whether log_progress() has somewhere to print. */
bool log_has_progress(void);
/*
 * Overwrites one line when stderr is a terminal, cut to its width; prints nothing elsewhere or when
 * quiet. NULL clears the line; so does any other message.
 */
void log_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_set_quiet(bool quiet);

#endif
