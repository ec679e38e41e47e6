/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/number_table.h"

#include "tests/unit/tree.h"

#define MANY 10000

static void put(struct number_table *table, uint32_t hash, uint32_t number)
{
	assert_int_equal(number_table_reserve(table), 0);
	number_table_put(table, hash, number);
}

static void numbers_of_one_hash_come_one_by_one(void **state)
{
	struct number_table table = { 0 };
	size_t position = 77;
	uint32_t sum = 0, number;

	(void)state;
	assert_int_equal(number_table_next(&table, 77, &position), 0);
	put(&table, 77, 1);
	put(&table, 78, 2); /* in the next slot */
	put(&table, 77, 4);
	position = 77;
	while ((number = number_table_next(&table, 77, &position)) != 0)
		sum += number;
	assert_int_equal(sum, 5);
	position = 78;
	assert_int_equal(number_table_next(&table, 78, &position), 2);
	assert_int_equal(number_table_next(&table, 78, &position), 0);
	number_table_done(&table);
}

static void numbers_are_found_when_the_table_has_grown(void **state)
{
	struct number_table table = { 0 };

	(void)state;
	for (uint32_t i = 1; i <= MANY; i++)
		put(&table, i * 2654435761u, i);
	assert_int_equal(table.count, MANY);
	for (uint32_t i = 1; i <= MANY; i++) {
		size_t position = i * 2654435761u;

		assert_int_equal(number_table_next(&table, i * 2654435761u, &position), i);
	}
	number_table_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_one_hash_come_one_by_one),
		cmocka_unit_test(numbers_are_found_when_the_table_has_grown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
