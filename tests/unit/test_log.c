/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/log_limit.h"
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

static void speak_all_levels(void)
{
	speak_each();
	log_debug("map %d is full", 4);
}

static void a_level_leaves_out_what_is_less_urgent(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_WARNING);
	assert_string_equal(spoken(speak_all_levels), "eprof: cannot read 'x': no\n"
						      "eprof: warning: 3 samples lost\n");
	log_set_level(LOG_LEVEL_DEBUG);
	assert_string_equal(spoken(speak_all_levels), "eprof: cannot read 'x': no\n"
						      "eprof: warning: 3 samples lost\n"
						      "100 samples\n"
						      "eprof: debug: map 4 is full\n");
	log_set_level(LOG_LEVEL_ERROR);
	assert_string_equal(spoken(speak_all_levels), "eprof: cannot read 'x': no\n");
	log_set_level(LOG_LEVEL_INFO);
	assert_string_equal(spoken(speak_all_levels), spoken(speak_each));
}

/* systemd's variable for stderr, as if that had another inode by so many. */
static void name_journal(unsigned int other)
{
	struct stat status;
	char stream[64];

	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
		       (uintmax_t)status.st_ino + other);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
}

static void speak_into_journal(void)
{
	name_journal(0);
	speak_all_levels();
}

static void speak_into_another_file(void)
{
	name_journal(1);
	speak_all_levels();
}

static void the_journal_is_told_the_priority_and_not_the_name(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_DEBUG);
	assert_string_equal(spoken(speak_into_journal), "<3>cannot read 'x': no\n"
							"<4>warning: 3 samples lost\n"
							"<6>100 samples\n"
							"<7>debug: map 4 is full\n");
	log_set_level(LOG_LEVEL_INFO);
	assert_string_equal(spoken(speak_into_another_file), "eprof: cannot read 'x': no\n"
							     "eprof: warning: 3 samples lost\n"
							     "100 samples\n");
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

#define WARNINGS (LOG_LIMIT_BURST + 3)

static void warn_often(void)
{
	for (int i = 0; i < WARNINGS; i++)
		log_warning("lost %d", i);
}

static void warn_often_as_a_daemon(void)
{
	log_set_daemon(true);
	warn_often();
	log_tell_held(); /* their time is not over */
	log_info("alive");
	log_set_daemon(false);
}

static void a_daemon_says_how_often_it_said_nothing(void **state)
{
	(void)state;
	assert_string_equal(spoken(warn_often_as_a_daemon),
			    "eprof: warning: lost 0\n"
			    "eprof: warning: lost 1\n"
			    "eprof: warning: lost 2\n"
			    "eprof: warning: lost 3\n"
			    "eprof: warning: lost 4\n"
			    "alive\n"
			    "eprof: warning: lost 7 (2 more like this)\n");
	assert_non_null(strstr(spoken(warn_often), "lost 7\n"));
}

#define THREADS 4

static void *warn_as_a_thread(void *unused)
{
	warn_often();
	return unused;
}

static void warn_in_threads(void)
{
	pthread_t threads[THREADS];

	log_set_daemon(true);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, warn_as_a_thread, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	log_set_daemon(false);
}

static void threads_share_one_limit(void **state)
{
	const char *text;
	char last[64];

	(void)state;
	text = spoken(warn_in_threads);
	(void)snprintf(last, sizeof(last), " (%d more like this)\n",
		       THREADS * WARNINGS - LOG_LIMIT_BURST - 1);
	assert_non_null(strstr(text, last));
}

#define CHILDREN 50

static void *warn_until(void *is_over)
{
	while (!*(_Atomic bool *)is_over)
		warn_often();
	return NULL;
}

/* What children say that begin while another thread of their parent does. */
static void warn_in_children(void)
{
	_Atomic bool is_over = false;
	pthread_t thread;

	log_set_daemon(true);
	assert_int_equal(pthread_create(&thread, NULL, warn_until, &is_over), 0);
	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			log_error("a child speaks");
			/* The thread sanitizer would miss the thread at its exit. */
			(void)raise(SIGKILL);
		}
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	is_over = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	log_set_daemon(false);
}

static void a_child_finds_the_lock_open(void **state)
{
	const char *text;
	int count = 0;

	(void)state;
	text = spoken(warn_in_children);
	while ((text = strstr(text, "eprof: a child speaks\n"))) {
		text++;
		count++;
	}
	assert_int_equal(count, CHILDREN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_level_has_its_prefix),
		cmocka_unit_test(quiet_leaves_only_errors),
		cmocka_unit_test(control_characters_are_hidden),
		cmocka_unit_test(an_endless_message_is_cut_to_one_line),
		cmocka_unit_test(errno_survives),
		cmocka_unit_test(a_level_leaves_out_what_is_less_urgent),
		cmocka_unit_test(the_journal_is_told_the_priority_and_not_the_name),
		cmocka_unit_test(a_daemon_says_how_often_it_said_nothing),
		cmocka_unit_test(threads_share_one_limit),
		cmocka_unit_test(a_child_finds_the_lock_open),
		cmocka_unit_test(progress_overwrites_one_terminal_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
