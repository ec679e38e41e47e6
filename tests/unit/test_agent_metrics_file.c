/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent_status.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/hear.h"
#include "tests/unit/made_status.h"

static int enter(void **state)
{
	static char directory[64];

	(void)snprintf(directory, sizeof(directory), "/tmp/eprof-test-XXXXXX");
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	*state = directory;
	return 0;
}

static int leave(void **state)
{
	(void)unlink("eprof.prom");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(*state), 0); /* nothing else is left there */
	return 0;
}

static void the_file_is_replaced_and_all_may_read_it(void **state)
{
	struct agent_status status = made_status();
	struct stat before, after;
	char text[32] = "";
	FILE *old;

	(void)state;
	(void)umask(0077);
	assert_int_equal(agent_metrics_write(&status, "eprof.prom"), 0);
	assert_int_equal(stat("eprof.prom", &before), 0);
	assert_int_equal(before.st_mode & 07777, 0644);
	old = fopen("eprof.prom", "r");
	assert_non_null(old);
	assert_int_equal(agent_metrics_write(&status, "./eprof.prom"), 0);
	assert_int_equal(stat("eprof.prom", &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	/* Who reads meanwhile has the old one, whole. */
	assert_non_null(fgets(text, sizeof(text), old));
	assert_string_equal(text, "# HELP eprof_build_info Which e");
	(void)fclose(old);
}

static void a_failure_is_one_line_and_leaves_the_old_file(void **state)
{
	struct agent_status status = made_status();
	struct rlimit saved, none;
	struct stat before, after;
	int err;

	(void)state;
	assert_int_equal(agent_metrics_write(&status, "eprof.prom"), 0);
	assert_int_equal(stat("eprof.prom", &before), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	none = (struct rlimit){ .rlim_cur = 100, .rlim_max = saved.rlim_max };
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	err = agent_metrics_write(&status, "eprof.prom");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
	assert_int_equal(err, -EFBIG);
	assert_int_equal(stat("eprof.prom", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	hear();
	err = agent_metrics_write(&status, "missing/eprof.prom");
	assert_string_equal(heard(), "eprof: cannot write the metrics to 'missing/eprof.prom': No "
				     "such file or directory\n");
	assert_int_equal(err, -ENOENT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_file_is_replaced_and_all_may_read_it),
		TEST(a_failure_is_one_line_and_leaves_the_old_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
