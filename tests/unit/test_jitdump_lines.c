/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/jitdump_lines.h"

#include "tests/unit/jitdump_check.h"

static void lines_are_found_by_address(void **state)
{
	static const struct dump_line lines[] = {
		{ 0x1000, 10, "/src/a.js" },
		{ 0x1010, 12, "\xff" },
		{ 0x1020, 30, "/src/b.js" },
		{ 0x1030, 13, "/src/a.js" },
	};
	struct fixture *fixture = *state;

	dump_lines_of(fixture->fd, 0x1000, lines, COUNT(lines), COUNT(lines));
	dump_function(fixture->fd, "f", 0x1000, 0x40, 1);
	dump_function(fixture->fd, "without", 0x1040, 0x40, 1);
	read_now(fixture);
	check_line(fixture, 0x1000, "/src/a.js", 10);
	check_line(fixture, 0x100f, "/src/a.js", 10);
	check_line(fixture, 0x1010, "/src/a.js", 12);
	check_line(fixture, 0x1020, "/src/b.js", 30);
	check_line(fixture, 0x103f, "/src/a.js", 13);
	check_line(fixture, 0x1040, NULL, 0);
	assert_int_equal(stats_of(fixture).lines, COUNT(lines));
}

/* Where a newer function has taken the beginning of an older one. */
static void lines_are_counted_from_the_beginning_that_is_gone(void **state)
{
	static const struct dump_line lines[] = { { 0x1000, 1, "a" }, { 0x1080, 2, "a" } };
	struct fixture *fixture = *state;

	dump_lines_of(fixture->fd, 0x1000, lines, COUNT(lines), COUNT(lines));
	dump_function(fixture->fd, "f", 0x1000, 0x100, 1);
	dump_function(fixture->fd, "newer", 0xff0, 0x80, 2);
	read_now(fixture);
	check(fixture, 0x106f, "newer");
	check_line(fixture, 0x1070, "a", 1);
	check_line(fixture, 0x1090, "a", 2);
}

static void lines_in_disorder_are_sorted_and_those_before_the_first_unknown(void **state)
{
	static const struct dump_line lines[] = { { 0x1020, 2, "a" }, { 0x1010, 1, "a" } };
	struct fixture *fixture = *state;

	dump_lines_of(fixture->fd, 0x1000, lines, COUNT(lines), COUNT(lines));
	dump_function(fixture->fd, "f", 0x1000, 0x40, 1);
	read_now(fixture);
	check_line(fixture, 0x100f, NULL, 0);
	check_line(fixture, 0x1010, "a", 1);
	check_line(fixture, 0x1020, "a", 2);
}

static void lines_that_begin_far_in_the_code_are_not_believed(void **state)
{
	struct dump_line line = { 0x1040, 2, "a" };
	struct fixture *fixture = *state;

	dump_lines_of(fixture->fd, 0x1000, &line, 1, 1);
	dump_function(fixture->fd, "f", 0x1000, 0x100, 1);
	line.address--;
	dump_lines_of(fixture->fd, 0x1000, &line, 1, 1);
	dump_function(fixture->fd, "g", 0x2000, 0x100, 1);
	read_now(fixture);
	check_line(fixture, 0x1090, NULL, 0);
}

static void lines_belong_to_the_function_with_their_address(void **state)
{
	static const struct dump_line a = { 0x1000, 1, "a" }, b = { 0x2000, 2, "b" };
	struct fixture *fixture = *state;

	/* Two threads that compile. */
	dump_lines_of(fixture->fd, 0x1000, &a, 1, 1);
	dump_lines_of(fixture->fd, 0x2000, &b, 1, 1);
	dump_function(fixture->fd, "fa", 0x1000, 0x40, 1);
	dump_function(fixture->fd, "fb", 0x2000, 0x40, 1);
	dump_function(fixture->fd, "fa again", 0x1000, 0x40, 2);
	read_now(fixture);
	check_line(fixture, 0x2000, "b", 2);
	check_line(fixture, 0x1000, NULL, 0);
}

static void lines_that_lie_are_refused_and_the_function_is_not(void **state)
{
	static const struct dump_line line = { 0x1000, 1, "a" }, before = { 0xfff, 1, "a" },
				      behind = { 0x1000 + (1ull << 33), 1, "a" };
	struct fixture *fixture = *state;
	struct jitdump_record tiny = { JITDUMP_DEBUG_INFO, sizeof(tiny), 1 };

	dump_lines_of(fixture->fd, 0x1000, &line, 1, 2);
	dump_lines_of(fixture->fd, 0x1000, &line, 1, UINT64_MAX);
	dump_lines_of(fixture->fd, 0x1000, &before, 1, 1);
	dump_lines_of(fixture->fd, 0x1000, &behind, 1, 1);
	dump_bytes(fixture->fd, &tiny, sizeof(tiny));
	dump_function(fixture->fd, "f", 0x1000, 0x40, 1);
	read_now(fixture);
	check_line(fixture, 0x1000, NULL, 0);
	assert_int_equal(stats_of(fixture).lines_refused, 5);
	assert_int_equal(stats_of(fixture).refused, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(lines_are_found_by_address),
		TEST(lines_are_counted_from_the_beginning_that_is_gone),
		TEST(lines_in_disorder_are_sorted_and_those_before_the_first_unknown),
		TEST(lines_that_begin_far_in_the_code_are_not_believed),
		TEST(lines_belong_to_the_function_with_their_address),
		TEST(lines_that_lie_are_refused_and_the_function_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
