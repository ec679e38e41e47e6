/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/doctor_process.h"

static void packages_of_debug_files_go_by_the_convention(void **state)
{
	char name[PACKAGE_NAME_MAX];

	(void)state;
	doctor_package_name("redis-server", name, sizeof(name));
	assert_string_equal(name, "redis-server-dbgsym");
	doctor_package_name("libssl3:amd64", name, sizeof(name));
	assert_string_equal(name, "libssl3-dbgsym");
	doctor_package_name("libc6:amd64", name, sizeof(name));
	assert_string_equal(name, "libc6-dbg");
	doctor_package_name("libc6-i386", name, sizeof(name));
	assert_string_equal(name, "libc6-i386-dbgsym");
}

static void put(const char *root, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "mkdir -p '%s/var/lib/dpkg/info'", root);
	assert_int_equal(system(path), 0);
	(void)snprintf(path, sizeof(path), "%s/var/lib/dpkg/info/%s", root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void a_file_is_found_with_and_without_usr(void **state)
{
	char root[] = "/tmp/eprof-test-packages-XXXXXX", command[128];
	struct doctor_module modules[] = {
		{ .path = (char *)"/usr/lib/libz.so.1", .own_symbols = SYMBOLS_EXPORTED },
		{ .path = (char *)"/usr/bin/server" },
		{ .path = (char *)"/usr/bin/whole", .own_symbols = SYMBOLS_ALL },
		{ .path = (char *)"/opt/unknown" },
	};

	(void)state;
	assert_non_null(mkdtemp(root));
	put(root, "zlib1g:amd64.list", "/.\n/lib\n/lib/libz.so.1\n");
	put(root, "server.list", "/usr/bin/server\n/usr/bin/whole");
	put(root, "server.md5sums", "/opt/unknown\n");
	doctor_packages_find(root, modules, sizeof(modules) / sizeof(modules[0]));
	assert_string_equal(modules[0].package, "zlib1g-dbgsym");
	assert_string_equal(modules[1].package, "server-dbgsym");
	assert_string_equal(modules[2].package, "");
	assert_string_equal(modules[3].package, "");
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
	assert_int_equal(system(command), 0);
	/* No lists at all: another distribution. */
	doctor_packages_find(root, modules, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packages_of_debug_files_go_by_the_convention),
		cmocka_unit_test(a_file_is_found_with_and_without_usr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
