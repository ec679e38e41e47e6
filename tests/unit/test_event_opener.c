/* SPDX-License-Identifier: Apache-2.0 */
/* The process that opens events: it has one capability, and opens what it is asked for. */
#include "agent/event_opener.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

/* linux/capability.h: 1 << CAP_SYS_ADMIN */
#define ONLY_ADMIN "0000000000200000"
#define NOBODY     65534

static const struct perf_event_attr clock_event = {
	.size = sizeof(clock_event),
	.type = PERF_TYPE_SOFTWARE,
	.config = PERF_COUNT_SW_CPU_CLOCK,
	.disabled = 1,
};

static void without_one_there_is_nobody_to_ask(void **state)
{
	(void)state;
	assert_int_equal(event_opener_ask(&clock_event, -1, 0), -ENOTCONN);
}

static void events_that_it_opens_are_ours(void **state)
{
	CLEANUP(cleanup_fd) int fd = -1;
	uint64_t count;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(event_opener_start_always(NOBODY, NOBODY), 0);
	fd = event_opener_ask(&clock_event, -1, 0);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
}

static void what_the_kernel_refuses_is_told(void **state)
{
	struct perf_event_attr unknown = clock_event;

	(void)state;
	if (geteuid() != 0)
		skip();
	unknown.config = UINT64_MAX;
	assert_int_equal(event_opener_ask(&unknown, -1, 0), -ENOENT);
	/* Another process is not to be looked into. */
	assert_int_equal(event_opener_ask(&clock_event, 1, -1), -EINVAL);
	assert_int_equal(event_opener_ask(&clock_event, -1, 1 << 20), -EINVAL);
}

/* The pid of our only child, which is the opener. */
static int find_child(void)
{
	CLEANUP(cleanup_file) FILE *file = NULL;
	char path[64];
	int pid = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	return pid;
}

static void find_field(int pid, const char *name, char *ret, size_t size)
{
	CLEANUP(cleanup_file) FILE *file = NULL;
	char path[64], line[256];

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		(void)snprintf(ret, size, "%s",
			       line + strlen(name) + strspn(line + strlen(name), ":\t "));
		return;
	}
	fail();
}

static void it_has_one_capability_and_a_filter(void **state)
{
	char text[256];
	int pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = find_child();
	find_field(pid, "CapEff", text, sizeof(text));
	assert_string_equal(text, ONLY_ADMIN);
	find_field(pid, "CapPrm", text, sizeof(text));
	assert_string_equal(text, ONLY_ADMIN);
	find_field(pid, "CapBnd", text, sizeof(text));
	assert_string_equal(text, "0000000000000000");
	find_field(pid, "NoNewPrivs", text, sizeof(text));
	assert_string_equal(text, "1");
	find_field(pid, "Uid", text, sizeof(text));
	assert_int_equal(strncmp(text, "65534\t65534", 11), 0);
#if defined(__x86_64__) || defined(__aarch64__)
	find_field(pid, "Seccomp", text, sizeof(text));
	assert_string_equal(text, "2");
#endif
}

/* Last: there is none any more. */
static void when_it_is_gone_that_is_said(void **state)
{
	int pid, status;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = find_child();
	assert_int_equal(kill(pid, SIGTERM), 0); /* which it does not hear */
	assert_true(event_opener_ask(&clock_event, 1, -1) == -EINVAL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(event_opener_ask(&clock_event, -1, 0), -EPIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_one_there_is_nobody_to_ask),
		cmocka_unit_test(events_that_it_opens_are_ours),
		cmocka_unit_test(what_the_kernel_refuses_is_told),
		cmocka_unit_test(it_has_one_capability_and_a_filter),
		cmocka_unit_test(when_it_is_gone_that_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
