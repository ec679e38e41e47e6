/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/preflight.h"
#include "tests/unit/hear.h"

#define KERNEL_FLAGS 0x00200040u
#define USER_FLAGS   0x00400100u

struct fixture {
	char root[64];
	struct record_options options;
};

static void put(const char *directory, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* As /proc tells of a thread, whose name is made to look like what follows it. */
static void put_thread(const struct fixture *fixture, int pid, int tid, char state,
		       unsigned int flags)
{
	char directory[128], text[256];

	(void)snprintf(directory, sizeof(directory), "%s/proc/%d", fixture->root, tid);
	assert_int_equal(mkdir(directory, 0755), 0);
	(void)snprintf(text, sizeof(text), "Name:\tState: Z\nState:\t%c (state)\nTgid:\t%d\n",
		       state, pid);
	put(directory, "status", text);
	(void)snprintf(text, sizeof(text), "%d (a) Z 1 1 1 0 -1 2097152) %c 2 0 0 0 -1 %u 0 0\n",
		       tid, state, flags);
	put(directory, "stat", text);
	(void)snprintf(directory, sizeof(directory), "%s/proc/%d/task", fixture->root, pid);
	(void)mkdir(directory, 0755);
	(void)snprintf(directory, sizeof(directory), "%s/proc/%d/task/%d", fixture->root, pid, tid);
	assert_int_equal(mkdir(directory, 0755), 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	char path[128];

	if (!fixture)
		return -1;
	(void)strcpy(fixture->root, "/tmp/eprof-test-ids-XXXXXX");
	if (!mkdtemp(fixture->root))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/proc", fixture->root);
	if (mkdir(path, 0755) < 0)
		return -1;
	fixture->options.target = TARGET_PIDS;
	fixture->options.id_count = 1;
	fixture->options.on_cpu = fixture->options.off_cpu = true;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char command[128];
	int err;

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture->root);
	err = system(command);
	free(fixture);
	return err;
}

static void check(const struct fixture *fixture, int expected, const char *expected_text)
{
	const char *text;
	int err;

	hear();
	err = preflight_ids(fixture->root, &fixture->options);
	text = heard();
	assert_string_equal(text, expected_text);
	assert_int_equal(err, expected);
}

static void check_target(struct fixture *fixture, enum target_kind kind, int32_t id, int expected,
			 const char *text)
{
	fixture->options.target = kind;
	fixture->options.ids[0] = id;
	check(fixture, expected, text);
}

static void who_is_alive_is_taken_without_a_word(void **state)
{
	struct fixture *fixture = *state;

	put_thread(fixture, 10, 10, 'S', USER_FLAGS);
	put_thread(fixture, 10, 11, 'R', USER_FLAGS);
	check_target(fixture, TARGET_PIDS, 10, 0, "");
	check_target(fixture, TARGET_TIDS, 10, 0, "");
	check_target(fixture, TARGET_TIDS, 11, 0, "");
	check_target(fixture, TARGET_PIDS, 11, -EINVAL,
		     "eprof: 11 is a thread of process 10; use -t 11 or -p 10\n");
	check_target(fixture, TARGET_PIDS, 12, -ESRCH, "eprof: no such process 12\n");
}

static void a_zombie_is_refused(void **state)
{
	struct fixture *fixture = *state;

	put_thread(fixture, 10, 10, 'Z', USER_FLAGS);
	put_thread(fixture, 10, 11, 'X', USER_FLAGS);
	check_target(fixture, TARGET_PIDS, 10, -ESRCH,
		     "eprof: process 10 has ended (it is a zombie)\n");
	check_target(fixture, TARGET_TIDS, 10, -ESRCH,
		     "eprof: thread 10 has ended (it is a zombie)\n");
}

static void every_id_is_looked_at(void **state)
{
	struct fixture *fixture = *state;

	put_thread(fixture, 10, 10, 'S', USER_FLAGS);
	put_thread(fixture, 20, 20, 'Z', USER_FLAGS);
	fixture->options.ids[1] = 20;
	fixture->options.id_count = 2;
	check_target(fixture, TARGET_PIDS, 10, -ESRCH,
		     "eprof: process 20 has ended (it is a zombie)\n");
}

static void a_process_outlives_its_first_thread(void **state)
{
	struct fixture *fixture = *state;

	put_thread(fixture, 10, 10, 'Z', USER_FLAGS);
	put_thread(fixture, 10, 11, 'S', USER_FLAGS);
	check_target(fixture, TARGET_PIDS, 10, 0, "");
	check_target(fixture, TARGET_TIDS, 11, 0, "");
	check_target(fixture, TARGET_TIDS, 10, -ESRCH,
		     "eprof: thread 10 has ended (it is a zombie)\n");
}

static void of_kernel_threads_it_is_told_what_is_not_recorded(void **state)
{
	struct fixture *fixture = *state;

	put_thread(fixture, 2, 2, 'S', KERNEL_FLAGS);
	check_target(fixture, TARGET_PIDS, 2, 0,
		     "eprof: warning: pid 2 is a kernel thread; its time off a CPU is recorded "
		     "with -a --kernel-threads only\n");
	fixture->options.off_cpu = false;
	check_target(fixture, TARGET_PIDS, 2, 0, "");
	fixture->options.off_cpu = true;
	fixture->options.on_cpu = false;
	check_target(fixture, TARGET_TIDS, 2, -ENOTSUP,
		     "eprof: tid 2 is a kernel thread; its time off a CPU is recorded "
		     "with -a --kernel-threads only\n");
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ROOT(who_is_alive_is_taken_without_a_word),
		WITH_ROOT(a_zombie_is_refused),
		WITH_ROOT(every_id_is_looked_at),
		WITH_ROOT(a_process_outlives_its_first_thread),
		WITH_ROOT(of_kernel_threads_it_is_told_what_is_not_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
