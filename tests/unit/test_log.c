/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/hear.h"

/* What speak() prints on stderr when that is fd. */
static void speak_into(int fd, void (*speak)(void))
{
	int saved = dup(STDERR_FILENO);

	assert_true(saved >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	speak();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
}

static const char *spoken(void (*speak)(void))
{
	hear();
	speak();
	return heard();
}

static void speak_each(void)
{
	log_error("cannot read '%s': %s", "x", "no");
	log_warning("%d samples lost", 3);
	log_info("100 samples");
	log_progress("10 s left");
	log_progress(NULL);
}

static void each_level_has_its_prefix(void **state)
{
	(void)state;
	assert_string_equal(spoken(speak_each), "eprof: cannot read 'x': no\n"
						"eprof: warning: 3 samples lost\n"
						"100 samples\n");
}

static void quiet_leaves_only_errors(void **state)
{
	(void)state;
	log_set_quiet(true);
	assert_string_equal(spoken(speak_each), "eprof: cannot read 'x': no\n");
	log_set_quiet(false);
}

static void speak_hostile_name(void)
{
	log_error("cannot read '%s'", "a\nb\033[31m\177\xc2\x9b\xc3\xa9");
}

static void control_characters_are_hidden(void **state)
{
	(void)state;
	assert_string_equal(spoken(speak_hostile_name),
			    "eprof: cannot read 'a?b?[31m???\xc3\xa9'\n");
}

static void speak_endlessly(void)
{
	static char name[20000];

	memset(name, 'x', sizeof(name) - 1);
	log_error("%s", name);
}

static void an_endless_message_is_cut_to_one_line(void **state)
{
	const char *text;

	(void)state;
	text = spoken(speak_endlessly);
	assert_in_range(strlen(text), 8192, 10000);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void speak_with_errno(void)
{
	errno = ENOSPC;
	log_error("a");
	log_warning("b");
	log_info("c");
	log_progress("d");
	log_progress(NULL);
	assert_int_equal(errno, ENOSPC);
}

static void errno_survives(void **state)
{
	(void)state;
	(void)spoken(speak_with_errno);
}

static void speak_on_terminal(void)
{
	log_progress("%d s left", 10);
	log_progress("a line of progress that is longer than the terminal is wide");
	log_error("disk full");
	log_progress(NULL);
}

static void progress_overwrites_one_terminal_line(void **state)
{
	struct winsize size = { .ws_row = 24, .ws_col = 20 };
	char text[512];
	size_t length = 0;
	int terminal, line;

	(void)state;
	terminal = posix_openpt(O_RDWR | O_NOCTTY);
	if (terminal < 0)
		skip();
	assert_int_equal(grantpt(terminal), 0);
	assert_int_equal(unlockpt(terminal), 0);
	line = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	if (line < 0)
		skip();
	assert_int_equal(ioctl(line, TIOCSWINSZ, &size), 0);
	speak_into(line, speak_on_terminal);
	while (length < sizeof(text) - 1 && !memchr(text, '\n', length)) {
		ssize_t n = read(terminal, text + length, sizeof(text) - 1 - length);

		assert_true(n > 0);
		length += (size_t)n;
	}
	text[length] = '\0';
	assert_string_equal(text, "\r\033[K10 s left"
				  "\r\033[Ka line of progress "
				  "\r\033[Keprof: disk full\r\n");
	(void)close(line);
	(void)close(terminal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_level_has_its_prefix),
		cmocka_unit_test(quiet_leaves_only_errors),
		cmocka_unit_test(control_characters_are_hidden),
		cmocka_unit_test(an_endless_message_is_cut_to_one_line),
		cmocka_unit_test(errno_survives),
		cmocka_unit_test(progress_overwrites_one_terminal_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
