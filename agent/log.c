/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/log_limit.h"
#include "base/clock.h"

/* Two paths of PATH_MAX and some words: what is longer is cut. */
#define LINE_SIZE              9216
#define TERMINAL_WIDTH_DEFAULT 80

/* The level of talk is the one thing that everybody shares (style guide, rule 10). */
static struct {
	_Atomic bool quiet;
	_Atomic bool has_progress; /* a progress line is on the screen */
	_Atomic enum log_level least;
	bool is_daemon;
	pthread_mutex_t lock; /* of what follows; taken by daemons only */
	struct log_limit limit;
} state = { .least = LOG_LEVEL_INFO, .lock = PTHREAD_MUTEX_INITIALIZER };

/* As syslog(3) counts them, on a terminal or in a file, and in the journal. */
static const struct {
	char priority;
	const char *prefix, *journal_prefix;
} levels[] = {
	[LOG_LEVEL_ERROR] = { '3', "eprof: ", "" },
	[LOG_LEVEL_WARNING] = { '4', "eprof: warning: ", "warning: " },
	[LOG_LEVEL_INFO] = { '6', "", "" },
	[LOG_LEVEL_DEBUG] = { '7', "eprof: debug: ", "debug: " },
};

void log_set_quiet(bool quiet)
{
	state.quiet = quiet;
}

void log_set_level(enum log_level level)
{
	state.least = level;
}

static bool is_said(enum log_level level)
{
	return !state.quiet && level <= state.least;
}

/*
 * Asked for each line: the variable is inherited by whoever we start, with another stderr. It is
 * DEVICE:INODE in decimal.
 */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char found[64];
	struct stat status;

	if (!stream || fstat(STDERR_FILENO, &status) < 0)
		return false;
	(void)snprintf(found, sizeof(found), "%ju:%ju", (uintmax_t)status.st_dev,
		       (uintmax_t)status.st_ino);
	return strcmp(stream, found) == 0;
}

/* A file name must neither add lines nor steer the terminal of whoever reads the message. */
static void hide_control_characters(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		/* C1 controls, as UTF-8 writes them */
		if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) {
			c[0] = '?';
			c[1] = '?';
		} else if (*c < 0x20 || *c == 0x7f) {
			*c = '?';
		}
	}
}

/* One write per line: lines of parent and child do not mix. */
static void write_all(const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = write(STDERR_FILENO, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* there is nobody left to tell */
		text += n;
		length -= (size_t)n;
	}
}

/* What comes after the text is short, and is never cut. */
static void print_line(enum log_level level, const char *text, const char *after)
{
	char line[LINE_SIZE + 64];
	int used;

	log_progress(NULL);
	if (is_journal())
		used = snprintf(line, LINE_SIZE, "<%c>%s%s", levels[level].priority,
				levels[level].journal_prefix, text);
	else
		used = snprintf(line, LINE_SIZE, "%s%s", levels[level].prefix, text);
	if (used >= LINE_SIZE)
		used = LINE_SIZE - 1;
	(void)snprintf(line + used, sizeof(line) - (size_t)used - 1, "%s", after);
	hide_control_characters(line);
	used = (int)strlen(line);
	line[used++] = '\n';
	write_all(line, (size_t)used);
}

static void print_held(const struct log_held *held)
{
	char more[64] = "";

	if (held->count == 0)
		return;
	if (held->count > 1)
		(void)snprintf(more, sizeof(more), " (%" PRIu64 " more like this)",
			       held->count - 1);
	print_line(held->level, held->text, more);
}

/* A child that is forked while another thread speaks must find the lock open. */
static void before_fork(void)
{
	(void)pthread_mutex_lock(&state.lock);
}

static void after_fork(void)
{
	(void)pthread_mutex_unlock(&state.lock);
}

static void watch_forks(void)
{
	(void)pthread_atfork(before_fork, after_fork, after_fork);
}

static void tell_held(bool all)
{
	struct log_held held;

	(void)pthread_mutex_lock(&state.lock);
	while (log_limit_take(&state.limit, clock_ns(CLOCK_MONOTONIC), all, &held))
		print_held(&held);
	(void)pthread_mutex_unlock(&state.lock);
}

void log_set_daemon(bool is_daemon)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (is_daemon)
		(void)pthread_once(&once, watch_forks);
	tell_held(true);
	state.limit = (struct log_limit){ 0 };
	state.is_daemon = is_daemon;
}

void log_tell_held(void)
{
	int saved_errno = errno;

	if (state.is_daemon)
		tell_held(false);
	errno = saved_errno;
}

static void say_limited(enum log_level level, const char *format, const char *text)
{
	struct log_held held;
	bool may_say;

	(void)pthread_mutex_lock(&state.lock);
	may_say = log_limit_may_say(&state.limit, clock_ns(CLOCK_MONOTONIC), level, format, text,
				    &held);
	print_held(&held);
	if (may_say)
		print_line(level, text, "");
	(void)pthread_mutex_unlock(&state.lock);
}

static void say(enum log_level level, const char *format, va_list arguments)
{
	char text[LINE_SIZE];

	(void)vsnprintf(text, sizeof(text), format, arguments);
	if (state.is_daemon && level <= LOG_LEVEL_WARNING)
		say_limited(level, format, text);
	else
		print_line(level, text, "");
}

void log_error(const char *format, ...)
{
	int saved_errno = errno;
	va_list arguments;

	va_start(arguments, format);
	say(LOG_LEVEL_ERROR, format, arguments);
	va_end(arguments);
	errno = saved_errno;
}

void log_warning(const char *format, ...)
{
	int saved_errno = errno;
	va_list arguments;

	if (!is_said(LOG_LEVEL_WARNING))
		return;
	va_start(arguments, format);
	say(LOG_LEVEL_WARNING, format, arguments);
	va_end(arguments);
	errno = saved_errno;
}

void log_info(const char *format, ...)
{
	int saved_errno = errno;
	va_list arguments;

	if (!is_said(LOG_LEVEL_INFO))
		return;
	va_start(arguments, format);
	say(LOG_LEVEL_INFO, format, arguments);
	va_end(arguments);
	errno = saved_errno;
}

void log_debug(const char *format, ...)
{
	int saved_errno = errno;
	va_list arguments;

	if (!is_said(LOG_LEVEL_DEBUG))
		return;
	va_start(arguments, format);
	say(LOG_LEVEL_DEBUG, format, arguments);
	va_end(arguments);
	errno = saved_errno;
}

static size_t terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return TERMINAL_WIDTH_DEFAULT;
	return size.ws_col;
}

static void show_progress(const char *text)
{
	/* Back to column 1, clear to the end of the line. */
	static const char rewind_line[] = "\r\033[K";

	write_all(rewind_line, strlen(rewind_line));
	if (text)
		write_all(text, strlen(text));
	state.has_progress = text != NULL;
}

bool log_has_progress(void)
{
	return !state.quiet && isatty(STDERR_FILENO);
}

void log_progress(const char *format, ...)
{
	char line[512];
	size_t width;
	int saved_errno = errno;
	va_list arguments;

	if (!format) {
		if (state.has_progress)
			show_progress(NULL);
		errno = saved_errno;
		return;
	}
	if (log_has_progress()) {
		va_start(arguments, format);
		(void)vsnprintf(line, sizeof(line), format, arguments);
		va_end(arguments);
		hide_control_characters(line);
		/* A line that wraps could not be overwritten. */
		width = terminal_width();
		if (width <= sizeof(line))
			line[width - 1] = '\0';
		show_progress(line);
	}
	errno = saved_errno;
}
