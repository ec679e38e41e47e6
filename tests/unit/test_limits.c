/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/limits.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static void as_many_files_may_be_open_as_the_hard_limit_says(void **state)
{
	struct rlimit before, after, low;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = (struct rlimit){ 64, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	limits_raise();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
	assert_true(after.rlim_cur >= before.rlim_max);
}

/* The hard limit may stay: it takes CAP_SYS_RESOURCE to raise it. */
static void locked_memory_is_raised_as_far_as_allowed(void **state)
{
	struct rlimit before, after, low;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
	low = (struct rlimit){ 4096, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	limits_raise();
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &after), 0);
	assert_true(after.rlim_cur >= before.rlim_max);
}

/* To those who may open so many; it only saves time. */
static void raising_leaves_no_file_open(void **state)
{
	int before = open("/", O_PATH | O_CLOEXEC), after;

	(void)state;
	assert_true(before >= 0);
	(void)close(before);
	limits_raise();
	after = open("/", O_PATH | O_CLOEXEC);
	assert_int_equal(after, before);
	(void)close(after);
}

/* What others make us open must not be what we fail for. */
static void the_last_files_are_our_own(void **state)
{
	struct rlimit before, limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = (struct rlimit){ 4096, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_false(limits_is_last_file(4096 - 512 - 1));
	assert_true(limits_is_last_file(4096 - 512));
	limit.rlim_cur = 256;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_false(limits_is_last_file(127));
	assert_true(limits_is_last_file(128));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_files_may_be_open_as_the_hard_limit_says),
		cmocka_unit_test(locked_memory_is_raised_as_far_as_allowed),
		cmocka_unit_test(raising_leaves_no_file_open),
		cmocka_unit_test(the_last_files_are_our_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
