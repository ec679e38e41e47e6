/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/processes_fixture.h"

#include <signal.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

static void our_own_mappings_are_read_from_proc(void **state)
{
	const struct fixture *fixture = *state;
	int32_t pid = (int32_t)getpid();
	struct mapping mapping;
	int data = 0;

	assert_int_equal(processes_seed(fixture->processes, pid), 0);
	check(fixture, 1, pid, (uint64_t)set_up, "test_processes");
	check(fixture, UINT64_MAX, pid, (uint64_t)set_up, "test_processes");
	check(fixture, 1, pid, (uint64_t)getpid, "libc.so.6");
	check(fixture, 1, pid, getauxval(AT_SYSINFO_EHDR) + 64, "[vdso]");
	check(fixture, 1, pid, (uint64_t)&data, NULL);
	check(fixture, 1, pid, 0, NULL);
	check(fixture, 1, NOBODY, (uint64_t)set_up, NULL);
	assert_true(processes_locate(fixture->processes, pid, 1, (uint64_t)set_up, &mapping));
	assert_int_equal(mapping.binary->kind, BINARY_FILE);
	assert_non_null(mapping.binary->module);
	assert_false(processes_is_gone(fixture->processes, pid));
}

/* A child that waits until the returned descriptor is closed. */
static int start_child(pid_t *ret_pid)
{
	int ends[2];
	char byte;

	assert_int_equal(pipe(ends), 0);
	*ret_pid = fork();
	assert_true(*ret_pid >= 0);
	if (*ret_pid == 0) {
		(void)close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
	}
	(void)close(ends[0]);
	return ends[1];
}

static void a_child_outlives_its_end_until_nobody_asks(void **state)
{
	const struct fixture *fixture = *state;
	pid_t pid;
	int fd = start_child(&pid);

	assert_int_equal(processes_seed(fixture->processes, (int32_t)pid), 0);
	check(fixture, 50, (int32_t)pid, (uint64_t)set_up, "test_processes");
	assert_false(processes_is_gone(fixture->processes, (int32_t)pid));
	assert_int_equal(close(fd), 0);
	tell(fixture, 100, SIDEBAND_EXIT, (int32_t)pid, 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(processes_is_gone(fixture->processes, (int32_t)pid));
	processes_forget(fixture->processes, 100); /* a sample at 100 may still ask */
	check(fixture, 100, (int32_t)pid, (uint64_t)set_up, "test_processes");
	processes_forget(fixture->processes, 101);
	check(fixture, 100, (int32_t)pid, (uint64_t)set_up, NULL);
	assert_int_equal(processes_seed(fixture->processes, (int32_t)pid), -ESRCH);
}

static void a_thread_that_ends_does_not_take_the_process_along(void **state)
{
	const struct fixture *fixture = *state;
	int32_t pid = (int32_t)getpid();

	assert_int_equal(processes_seed(fixture->processes, pid), 0);
	tell(fixture, 100, SIDEBAND_EXIT, pid, 0);
	assert_false(processes_is_gone(fixture->processes, pid));
	processes_forget(fixture->processes, 200);
	check(fixture, 200, pid, (uint64_t)set_up, "test_processes");
}

static void all_processes_can_be_read(void **state)
{
	const struct fixture *fixture = *state;
	pid_t pid;
	int fd = start_child(&pid);

	assert_int_equal(processes_seed_all(fixture->processes), 0);
	check(fixture, 1, (int32_t)getpid(), (uint64_t)set_up, "test_processes");
	check(fixture, 1, (int32_t)pid, (uint64_t)set_up, "test_processes");
	assert_int_equal(close(fd), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Its records have been lost; what it had before stays what its older samples were in. */
static void what_is_read_again_counts_from_then_on(void **state)
{
	const struct fixture *fixture = *state;
	int32_t self = (int32_t)getpid();

	map(fixture, 10, self, 0x1000, "/nonexistent/before");
	assert_int_equal(processes_reread(fixture->processes, 50), 0);
	check(fixture, 49, self, 0x1000, "before");
	check(fixture, 49, self, (uint64_t)set_up, NULL);
	check(fixture, 50, self, 0x1000, NULL);
	check(fixture, 50, self, (uint64_t)set_up, "test_processes");
	/* What has begun since is known from its records. */
	tell(fixture, 60, SIDEBAND_EXEC, self, 0);
	assert_int_equal(processes_reread(fixture->processes, 55), 0);
	check(fixture, 61, self, (uint64_t)set_up, NULL);
	check(fixture, 59, self, (uint64_t)set_up, "test_processes");
}

static void who_is_gone_when_it_is_read_again_is_forgotten(void **state)
{
	const struct fixture *fixture = *state;

	map(fixture, 10, NOBODY, 0x1000, "/nonexistent/a");
	assert_false(processes_is_gone(fixture->processes, NOBODY));
	assert_int_equal(processes_reread(fixture->processes, 50), 0);
	assert_true(processes_is_gone(fixture->processes, NOBODY));
	check(fixture, 60, NOBODY, 0x1000, "a");
	processes_forget(fixture->processes, 51);
	check(fixture, 60, NOBODY, 0x1000, NULL);
}

static void only_who_is_known_is_read_again_unless_all_are_followed(void **state)
{
	const struct fixture *fixture = *state;
	pid_t pid;
	int fd = start_child(&pid);

	assert_int_equal(processes_seed(fixture->processes, (int32_t)pid), 0);
	assert_int_equal(processes_reread(fixture->processes, 50), 0);
	check(fixture, 50, (int32_t)pid, (uint64_t)set_up, "test_processes");
	check(fixture, 50, (int32_t)getpid(), (uint64_t)set_up, NULL);
	assert_int_equal(close(fd), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_fork_gives_the_child_what_the_parent_has(void **state)
{
	const struct fixture *fixture = *state;

	map(fixture, 10, NOBODY, 0x1000, "/nonexistent/a");
	tell(fixture, 20, SIDEBAND_FORK, CHILD, NOBODY);
	map(fixture, 30, NOBODY, 0x5000, "/nonexistent/parent");
	map(fixture, 30, CHILD, 0x7000, "/nonexistent/child");
	check(fixture, 19, CHILD, 0x1000, NULL);
	check(fixture, 20, CHILD, 0x1000, "a");
	check(fixture, 30, CHILD, 0x5000, NULL);
	check(fixture, 30, NOBODY, 0x5000, "parent");
	check(fixture, 30, CHILD, 0x7000, "child");
	check(fixture, 30, NOBODY, 0x7000, NULL);
}

/* Its parent had ended before /proc was read, and the record of the fork comes after that. */
static void a_fork_told_late_takes_nothing_away(void **state)
{
	const struct fixture *fixture = *state;
	int32_t pid = (int32_t)getpid();

	assert_int_equal(processes_seed(fixture->processes, pid), 0);
	tell(fixture, 20, SIDEBAND_FORK, pid, PARENT);
	check(fixture, 30, pid, (uint64_t)set_up, "test_processes");
}

static void an_exec_takes_all_mappings_away(void **state)
{
	const struct fixture *fixture = *state;

	map(fixture, 10, NOBODY, 0x1000, "/nonexistent/before");
	tell(fixture, 20, SIDEBAND_EXEC, NOBODY, 0);
	check(fixture, 20, NOBODY, 0x1000, NULL);
	map(fixture, 21, NOBODY, 0x1000, "/nonexistent/after");
	check(fixture, 19, NOBODY, 0x1000, "before");
	check(fixture, 20, NOBODY, 0x1000, NULL);
	check(fixture, 21, NOBODY, 0x1000, "after");
	tell(fixture, 30, SIDEBAND_EXIT, NOBODY, 0);
	check(fixture, 40, NOBODY, 0x1000, "after");
}

static void a_number_used_again_is_told_apart_by_time(void **state)
{
	const struct fixture *fixture = *state;

	map(fixture, 5, PARENT, 0x9000, "/nonexistent/parent");
	tell(fixture, 10, SIDEBAND_FORK, NOBODY, PARENT);
	map(fixture, 11, NOBODY, 0x1000, "/nonexistent/first");
	tell(fixture, 20, SIDEBAND_EXIT, NOBODY, 0);
	tell(fixture, 30, SIDEBAND_FORK, NOBODY, PARENT);
	map(fixture, 31, NOBODY, 0x1000, "/nonexistent/second");
	check(fixture, 9, NOBODY, 0x1000, NULL);
	check(fixture, 29, NOBODY, 0x1000, "first");
	check(fixture, 30, NOBODY, 0x1000, NULL);
	check(fixture, 31, NOBODY, 0x1000, "second");
	processes_forget(fixture->processes, 20); /* a sample at 20 may still ask */
	check(fixture, 20, NOBODY, 0x1000, "first");
	processes_forget(fixture->processes, 21);
	check(fixture, 20, NOBODY, 0x1000, NULL);
	check(fixture, 31, NOBODY, 0x1000, "second");
}

static void a_replaced_mapping_is_found_by_its_time(void **state)
{
	const struct fixture *fixture = *state;

	map(fixture, 10, NOBODY, 0x1000, "/nonexistent/old");
	map(fixture, 20, NOBODY, 0x1000, "/nonexistent/new");
	check(fixture, 19, NOBODY, 0x1800, "old");
	check(fixture, 20, NOBODY, 0x1800, "new");
	processes_forget(fixture->processes, 21);
	check(fixture, 19, NOBODY, 0x1800, NULL);
	check(fixture, 21, NOBODY, 0x1800, "new");
}

static void strangers_are_passed_over_unless_all_are_followed(void **state)
{
	const struct fixture *fixture = *state;
	int32_t self = (int32_t)getpid();

	map(fixture, 10, NOBODY, 0x1000, "/nonexistent/a");
	tell(fixture, 11, SIDEBAND_EXEC, NOBODY, 0);
	map(fixture, 12, NOBODY, 0x1000, "/nonexistent/a");
	tell(fixture, 13, SIDEBAND_FORK, CHILD, NOBODY);
	map(fixture, 14, CHILD, 0x1000, "/nonexistent/a");
	check(fixture, 20, NOBODY, 0x1000, NULL);
	check(fixture, 20, CHILD, 0x1000, NULL);
	assert_true(processes_is_gone(fixture->processes, NOBODY));
	/* Children of those that are known are followed. */
	assert_int_equal(processes_seed(fixture->processes, self), 0);
	tell(fixture, 30, SIDEBAND_FORK, CHILD, self);
	check(fixture, 30, CHILD, (uint64_t)set_up, "test_processes");
}

/* -1 is the kernel, 0 is whoever our pid namespace has no number for. */
static void who_has_no_number_is_left_out(void **state)
{
	const struct fixture *fixture = *state;

	map(fixture, 10, -1, 0x1000, "[kernel.kallsyms]_text");
	map(fixture, 10, 0, 0x1000, "/nonexistent/outside");
	tell(fixture, 20, SIDEBAND_FORK, NOBODY, 0);
	tell(fixture, 20, SIDEBAND_KSYMBOL, 0, 0);
	check(fixture, 30, -1, 0x1000, NULL);
	check(fixture, 30, 0, 0x1000, NULL);
	check(fixture, 30, NOBODY, 0x1000, NULL);
}

static void a_mapping_without_length_or_end_is_passed_over(void **state)
{
	const struct fixture *fixture = *state;
	struct sideband_record record = { .type = SIDEBAND_MMAP,
					  .pid = NOBODY,
					  .time_ns = 10,
					  .start = 0x1000,
					  .path = "/nonexistent/a" };

	apply(fixture, &record);
	record.length = UINT64_MAX - 0x500;
	apply(fixture, &record);
	check(fixture, 10, NOBODY, 0x1000, NULL);
	check(fixture, 10, NOBODY, 0x500, NULL);
}

static void what_is_too_much_is_counted(void **state)
{
	const struct fixture *fixture = *state;

	for (uint64_t i = 0; i < MAPPINGS_MAX + 10; i++)
		map(fixture, 10, NOBODY, i * 0x2000, "//anon");
	assert_in_range(processes_dropped_mappings(fixture->processes), 10, 12);
	check(fixture, 10, NOBODY, 0, "anon");
	check(fixture, 10, NOBODY, (uint64_t)(MAPPINGS_MAX + 9) * 0x2000, NULL);
}

static uint64_t version(const struct fixture *fixture, int32_t pid, uint64_t time_ns)
{
	return processes_version(fixture->processes, pid, time_ns);
}

static void a_version_lasts_until_something_changes(void **state)
{
	const struct fixture *fixture = *state;
	uint64_t first, second;

	map(fixture, 10, NOBODY, 0x1000, "/nonexistent/a");
	first = version(fixture, NOBODY, 20);
	assert_int_not_equal(first, 0);
	assert_int_equal(version(fixture, NOBODY, 30), first);
	/* Others' changes, and those that change nothing of what is mapped. */
	map(fixture, 21, PARENT, 0x1000, "/nonexistent/a");
	tell(fixture, 22, SIDEBAND_EXEC, PARENT, 0);
	tell(fixture, 23, SIDEBAND_EXIT, NOBODY, 0);
	tell(fixture, 24, SIDEBAND_FORK, CHILD, NOBODY);
	assert_int_equal(version(fixture, NOBODY, 30), first);
	map(fixture, 40, NOBODY, 0x5000, "/nonexistent/b");
	second = version(fixture, NOBODY, 50);
	assert_int_not_equal(second, 0);
	assert_int_not_equal(second, first);
	assert_int_equal(version(fixture, NOBODY, 60), second);
}

static void no_two_generations_have_the_same_version(void **state)
{
	const struct fixture *fixture = *state;
	uint64_t versions[5];

	map(fixture, 10, PARENT, 0x1000, "/nonexistent/a");
	tell(fixture, 20, SIDEBAND_FORK, NOBODY, PARENT);
	tell(fixture, 30, SIDEBAND_EXEC, NOBODY, 0);
	tell(fixture, 40, SIDEBAND_EXIT, NOBODY, 0);
	tell(fixture, 50, SIDEBAND_FORK, NOBODY, PARENT);
	versions[0] = version(fixture, PARENT, 60);
	versions[1] = version(fixture, NOBODY, 25);
	versions[2] = version(fixture, NOBODY, 35);
	versions[3] = version(fixture, NOBODY, 60);
	tell(fixture, 70, SIDEBAND_EXEC, NOBODY, 0);
	versions[4] = version(fixture, NOBODY, 70);
	for (int i = 0; i < 5; i++) {
		assert_int_not_equal(versions[i], 0);
		for (int k = 0; k < i; k++)
			assert_int_not_equal(versions[i], versions[k]);
	}
	assert_int_equal(version(fixture, NOBODY, 35), versions[2]);
}

/* What was sampled before a change, and told of after it, is not taken for what came after. */
static void before_a_change_is_not_the_version_after_it(void **state)
{
	const struct fixture *fixture = *state;
	uint64_t before, after;

	map(fixture, 10, NOBODY, 0x1000, "/nonexistent/old");
	map(fixture, 20, NOBODY, 0x1000, "/nonexistent/new");
	before = version(fixture, NOBODY, 19);
	after = version(fixture, NOBODY, 20);
	assert_int_not_equal(before, 0);
	assert_int_not_equal(before, after);
	map(fixture, 30, NOBODY, 0x1000, "/nonexistent/newest");
	assert_int_not_equal(version(fixture, NOBODY, 20), after);
	assert_int_not_equal(version(fixture, NOBODY, 20), before);
	assert_int_equal(version(fixture, NOBODY, 30), version(fixture, NOBODY, 31));
}

static void who_is_not_known_has_no_version(void **state)
{
	const struct fixture *fixture = *state;

	assert_int_equal(version(fixture, NOBODY, 10), 0);
	assert_int_equal(version(fixture, 0, 10), 0);
	assert_int_equal(version(fixture, -1, 10), 0);
	map(fixture, 10, NOBODY, 0x1000, "/nonexistent/a");
	assert_int_equal(version(fixture, NOBODY, 9), 0);
	assert_int_not_equal(version(fixture, NOBODY, 10), 0);
	assert_int_equal(version(fixture, CHILD, 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KNOWN(our_own_mappings_are_read_from_proc),
		KNOWN(a_child_outlives_its_end_until_nobody_asks),
		KNOWN(a_thread_that_ends_does_not_take_the_process_along),
		ALL(all_processes_can_be_read),
		ALL(what_is_read_again_counts_from_then_on),
		ALL(who_is_gone_when_it_is_read_again_is_forgotten),
		KNOWN(only_who_is_known_is_read_again_unless_all_are_followed),
		ALL(a_fork_gives_the_child_what_the_parent_has),
		ALL(a_fork_told_late_takes_nothing_away),
		ALL(an_exec_takes_all_mappings_away),
		ALL(a_number_used_again_is_told_apart_by_time),
		ALL(a_replaced_mapping_is_found_by_its_time),
		KNOWN(strangers_are_passed_over_unless_all_are_followed),
		ALL(who_has_no_number_is_left_out),
		ALL(a_mapping_without_length_or_end_is_passed_over),
		ALL(a_version_lasts_until_something_changes),
		ALL(no_two_generations_have_the_same_version),
		ALL(before_a_change_is_not_the_version_after_it),
		ALL(who_is_not_known_has_no_version),
		ALL(what_is_too_much_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
