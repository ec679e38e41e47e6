/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/jit_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW UINT64_MAX

static int set_up(void **state)
{
	struct jit_store *store = calloc(1, sizeof(*store));

	*state = store;
	if (!store)
		return -1;
	store->bytes_max = 64 << 10;
	return 0;
}

static int tear_down(void **state)
{
	jit_store_done(*state);
	free(*state);
	return 0;
}

static int put(struct jit_store *store, uint64_t start, uint64_t end, uint64_t since_ns,
	       const char *about)
{
	struct jit_range range = { .start = start, .end = end, .since_ns = since_ns };
	int err = jit_store_keep(store, about, strlen(about) + 1, &range.code);

	return err < 0 ? err : jit_store_place(store, &range);
}

static void check(const struct jit_store *store, uint64_t address, const char *about)
{
	struct jit_found found;

	assert_int_equal(jit_store_find(store, address, NOW, &found), about != NULL);
	if (about)
		assert_string_equal(found.about, about);
}

static void what_was_kept_is_found(void **state)
{
	struct jit_found found;

	check(*state, 100, NULL);
	assert_int_equal(put(*state, 100, 200, 0, "one"), 0);
	assert_int_equal(put(*state, 150, 160, 0, "two"), 0);
	check(*state, 100, "one");
	check(*state, 155, "two");
	check(*state, 160, "one");
	assert_true(jit_store_find(*state, 165, NOW, &found));
	assert_int_equal(found.offset, 65);
	assert_int_equal(found.end, 200);
	assert_int_equal((uintptr_t)found.about % 8, 0);
}

static void memory_of_nobody_has_no_name(void **state)
{
	assert_int_equal(put(*state, 100, 200, 0, "one"), 0);
	assert_int_equal(
		jit_store_place(*state, &(struct jit_range){ 120, 140, 0, JIT_CODE_NONE, 0 }), 0);
	check(*state, 119, "one");
	check(*state, 120, NULL);
	check(*state, 140, "one");
}

static void replacing_is_noticed(void **state)
{
	struct jit_store *store = *state;
	uint64_t before;

	assert_int_equal(put(store, 100, 200, 0, "one"), 0);
	before = store->replaced;
	assert_int_equal(put(store, 200, 300, 0, "two"), 0);
	assert_int_equal(store->replaced, before);
	assert_int_equal(put(store, 299, 301, 0, "three"), 0);
	assert_true(store->replaced > before);
	before = store->replaced;
	jit_store_clear(store);
	assert_true(store->replaced > before);
	check(store, 100, NULL);
}

/* The same memory again and again: there is room for what is in use. */
static void what_is_replaced_makes_room(void **state)
{
	struct jit_store *store = *state;
	char about[64];

	assert_int_equal(put(store, 50, 60, 0, "stays"), 0);
	for (int i = 0; i < 20000; i++) {
		uint64_t start = 100 + (uint64_t)(i % 7) * 10;

		(void)snprintf(about, sizeof(about), "function number %d", i);
		assert_int_equal(put(store, start, start + 10, 0, about), 0);
		check(store, start, about);
		assert_in_range(jit_store_bytes(store), 1, 2 * store->bytes_max);
	}
	check(store, 55, "stays");
}

/* Pieces of one function share what is kept of it, also when it is moved. */
static void pieces_do_not_multiply_what_is_kept(void **state)
{
	struct jit_store *store = *state;
	char *large = calloc(1, 20001);

	memset(large, 'x', 20000);
	assert_int_equal(put(store, 0, 100000, 0, large), 0);
	for (uint64_t i = 0; i < 5000; i++)
		assert_int_equal(put(store, 10 * (i % 100) + 5, 10 * (i % 100) + 6, 0, "hole"), 0);
	check(store, 4, large);
	check(store, 5, "hole");
	check(store, 99999, large);
	assert_in_range(store->used, 20000, store->bytes_max);
	free(large);
}

static void without_room_the_old_ones_stay(void **state)
{
	struct jit_store *store = *state;
	char about[256];
	uint64_t count = 0;

	memset(about, 'x', sizeof(about));
	about[sizeof(about) - 1] = '\0';
	assert_int_equal(put(store, 0, 10, 0, "first"), 0);
	while (put(store, 100 + 10 * count, 110 + 10 * count, 0, about) == 0)
		count++;
	assert_in_range(count, 100, 256);
	assert_int_equal(put(store, 0, 10, 0, "more"), -ENOSPC);
	check(store, 5, "first");
	assert_in_range(jit_store_bytes(store), 1, 2 * store->bytes_max);
	/* It is tried again later: by then, more of it may have been replaced. */
	assert_int_equal(
		jit_store_place(store, &(struct jit_range){ 0, 100000, 0, JIT_CODE_NONE, 0 }), 0);
	assert_int_equal(put(store, 0, 10, 0, "more"), -ENOSPC);
	jit_store_forget(store, 0);
	assert_int_equal(put(store, 0, 10, 0, "more"), 0);
	check(store, 5, "more");
}

static void what_was_there_before_is_kept_as_long_as_it_is_asked_for(void **state)
{
	struct jit_store *store = *state;
	struct jit_found found;
	char about[64];

	assert_int_equal(put(store, 100, 200, 10, "before"), 0);
	assert_int_equal(put(store, 100, 200, 20, "after"), 0);
	memset(about, 'x', sizeof(about));
	about[sizeof(about) - 1] = '\0';
	for (int i = 0; i < 5000; i++)
		assert_int_equal(put(store, 300, 400, 0, about), 0);
	assert_true(jit_store_find(store, 150, 15, &found));
	assert_string_equal(found.about, "before");
	jit_store_forget(store, 30);
	assert_true(jit_store_find(store, 150, 15, &found));
	assert_string_equal(found.about, "after");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_kept_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(memory_of_nobody_has_no_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(replacing_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_replaced_makes_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pieces_do_not_multiply_what_is_kept, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(without_room_the_old_ones_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_was_there_before_is_kept_as_long_as_it_is_asked_for, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
