/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only place that prints messages. One failure, one line on stderr, with the object in quotes.
 * Every call prints one line, or none: the line break is added here, and control characters inside
 * the message (a file name may hold anything) are shown as '?'. errno is left alone. Any thread may
 * call.
 *
 * When stderr is the journal (JOURNAL_STREAM has its device and inode, see systemd.exec(5)) a line
 * begins with its priority, "<4>", and without "eprof: ", as the journal puts the program's name
 * there.
 */
#ifndef EPROF_AGENT_LOG_H
#define EPROF_AGENT_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* "eprof: " + message. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "eprof: warning: " + message; nothing when quiet. */
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Plain summary lines on stderr; nothing when quiet. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "eprof: debug: " + message, at LOG_LEVEL_DEBUG only; nothing when quiet. */
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Whether log_progress() has somewhere to print. */
bool log_has_progress(void);
/*
 * Overwrites one line when stderr is a terminal, cut to its width; prints nothing elsewhere or when
 * quiet. NULL clears the line; so does any other message.
 */
void log_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_set_quiet(bool quiet);
/* What is less urgent is not printed. At first LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/*
 * A daemon's errors and warnings are limited (agent/log_limit.h); of those that were held the
 * newest is said later, with "(3 more like this)". Formats have to be string literals. false says
 * what is held. To be called by a thread that is alone.
 */
void log_set_daemon(bool is_daemon);
/* Says what was held of messages whose time is over: to be called now and then, by any thread. */
void log_tell_held(void);

void log_set_level(enum log_level level);

#endif
