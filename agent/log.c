/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Two paths of PATH_MAX and some words: what is longer is cut. */
#define LINE_SIZE              9216
#define TERMINAL_WIDTH_DEFAULT 80

/* The level of talk is the one thing that everybody shares (style guide, rule 10). */
static struct {
	bool quiet;
	bool has_progress; /* a progress line is on the screen */
} state;

void log_set_quiet(bool quiet)
{
	state.quiet = quiet;
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

static void print_line(const char *prefix, const char *format, va_list arguments)
{
	char line[LINE_SIZE + 1];
	size_t length;

	log_progress(NULL);
	length = (size_t)snprintf(line, LINE_SIZE, "%s", prefix);
	(void)vsnprintf(line + length, LINE_SIZE - length, format, arguments);
	hide_control_characters(line);
	length = strlen(line);
	line[length++] = '\n';
	write_all(line, length);
}

void log_error(const char *format, ...)
{
	int saved_errno = errno;
	va_list arguments;

	va_start(arguments, format);
	print_line("eprof: ", format, arguments);
	va_end(arguments);
	errno = saved_errno;
}

void log_warning(const char *format, ...)
{
	int saved_errno = errno;
	va_list arguments;

	if (state.quiet)
		return;
	va_start(arguments, format);
	print_line("eprof: warning: ", format, arguments);
	va_end(arguments);
	errno = saved_errno;
}

void log_info(const char *format, ...)
{
	int saved_errno = errno;
	va_list arguments;

	if (state.quiet)
		return;
	va_start(arguments, format);
	print_line("", format, arguments);
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
