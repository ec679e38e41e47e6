/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/mappings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE     4096
#define PAGES    64
#define MAPPINGS 400

static struct binary a = { .name = "a" }, b = { .name = "b" }, c = { .name = "c" };

static int try_insert(struct mappings *mappings, uint64_t start, uint64_t end, uint64_t file_offset,
		      struct binary *binary, uint64_t since_ns)
{
	struct mapping mapping = {
		.start = start,
		.end = end,
		.file_offset = file_offset,
		.binary = binary,
		.since_ns = since_ns,
		.until_ns = UINT64_MAX,
	};

	return mappings_insert(mappings, &mapping);
}

static void insert(struct mappings *mappings, uint64_t start, uint64_t end, uint64_t file_offset,
		   struct binary *binary, uint64_t since_ns)
{
	assert_int_equal(try_insert(mappings, start, end, file_offset, binary, since_ns), 0);
}

/* What is mapped there then, and from where in the file. binary NULL: nothing. */
static void check(const struct mappings *mappings, uint64_t time_ns, uint64_t address,
		  const struct binary *binary, uint64_t file_offset)
{
	const struct mapping *found = mappings_find(mappings, time_ns, address);

	if (!binary) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_ptr_equal(found->binary, binary);
	assert_int_equal(found->file_offset + (address - found->start), file_offset);
}

static void a_mapping_holds_its_first_byte_and_not_its_end(void **state)
{
	struct mappings mappings = { 0 };

	(void)state;
	check(&mappings, 0, 0x1000, NULL, 0);
	insert(&mappings, 0x3000, 0x4000, 0, &b, 0);
	insert(&mappings, 0x1000, 0x3000, 0x500, &a, 0);
	check(&mappings, 0, 0xfff, NULL, 0);
	check(&mappings, 0, 0x1000, &a, 0x500);
	check(&mappings, 0, 0x2fff, &a, 0x24ff);
	check(&mappings, 0, 0x3000, &b, 0);
	check(&mappings, 0, 0x3fff, &b, 0xfff);
	check(&mappings, 0, 0x4000, NULL, 0);
	check(&mappings, 0, UINT64_MAX, NULL, 0);
	mappings_done(&mappings);
	check(&mappings, 0, 0x1000, NULL, 0);
}

static void a_mapping_in_the_middle_leaves_both_sides(void **state)
{
	struct mappings mappings = { 0 };

	(void)state;
	insert(&mappings, 0x1000, 0x9000, 0, &a, 0);
	insert(&mappings, 0x4000, 0x5000, 0x700, &b, 10);
	assert_int_equal(mappings.count, 3);
	check(&mappings, 10, 0x3fff, &a, 0x2fff);
	check(&mappings, 10, 0x4000, &b, 0x700);
	check(&mappings, 10, 0x5000, &a, 0x4000);
	check(&mappings, 10, 0x8fff, &a, 0x7fff);
	mappings_done(&mappings);
}

static void a_mapping_over_several_cuts_the_outer_two(void **state)
{
	struct mappings mappings = { 0 };

	(void)state;
	insert(&mappings, 0x1000, 0x3000, 0, &a, 0);
	insert(&mappings, 0x3000, 0x4000, 0, &b, 0);
	insert(&mappings, 0x5000, 0x7000, 0, &a, 0);
	insert(&mappings, 0x9000, 0xa000, 0, &b, 0);
	insert(&mappings, 0x2000, 0x6000, 0, &c, 10);
	assert_int_equal(mappings.count, 4);
	check(&mappings, 10, 0x1fff, &a, 0xfff);
	check(&mappings, 10, 0x2000, &c, 0);
	check(&mappings, 10, 0x5fff, &c, 0x3fff);
	check(&mappings, 10, 0x6000, &a, 0x1000);
	check(&mappings, 10, 0x9000, &b, 0);
	mappings_done(&mappings);
}

static void the_same_mapping_again_changes_nothing(void **state)
{
	struct mappings mappings = { 0 };

	(void)state;
	insert(&mappings, 0x1000, 0x2000, 0x100, &a, 5);
	insert(&mappings, 0x1000, 0x2000, 0x100, &a, 10);
	assert_int_equal(mappings.count, 1);
	assert_int_equal(mappings.replaced_count, 0);
	check(&mappings, 5, 0x1000, &a, 0x100);
	insert(&mappings, 0x1000, 0x2000, 0x200, &a, 20);
	check(&mappings, 19, 0x1000, &a, 0x100);
	check(&mappings, 20, 0x1000, &a, 0x200);
	mappings_done(&mappings);
}

static void what_was_replaced_is_found_by_its_time(void **state)
{
	struct mappings mappings = { 0 };

	(void)state;
	insert(&mappings, 0x1000, 0x3000, 0, &a, 10);
	insert(&mappings, 0x1000, 0x3000, 0, &b, 20);
	insert(&mappings, 0x2000, 0x3000, 0, &c, 30);
	check(&mappings, 9, 0x2000, NULL, 0);
	check(&mappings, 10, 0x2000, &a, 0x1000);
	check(&mappings, 19, 0x2000, &a, 0x1000);
	check(&mappings, 20, 0x2000, &b, 0x1000);
	check(&mappings, 29, 0x2000, &b, 0x1000);
	check(&mappings, 30, 0x2000, &c, 0);
	check(&mappings, 30, 0x1000, &b, 0);
	mappings_forget(&mappings, 21);
	check(&mappings, 19, 0x2000, NULL, 0);
	check(&mappings, 25, 0x2000, &b, 0x1000);
	mappings_forget(&mappings, 31);
	assert_int_equal(mappings.replaced_count, 0);
	check(&mappings, 25, 0x2000, NULL, 0);
	check(&mappings, 31, 0x2000, &c, 0);
	mappings_done(&mappings);
}

/* Walkers have a table for what lay there before, and may go by it still. */
static void what_covers_another_is_not_bound_yet(void **state)
{
	struct mappings mappings = { 0 };

	(void)state;
	insert(&mappings, 0x1000, 0x2000, 0, &a, 0);
	insert(&mappings, 0x3000, 0x4000, 0, &b, 10);
	insert(&mappings, 0x3800, 0x5000, 0, &c, 20);
	assert_true(mappings_find(&mappings, 20, 0x1000)->bound_ns == 0);
	assert_true(mappings_find(&mappings, 20, 0x3000)->bound_ns == 0);
	assert_true(mappings_find(&mappings, 20, 0x3800)->bound_ns == UINT64_MAX);
	mappings_settle(&mappings, 30);
	mappings_settle(&mappings, 40);
	assert_true(mappings_find(&mappings, 20, 0x3000)->bound_ns == 0);
	assert_true(mappings_find(&mappings, 20, 0x3800)->bound_ns == 30);
	mappings_done(&mappings);
}

static void a_copy_has_what_is_there_now_and_stands_alone(void **state)
{
	struct mappings mappings = { 0 }, copy = { 0 }, empty = { 0 };

	(void)state;
	assert_int_equal(mappings_copy(&empty, &copy), 0);
	assert_int_equal(copy.count, 0);
	insert(&mappings, 0x1000, 0x2000, 0, &a, 10);
	insert(&mappings, 0x1000, 0x2000, 0, &b, 20);
	assert_int_equal(mappings_copy(&mappings, &copy), 0);
	insert(&mappings, 0x1000, 0x2000, 0, &c, 30);
	mappings_done(&mappings);
	check(&copy, 40, 0x1000, &b, 0);
	check(&copy, 15, 0x1000, NULL, 0);
	insert(&copy, 0x5000, 0x6000, 0, &a, 40);
	check(&copy, 40, 0x5000, &a, 0);
	mappings_done(&copy);
}

static void there_is_a_limit(void **state)
{
	struct mappings mappings = { 0 };
	uint64_t i = 0;
	int err;

	(void)state;
	do {
		err = try_insert(&mappings, i * 2 * PAGE, (i * 2 + 1) * PAGE, 0, &a, 0);
	} while (!err && ++i <= MAPPINGS_MAX);
	assert_int_equal(err, -E2BIG);
	assert_in_range(i, MAPPINGS_MAX - 3, MAPPINGS_MAX);
	assert_int_equal(mappings.count, i);
	check(&mappings, 0, i * 2 * PAGE, NULL, 0);
	check(&mappings, 0, (i - 1) * 2 * PAGE, &a, 0);
	check(&mappings, 0, 0, &a, 0);
	/* What takes others away still fits. */
	insert(&mappings, 0, 100 * PAGE, 0, &b, 1);
	check(&mappings, 1, 50 * PAGE, &b, 50 * PAGE);
	mappings_done(&mappings);
}

static size_t room_above(const struct mappings *mappings)
{
	size_t below = (size_t)(mappings->current - mappings->room);

	return mappings->capacity - below - mappings->count;
}

/* Between a program and its libraries new mappings come from the top down: whoever moved those
 * above for each would move them all again and again. */
static void mappings_from_the_top_down_move_what_is_below_only(void **state)
{
	const uint64_t count = 2000, top = 4 * count * PAGE;
	struct mappings mappings = { 0 };
	size_t moved = 0;

	(void)state;
	insert(&mappings, 0, PAGE, 0, &a, 0);
	for (uint64_t i = 0; i < count; i++) {
		size_t above = room_above(&mappings);
		const struct mapping *room = mappings.room;

		insert(&mappings, top - 2 * i * PAGE, top - (2 * i - 1) * PAGE, i * PAGE, &b, i);
		moved += mappings.room != room ? mappings.count : 0;
		if (mappings.room == room && mappings.count > 3)
			assert_int_equal(room_above(&mappings), above);
	}
	assert_int_equal(mappings.count, count + 1);
	assert_true(moved < 10 * count);
	check(&mappings, count, 0, &a, 0);
	for (uint64_t i = 0; i < count; i++)
		check(&mappings, count, top - 2 * i * PAGE, &b, i * PAGE);
	mappings_done(&mappings);
}

struct page {
	const struct binary *binary;
	uint64_t file_offset;
};

static void random_mappings_are_found_page_by_page(void **state)
{
	struct page(*then)[PAGES] = calloc(MAPPINGS + 1, sizeof(*then));
	struct binary *binaries[] = { &a, &b, &c };
	struct mappings mappings = { 0 };

	(void)state;
	assert_non_null(then);
	srandom(1);
	for (uint64_t time = 1; time <= MAPPINGS; time++) {
		uint64_t first = (uint64_t)random() % PAGES;
		uint64_t count = 1 + (uint64_t)random() % (random() % 8 ? 6 : PAGES - first);
		uint64_t end = first + count < PAGES ? first + count : PAGES;
		struct binary *binary = binaries[random() % 3];
		uint64_t offset = (uint64_t)(random() % 1000) * PAGE;

		insert(&mappings, first * PAGE, end * PAGE, offset, binary, time);
		memcpy(then[time], then[time - 1], sizeof(*then));
		for (uint64_t i = first; i < end; i++)
			then[time][i] = (struct page){ binary, offset + (i - first) * PAGE };
	}
	for (size_t i = 1; i < mappings.count; i++)
		assert_true(mappings.current[i - 1].end <= mappings.current[i].start);
	for (uint64_t time = 0; time <= MAPPINGS; time++) {
		for (uint64_t i = 0; i < PAGES; i++)
			check(&mappings, time, i * PAGE + 7, then[time][i].binary,
			      then[time][i].file_offset + 7);
	}
	mappings_done(&mappings);
	free(then);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapping_holds_its_first_byte_and_not_its_end),
		cmocka_unit_test(a_mapping_in_the_middle_leaves_both_sides),
		cmocka_unit_test(a_mapping_over_several_cuts_the_outer_two),
		cmocka_unit_test(the_same_mapping_again_changes_nothing),
		cmocka_unit_test(what_was_replaced_is_found_by_its_time),
		cmocka_unit_test(what_covers_another_is_not_bound_yet),
		cmocka_unit_test(a_copy_has_what_is_there_now_and_stands_alone),
		cmocka_unit_test(there_is_a_limit),
		cmocka_unit_test(mappings_from_the_top_down_move_what_is_below_only),
		cmocka_unit_test(random_mappings_are_found_page_by_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
