/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pprof_modules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define NO_NOTES "/nonexistent/notes"

static const char *id_of(const struct pprof_modules *modules, const char *name)
{
	for (size_t i = 0; i < modules->count; i++) {
		if (strcmp(modules->list[i].name, name) == 0)
			return modules->list[i].build_id;
	}
	return NULL;
}

static void binaries_are_named_as_their_frames_are(void **state)
{
	static const struct stats_module binaries[] = {
		{ .path = "/usr/bin/redis-server", .build_id = "0123" },
		{ .path = "[vdso]", .build_id = "4567" },
		{ .path = "/tmp/stripped", .build_id = "" },
	};
	struct pprof_modules modules;

	(void)state;
	assert_int_equal(pprof_modules_make(binaries, 3, NO_NOTES, &modules), 0);
	assert_int_equal(modules.count, 3);
	assert_string_equal(id_of(&modules, "redis-server"), "0123");
	assert_string_equal(id_of(&modules, "[vdso]"), "4567");
	assert_string_equal(id_of(&modules, "stripped"), "");
	pprof_modules_done(&modules);
}

/* In another container there is another one. */
static void two_builds_of_one_name_have_no_id(void **state)
{
	static const struct stats_module binaries[] = {
		{ .path = "/lib/libc.so.6", .build_id = "01" },
		{ .path = "/a/libm.so.6", .build_id = "07" },
		{ .path = "/srv/lib/libc.so.6", .build_id = "02" },
		{ .path = "/b/libm.so.6", .build_id = "07" },
		{ .path = "/opt/libc.so.6", .build_id = "01" },
	};
	struct pprof_modules modules;

	(void)state;
	assert_int_equal(pprof_modules_make(binaries, 5, NO_NOTES, &modules), 0);
	assert_int_equal(modules.count, 2);
	assert_string_equal(id_of(&modules, "libc.so.6"), "");
	assert_string_equal(id_of(&modules, "libm.so.6"), "07");
	pprof_modules_done(&modules);
}

static void the_kernel_has_the_id_of_its_notes(void **state)
{
	/* Another note, then the id: each a header of three words, a name and a descriptor. */
	static const char notes[] = "\4\0\0\0\1\0\0\0\7\0\0\0GNU\0x\0\0\0"
				    "\4\0\0\0\2\0\0\0\3\0\0\0GNU\0\xfe\xed\0\0";
	int fd = memfd_create("notes", MFD_CLOEXEC);
	struct pprof_modules modules;
	char path[64];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, notes, sizeof(notes) - 1), sizeof(notes) - 1);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(pprof_modules_make(NULL, 0, path, &modules), 0);
	assert_int_equal(modules.count, 1);
	assert_string_equal(id_of(&modules, "[kernel.kallsyms]"), "feed");
	pprof_modules_done(&modules);
	(void)close(fd);
}

static void there_may_be_nothing(void **state)
{
	struct pprof_modules modules;

	(void)state;
	assert_int_equal(pprof_modules_make(NULL, 0, NO_NOTES, &modules), 0);
	assert_int_equal(modules.count, 0);
	pprof_modules_done(&modules);
	assert_int_equal(pprof_modules_make(NULL, 0, "/dev/null", &modules), 0);
	assert_int_equal(modules.count, 0);
	pprof_modules_done(&modules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binaries_are_named_as_their_frames_are),
		cmocka_unit_test(two_builds_of_one_name_have_no_id),
		cmocka_unit_test(the_kernel_has_the_id_of_its_notes),
		cmocka_unit_test(there_may_be_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
