/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/perf_map.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct perf_map *map;
	int fd;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture)
		return -1;
	fixture->fd = memfd_create("perf.map", MFD_CLOEXEC);
	return fixture->fd < 0 || perf_map_new(1 << 20, &fixture->map) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	perf_map_free(fixture->map);
	(void)close(fixture->fd);
	free(fixture);
	return 0;
}

static void append(struct fixture *fixture, const char *text)
{
	size_t length = strlen(text);

	assert_int_equal(lseek(fixture->fd, 0, SEEK_END) < 0, 0);
	assert_int_equal(write(fixture->fd, text, length), (ssize_t)length);
}

static void read_now(struct fixture *fixture)
{
	uint64_t budget = UINT64_MAX;

	assert_int_equal(perf_map_read(fixture->map, fixture->fd, &budget), 0);
	assert_false(perf_map_is_behind(fixture->map));
}

static void append_and_read(struct fixture *fixture, const char *text)
{
	append(fixture, text);
	read_now(fixture);
}

static void rewrite(struct fixture *fixture, const char *text)
{
	assert_int_equal(ftruncate(fixture->fd, 0), 0);
	append(fixture, text);
}

static void check(const struct fixture *fixture, uint64_t address, const char *name)
{
	const char *found = perf_map_find(fixture->map, address);

	assert_int_equal(found != NULL, name != NULL);
	if (name)
		assert_string_equal(found, name);
}

static struct perf_map_stats stats_of(const struct fixture *fixture)
{
	struct perf_map_stats stats;

	perf_map_read_stats(fixture->map, &stats);
	return stats;
}

static void a_line_names_its_range(void **state)
{
	struct fixture *fixture = *state;

	check(fixture, 0x1000, NULL);
	append_and_read(fixture, "1000 20 first\n1020 10 second\n");
	check(fixture, 0xfff, NULL);
	check(fixture, 0x1000, "first");
	check(fixture, 0x101f, "first");
	check(fixture, 0x1020, "second");
	check(fixture, 0x102f, "second");
	check(fixture, 0x1030, NULL);
	assert_int_equal(stats_of(fixture).entries, 2);
	assert_int_equal(stats_of(fixture).bytes, 29);
}

static void numbers_may_have_a_prefix_and_letters_of_any_case(void **state)
{
	append_and_read(*state, "0x00007f4B70ec7180 0x0000000000000078 with\n"
				"7F4B70EC8000 A without\n0XaB 0X1 capital\n");
	check(*state, 0x7f4b70ec7180, "with");
	check(*state, 0x7f4b70ec8009, "without");
	check(*state, 0xab, "capital");
}

static void a_name_is_all_the_rest_of_the_line(void **state)
{
	append_and_read(*state,
			"10 10 LazyCompile:*foo /a b/file.js:1:2 \n20\t10\tvoid A.<init>(int, B)\n"
			"30 10  \xc3\xa9\xff; x\n40 10 0x1\n");
	check(*state, 0x10, "LazyCompile:*foo /a b/file.js:1:2 ");
	check(*state, 0x20, "void A.<init>(int, B)");
	check(*state, 0x30, "\xc3\xa9\xff; x");
	check(*state, 0x40, "0x1");
}

static void lines_may_end_in_cr_lf_and_be_empty(void **state)
{
	append_and_read(*state, "\r\n\n10 10 one\r\n20 10 t\ro\n");
	check(*state, 0x10, "one");
	check(*state, 0x20, "t\ro");
	assert_int_equal(stats_of(*state).refused, 0);
}

static void a_line_that_is_being_written_waits_for_its_end(void **state)
{
	append_and_read(*state, "10 10 one\n20 10 tw");
	check(*state, 0x10, "one");
	check(*state, 0x20, NULL);
	read_now(*state);
	append_and_read(*state, "o");
	check(*state, 0x20, NULL);
	append_and_read(*state, "\n3");
	check(*state, 0x20, "two");
	append_and_read(*state, "0 10 three\n");
	check(*state, 0x30, "three");
	assert_int_equal(stats_of(*state).entries, 3);
	assert_int_equal(stats_of(*state).refused, 0);
	assert_int_equal(stats_of(*state).restarts, 0);
}

static void what_is_no_entry_is_refused_and_counted(void **state)
{
	static const char *const lines[] = {
		"hello",
		"10",
		"10 10",
		"10 10 ",
		"10  name",
		" 10 10 name",
		"10 1g name",
		"-10 10 name",
		"0x 10 name",
		"10 0x name",
		"11112222333344445 10 name",
		"10 11112222333344445 name",
		"fffffffffffffff0 20 wraps around",
		"10 40000001 larger than a gigabyte",
	};
	uint64_t refused = 0;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		append(*state, lines[i]);
		append_and_read(*state, "\n");
		assert_int_equal(stats_of(*state).refused, ++refused);
	}
	check(*state, 0x10, NULL);
	append_and_read(*state, "10 40000000 a gigabyte\nfffffffffffffff0 f at the end\n");
	check(*state, 0x10, "a gigabyte");
	check(*state, UINT64_MAX - 1, "at the end");
	assert_int_equal(stats_of(*state).refused, refused);
	assert_int_equal(stats_of(*state).entries, 2);
}

static void a_nul_in_a_line_is_refused(void **state)
{
	struct fixture *fixture = *state;
	static const char line[] = "10 10 na\0me\n20 10 next\n";

	assert_int_equal(write(fixture->fd, line, sizeof(line) - 1), sizeof(line) - 1);
	read_now(fixture);
	check(fixture, 0x10, NULL);
	check(fixture, 0x20, "next");
	assert_int_equal(stats_of(fixture).refused, 1);
}

static void code_of_no_size_names_nothing(void **state)
{
	append_and_read(*state, "10 0 nothing\n20 10 some\n20 0 nothing either\n");
	check(*state, 0x10, NULL);
	check(*state, 0x20, "some");
	assert_int_equal(stats_of(*state).empty, 2);
	assert_int_equal(stats_of(*state).refused, 0);
}

static void the_newest_entry_wins_where_they_overlap(void **state)
{
	struct fixture *fixture = *state;
	uint64_t version;

	append_and_read(fixture, "100 100 old\n");
	version = perf_map_version(fixture->map);
	append_and_read(fixture, "200 10 elsewhere\n");
	assert_int_equal(perf_map_version(fixture->map), version);
	append_and_read(fixture, "180 10 new\n");
	assert_true(perf_map_version(fixture->map) > version);
	check(fixture, 0x17f, "old");
	check(fixture, 0x180, "new");
	check(fixture, 0x190, "old");
	append_and_read(fixture, "100 100 newest\n");
	check(fixture, 0x180, "newest");
}

static void a_line_that_is_too_long_is_passed_over(void **state)
{
	struct fixture *fixture = *state;
	static char name[600001];

	memset(name, 'x', 8192 - strlen("10 10 "));
	append(fixture, "10 10 ");
	append_and_read(fixture, name);
	append_and_read(fixture, "\n"); /* the longest that there can be */
	check(fixture, 0x10, name);
	append(fixture, "20 10 ");
	append(fixture, name);
	append_and_read(fixture, "x\n30 10 next\n");
	check(fixture, 0x20, NULL);
	check(fixture, 0x30, "next");
	assert_int_equal(stats_of(fixture).refused, 1);
	/* Longer than what is read at once, and in several pieces. */
	memset(name, 'y', sizeof(name) - 1);
	append(fixture, "40 10 ");
	append_and_read(fixture, name);
	append_and_read(fixture, name);
	append_and_read(fixture, "50 10 still the same line\n60 10 last\n");
	check(fixture, 0x40, NULL);
	check(fixture, 0x50, NULL);
	check(fixture, 0x60, "last");
	assert_int_equal(stats_of(fixture).refused, 2);
	assert_int_equal(stats_of(fixture).restarts, 0);
}

static void a_truncated_file_begins_anew(void **state)
{
	struct fixture *fixture = *state;
	uint64_t version;

	append_and_read(fixture, "10 10 one\n20 10 two\n");
	version = perf_map_version(fixture->map);
	rewrite(fixture, "10 10 other\n");
	read_now(fixture);
	check(fixture, 0x10, "other");
	check(fixture, 0x20, NULL);
	assert_true(perf_map_version(fixture->map) > version);
	assert_int_equal(stats_of(fixture).restarts, 1);
	assert_int_equal(ftruncate(fixture->fd, 0), 0);
	read_now(fixture);
	check(fixture, 0x10, NULL);
}

/* A runtime writes all of it again; by the time we look it is longer than it was. */
static void a_file_that_was_written_anew_is_noticed_by_what_stands_in_it(void **state)
{
	append_and_read(*state, "10 10 one\n20 10 two\n");
	rewrite(*state, "110 10 a much longer name than before\n120 10 two\n130 10 three\n");
	read_now(*state);
	check(*state, 0x10, NULL);
	check(*state, 0x110, "a much longer name than before");
	check(*state, 0x130, "three");
	assert_int_equal(stats_of(*state).refused, 0);
	assert_int_equal(stats_of(*state).restarts, 1);
}

static void another_file_begins_anew(void **state)
{
	struct fixture *fixture = *state;
	int other = memfd_create("other.map", MFD_CLOEXEC);

	append_and_read(fixture, "10 10 one\n");
	(void)close(fixture->fd);
	fixture->fd = other;
	append_and_read(fixture, "10 10 one\n20 10 two\n");
	check(fixture, 0x20, "two");
	assert_int_equal(stats_of(fixture).restarts, 1);
}

static void many_increments_make_one_map(void **state)
{
	enum { MANY = 5000 };
	char line[64];

	for (uint64_t i = 0; i < MANY; i++) {
		(void)snprintf(line, sizeof(line), "%" PRIx64 " 10 f%" PRIu64 "\n", 0x1000 + 16 * i,
			       i);
		append_and_read(*state, line);
	}
	for (uint64_t i = 0; i < MANY; i++) {
		(void)snprintf(line, sizeof(line), "f%" PRIu64, i);
		check(*state, 0x100f + 16 * i, line);
	}
	assert_int_equal(stats_of(*state).restarts, 0);
}

static void what_finds_no_room_is_counted(void **state)
{
	struct fixture *fixture = *state;
	FILE *out = fdopen(dup(fixture->fd), "w");
	struct perf_map_stats stats;

	for (uint64_t i = 0; i < 50000; i++)
		(void)fprintf(out, "%" PRIx64 " 10 function number %" PRIu64 "\n", 16 * i, i);
	assert_int_equal(fclose(out), 0);
	read_now(fixture);
	stats = stats_of(fixture);
	assert_in_range(stats.entries, 10000, 40000);
	assert_int_equal(stats.entries + stats.no_room, 50000);
	assert_in_range(perf_map_bytes(fixture->map), 1, 2 << 20);
	check(fixture, 16 * 77, "function number 77");
}

static void read_some(struct fixture *fixture, uint64_t *budget)
{
	assert_int_equal(perf_map_read(fixture->map, fixture->fd, budget), 0);
}

static void a_large_file_is_read_as_far_as_the_budget_lasts(void **state)
{
	struct fixture *fixture = *state;
	uint64_t budget = 1 << 20;
	static char line[4097];

	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "10 10 ", 6);
	line[sizeof(line) - 2] = '\n';
	for (int i = 0; i < (3 << 20) / 4096; i++)
		assert_int_equal(write(fixture->fd, line, 4096), 4096);
	append(fixture, "20 10 last\n");
	read_some(fixture, &budget);
	assert_int_equal(budget, 0);
	assert_true(perf_map_is_behind(fixture->map));
	assert_in_range(stats_of(fixture).bytes, 1 << 20, 2 << 20);
	read_some(fixture, &budget);
	assert_in_range(stats_of(fixture).bytes, 1 << 20, 2 << 20);
	assert_true(perf_map_is_behind(fixture->map));
	check(fixture, 0x20, NULL);
	budget = 8 << 20;
	read_some(fixture, &budget);
	assert_false(perf_map_is_behind(fixture->map));
	assert_int_equal(stats_of(fixture).bytes, (3 << 20) + 11);
	assert_in_range(budget, 5 << 20, (7 << 20) - 11);
	check(fixture, 0x20, "last");
	/* Without any, what has been read to its end is still known to be so. */
	budget = 0;
	read_some(fixture, &budget);
	assert_false(perf_map_is_behind(fixture->map));
	append(fixture, "20 10 more\n");
	read_some(fixture, &budget);
	assert_true(perf_map_is_behind(fixture->map));
}

static void what_cannot_be_read_is_an_error(void **state)
{
	struct fixture *fixture = *state;
	uint64_t budget = UINT64_MAX;

	assert_int_equal(perf_map_read(fixture->map, -1, &budget), -EBADF);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_line_names_its_range),
		TEST(numbers_may_have_a_prefix_and_letters_of_any_case),
		TEST(a_name_is_all_the_rest_of_the_line),
		TEST(lines_may_end_in_cr_lf_and_be_empty),
		TEST(a_line_that_is_being_written_waits_for_its_end),
		TEST(what_is_no_entry_is_refused_and_counted),
		TEST(a_nul_in_a_line_is_refused),
		TEST(code_of_no_size_names_nothing),
		TEST(the_newest_entry_wins_where_they_overlap),
		TEST(a_line_that_is_too_long_is_passed_over),
		TEST(a_truncated_file_begins_anew),
		TEST(a_file_that_was_written_anew_is_noticed_by_what_stands_in_it),
		TEST(another_file_begins_anew),
		TEST(many_increments_make_one_map),
		TEST(what_finds_no_room_is_counted),
		TEST(a_large_file_is_read_as_far_as_the_budget_lasts),
		TEST(what_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
