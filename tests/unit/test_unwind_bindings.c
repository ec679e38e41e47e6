/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/unwind_bindings.h"

#include <string.h>

#include "tests/unit/unwind_test_maps.h"

#define PROCESSES 4
#define ROWS      1024

struct fixture {
	int processes_fd, mappings_fd;
	struct unwind_bindings *bindings;
	struct unwind_mapping *rows; /* as the walker sees them */
	struct unwind_mapping made[ROWS];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture)
		return -1;
	fixture->processes_fd =
		test_map(BPF_MAP_TYPE_HASH, sizeof(struct unwind_process), PROCESSES, 0);
	fixture->mappings_fd = test_array(sizeof(struct unwind_mapping), ROWS);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	unwind_bindings_free(fixture->bindings);
	if (fixture->rows)
		(void)munmap(fixture->rows, ROWS * sizeof(*fixture->rows));
	if (fixture->processes_fd >= 0)
		(void)close(fixture->processes_fd);
	if (fixture->mappings_fd >= 0)
		(void)close(fixture->mappings_fd);
	free(fixture);
	return 0;
}

static struct fixture *fixture_or_skip(void **state)
{
	struct fixture *fixture = *state;

	skip_without(fixture->processes_fd);
	skip_without(fixture->mappings_fd);
	fixture->rows = test_memory(fixture->mappings_fd, ROWS * sizeof(*fixture->rows));
	assert_int_equal(unwind_bindings_new(fixture->processes_fd, fixture->mappings_fd, ROWS,
					     &fixture->bindings),
			 0);
	return fixture;
}

/* Rows that tell whose they are. */
static int set(struct fixture *fixture, int32_t pid, size_t count, struct unwind_run *run)
{
	for (size_t i = 0; i < count && i < ROWS; i++)
		fixture->made[i] =
			(struct unwind_mapping){ .start = (uint64_t)pid << 32 | i << 12,
						 .end = (uint64_t)pid << 32 | (i + 1) << 12,
						 .slot = (uint32_t)pid };
	return unwind_bindings_set(fixture->bindings, pid, fixture->made, count, run);
}

static bool is_known(const struct fixture *fixture, int32_t pid, struct unwind_process *ret)
{
	return !bpf_map_lookup_elem(fixture->processes_fd, &pid, ret);
}

/* What a walker finds who goes by process: how many rows are pid's. */
static size_t count_rows(const struct fixture *fixture, int32_t pid,
			 const struct unwind_process *process)
{
	size_t count = 0;

	assert_true(process->first <= ROWS && process->count <= ROWS - process->first);
	for (size_t i = 0; i < process->count; i++) {
		const struct unwind_mapping *row = &fixture->rows[process->first + i];

		if (row->number != process->number)
			continue;
		assert_true(row->start == ((uint64_t)pid << 32 | i << 12));
		assert_int_equal(row->slot, pid);
		count++;
	}
	return count;
}

static void check(const struct fixture *fixture, int32_t pid, size_t count)
{
	struct unwind_process process;

	assert_true(is_known(fixture, pid, &process));
	assert_int_equal(process.count, count);
	assert_true(process.number != 0);
	assert_int_equal(count_rows(fixture, pid, &process), count);
}

/* count of its rows are bound, in their order, and no other ones. */
static void check_some(const struct fixture *fixture, int32_t pid, size_t count)
{
	struct unwind_process process;

	assert_true(is_known(fixture, pid, &process));
	assert_int_equal(process.count, count);
	for (size_t i = 0; i < count; i++) {
		const struct unwind_mapping *row = &fixture->rows[process.first + i];

		assert_int_equal(row->number, process.number);
		assert_int_equal(row->slot, pid);
		assert_true(i == 0 || row[-1].end <= row->start);
	}
}

static void a_process_has_the_rows_that_were_set_last(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct unwind_run first = { 0 }, second = { 0 };

	for (size_t count = 1; count < 70; count++) {
		assert_int_equal(set(fixture, 1, count, &first), 0);
		assert_int_equal(set(fixture, 2, 70 - count, &second), 0);
		check(fixture, 1, count);
		check(fixture, 2, 70 - count);
	}
	assert_true(unwind_bindings_dropped(fixture->bindings) == 0);
}

/* A program that has just been executed. */
static void a_process_may_have_no_rows(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct unwind_run run = { 0 };

	assert_int_equal(unwind_bindings_set(fixture->bindings, 1, NULL, 0, &run), 0);
	check(fixture, 1, 0);
	assert_int_equal(set(fixture, 1, 3, &run), 0);
	check(fixture, 1, 3);
	assert_int_equal(set(fixture, 1, 0, &run), 0);
	check(fixture, 1, 0);
}

static void what_is_given_up_is_forgotten(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct unwind_run run = { 0 };
	struct unwind_process process;
	int32_t pid = 1;

	assert_int_equal(set(fixture, pid, 5, &run), 0);
	assert_true(is_known(fixture, pid, &process));
	unwind_bindings_drop(fixture->bindings, pid, &run);
	assert_int_equal(run.size_class, 0);
	assert_false(is_known(fixture, pid, &process));
	unwind_bindings_drop(fixture->bindings, pid, &run); /* once is enough */
	/* The kernel half may have forgotten it before. */
	assert_int_equal(set(fixture, pid, 5, &run), 0);
	assert_int_equal(bpf_map_delete_elem(fixture->processes_fd, &pid), 0);
	unwind_bindings_drop(fixture->bindings, pid, &run);
	assert_int_equal(set(fixture, pid, 5, &run), 0);
	check(fixture, pid, 5);
}

/* A walker, or a child that has inherited them, still goes by what the process had before. */
static void old_rows_are_there_until_others_need_the_room(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct unwind_run first = { 0 }, second = { 0 };
	struct unwind_process before;

	assert_int_equal(set(fixture, 1, 8, &first), 0);
	assert_true(is_known(fixture, 1, &before));
	assert_int_equal(count_rows(fixture, 1, &before), 8);
	assert_int_equal(set(fixture, 1, 8, &first), 0);
	assert_int_equal(count_rows(fixture, 1, &before), 8);
	/* Those of others are never taken for them. */
	for (int i = 0; i < 300; i++) {
		assert_int_equal(set(fixture, 2, 8, &second), 0);
		assert_int_equal(count_rows(fixture, 1, &before), 0);
		check(fixture, 1, 8);
	}
}

/* Each set brings new numbers, and no run is given to two. */
static void runs_are_used_again_without_an_end(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct unwind_run runs[PROCESSES] = { { 0 } };
	size_t counts[PROCESSES] = { 0 };
	uint32_t random = 7;

	for (int round = 0; round < 3000; round++) {
		int32_t pid;

		random = random * 1664525 + 1013904223;
		pid = 1 + (int32_t)(random >> 30);
		counts[pid - 1] = random >> 8 & 63;
		if (random & 128)
			unwind_bindings_drop(fixture->bindings, pid, &runs[pid - 1]);
		assert_int_equal(set(fixture, pid, counts[pid - 1], &runs[pid - 1]), 0);
		for (int32_t i = 1; i <= PROCESSES; i++) {
			if (runs[i - 1].size_class)
				check(fixture, i, counts[i - 1]);
		}
	}
	assert_true(unwind_bindings_dropped(fixture->bindings) == 0);
}

/* However runs were cut up and merged, no two processes share a row. */
static void runs_never_overlap(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct unwind_run runs[PROCESSES] = { { 0 } };
	uint32_t random = 11;

	for (int round = 0; round < 3000; round++) {
		bool is_taken[ROWS] = { false };
		int32_t pid;

		random = random * 1664525 + 1013904223;
		pid = 1 + (int32_t)(random >> 30);
		if (random & 128)
			unwind_bindings_drop(fixture->bindings, pid, &runs[pid - 1]);
		else
			(void)set(fixture, pid, random >> 8 & 1023, &runs[pid - 1]);
		for (size_t i = 0; i < PROCESSES; i++) {
			const struct unwind_run *run = &runs[i];

			for (uint32_t k = 0; run->size_class && k < 1u << run->size_class; k++) {
				assert_true(run->first + k < ROWS);
				assert_false(is_taken[run->first + k]);
				is_taken[run->first + k] = true;
			}
		}
	}
	/* And none has been lost. */
	for (int32_t pid = 1; pid <= PROCESSES; pid++)
		unwind_bindings_drop(fixture->bindings, pid, &runs[pid - 1]);
	assert_int_equal(set(fixture, 1, ROWS, &runs[0]), 0);
	check(fixture, 1, ROWS);
}

static void rows_without_room_are_left_out_and_counted(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct unwind_run first = { 0 }, second = { 0 }, third = { 0 };
	struct unwind_process process;

	assert_int_equal(set(fixture, 1, 500, &first), 0);
	assert_int_equal(set(fixture, 2, 300, &second), 0);
	assert_true(unwind_bindings_left_out(fixture->bindings) == 0);
	assert_int_equal(set(fixture, 2, 513, &second), 0);
	check_some(fixture, 2, 512);
	assert_true(unwind_bindings_left_out(fixture->bindings) == 1);
	/* What has been counted is not counted again, nor taken back. */
	assert_int_equal(set(fixture, 2, 513, &second), 0);
	assert_int_equal(set(fixture, 2, 600, &second), 0);
	assert_int_equal(set(fixture, 2, 520, &second), 0);
	check_some(fixture, 2, 512);
	assert_true(unwind_bindings_left_out(fixture->bindings) == 600 - 512);
	check(fixture, 1, 500);
	/* There is nothing left for another one. */
	assert_int_equal(set(fixture, 3, 1, &third), -ENOSPC);
	assert_false(is_known(fixture, 3, &process));
	assert_int_equal(third.size_class, 0);
	assert_true(unwind_bindings_dropped(fixture->bindings) == 1);
	assert_int_equal(set(fixture, 1, 512, &first), 0);
	assert_int_equal(set(fixture, 2, 512, &second), 0);
	check(fixture, 1, 512);
	check(fixture, 2, 512);
	assert_true(unwind_bindings_left_out(fixture->bindings) == 600 - 512);
}

/* The table of a small machine, and a process that maps more and more. */
static void a_process_that_outgrows_the_table_keeps_what_fits(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct unwind_run run = { 0 }, other = { 0 };
	struct unwind_process process;

	for (size_t count = 1; count <= ROWS; count++) {
		assert_int_equal(set(fixture, 1, count, &run), 0);
		check(fixture, 1, count);
	}
	assert_true(unwind_bindings_left_out(fixture->bindings) == 0);
	/* Beside another one there is half of it. */
	assert_int_equal(set(fixture, 1, 5, &run), 0);
	assert_int_equal(set(fixture, 2, 5, &other), 0);
	for (size_t count = 6; count <= ROWS; count++) {
		assert_int_equal(set(fixture, 1, count, &run), 0);
		check_some(fixture, 1, count < ROWS / 2 ? count : ROWS / 2);
		check(fixture, 2, 5);
	}
	assert_true(unwind_bindings_left_out(fixture->bindings) == ROWS / 2);
	assert_true(unwind_bindings_dropped(fixture->bindings) == 0);
	assert_int_equal(set(fixture, 1, 5, &run), 0);
	check(fixture, 1, 5);
	unwind_bindings_drop(fixture->bindings, 1, &run);
	assert_false(is_known(fixture, 1, &process));
}

/* The run of a process that has only what it needs, and the rows that it is bound by. */
static void bind_outer(struct fixture *fixture, size_t count, size_t room,
		       const struct unwind_mapping **ret)
{
	struct unwind_run run = { 0 };
	struct unwind_process process;
	struct unwind_bindings *bindings;

	assert_int_equal(unwind_bindings_new(fixture->processes_fd, fixture->mappings_fd,
					     (uint32_t)room, &bindings),
			 0);
	assert_int_equal(unwind_bindings_set(bindings, 1, fixture->made, count, &run), 0);
	assert_true(unwind_bindings_left_out(bindings) == count - room);
	assert_true(is_known(fixture, 1, &process));
	assert_int_equal(process.count, room);
	*ret = &fixture->rows[process.first];
	unwind_bindings_free(bindings);
}

static void the_program_and_its_first_libraries_are_not_left_out(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	static const size_t expected[] = { 0, 1, 2, 3, 16, 17, 18, 19 };
	static const size_t with_table[] = { 3, 7, 9, 12, 19 };
	static const size_t filled[] = { 0, 1, 3, 7, 9, 12, 18, 19 };
	const struct unwind_mapping *rows;

	/* From both ends. */
	for (size_t i = 0; i < 20; i++)
		fixture->made[i] = (struct unwind_mapping){ .start = i, .end = i + 1, .slot = 1 };
	bind_outer(fixture, 20, 8, &rows);
	for (size_t i = 0; i < 8; i++)
		assert_true(rows[i].start == expected[i]);
	/* Code without a table fills up what those with one have left. */
	for (size_t i = 0; i < 20; i++)
		fixture->made[i].slot = 0;
	for (size_t i = 0; i < 5; i++)
		fixture->made[with_table[i]].slot = 1;
	bind_outer(fixture, 20, 8, &rows);
	for (size_t i = 0; i < 8; i++)
		assert_true(rows[i].start == filled[i]);
}

/* Large runs that are free serve small processes, and what those leave of them serves others. */
static void a_larger_run_is_cut_up_and_put_together_again(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct unwind_run first = { 0 }, second = { 0 }, third = { 0 };

	assert_int_equal(set(fixture, 1, ROWS, &first), 0);
	unwind_bindings_drop(fixture->bindings, 1, &first);
	assert_int_equal(set(fixture, 2, 5, &second), 0);
	assert_int_equal(set(fixture, 3, ROWS / 2, &third), 0);
	check(fixture, 2, 5);
	check(fixture, 3, ROWS / 2);
	unwind_bindings_drop(fixture->bindings, 3, &third);
	unwind_bindings_drop(fixture->bindings, 2, &second);
	assert_int_equal(set(fixture, 1, ROWS, &first), 0);
	check(fixture, 1, ROWS);
	assert_true(unwind_bindings_dropped(fixture->bindings) == 0);
}

static void more_processes_than_the_map_holds_are_counted(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct unwind_run runs[PROCESSES + 1] = { { 0 } };
	struct unwind_process process;

	for (int32_t pid = 1; pid <= PROCESSES; pid++)
		assert_int_equal(set(fixture, pid, 5, &runs[pid - 1]), 0);
	for (int i = 0; i < 500; i++) /* and its rows are not lost */
		assert_int_equal(set(fixture, PROCESSES + 1, 5, &runs[PROCESSES]), -ENOSPC);
	assert_true(unwind_bindings_dropped(fixture->bindings) == 500);
	assert_false(is_known(fixture, PROCESSES + 1, &process));
	unwind_bindings_drop(fixture->bindings, 1, &runs[0]);
	assert_int_equal(set(fixture, PROCESSES + 1, 5, &runs[PROCESSES]), 0);
	for (int32_t pid = 2; pid <= PROCESSES + 1; pid++)
		check(fixture, pid, 5);
	assert_int_equal(set(fixture, 2, 500, &runs[1]), 0);
	check(fixture, 2, 500);
}

/* However much room there is: the walker's search has a bound. */
static void more_rows_than_can_be_searched_are_left_out(void **state)
{
	const size_t most = 1u << UNWIND_MAPPINGS_SHIFT;
	struct fixture *fixture = fixture_or_skip(state);
	struct unwind_mapping *many = calloc(most + 1, sizeof(*many));
	int fd = test_array(sizeof(*many), 2 * (uint32_t)most);
	struct unwind_bindings *bindings;
	struct unwind_process process;
	struct unwind_run run = { 0 };

	assert_true(many && fd >= 0);
	assert_int_equal(
		unwind_bindings_new(fixture->processes_fd, fd, 2 * (uint32_t)most, &bindings), 0);
	assert_int_equal(unwind_bindings_set(bindings, 1, many, most, &run), 0);
	assert_true(unwind_bindings_left_out(bindings) == 0);
	assert_int_equal(unwind_bindings_set(bindings, 1, many, most + 1, &run), 0);
	assert_true(is_known(fixture, 1, &process) && process.count == most);
	assert_true(unwind_bindings_left_out(bindings) == 1);
	assert_true(unwind_bindings_dropped(bindings) == 0);
	unwind_bindings_free(bindings);
	(void)close(fd);
	free(many);
}

static void without_maps_there_is_an_error(void **state)
{
	struct unwind_bindings *bindings = NULL;

	(void)state;
	assert_true(unwind_bindings_new(-1, -1, ROWS, &bindings) < 0);
	assert_null(bindings);
	unwind_bindings_free(NULL);
}

#define BINDINGS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BINDINGS(a_process_has_the_rows_that_were_set_last),
		BINDINGS(a_process_may_have_no_rows),
		BINDINGS(what_is_given_up_is_forgotten),
		BINDINGS(old_rows_are_there_until_others_need_the_room),
		BINDINGS(runs_are_used_again_without_an_end),
		BINDINGS(runs_never_overlap),
		BINDINGS(rows_without_room_are_left_out_and_counted),
		BINDINGS(a_process_that_outgrows_the_table_keeps_what_fits),
		BINDINGS(the_program_and_its_first_libraries_are_not_left_out),
		BINDINGS(a_larger_run_is_cut_up_and_put_together_again),
		BINDINGS(more_processes_than_the_map_holds_are_counted),
		BINDINGS(more_rows_than_can_be_searched_are_left_out),
		cmocka_unit_test(without_maps_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
