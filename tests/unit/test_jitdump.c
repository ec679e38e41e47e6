/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/jitdump.h"

#include <errno.h>
#include <stdio.h>

#include "tests/unit/jitdump_check.h"

static void loaded_functions_are_named(void **state)
{
	struct fixture *fixture = *state;

	dump_function(fixture->fd, "first", 0x1000, 0x20, 1);
	dump_function(fixture->fd, "second function", 0x1020, 0x10, 2);
	read_now(fixture);
	check(fixture, 0xfff, NULL);
	check(fixture, 0x1000, "first");
	check(fixture, 0x101f, "first");
	check(fixture, 0x1020, "second function");
	check(fixture, 0x1030, NULL);
	check_line(fixture, 0x1000, NULL, 0);
	assert_int_equal(stats_of(fixture).entries, 2);
}

static void a_header_that_is_none_is_refused(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		struct jitdump_header header;
		int result;
	} cases[] = {
		{ { 0 }, -ENOEXEC },
		{ { .magic = 0x464c457f }, -ENOEXEC },
		{ { .magic = __builtin_bswap32(JITDUMP_MAGIC), .version = 1, .total_size = 40 },
		  -ENOEXEC },
		{ { .magic = JITDUMP_MAGIC, .version = 2, .total_size = 40 }, -EPROTO },
		{ { .magic = JITDUMP_MAGIC, .version = 1, .total_size = 39 }, -EPROTO },
		{ { .magic = JITDUMP_MAGIC, .version = 1, .total_size = 4097 }, -EPROTO },
		{ { .magic = JITDUMP_MAGIC, .version = 1, .total_size = 40, .flags = 2 }, -EPROTO },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(ftruncate(fixture->fd, 0), 0);
		dump_bytes(fixture->fd, &cases[i].header, sizeof(cases[i].header));
		dump_function(fixture->fd, "f", 0x1000, 16, 1);
		read_as(fixture, cases[i].result);
		read_as(fixture, cases[i].result); /* every time */
		check(fixture, 0x1000, NULL);
	}
}

static void a_header_may_be_longer_than_what_is_known_of_it(void **state)
{
	struct fixture *fixture = *state;
	struct jitdump_header header = dump_header();

	header.total_size += 8;
	dump_bytes(fixture->fd, &header, sizeof(header));
	read_now(fixture);
	dump_bytes(fixture->fd, "\xff\xff\xff\xff\xff\xff\xff", 8);
	dump_function(fixture->fd, "f", 0x1000, 16, 1);
	read_now(fixture);
	check(fixture, 0x1000, "f");
	assert_int_equal(stats_of(fixture).restarts, 0);
}

/* Whatever has been written of it, by the byte. */
static void what_is_being_written_waits_for_its_end(void **state)
{
	struct fixture *fixture = *state;
	int whole = memfd_create("whole", MFD_CLOEXEC);
	struct jitdump_header header = dump_header();
	const struct dump_line line = { 0x1000, 3, "a.js" };
	char bytes[512];
	ssize_t size;

	dump_bytes(whole, &header, sizeof(header));
	dump_lines_of(whole, 0x1000, &line, 1, 1);
	dump_function(whole, "function", 0x1000, 32, 1);
	size = pread(whole, bytes, sizeof(bytes), 0);
	assert_in_range(size, 100, sizeof(bytes) - 1);
	for (ssize_t i = 0; i < size; i++) {
		read_now(fixture);
		check(fixture, 0x1000, NULL);
		dump_bytes(fixture->fd, &bytes[i], 1);
	}
	read_now(fixture);
	check(fixture, 0x1000, "function");
	check_line(fixture, 0x1000, "a.js", 3);
	assert_int_equal(stats_of(fixture).restarts, 0);
	assert_int_equal(stats_of(fixture).bytes, size);
	(void)close(whole);
}

static void the_time_tells_whose_code_it_was(void **state)
{
	struct fixture *fixture = *state;

	dump_function(fixture->fd, "old", 0x1000, 0x100, 10);
	dump_function(fixture->fd, "new", 0x1080, 0x100, 20);
	dump_function(fixture->fd, "newest", 0x1000, 0x200, 30);
	read_now(fixture);
	check_at(fixture, 0x1090, 10, "old");
	check_at(fixture, 0x1090, 19, "old");
	check_at(fixture, 0x1090, 20, "new");
	check_at(fixture, 0x1010, 25, "old");
	check_at(fixture, 0x1090, 30, "newest");
	check_at(fixture, 0x1090, NOW, "newest");
	check_at(fixture, 0x1090, 5, "old"); /* told of when it was running already */
	check_at(fixture, 0x11ff, 5, "newest");
	jitdump_forget(fixture->dump, 40);
	check_at(fixture, 0x1090, 15, "newest");
}

static void without_times_the_newest_wins(void **state)
{
	struct fixture *fixture = *state;
	struct jitdump_header header = dump_header();

	header.flags = JITDUMP_FLAG_ARCH_TIMESTAMPS;
	dump_bytes(fixture->fd, &header, sizeof(header));
	dump_function(fixture->fd, "old", 0x1000, 0x100, 10);
	dump_function(fixture->fd, "new", 0x1000, 0x100, 20);
	read_now(fixture);
	check_at(fixture, 0x1010, 15, "new");
}

static void times_of_another_clock_are_none(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t unix_ns = UINT64_C(1700000000000000000);

	dump_function(fixture->fd, "old", 0x1000, 0x100, unix_ns);
	dump_function(fixture->fd, "new", 0x1000, 0x100, unix_ns + 100);
	read_now(fixture);
	check_at(fixture, 0x1010, 15, "new");
	check_at(fixture, 0x1010, NOW, "new");
}

static void a_moved_function_is_where_it_was_moved_to(void **state)
{
	struct fixture *fixture = *state;
	struct jitdump_move move = dump_move(0x1000, 0x5000, 0x100, 0x1000, 20);
	const struct dump_line line = { 0x1000, 7, "a.js" };

	dump_lines_of(fixture->fd, 0x1000, &line, 1, 1);
	dump_function(fixture->fd, "moves", 0x1000, 0x100, 10);
	dump_bytes(fixture->fd, &move, sizeof(move));
	read_now(fixture);
	check_at(fixture, 0x1010, 15, "moves");
	check_at(fixture, 0x1010, 25, NULL);
	check_at(fixture, 0x5010, 25, "moves");
	check_line(fixture, 0x5010, "a.js", 7);
	/* By less than its length, and again. */
	move = dump_move(0x5000, 0x5080, 0x100, 0x1000, 30);
	dump_bytes(fixture->fd, &move, sizeof(move));
	read_now(fixture);
	check_at(fixture, 0x5010, 35, NULL);
	check_at(fixture, 0x517f, 35, "moves");
	assert_int_equal(stats_of(fixture).refused, 0);
}

static void a_move_of_what_is_not_there_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct jitdump_move moves[] = {
		dump_move(0x9000, 0x5000, 0x100, 0x1000, 20), /* nothing there */
		dump_move(0x1010, 0x5000, 0x100, 0x1000, 20), /* in its middle */
		dump_move(0x1000, 0x5000, 0x100, 0x9999, 20), /* another one */
		dump_move(0x1000, 0x5000, 0, 0x1000, 20),
		dump_move(0x1000, UINT64_MAX - 3, 0x100, 0x1000, 20),
		dump_move(0x1000, 0x5000, UINT64_MAX, 0x1000, 20),
		dump_move(0x1000, 0x5000, 0x100, 0x1000, 20),
	};

	moves[COUNT(moves) - 1].record.total_size--;
	dump_function(fixture->fd, "stays", 0x1000, 0x100, 10);
	for (size_t i = 0; i < COUNT(moves); i++)
		dump_bytes(fixture->fd, &moves[i], moves[i].record.total_size);
	read_now(fixture);
	assert_int_equal(stats_of(fixture).refused, COUNT(moves));
	check(fixture, 0x1010, "stays");
	check(fixture, 0x5010, NULL);
}

static void other_records_are_passed_over(void **state)
{
	struct fixture *fixture = *state;
	struct jitdump_record record = { .timestamp = 1, .total_size = sizeof(record) + 24 };
	char payload[24] = "";

	for (uint32_t id = 3; id < 8; id++) {
		record.id = id;
		dump_bytes(fixture->fd, &record, sizeof(record));
		dump_bytes(fixture->fd, payload, sizeof(payload));
	}
	dump_function(fixture->fd, "f", 0x1000, 16, 1);
	read_now(fixture);
	check(fixture, 0x1000, "f");
	assert_int_equal(stats_of(fixture).refused, 0);
}

static void functions_that_lie_are_refused_and_reading_goes_on(void **state)
{
	struct fixture *fixture = *state;
	struct jitdump_load loads[6];

	for (size_t i = 0; i < COUNT(loads); i++)
		loads[i] = dump_load("lies", 0x1000, 0, 1);
	loads[0].code_size = 1; /* there is none */
	loads[1].code_size = UINT64_MAX - 40;
	loads[2].code_address = UINT64_MAX;
	loads[2].code_size = 0x40000001;
	loads[3].code_size = 3;          /* of its name */
	loads[4].code_size = 0x40000000; /* reaches back to before the file */
	loads[5].record.total_size = sizeof(loads[5]) - 1;
	for (size_t i = 0; i < COUNT(loads); i++) {
		size_t size = loads[i].record.total_size;

		dump_bytes(fixture->fd, &loads[i],
			   size < sizeof(loads[i]) ? size : sizeof(loads[i]));
		if (size > sizeof(loads[i]))
			dump_bytes(fixture->fd, "lies", 5);
	}
	dump_function(fixture->fd, "", 0x1000, 16, 1);
	dump_function(fixture->fd, "true", 0x2000, 16, 1);
	dump_function(fixture->fd, "empty", 0x3000, 0, 1);
	read_now(fixture);
	assert_int_equal(stats_of(fixture).refused, COUNT(loads) + 1);
	check(fixture, 0x1000, NULL);
	check(fixture, 0x2000, "true");
	check(fixture, 0x3000, NULL);
}

static void a_name_without_end_is_refused(void **state)
{
	struct fixture *fixture = *state;
	static char name[100000];
	struct jitdump_load load;

	memset(name, 'x', sizeof(name) - 1);
	dump_function(fixture->fd, name, 0x1000, 16, 1);
	load = dump_load("ends in the code", 0x2000, 16, 1);
	load.code_size = 20;
	dump_bytes(fixture->fd, &load, sizeof(load));
	dump_bytes(fixture->fd, "ends in the code\0................", 33);
	dump_function(fixture->fd, "next", 0x3000, 16, 1);
	name[8191] = '\0';
	dump_function(fixture->fd, name, 0x4000, 16, 1); /* the longest */
	read_now(fixture);
	assert_int_equal(stats_of(fixture).refused, 2);
	check(fixture, 0x1000, NULL);
	check(fixture, 0x2000, NULL);
	check(fixture, 0x3000, "next");
	check(fixture, 0x4000, name);
}

static void a_record_of_no_size_ends_the_reading(void **state)
{
	struct fixture *fixture = *state;
	struct jitdump_record record = { .id = 9, .total_size = 0 };

	dump_function(fixture->fd, "before", 0x1000, 16, 1);
	dump_bytes(fixture->fd, &record, sizeof(record));
	dump_function(fixture->fd, "after", 0x2000, 16, 1);
	read_as(fixture, -EBADMSG);
	read_as(fixture, -EBADMSG);
	check(fixture, 0x1000, "before");
	check(fixture, 0x2000, NULL);
}

static void a_record_larger_than_the_file_is_waited_for(void **state)
{
	struct fixture *fixture = *state;
	struct jitdump_record record = { .id = 9, .total_size = UINT32_MAX };

	dump_bytes(fixture->fd, &record, sizeof(record));
	dump_function(fixture->fd, "after", 0x2000, 16, 1);
	read_now(fixture);
	check(fixture, 0x2000, NULL);
}

static void records_of_another_process_are_left_out(void **state)
{
	struct fixture *fixture = *state;
	struct jitdump_load load = dump_load("child", 0x1000, 16, 1);
	struct jitdump_move move = dump_move(0x2000, 0x5000, 16, 0x2000, 1);

	load.pid++;
	move.pid++;
	dump_write_load(fixture->fd, &load, "child");
	dump_function(fixture->fd, "own", 0x2000, 16, 1);
	dump_bytes(fixture->fd, &move, sizeof(move));
	read_now(fixture);
	check(fixture, 0x1000, NULL);
	check(fixture, 0x2000, "own");
	assert_int_equal(stats_of(fixture).foreign, 2);
}

static void a_file_that_was_written_anew_begins_anew(void **state)
{
	struct fixture *fixture = *state;
	struct jitdump_header header = dump_header();
	uint64_t version;

	dump_function(fixture->fd, "f", 0x1000, 16, 1);
	read_now(fixture);
	version = jitdump_version(fixture->dump);
	assert_int_equal(ftruncate(fixture->fd, 0), 0);
	header.timestamp++;
	dump_bytes(fixture->fd, &header, sizeof(header));
	dump_function(fixture->fd, "g", 0x2000, 64, 1);
	dump_function(fixture->fd, "h", 0x3000, 64, 1);
	read_now(fixture);
	check(fixture, 0x1000, NULL);
	check(fixture, 0x3000, "h");
	assert_int_equal(stats_of(fixture).restarts, 1);
	assert_true(jitdump_version(fixture->dump) > version);
}

static void what_finds_no_room_is_counted(void **state)
{
	struct fixture *fixture = *state;
	struct jitdump_stats stats;
	char name[64];

	for (uint64_t i = 0; i < 20000; i++) {
		(void)snprintf(name, sizeof(name), "a function with some name, %d", (int)i);
		dump_function(fixture->fd, name, 0x1000 + 16 * i, 16, 1 + i);
	}
	read_now(fixture);
	stats = stats_of(fixture);
	assert_in_range(stats.entries, 5000, 19000);
	assert_int_equal(stats.entries + stats.no_room, 20000);
	assert_in_range(jitdump_bytes(fixture->dump), 1, 2 << 20);
	check(fixture, 0x1000, "a function with some name, 0");
}

static void what_the_budget_leaves_is_read_next_time(void **state)
{
	struct fixture *fixture = *state;
	uint64_t budget = 1000;

	dump_function(fixture->fd, "f", 0x1000, 4000, 1);
	dump_function(fixture->fd, "g", 0x1000, 4000, 2);
	assert_int_equal(jitdump_read(fixture->dump, fixture->fd, NOW, &budget), 0);
	assert_int_equal(budget, 0);
	assert_true(jitdump_is_behind(fixture->dump));
	check_at(fixture, 0x1000, 3, "f");
	assert_int_equal(jitdump_read(fixture->dump, fixture->fd, NOW, &budget), 0);
	assert_true(jitdump_is_behind(fixture->dump));
	budget = 10000;
	assert_int_equal(jitdump_read(fixture->dump, fixture->fd, NOW, &budget), 0);
	assert_false(jitdump_is_behind(fixture->dump));
	assert_in_range(budget, 5000, 6000);
	check_at(fixture, 0x1000, 3, "g");
}

/* Each move leaves a piece behind of which it is known that it is nobody's. */
static void a_million_moves_stay_within_the_limit(void **state)
{
	enum { MOVES = 1000000, BATCH = 10000 };
	struct fixture *fixture = *state;
	struct jitdump_move *moves = calloc(BATCH, sizeof(*moves));
	uint64_t from = 0x1000;

	assert_non_null(moves);
	dump_function(fixture->fd, "moves", from, 16, 1);
	for (uint64_t written = 0; written < MOVES; written += BATCH) {
		for (size_t i = 0; i < BATCH; i++, from += 32)
			moves[i] = dump_move(from, from + 32, 16, 0x1000, 2 + written + i);
		dump_bytes(fixture->fd, moves, BATCH * sizeof(*moves));
		read_now(fixture);
	}
	free(moves);
	assert_in_range(jitdump_bytes(fixture->dump), 1, 2 << 20);
	assert_in_range(stats_of(fixture).no_room, MOVES / 2, MOVES);
	assert_int_equal(stats_of(fixture).no_room + stats_of(fixture).entries, MOVES + 1);
}

int main(void)
{
#define TEST(name)       cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_EMPTY(name) cmocka_unit_test_setup_teardown(name, set_up_empty, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(loaded_functions_are_named),
		TEST_EMPTY(a_header_that_is_none_is_refused),
		TEST_EMPTY(a_header_may_be_longer_than_what_is_known_of_it),
		TEST_EMPTY(what_is_being_written_waits_for_its_end),
		TEST(the_time_tells_whose_code_it_was),
		TEST_EMPTY(without_times_the_newest_wins),
		TEST(times_of_another_clock_are_none),
		TEST(a_moved_function_is_where_it_was_moved_to),
		TEST(a_move_of_what_is_not_there_is_refused),
		TEST(other_records_are_passed_over),
		TEST(functions_that_lie_are_refused_and_reading_goes_on),
		TEST(a_name_without_end_is_refused),
		TEST(a_record_of_no_size_ends_the_reading),
		TEST(a_record_larger_than_the_file_is_waited_for),
		TEST(records_of_another_process_are_left_out),
		TEST(a_file_that_was_written_anew_begins_anew),
		TEST(what_finds_no_room_is_counted),
		TEST(a_million_moves_stay_within_the_limit),
		TEST(what_the_budget_leaves_is_read_next_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
