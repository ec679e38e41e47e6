/* SPDX-License-Identifier: Apache-2.0 */
#include "web/answer_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES_MAX 8000

static void put(struct answer_cache *cache, const char *key, uint64_t version, size_t size)
{
	struct http_answer answer = { .status = 200, .type = "text/plain", .size = size };

	answer.body = malloc(size + 1);
	assert_non_null(answer.body);
	memset(answer.body, key[0], size);
	answer_cache_put(cache, key, version, &answer);
	free(answer.body);
}

static bool has(struct answer_cache *cache, const char *key, uint64_t version, size_t size)
{
	struct http_answer answer;

	if (!answer_cache_get(cache, key, version, &answer))
		return false;
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.type, "text/plain");
	assert_int_equal(answer.size, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(answer.body[i], key[0]);
	free(answer.body);
	return true;
}

static int set_up(void **state)
{
	return answer_cache_new(BYTES_MAX, (struct answer_cache **)state);
}

static int tear_down(void **state)
{
	answer_cache_free(*state);
	return 0;
}

static void an_answer_is_of_its_question_and_version(void **state)
{
	put(*state, "a", 1, 100);
	put(*state, "b", 1, 0);
	assert_true(has(*state, "a", 1, 100));
	assert_true(has(*state, "b", 1, 0));
	assert_false(has(*state, "c", 1, 0));
	assert_false(has(*state, "a", 2, 0));
	/* It is not kept for who asks of the old one. */
	assert_false(has(*state, "a", 1, 0));
	put(*state, "a", 2, 50);
	put(*state, "a", 2, 60);
	assert_true(has(*state, "a", 2, 60));
}

static void what_was_asked_for_longest_ago_makes_room(void **state)
{
	char key[2] = "a";

	for (; key[0] < 'i'; key[0]++)
		put(*state, key, 1, 1000);
	assert_true(has(*state, "a", 1, 1000));
	put(*state, "i", 1, 1000);
	assert_true(has(*state, "a", 1, 1000));
	assert_false(has(*state, "b", 1, 0));
	assert_true(has(*state, "i", 1, 1000));
	/* One alone does not take it all. */
	put(*state, "x", 1, 1001);
	assert_false(has(*state, "x", 1, 0));
}

static void there_are_not_too_many(void **state)
{
	char key[16];

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "k%d", i);
		put(*state, key, 1, 1);
	}
	assert_true(has(*state, "k999", 1, 1));
	assert_false(has(*state, "k1", 1, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_answer_is_of_its_question_and_version, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_was_asked_for_longest_ago_makes_room, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(there_are_not_too_many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
