/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/unwind_store.h"

#include <stdbool.h>
#include <string.h>

#include "tests/unit/unwind_test_maps.h"

#define SLOTS       8
#define PAGE_WORDS  (UNWIND_PAGE_SIZE / 4)
#define CHUNK_WORDS (UNWIND_CHUNK_SIZE / 4)

struct fixture {
	int chunks_fd;
	struct unwind_store *store;
	uint32_t *words; /* SLOTS chunks full, each word its number */
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture)
		return -1;
	fixture->words = calloc(SLOTS, UNWIND_CHUNK_SIZE);
	for (size_t i = 0; fixture->words && i < (size_t)SLOTS * CHUNK_WORDS; i++)
		fixture->words[i] = (uint32_t)i + 1;
	fixture->chunks_fd = test_chunks_map(SLOTS);
	return fixture->words ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	unwind_store_free(fixture->store);
	if (fixture->chunks_fd >= 0)
		(void)close(fixture->chunks_fd);
	free(fixture->words);
	free(fixture);
	return 0;
}

/* A store that may have so many chunks. */
static struct fixture *fixture_or_skip(void **state, uint32_t chunks)
{
	struct fixture *fixture = *state;

	skip_without(fixture->chunks_fd);
	assert_int_equal(unwind_store_new(fixture->chunks_fd, SLOTS,
					  (uint64_t)chunks * UNWIND_CHUNK_SIZE, &fixture->store),
			 0);
	return fixture;
}

/* Puts the first count words, and returns their place. */
static uint32_t put(struct fixture *fixture, size_t count)
{
	uint32_t place = UINT32_MAX;

	assert_int_equal(unwind_store_put(fixture->store, fixture->words, count, &place), 0);
	assert_int_equal(place % PAGE_WORDS, 0);
	return place;
}

static void check_refused(struct fixture *fixture, size_t count, int expected)
{
	uint32_t place = 12345;

	assert_int_equal(unwind_store_put(fixture->store, fixture->words, count, &place), expected);
	assert_int_equal(place, 12345);
}

static void check_words(const struct fixture *fixture, uint32_t place, size_t count)
{
	uint32_t *words = read_chunks(fixture->chunks_fd, place, count);

	assert_memory_equal(words, fixture->words, count * sizeof(*words));
	free(words);
}

static void check_chunks(const struct fixture *fixture, uint64_t count)
{
	assert_true(unwind_store_bytes(fixture->store) == count * UNWIND_CHUNK_SIZE);
}

static void small_places_share_a_chunk_but_no_page(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, SLOTS);
	const size_t counts[] = { 1, PAGE_WORDS, PAGE_WORDS + 1, 3 * PAGE_WORDS, 7 };
	uint32_t places[5], pages = 0;

	for (size_t i = 0; i < 5; i++) {
		places[i] = put(fixture, counts[i]);
		assert_int_equal(places[i], pages * PAGE_WORDS);
		pages += (uint32_t)((counts[i] + PAGE_WORDS - 1) / PAGE_WORDS);
	}
	for (size_t i = 0; i < 5; i++)
		check_words(fixture, places[i], counts[i]);
	check_chunks(fixture, 1);
}

/* What does not fit into what is left of a chunk begins another one; the rest is not lost. */
static void a_chunk_is_filled_up_later(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, SLOTS);

	assert_int_equal(put(fixture, 40 * PAGE_WORDS), 0);
	assert_int_equal(put(fixture, 25 * PAGE_WORDS), CHUNK_WORDS);
	assert_int_equal(put(fixture, 24 * PAGE_WORDS), 40 * PAGE_WORDS);
	assert_int_equal(put(fixture, CHUNK_WORDS), 2 * CHUNK_WORDS);
	assert_int_equal(put(fixture, 1), CHUNK_WORDS + 25 * PAGE_WORDS);
	check_chunks(fixture, 3);
	check_words(fixture, 40 * PAGE_WORDS, 24 * PAGE_WORDS);
	check_words(fixture, 2 * CHUNK_WORDS, CHUNK_WORDS);
}

static void what_is_larger_than_a_chunk_gets_several_in_a_row(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, SLOTS);
	uint32_t small = put(fixture, 5), large, next;

	large = put(fixture, 2 * CHUNK_WORDS + 5);
	assert_int_equal(large, CHUNK_WORDS);
	check_chunks(fixture, 4);
	next = put(fixture, 64 * PAGE_WORDS - 3 * PAGE_WORDS); /* both have a page in the way */
	assert_int_equal(next, PAGE_WORDS);
	next = put(fixture, 4 * PAGE_WORDS);
	assert_int_equal(next, large + 2 * CHUNK_WORDS + PAGE_WORDS);
	check_words(fixture, small, 5);
	check_words(fixture, large, 2 * CHUNK_WORDS + 5);
	check_chunks(fixture, 4);
}

static void no_more_chunks_are_made_than_allowed(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, 2);

	check_refused(fixture, 2 * CHUNK_WORDS + 1, -E2BIG);
	check_chunks(fixture, 0);
	(void)put(fixture, CHUNK_WORDS);
	(void)put(fixture, 63 * PAGE_WORDS);
	check_refused(fixture, PAGE_WORDS + 1, -ENOSPC);
	(void)put(fixture, PAGE_WORDS);
	check_refused(fixture, 1, -ENOSPC);
	assert_int_equal(unwind_store_prepare(fixture->store, 1), -ENOSPC);
	check_chunks(fixture, 2);
}

static void no_more_chunks_are_made_than_there_are_numbers(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, 1000);

	check_refused(fixture, (size_t)SLOTS * CHUNK_WORDS + 1, -E2BIG);
	check_refused(fixture, SIZE_MAX / 8, -E2BIG);
	(void)put(fixture, (size_t)SLOTS * CHUNK_WORDS);
	check_refused(fixture, 1, -ENOSPC);
	check_chunks(fixture, SLOTS);
	check_words(fixture, 0, (size_t)SLOTS * CHUNK_WORDS);
}

static void less_than_a_chunk_is_nothing(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(unwind_store_new(-1, SLOTS, UNWIND_CHUNK_SIZE - 1, &fixture->store), 0);
	check_refused(fixture, 1, -E2BIG);
	check_chunks(fixture, 0);
}

static void a_place_given_up_is_used_again_after_two_collects(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, 1);
	uint32_t first = put(fixture, 32 * PAGE_WORDS), second = put(fixture, 32 * PAGE_WORDS);

	unwind_store_drop(fixture->store, first, 32 * PAGE_WORDS);
	check_refused(fixture, 1, -EAGAIN);
	check_refused(fixture, 32 * PAGE_WORDS, -EAGAIN);
	check_refused(fixture, 32 * PAGE_WORDS + 1, -ENOSPC); /* no such room is coming */
	unwind_store_collect(fixture->store);
	check_refused(fixture, 1, -EAGAIN);
	/* Given up later, so it waits longer. */
	unwind_store_drop(fixture->store, second, 32 * PAGE_WORDS);
	unwind_store_collect(fixture->store);
	assert_int_equal(put(fixture, 32 * PAGE_WORDS), first);
	check_refused(fixture, 1, -EAGAIN);
	unwind_store_collect(fixture->store);
	assert_int_equal(put(fixture, 1), second);
	unwind_store_collect(fixture->store);
	check_refused(fixture, 32 * PAGE_WORDS, -ENOSPC);
	check_chunks(fixture, 1);
}

static void collects_without_drops_change_nothing(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, 1);

	(void)put(fixture, 60 * PAGE_WORDS);
	for (int i = 0; i < 5; i++)
		unwind_store_collect(fixture->store);
	check_refused(fixture, 5 * PAGE_WORDS, -ENOSPC);
	check_words(fixture, 0, 60 * PAGE_WORDS);
}

/* Chunks that came empty again, and such as were never made, may be neighbours. */
static void a_row_of_chunks_may_be_old_and_new(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, 4);
	uint32_t middle;

	assert_int_equal(unwind_store_prepare(fixture->store, CHUNK_WORDS), 0);
	check_chunks(fixture, 1);
	/* The one made ahead is part of it: there could not be four more. */
	assert_int_equal(put(fixture, 3 * CHUNK_WORDS + 1), 0);
	check_chunks(fixture, 4);
	check_words(fixture, 0, 3 * CHUNK_WORDS + 1);
	unwind_store_drop(fixture->store, 0, 3 * CHUNK_WORDS + 1);
	unwind_store_collect(fixture->store);
	unwind_store_collect(fixture->store);
	(void)put(fixture, CHUNK_WORDS);
	middle = put(fixture, CHUNK_WORDS);
	(void)put(fixture, CHUNK_WORDS);
	unwind_store_drop(fixture->store, middle, CHUNK_WORDS);
	unwind_store_collect(fixture->store);
	unwind_store_collect(fixture->store);
	/* Two are free, with one between them. */
	check_refused(fixture, CHUNK_WORDS + 1, -ENOSPC);
	assert_int_equal(put(fixture, CHUNK_WORDS), middle);
	check_chunks(fixture, 4);
}

static void a_chunk_is_made_ahead_once(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, SLOTS);

	for (int i = 0; i < 3; i++) {
		assert_int_equal(unwind_store_prepare(fixture->store, CHUNK_WORDS), 0);
		check_chunks(fixture, 1);
	}
	(void)put(fixture, 1);
	check_chunks(fixture, 1);
	assert_int_equal(unwind_store_prepare(fixture->store, CHUNK_WORDS), 0);
	check_chunks(fixture, 2);
	assert_int_equal(put(fixture, CHUNK_WORDS), CHUNK_WORDS);
	check_chunks(fixture, 2);
}

/* Whether the maps cannot be made, or the kernel does not take them. */
static void without_a_map_of_chunks_there_is_no_room(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(unwind_store_new(-1, SLOTS, UINT64_MAX, &fixture->store), 0);
	for (int i = 0; i < 3; i++) {
		uint32_t place = 12345;
		int err = unwind_store_put(fixture->store, fixture->words, 1, &place);

		assert_true(err < 0 && err != -ENOSPC && err != -EAGAIN);
		assert_int_equal(place, 12345);
		check_chunks(fixture, 0);
	}
	unwind_store_free(NULL);
}

static bool has_chunk(const struct fixture *fixture, uint32_t number)
{
	uint32_t id;

	return !bpf_map_lookup_elem(fixture->chunks_fd, &number, &id);
}

/* The kernel has room for fewer than the store was told, and takes the first ones. */
static void chunks_of_which_some_are_refused_are_all_taken_back(void **state)
{
	struct fixture *fixture = *state;
	uint32_t place;

	skip_without(fixture->chunks_fd);
	assert_int_equal(
		unwind_store_new(fixture->chunks_fd, SLOTS + 1, UINT64_MAX, &fixture->store), 0);
	assert_true(unwind_store_put(fixture->store, fixture->words, 7 * CHUNK_WORDS, &place) == 0);
	assert_true(has_chunk(fixture, 6) && !has_chunk(fixture, 7));
	assert_true(unwind_store_prepare(fixture->store, 2 * CHUNK_WORDS) < 0);
	assert_false(has_chunk(fixture, 7));
	assert_true(has_chunk(fixture, 6));
	check_chunks(fixture, 7);
	/* It is not lost for good. */
	assert_int_equal(put(fixture, CHUNK_WORDS), 7 * CHUNK_WORDS);
	assert_true(has_chunk(fixture, 7));
}

/* Whoever asks gets the map that the kernel has, and none that it has not. */
static void others_are_told_of_the_chunks_that_there_are(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, 2);
	int fds[SLOTS] = { 0 };
	uint32_t *mapped;

	unwind_store_tell(fixture->store, fds);
	(void)put(fixture, CHUNK_WORDS);
	assert_true(fds[0] > 0);
	assert_int_equal(fds[1], 0);
	mapped = mmap(NULL, UNWIND_CHUNK_SIZE, PROT_READ, MAP_SHARED, fds[0], 0);
	assert_true(mapped != MAP_FAILED);
	assert_memory_equal(mapped, fixture->words, UNWIND_CHUNK_SIZE);
	(void)munmap(mapped, UNWIND_CHUNK_SIZE);
	(void)put(fixture, CHUNK_WORDS);
	assert_true(fds[1] > 0);
	unwind_store_free(fixture->store);
	fixture->store = NULL;
	assert_int_equal(fds[0], 0);
	assert_int_equal(fds[1], 0);
}

#define STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE(small_places_share_a_chunk_but_no_page),
		STORE(a_chunk_is_filled_up_later),
		STORE(what_is_larger_than_a_chunk_gets_several_in_a_row),
		STORE(no_more_chunks_are_made_than_allowed),
		STORE(no_more_chunks_are_made_than_there_are_numbers),
		STORE(less_than_a_chunk_is_nothing),
		STORE(a_place_given_up_is_used_again_after_two_collects),
		STORE(collects_without_drops_change_nothing),
		STORE(a_row_of_chunks_may_be_old_and_new),
		STORE(a_chunk_is_made_ahead_once),
		STORE(chunks_of_which_some_are_refused_are_all_taken_back),
		STORE(others_are_told_of_the_chunks_that_there_are),
		STORE(without_a_map_of_chunks_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
