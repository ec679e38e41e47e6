/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/doctor_mounts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PROC    "22 27 0:21 / /proc rw,relatime - proc proc "
#define CGROUP  "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
#define CGROUP2 "38 31 0:38 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw\n"

static const struct doctor_mounts *read_text(const char *text)
{
	static struct doctor_mounts mounts;
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	assert_non_null(file);
	doctor_mounts_read(file, &mounts);
	(void)fclose(file);
	return &mounts;
}

static void hidepid_is_known_by_number_and_by_name(void **state)
{
	(void)state;
	assert_int_equal(read_text(PROC "rw\n")->hiding, PROC_OPEN);
	assert_int_equal(read_text(PROC "rw,hidepid=0\n")->hiding, PROC_OPEN);
	assert_int_equal(read_text(PROC "rw,hidepid=1\n")->hiding, PROC_NO_ACCESS);
	assert_int_equal(read_text(PROC "rw,gid=5,hidepid=2\n")->hiding, PROC_INVISIBLE);
	assert_int_equal(read_text(PROC "rw,hidepid=invisible,gid=5\n")->hiding, PROC_INVISIBLE);
	assert_int_equal(read_text(PROC "rw,hidepid=noaccess\n")->hiding, PROC_NO_ACCESS);
	assert_int_equal(read_text(PROC "rw,hidepid=ptraceable\n")->hiding, PROC_PTRACEABLE);
	assert_int_equal(read_text(PROC "rw,hidepid=4\n")->hiding, PROC_PTRACEABLE);
	assert_int_equal(read_text(PROC "rw,nohidepid=2\n")->hiding, PROC_OPEN);
	assert_int_equal(read_text(PROC "rw,hidepid=22\n")->hiding, PROC_OPEN);
}

static void a_part_of_proc_is_noticed(void **state)
{
	(void)state;
	assert_true(read_text(PROC "rw,subset=pid\n")->has_pids_only);
	assert_false(read_text(PROC "rw\n")->has_pids_only);
	/* What is mounted last is what is seen. */
	assert_false(read_text(PROC "rw,subset=pid\n" PROC "rw\n")->has_pids_only);
	assert_false(read_text("22 27 0:21 / /mnt/proc rw - proc proc rw,hidepid=2\n")->has_proc);
}

static void cgroups_of_both_versions_are_found(void **state)
{
	const struct doctor_mounts *mounts = read_text(CGROUP CGROUP2);

	(void)state;
	assert_true(mounts->has_cgroup_v1);
	assert_string_equal(mounts->cgroup2, "/sys/fs/cgroup/unified");
	assert_string_equal(read_text(CGROUP)->cgroup2, "");
	assert_false(read_text(CGROUP2)->has_cgroup_v1);
}

static void what_makes_no_sense_is_passed_over(void **state)
{
	const struct doctor_mounts *mounts =
		read_text("\n - \n - proc\n22 - proc proc rw\nx y z - cgroup2 a b\n- - - - - - -\n"
			  "22 27 0:21 / /proc rw - proc\n");

	(void)state;
	assert_true(mounts->has_proc);
	assert_int_equal(mounts->hiding, PROC_OPEN);
	assert_false(mounts->has_cgroup_v1);
	assert_string_equal(mounts->cgroup2, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hidepid_is_known_by_number_and_by_name),
		cmocka_unit_test(a_part_of_proc_is_noticed),
		cmocka_unit_test(cgroups_of_both_versions_are_found),
		cmocka_unit_test(what_makes_no_sense_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
