/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cgroup_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cgroup_table *new_table(size_t count, size_t bytes)
{
	struct cgroup_table *table;

	assert_int_equal(cgroup_table_new(count, bytes, &table), 0);
	return table;
}

static void add(struct cgroup_table *table, uint64_t id, int expected)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/%06u", (unsigned int)id);
	assert_int_equal(cgroup_table_add(table, id, path), expected);
}

static void check(const struct cgroup_table *table, uint64_t id, bool is_known)
{
	const char *found = cgroup_table_find(table, id);
	char path[32];

	(void)snprintf(path, sizeof(path), "/%06u", (unsigned int)id);
	if (!is_known)
		assert_null(found);
	else
		assert_string_equal(found, path);
}

static void what_is_gone_is_found_until_it_is_forgotten(void **state)
{
	struct cgroup_table *table = new_table(10, 1000);

	(void)state;
	add(table, 1, 1);
	add(table, 2, 1);
	add(table, 3, 1);
	cgroup_table_gone(table, 2, 100);
	cgroup_table_gone(table, 1, 200);
	cgroup_table_gone(table, 2, 300); /* heard of twice */
	cgroup_table_gone(table, 9, 300); /* and never of this one */
	assert_int_equal(cgroup_table_forget(table, 100), 0);
	check(table, 2, true);
	assert_int_equal(cgroup_table_forget(table, 101), 0);
	check(table, 2, false);
	check(table, 1, true);
	assert_int_equal(cgroup_table_forget(table, UINT64_MAX), 0);
	check(table, 1, false);
	check(table, 3, true);
	cgroup_table_free(table);
}

static void those_that_went_first_make_room(void **state)
{
	struct cgroup_table *table = new_table(3, 1000);

	(void)state;
	add(table, 1, 1);
	add(table, 2, 1);
	add(table, 3, 1);
	add(table, 4, 0);
	cgroup_table_gone(table, 2, 5);
	cgroup_table_gone(table, 1, 6);
	add(table, 4, 1);
	check(table, 2, false);
	check(table, 1, true);
	add(table, 5, 1);
	check(table, 1, false);
	add(table, 6, 0);
	check(table, 3, true);
	check(table, 4, true);
	check(table, 5, true);
	cgroup_table_free(table);
}

static void paths_have_so_many_bytes_in_all(void **state)
{
	struct cgroup_table *table = new_table(100, 20);

	(void)state;
	add(table, 1, 1);
	add(table, 2, 1);
	add(table, 3, 0); /* 8 bytes each, with the end */
	add(table, 1, 1); /* it is there */
	assert_int_equal(cgroup_table_add(table, 4, "/ab"), 1);
	cgroup_table_gone(table, 2, 5);
	add(table, 3, 1);
	check(table, 2, false);
	cgroup_table_free(table);
}

static void what_a_walk_does_not_see_has_gone(void **state)
{
	struct cgroup_table *table = new_table(100, 1000);

	(void)state;
	add(table, 1, 1);
	add(table, 2, 1);
	cgroup_table_begin_walk(table);
	add(table, 2, 1);
	add(table, 3, 1);
	cgroup_table_end_walk(table, 50);
	assert_int_equal(cgroup_table_forget(table, 51), 0);
	check(table, 1, false);
	check(table, 2, true);
	check(table, 3, true);
	cgroup_table_free(table);
}

/* More come and go than there is room for marks of. */
static void a_hundred_thousand_come_and_go(void **state)
{
	struct cgroup_table *table = new_table(50, 1000);
	const uint64_t count = 100000;

	(void)state;
	add(table, count + 1, 1);
	for (uint64_t i = 0; i < count; i++) {
		add(table, i, 1);
		cgroup_table_gone(table, i, i);
	}
	for (uint64_t i = 0; i < count; i++)
		check(table, i, i >= count - 49);
	check(table, count + 1, true);
	cgroup_table_free(table);
	cgroup_table_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_gone_is_found_until_it_is_forgotten),
		cmocka_unit_test(those_that_went_first_make_room),
		cmocka_unit_test(paths_have_so_many_bytes_in_all),
		cmocka_unit_test(what_a_walk_does_not_see_has_gone),
		cmocka_unit_test(a_hundred_thousand_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
