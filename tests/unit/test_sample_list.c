/* SPDX-License-Identifier: Apache-2.0 */
#include "web/sample_list.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define PAIRS_MAX 16

struct pairs {
	struct sample_pair list[PAIRS_MAX];
	size_t count;
};

static int take_pair(void *context, const struct sample_pair *pair)
{
	struct pairs *pairs = context;

	assert_true(pairs->count < PAIRS_MAX);
	pairs->list[pairs->count++] = *pair;
	return 0;
}

static void what_is_packed_comes_out_by_node(void **state)
{
	struct sample_pair in[] = { { 300, 20202020 }, { 7, 10101010 }, { UINT64_MAX, 30303030 } };
	CLEANUP(cleanup_free) uint8_t *bytes = NULL;
	struct pairs out = { 0 };
	size_t size;

	(void)state;
	assert_int_equal(sample_list_pack(in, 3, &bytes, &size), 0);
	assert_int_equal(sample_list_unpack(bytes, size, take_pair, &out), 0);
	assert_int_equal(out.count, 3);
	assert_int_equal(out.list[0].node, 7);
	assert_int_equal(out.list[0].count, 10101010);
	assert_int_equal(out.list[1].node, 300);
	assert_int_equal(out.list[1].count, 20202020);
	assert_true(out.list[2].node == UINT64_MAX);
	assert_int_equal(out.list[2].count, 30303030);
}

/* A sample of a node that is near costs two bytes. */
static void a_period_that_all_counts_share_is_kept_once(void **state)
{
	struct sample_pair in[] = { { 1, 10101010 }, { 2, 50505050 }, { 3, 10101010 } };
	CLEANUP(cleanup_free) uint8_t *bytes = NULL;
	size_t size;

	(void)state;
	assert_int_equal(sample_list_pack(in, 3, &bytes, &size), 0);
	assert_int_equal(size, 1 + 4 + 3 * 2);
}

static void equal_nodes_become_one(void **state)
{
	struct sample_pair in[] = { { 5, 1 }, { 4, 2 }, { 5, 3 } };
	struct sample_pair large[] = { { 5, UINT64_MAX }, { 5, 1 } };
	CLEANUP(cleanup_free) uint8_t *bytes = NULL;
	struct pairs out = { 0 };
	size_t size;

	(void)state;
	assert_int_equal(sample_list_pack(large, 2, &bytes, &size), -EOVERFLOW);
	assert_int_equal(sample_list_pack(in, 3, &bytes, &size), 0);
	assert_int_equal(sample_list_unpack(bytes, size, take_pair, &out), 0);
	assert_int_equal(out.count, 2);
	assert_int_equal(out.list[1].count, 4);
}

static void nothing_is_a_list_too(void **state)
{
	CLEANUP(cleanup_free) uint8_t *bytes = NULL;
	struct pairs out = { 0 };
	size_t size;

	(void)state;
	assert_int_equal(sample_list_pack(NULL, 0, &bytes, &size), 0);
	assert_int_equal(sample_list_unpack(bytes, size, take_pair, &out), 0);
	assert_int_equal(out.count, 0);
}

static void check_bad(const char *bytes, size_t size)
{
	struct pairs out = { 0 };

	assert_int_equal(sample_list_unpack((const uint8_t *)bytes, size, take_pair, &out),
			 -EBADMSG);
}

static void other_bytes_are_refused(void **state)
{
	(void)state;
	check_bad("", 0);
	check_bad("\x01", 1);
	check_bad("\x01\x01\x05", 3);
	check_bad("\x01\x01\x05\x80", 4);
	check_bad("\x00\x01\x00", 3);                                  /* more than there is */
	check_bad("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x01", 11); /* 65 bits */
	check_bad("\x01\x03\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13); /* 3 * 2^64 - 3 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_comes_out_by_node),
		cmocka_unit_test(a_period_that_all_counts_share_is_kept_once),
		cmocka_unit_test(equal_nodes_become_one),
		cmocka_unit_test(nothing_is_a_list_too),
		cmocka_unit_test(other_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
