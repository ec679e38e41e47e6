/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/prepared_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void names_are_copies(void **state)
{
	struct prepared_names names = { 0 };
	char name[] = "made later", file[] = "a.js";
	struct frame frame = { .name = name, .file = file, .line = 3, .kind = FRAME_JIT };
	struct frame found = { 0 };

	(void)state;
	assert_false(prepared_names_find(&names, 7, &found));
	prepared_names_add(&names, 7, &frame);
	memset(name, 'x', sizeof(name) - 1);
	memset(file, 'x', sizeof(file) - 1);
	assert_false(prepared_names_find(&names, 8, &found));
	assert_true(prepared_names_find(&names, 7, &found));
	assert_string_equal(found.name, "made later");
	assert_string_equal(found.file, "a.js");
	assert_int_equal(found.line, 3);
	assert_int_equal(found.kind, FRAME_JIT);
	prepared_names_done(&names);
	assert_false(prepared_names_find(&names, 7, &found));
	prepared_names_done(&names);
}

static void there_is_a_limit(void **state)
{
	struct prepared_names names = { 0 };
	const struct frame frame = { .name = "f", .kind = FRAME_JIT };
	struct frame found;
	uint64_t known = 0;

	(void)state;
	for (uint64_t i = 0; i < 300000; i++)
		prepared_names_add(&names, i, &frame);
	for (uint64_t i = 0; i < 300000; i++)
		known += prepared_names_find(&names, i, &found);
	assert_true(known == 262144);
	assert_int_equal(names.dropped, 300000 - 262144);
	prepared_names_done(&names);
}

static void what_finds_no_room_is_counted(void **state)
{
	struct prepared_names names = { .bytes_max = 1000 };
	struct frame frame = { .kind = FRAME_JIT }, found;
	char name[32];
	uint64_t known = 0;

	(void)state;
	frame.name = name;
	for (uint64_t i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "name %d", (int)i);
		prepared_names_add(&names, i, &frame);
		known += prepared_names_find(&names, i, &found);
	}
	assert_in_range(known, 5, 50);
	assert_int_equal(names.dropped, 100 - known);
	/* Others have room when all is forgotten; what was lost stays so. */
	prepared_names_done(&names);
	assert_int_equal(names.dropped, 100 - known);
	prepared_names_add(&names, 7, &frame);
	assert_true(prepared_names_find(&names, 7, &found));
	prepared_names_done(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_copies),
		cmocka_unit_test(there_is_a_limit),
		cmocka_unit_test(what_finds_no_room_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
