/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct ledger *new_ledger(void)
{
	struct ledger *ledger;

	assert_int_equal(ledger_new(&ledger), 0);
	return ledger;
}

/* On a CPU for a quarter of its life, asleep for a half, waiting for a CPU for the rest. */
static struct ledger_row row_of(uint32_t tgid, uint32_t tid, uint64_t wall_ns)
{
	struct ledger_row row = {
		.tgid = tgid,
		.tid = tid,
		.generation = 1,
		.wall_ns = wall_ns,
		.is_whole = true,
		.times = { .on_ns = wall_ns / 4,
			   .off_ns = { [OFF_SLEEP] = wall_ns / 2, [OFF_RUNQUEUE] = wall_ns / 4 },
			   .intervals = 2,
			   .lengths = { [3] = 1, [OFF_LENGTHS - 1] = 1 } },
	};

	(void)snprintf(row.process_name, COMM_SIZE, "process %u", tgid);
	(void)snprintf(row.thread_name, COMM_SIZE, "thread %u", tid);
	return row;
}

static void add(struct ledger *ledger, struct ledger_row row)
{
	assert_int_equal(ledger_add(ledger, &row), 0);
}

static const struct ledger_process *processes_of(struct ledger *ledger, size_t expected)
{
	const struct ledger_process *processes;
	size_t count;

	assert_int_equal(ledger_processes(ledger, &processes, &count), 0);
	assert_int_equal(count, expected);
	return processes;
}

static void an_empty_ledger_has_no_processes(void **state)
{
	struct ledger *ledger = new_ledger();

	(void)state;
	(void)processes_of(ledger, 0);
	ledger_free(ledger);
	ledger_free(NULL);
}

static void rows_of_a_thread_are_summed(void **state)
{
	struct ledger *ledger = new_ledger();
	struct ledger_row later = row_of(10, 11, 400);
	const struct ledger_process *process;
	const struct ledger_row *thread;

	(void)state;
	add(ledger, row_of(10, 11, 1000));
	(void)snprintf(later.process_name, COMM_SIZE, "renamed");
	(void)snprintf(later.thread_name, COMM_SIZE, "so too");
	add(ledger, later);
	process = processes_of(ledger, 1);
	assert_int_equal(process->thread_count, 1);
	thread = process->threads[0];
	assert_int_equal(thread->tid, 11);
	assert_int_equal(thread->wall_ns, 1400);
	assert_true(thread->is_whole);
	assert_int_equal(thread->times.on_ns, 350);
	assert_int_equal(thread->times.off_ns[OFF_SLEEP], 700);
	assert_int_equal(thread->times.off_ns[OFF_RUNQUEUE], 350);
	assert_int_equal(thread->times.intervals, 4);
	assert_int_equal(thread->times.lengths[3], 2);
	assert_int_equal(thread->times.lengths[OFF_LENGTHS - 1], 2);
	assert_string_equal(thread->thread_name, "so too");
	assert_string_equal(process->sum.process_name, "renamed");
	assert_int_equal(ledger_off_ns(&thread->times), 1050);
	ledger_free(ledger);
}

static void one_part_of_a_life_is_not_the_whole(void **state)
{
	struct ledger *ledger = new_ledger();
	struct ledger_row part = row_of(10, 11, 1);

	(void)state;
	part.is_whole = false;
	add(ledger, row_of(10, 11, 1000));
	add(ledger, row_of(10, 12, 1000));
	assert_true(processes_of(ledger, 1)->sum.is_whole);
	add(ledger, part);
	assert_false(processes_of(ledger, 1)->threads[0]->is_whole);
	assert_true(processes_of(ledger, 1)->threads[1]->is_whole);
	assert_false(processes_of(ledger, 1)->sum.is_whole);
	ledger_free(ledger);
}

static void processes_and_threads_come_by_their_time(void **state)
{
	struct ledger *ledger = new_ledger();
	const struct ledger_process *processes;

	(void)state;
	add(ledger, row_of(10, 10, 300));
	add(ledger, row_of(20, 21, 100));
	add(ledger, row_of(20, 20, 100));
	add(ledger, row_of(20, 22, 200));
	add(ledger, row_of(30, 30, 300));
	processes = processes_of(ledger, 3);
	assert_int_equal(processes[0].sum.tgid, 20);
	assert_int_equal(processes[0].sum.tid, 0);
	assert_int_equal(processes[0].sum.wall_ns, 400);
	assert_int_equal(processes[0].sum.times.intervals, 6);
	assert_int_equal(processes[0].thread_count, 3);
	assert_int_equal(processes[0].threads[0]->tid, 22);
	assert_int_equal(processes[0].threads[1]->tid, 20);
	assert_int_equal(processes[0].threads[2]->tid, 21);
	assert_int_equal(processes[0].other_count, 0);
	assert_null(processes[0].others);
	assert_int_equal(processes[1].sum.tgid, 10);
	assert_int_equal(processes[2].sum.tgid, 30);
	ledger_free(ledger);
}

static void programs_of_one_pid_are_told_apart(void **state)
{
	struct ledger *ledger = new_ledger();
	struct ledger_row other = row_of(10, 10, 50);

	(void)state;
	other.generation = 2;
	(void)snprintf(other.process_name, COMM_SIZE, "after exec");
	add(ledger, row_of(10, 10, 100));
	add(ledger, other);
	assert_string_equal(processes_of(ledger, 2)[0].sum.process_name, "process 10");
	assert_string_equal(processes_of(ledger, 2)[1].sum.process_name, "after exec");
	ledger_free(ledger);
}

static void counts_of_lengths_do_not_wrap(void **state)
{
	struct ledger *ledger = new_ledger();
	struct ledger_row many = row_of(10, 10, 100);

	(void)state;
	many.times.lengths[0] = UINT32_MAX - 1;
	add(ledger, many);
	many.times.lengths[0] = 2;
	add(ledger, many);
	assert_int_equal(processes_of(ledger, 1)->threads[0]->times.lengths[0], UINT32_MAX);
	ledger_free(ledger);
}

static void threads_that_are_not_told_apart_are_one_row(void **state)
{
	struct ledger *ledger = new_ledger();
	const struct ledger_process *process;

	(void)state;
	add(ledger, row_of(10, 0, 100));
	add(ledger, row_of(10, 0, 100));
	add(ledger, row_of(10, 10, 50));
	process = processes_of(ledger, 1);
	assert_int_equal(process->thread_count, 1);
	assert_int_equal(process->threads[0]->tid, 10);
	assert_int_equal(process->other_count, 2);
	assert_int_equal(process->others->wall_ns, 200);
	assert_int_equal(process->sum.wall_ns, 250);
	ledger_free(ledger);
}

/* Every second thread of process 1 has ended. */
static void fill(struct ledger *ledger)
{
	for (uint32_t tid = 1; tid <= LEDGER_THREADS_MAX; tid++) {
		struct ledger_row row = row_of(1, tid, 4);

		row.has_ended = tid % 2 == 0;
		add(ledger, row);
	}
}

static void the_ended_make_room_when_there_is_none(void **state)
{
	struct ledger *ledger = new_ledger();
	const struct ledger_process *processes;

	(void)state;
	fill(ledger);
	assert_int_equal(processes_of(ledger, 1)->thread_count, LEDGER_THREADS_MAX);
	assert_int_equal(processes_of(ledger, 1)->other_count, 0);
	add(ledger, row_of(2, 2, 100)); /* the one too many */
	add(ledger, row_of(1, 1, 4));   /* it lives on, and is found again */
	processes = processes_of(ledger, 2);
	assert_int_equal(processes[0].thread_count, LEDGER_THREADS_MAX / 2);
	assert_int_equal(processes[0].other_count, LEDGER_THREADS_MAX / 2);
	assert_int_equal(processes[0].others->wall_ns, 4 * LEDGER_THREADS_MAX / 2);
	assert_int_equal(processes[0].sum.wall_ns, 4 * LEDGER_THREADS_MAX + 4);
	assert_int_equal(processes[0].sum.times.intervals, 2 * LEDGER_THREADS_MAX + 2);
	assert_int_equal(processes[0].threads[0]->tid, 1);
	assert_int_equal(processes[0].threads[0]->wall_ns, 8);
	assert_int_equal(processes[1].thread_count, 1);
	assert_int_equal(processes[1].sum.wall_ns, 100);
	ledger_free(ledger);
}

static void where_none_has_ended_new_ones_are_summed(void **state)
{
	struct ledger *ledger = new_ledger();
	const struct ledger_process *processes;

	(void)state;
	for (uint32_t tid = 1; tid <= LEDGER_THREADS_MAX; tid++)
		add(ledger, row_of(1, tid, 4));
	add(ledger, row_of(2, 2, 100));
	add(ledger, row_of(2, 3, 100));
	processes = processes_of(ledger, 2);
	assert_int_equal(processes[0].thread_count, LEDGER_THREADS_MAX);
	assert_int_equal(processes[1].sum.tgid, 2);
	assert_string_equal(processes[1].sum.process_name, "process 2");
	assert_int_equal(processes[1].thread_count, 0);
	assert_int_equal(processes[1].other_count, 2);
	assert_int_equal(processes[1].sum.wall_ns, 200);
	ledger_free(ledger);
}

static void beyond_all_limits_nothing_is_lost(void **state)
{
	const uint32_t count = LEDGER_PROCESSES_MAX + 100;
	struct ledger *ledger = new_ledger();
	const struct ledger_process *processes;
	uint64_t wall_ns = 0, rows = 0;

	(void)state;
	for (uint32_t pid = 1; pid <= count; pid++)
		add(ledger, row_of(pid, 0, 4));
	processes = processes_of(ledger, LEDGER_PROCESSES_MAX + 1);
	assert_int_equal(processes[0].sum.tgid, 0);
	assert_string_equal(processes[0].sum.process_name, "");
	assert_int_equal(processes[0].other_count, 100);
	for (size_t i = 0; i <= LEDGER_PROCESSES_MAX; i++) {
		wall_ns += processes[i].sum.wall_ns;
		rows += processes[i].other_count;
	}
	assert_int_equal(wall_ns, 4 * count);
	assert_int_equal(rows, count);
	ledger_free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_ledger_has_no_processes),
		cmocka_unit_test(rows_of_a_thread_are_summed),
		cmocka_unit_test(one_part_of_a_life_is_not_the_whole),
		cmocka_unit_test(processes_and_threads_come_by_their_time),
		cmocka_unit_test(programs_of_one_pid_are_told_apart),
		cmocka_unit_test(counts_of_lengths_do_not_wrap),
		cmocka_unit_test(threads_that_are_not_told_apart_are_one_row),
		cmocka_unit_test(the_ended_make_room_when_there_is_none),
		cmocka_unit_test(where_none_has_ended_new_ones_are_summed),
		cmocka_unit_test(beyond_all_limits_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
