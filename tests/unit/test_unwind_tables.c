/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/unwind_tables.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "tests/unit/unwind_tables_fixture.h"

#define PER_CHUNK   4 /* tables of so many pages */
#define TABLE_PAGES 16

static void a_wanted_table_is_built_and_published(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, CHUNKS);
	CLEANUP(cleanup_fd) int large = binary(2 * 64 + 3, 24), own = -1;
	uint32_t slots[2];
	struct unwind_tables_stats stats;

	own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	slots[0] = add(fixture, dup(own), "own");
	slots[1] = add(fixture, dup(large), "large");
	assert_int_equal(fixture->slots[0].state, TABLE_FRAME_POINTERS);
	for (size_t i = 0; i < 2; i++)
		want(fixture, slots[i]);
	check_table(fixture, slots[0], own);
	check_table(fixture, slots[1], large);
	stats = stats_of(fixture);
	assert_true(stats.files == 2 && stats.built == 2 && stats.rows > 10);
	assert_true(stats.build_ns > 0 && stats.bytes == 4ULL * UNWIND_CHUNK_SIZE);
	assert_true(!stats.failed && !stats.without && !stats.evicted && !stats.refused);
	assert_null(stats.failed_name);
}

static void nothing_is_built_before_it_is_wanted(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, CHUNKS);
	uint32_t slot = add(fixture, binary(1, 8), "a");

	wait_for_all(fixture);
	collect(fixture);
	assert_int_equal(state_of(fixture, slot), TABLE_NOT_YET);
	assert_true(stats_of(fixture).built == 0);
	want(fixture, 0);
	want(fixture, slot + 1); /* there is none */
	want(fixture, UINT32_MAX);
	assert_true(stats_of(fixture).built == 0 && stats_of(fixture).failed == 0);
	assert_int_equal(state_of(fixture, slot + 1), TABLE_NOT_YET);
}

static void what_is_wanted_often_is_built_once(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, CHUNKS);
	uint32_t slots[SLOTS - 1];

	for (uint8_t i = 0; i < SLOTS - 1; i++)
		slots[i] = add(fixture, binary(i < 5 ? 20 : 1, 8), "a");
	for (int round = 0; round < 100; round++) {
		for (size_t i = 0; i < SLOTS - 1; i++) {
			unwind_tables_want(fixture->tables, slots[i], UNWIND_AHEAD, false);
			unwind_tables_want(fixture->tables, slots[SLOTS - 2 - i], UNWIND_NOW,
					   false);
		}
	}
	wait_for_all(fixture);
	assert_true(stats_of(fixture).built == SLOTS - 1);
	for (size_t i = 0; i < SLOTS - 1; i++)
		assert_int_equal(state_of(fixture, slots[i]), TABLE_READY);
}

static int garbage(void)
{
	int fd = memfd_create("garbage", MFD_CLOEXEC);

	assert_true(write(fd, "\177ELF and more", 13) == 13);
	return fd;
}

static void a_damaged_file_is_named_and_is_unusable(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, CHUNKS);
	uint32_t bad = add(fixture, garbage(), "libbad.so"), good;
	struct unwind_tables_stats stats;

	for (int i = 0; i < 100; i++) {
		unwind_tables_want(fixture->tables, bad, UNWIND_AHEAD, false);
		unwind_tables_want(fixture->tables, bad, UNWIND_NOW, false);
	}
	wait_for_all(fixture);
	assert_int_equal(state_of(fixture, bad), TABLE_UNUSABLE);
	want(fixture, bad);
	stats = stats_of(fixture);
	assert_true(stats.failed == 1 && stats.built == 0 && stats.without == 0);
	assert_string_equal(stats.failed_name, "libbad.so");
	assert_non_null(stats.failed_error);
	good = add(fixture, binary(1, 8), "good");
	want(fixture, good);
	assert_int_equal(state_of(fixture, good), TABLE_READY);
}

static void a_file_without_unwind_information_has_frame_pointers(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, CHUNKS);
	struct cfi_image none = { .code_size = 0x1000 },
			 other = { .code_size = 0x1000, .machine = EM_AARCH64 };
	uint32_t slots[] = { add(fixture, cfi_image_open(&none), "none"),
			     add(fixture, cfi_image_open(&other), "other") };

	for (size_t i = 0; i < 2; i++) {
		want(fixture, slots[i]);
		want(fixture, slots[i]);
		assert_int_equal(state_of(fixture, slots[i]), TABLE_FRAME_POINTERS);
	}
	assert_true(stats_of(fixture).without == 2);
	assert_true(stats_of(fixture).failed == 0);
}

static void more_files_than_slots_are_refused(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, CHUNKS);
	struct stat before, after;
	uint32_t slot = 12345;
	int fd;

	for (int i = 1; i < SLOTS; i++)
		(void)add(fixture, binary(1, 8), "a");
	fd = binary(1, 8);
	assert_int_equal(fstat(fd, &before), 0);
	assert_int_equal(unwind_tables_add(fixture->tables, fd, "a", &slot), -ENOSPC);
	assert_int_equal(slot, 12345);
	/* It was taken all the same; the builder may have another file by that number. */
	assert_true(fstat(fd, &after) < 0 || after.st_ino != before.st_ino);
	assert_true(stats_of(fixture).files == SLOTS - 1);
}

/* Fills the only chunk with four tables, of the slots 1 to 4; two more are added. */
static void fill(struct fixture *fixture, int fds[PER_CHUNK + 2], bool is_pinned)
{
	for (uint8_t i = 0; i < PER_CHUNK + 2; i++) {
		fds[i] = binary(TABLE_PAGES, (uint8_t)(8 + 8 * i));
		assert_int_equal(add(fixture, dup(fds[i]), "a"), i + 1);
	}
	for (uint32_t i = 1; i <= PER_CHUNK; i++)
		unwind_tables_want(fixture->tables, i, UNWIND_AHEAD, is_pinned);
	wait_for_all(fixture);
	for (uint32_t i = 1; i <= PER_CHUNK; i++)
		check_table(fixture, i, fds[i - 1]);
}

static void close_all(const int fds[PER_CHUNK + 2])
{
	for (size_t i = 0; i < PER_CHUNK + 2; i++)
		(void)close(fds[i]);
}

static void the_table_used_longest_ago_makes_room(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, 1);
	static const uint32_t uses[] = { 5, 2, 9, 7 };
	int fds[PER_CHUNK + 2];

	fill(fixture, fds, false);
	for (uint32_t i = 0; i < PER_CHUNK; i++)
		fixture->slots[i + 1].last_used = uses[i];
	fixture->slots[2].wanted = 1;
	want(fixture, 5);
	assert_int_equal(state_of(fixture, 2), TABLE_NOT_YET);
	assert_int_equal(fixture->slots[2].wanted, 0); /* so that it is asked for again */
	assert_int_equal(state_of(fixture, 5), TABLE_NOT_YET);
	collect(fixture);
	assert_int_equal(state_of(fixture, 5), TABLE_NOT_YET);
	collect(fixture);
	check_table(fixture, 5, fds[4]);
	assert_true(stats_of(fixture).evicted == 1);
	/* The one that came last has not been used yet, and stays all the same. */
	want(fixture, 2);
	assert_int_equal(state_of(fixture, 1), TABLE_NOT_YET);
	collect(fixture);
	collect(fixture);
	for (uint32_t i = 2; i <= 5; i++)
		check_table(fixture, i, fds[i - 1]);
	assert_true(stats_of(fixture).evicted == 2 && stats_of(fixture).built == 6);
	assert_true(stats_of(fixture).bytes == UNWIND_CHUNK_SIZE);
	close_all(fds);
}

static void pinned_tables_stay(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, 1);
	int fds[PER_CHUNK + 2];

	fill(fixture, fds, true);
	want(fixture, 5);
	want(fixture, 5);
	assert_int_equal(state_of(fixture, 5), TABLE_UNUSABLE);
	for (int i = 0; i < 3; i++)
		collect(fixture);
	for (uint32_t i = 1; i <= PER_CHUNK; i++)
		check_table(fixture, i, fds[i - 1]);
	assert_true(stats_of(fixture).evicted == 0 && stats_of(fixture).refused == 1);
	close_all(fds);
}

/* What nobody has walked yet takes nobody's place, and is not built in vain again and again. */
static void a_table_ahead_of_its_use_waits_for_a_walk_where_there_is_no_room(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, 1);
	int fds[PER_CHUNK + 2];
	uint64_t build_ns;

	fill(fixture, fds, false);
	unwind_tables_want(fixture->tables, 5, UNWIND_AHEAD, false);
	wait_for_all(fixture);
	assert_int_equal(state_of(fixture, 5), TABLE_NOT_YET);
	build_ns = stats_of(fixture).build_ns;
	for (int i = 0; i < 10; i++) {
		unwind_tables_want(fixture->tables, 5, UNWIND_AHEAD, false);
		collect(fixture);
	}
	assert_true(stats_of(fixture).build_ns == build_ns);
	assert_true(stats_of(fixture).evicted == 0 && stats_of(fixture).refused == 0);
	for (uint32_t i = 1; i <= PER_CHUNK; i++)
		check_table(fixture, i, fds[i - 1]);
	want(fixture, 5);
	collect(fixture);
	collect(fixture);
	check_table(fixture, 5, fds[4]);
	assert_true(stats_of(fixture).evicted == 1 && stats_of(fixture).build_ns > build_ns);
	close_all(fds);
}

static void a_table_larger_than_all_there_is_is_refused(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, 1);
	uint32_t slot = add(fixture, binary(65, 8), "large");

	want(fixture, slot);
	assert_int_equal(state_of(fixture, slot), TABLE_UNUSABLE);
	assert_true(stats_of(fixture).refused == 1);
}

/* The distance that is in the table's second rule, behind "no rule". */
static int32_t distance_at(const char *chunk, uint32_t image)
{
	struct unwind_rule rule;

	memcpy(&rule, chunk + image * 4ULL + sizeof(rule), sizeof(rule));
	return rule.cfa_offset;
}

/* The first chunk as the walker has it. */
static const char *chunk_memory(const struct fixture *fixture)
{
	uint32_t zero = 0, id;
	const char *memory;
	int fd;

	assert_int_equal(bpf_map_lookup_elem(fixture->chunks_fd, &zero, &id), 0);
	fd = bpf_map_get_fd_by_id(id);
	assert_true(fd >= 0);
	memory = test_memory(fd, UNWIND_CHUNK_SIZE);
	(void)close(fd);
	return memory;
}

/*
 * A walker that begins between two collects may read until the one after next. Tables come and go
 * as fast as they can, and what it reads stays what it was.
 */
static void a_walker_never_sees_another_table(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, 1);
	uint32_t random = 1, walks = 0;
	const char *chunk;

	for (uint32_t i = 1; i < SLOTS; i++)
		(void)add(fixture, binary(8 + i, (uint8_t)(8 * i)), "a");
	want(fixture, 1);
	chunk = chunk_memory(fixture);
	for (uint32_t round = 1; round <= 500; round++) {
		uint32_t slot, image;
		bool walks_now;

		random = random * 1664525 + 1013904223;
		slot = 1 + (random >> 8) % (SLOTS - 1);
		unwind_tables_want(fixture->tables, slot, (random >> 31) % 2, false);
		slot = 1 + (random >> 16) % (SLOTS - 1);
		walks_now = state_of(fixture, slot) == TABLE_READY;
		image = fixture->slots[slot].image;
		walks += walks_now;
		/* Half of them are the next to go, which makes it hard. */
		fixture->slots[slot].last_used = random >> 28 & 1 ? round : 0;
		if (random >> 30 & 1)
			wait_for_all(fixture);
		unwind_tables_collect(fixture->tables);
		if (random >> 29 & 1)
			wait_for_all(fixture);
		if (walks_now)
			assert_int_equal(distance_at(chunk, image), 8 * slot);
	}
	assert_true(walks > 50 && stats_of(fixture).evicted > 10);
	assert_true(stats_of(fixture).refused == 0);
	(void)munmap((void *)chunk, UNWIND_CHUNK_SIZE);
}

/* A binary whose table has as many pages as the others, and takes a hundred times as long. */
static int slow_binary(void)
{
	const uint32_t functions = 200000, size = 32;
	struct cfi_image image = { .code_size = (uint64_t)functions * size };
	size_t common = cfi_put_usual_common(&image.eh_frame);
	int fd;

	for (uint32_t i = 0; i < functions; i++)
		cfi_put_function(&image.eh_frame, common, (uint64_t)i * size, size,
				 BYTES(0x0e, 80));
	fd = cfi_image_open(&image);
	cfi_image_done(&image);
	return fd;
}

/* The builder hears of a collect when it has finished a table, and has dropped another for it. */
static void a_collect_does_not_count_for_what_is_dropped_after_it(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, 1);
	uint32_t slow = PER_CHUNK + 3, image;
	int fds[PER_CHUNK + 2];
	const char *chunk;

	fill(fixture, fds, false);
	assert_int_equal(add(fixture, slow_binary(), "slow"), slow);
	chunk = chunk_memory(fixture);
	image = fixture->slots[1].image;
	unwind_tables_want(fixture->tables, slow, UNWIND_NOW, false);
	unwind_tables_wait(fixture->tables, 5); /* until it has begun */
	unwind_tables_collect(fixture->tables);
	/* Here a walker would begin, with the table that will be dropped. */
	assert_int_equal(state_of(fixture, 1), TABLE_READY);
	wait_for_all(fixture);
	assert_int_equal(state_of(fixture, 1), TABLE_NOT_YET);
	collect(fixture);
	assert_int_equal(distance_at(chunk, image), 8);
	assert_int_equal(state_of(fixture, slow), TABLE_NOT_YET);
	/* Here it has ended. */
	collect(fixture);
	assert_int_equal(state_of(fixture, slow), TABLE_READY);
	assert_int_equal(distance_at(chunk, image), 80);
	(void)munmap((void *)chunk, UNWIND_CHUNK_SIZE);
	close_all(fds);
}

static void what_is_on_its_way_may_be_left_alone(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, CHUNKS);
	CLEANUP(cleanup_fd) int own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	for (int i = 1; i < SLOTS; i++)
		unwind_tables_want(fixture->tables, add(fixture, dup(own), "own"), UNWIND_NOW,
				   false);
	/* tear_down() frees them at once */
}

static void without_maps_there_is_an_error(void **state)
{
	const struct unwind_tables_maps maps = { -1, -1, SLOTS, CHUNKS, NULL };
	struct unwind_tables *tables = NULL;

	(void)state;
	assert_true(unwind_tables_new(&maps, 1 << 20, &tables) < 0);
	assert_null(tables);
	unwind_tables_free(NULL);
}

#define TABLES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLES(a_wanted_table_is_built_and_published),
		TABLES(nothing_is_built_before_it_is_wanted),
		TABLES(what_is_wanted_often_is_built_once),
		TABLES(a_damaged_file_is_named_and_is_unusable),
		TABLES(a_file_without_unwind_information_has_frame_pointers),
		TABLES(more_files_than_slots_are_refused),
		TABLES(the_table_used_longest_ago_makes_room),
		TABLES(pinned_tables_stay),
		TABLES(a_table_ahead_of_its_use_waits_for_a_walk_where_there_is_no_room),
		TABLES(a_table_larger_than_all_there_is_is_refused),
		TABLES(a_walker_never_sees_another_table),
		TABLES(a_collect_does_not_count_for_what_is_dropped_after_it),
		TABLES(what_is_on_its_way_may_be_left_alone),
		cmocka_unit_test(without_maps_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
