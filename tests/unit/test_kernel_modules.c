/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/kernel_modules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define EXT4  "ext4 1048576 1 - Live 0xffffffffc0a00000\n"
#define LOOP  "loop 40960 0 - Live 0xffffffffc0b00000\n"
#define CRC16 "crc16 12288 2 ext4,loop, Live 0xffffffffc0c00000 (E)\n"

struct fixture {
	struct kernel_modules modules;
	char path[64];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int fd;

	*state = fixture;
	if (!fixture)
		return -1;
	(void)snprintf(fixture->path, sizeof(fixture->path), "/tmp/eprof-test-modules-XXXXXX");
	fd = mkstemp(fixture->path);
	fixture->modules.path = fixture->path;
	return fd < 0 || close(fd) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	(void)unlink(fixture->path);
	free(fixture);
	return 0;
}

static void load(struct fixture *fixture, const char *lines)
{
	FILE *out = fopen(fixture->path, "we");

	assert_non_null(out);
	assert_true(fputs(lines, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void check(struct fixture *fixture, const char *lines, bool has_changed)
{
	load(fixture, lines);
	assert_int_equal(kernel_modules_have_changed(&fixture->modules), has_changed);
	assert_false(kernel_modules_have_changed(&fixture->modules));
}

static void what_is_there_at_first_is_no_change(void **state)
{
	check(*state, EXT4 LOOP, false);
}

static void modules_that_come_and_go_are_a_change(void **state)
{
	check(*state, EXT4, false);
	check(*state, LOOP EXT4, true);
	check(*state, LOOP, true);
	check(*state, "", true);
	check(*state, CRC16, true);
}

static void another_place_or_size_is_another_module(void **state)
{
	check(*state, LOOP, false);
	check(*state, "loop 40960 0 - Live 0xffffffffc0d00000\n", true);
	check(*state, "loop 45056 0 - Live 0xffffffffc0d00000\n", true);
}

static void who_uses_a_module_is_no_change(void **state)
{
	check(*state, EXT4 CRC16, false);
	check(*state, "crc16 12288 1 ext4, Live 0xffffffffc0c00000 (E)\n" EXT4, false);
	check(*state, EXT4 "crc16 12288 1 ext4, Unloading 0xffffffffc0c00000 (E)\n", false);
}

static void a_list_that_is_not_there_never_changes(void **state)
{
	struct fixture *fixture = *state;

	fixture->modules.path = "/nonexistent/modules";
	assert_false(kernel_modules_have_changed(&fixture->modules));
	assert_false(kernel_modules_have_changed(&fixture->modules));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_at_first_is_no_change),
		TEST(modules_that_come_and_go_are_a_change),
		TEST(another_place_or_size_is_another_module),
		TEST(who_uses_a_module_is_no_change),
		TEST(a_list_that_is_not_there_never_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
