/* SPDX-License-Identifier: Apache-2.0 */
/* How much is read of files with names, and what is said until all is. See test_jit.c. */
#include "agent/jit.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PROCESSES 3
#define ADDRESS   0x1010

/* Some processes, with what they tell of an address. */
struct fixture {
	struct jit *jit;
	pid_t pids[PROCESSES];
	char maps[PROCESSES][64];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture)
		return -1;
	for (int i = 0; i < PROCESSES; i++) {
		fixture->pids[i] = fork();
		if (fixture->pids[i] == 0) {
			for (;;)
				(void)pause();
		}
		(void)snprintf(fixture->maps[i], sizeof(fixture->maps[i]), "/tmp/perf-%d.map",
			       (int)fixture->pids[i]);
		(void)unlink(fixture->maps[i]);
	}
	return jit_new(&fixture->jit);
}

static void end(struct fixture *fixture, int i)
{
	assert_int_equal(kill(fixture->pids[i], SIGKILL), 0);
	assert_int_equal(waitpid(fixture->pids[i], NULL, 0), fixture->pids[i]);
	fixture->pids[i] = 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	jit_free(fixture->jit);
	for (int i = 0; i < PROCESSES; i++) {
		if (fixture->pids[i])
			end(fixture, i);
		(void)unlink(fixture->maps[i]);
	}
	free(fixture);
	return 0;
}

/* A name, a hole that takes so long to read, and then another name for the same code. */
static void write_map(struct fixture *fixture, int i, const char *before, uint64_t hole,
		      const char *after)
{
	FILE *out = fopen(fixture->maps[i], "we");

	assert_non_null(out);
	assert_true(fprintf(out, "1000 100 %s\n", before) > 0);
	assert_int_equal(fflush(out), 0);
	if (hole) {
		assert_int_equal(fseek(out, (long)hole, SEEK_END), 0);
		assert_true(fprintf(out, "\n1000 100 %s\n", after) > 0);
	}
	assert_int_equal(fclose(out), 0);
}

static struct frame ask(struct fixture *fixture, int i)
{
	struct frame frame = { 0 };

	assert_true(jit_name(fixture->jit,
			     &(struct jit_address){ .pid = fixture->pids[i],
						    .program_ns = 1,
						    .time_ns = 1,
						    .address = ADDRESS },
			     &frame));
	return frame;
}

static void check(struct fixture *fixture, int i, const char *name)
{
	assert_string_equal(ask(fixture, i).name, name);
}

/* What stands for it until it has a name. */
static struct frame ask_late(struct fixture *fixture, int i)
{
	struct frame frame = ask(fixture, i);

	assert_int_equal(frame.name[0], 1);
	return frame;
}

static void check_late(struct fixture *fixture, struct frame frame, const char *name)
{
	assert_true(jit_replace(fixture->jit, &frame));
	assert_string_equal(frame.name, name);
}

static struct jit_stats stats_of(const struct fixture *fixture)
{
	struct jit_stats stats;

	jit_read_stats(fixture->jit, &stats);
	return stats;
}

static void what_has_not_been_read_to_its_end_names_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct frame late;

	write_map(fixture, 0, "old", JIT_DRAIN_BYTES_MAX + 1000, "new");
	jit_begin(fixture->jit);
	late = ask_late(fixture, 0);
	jit_begin(fixture->jit);
	check(fixture, 0, "new");
	check_late(fixture, late, "new");
	assert_int_equal(stats_of(fixture).no_room, 0);
}

static void at_the_end_it_is_read_on(void **state)
{
	struct fixture *fixture = *state;
	struct frame late;

	write_map(fixture, 0, "old", 3 * JIT_DRAIN_BYTES_MAX, "new");
	jit_begin(fixture->jit);
	late = ask_late(fixture, 0);
	assert_true(jit_settle(fixture->jit));
	check_late(fixture, late, "new");
	assert_int_equal(stats_of(fixture).no_room, 0);
	assert_int_equal(stats_of(fixture).unnamed, 0);
}

static void what_is_never_read_to_its_end_is_counted(void **state)
{
	struct fixture *fixture = *state;
	struct frame late;

	write_map(fixture, 0, "old", JIT_DRAIN_BYTES_MAX + JIT_SETTLE_BYTES_MAX + 1000000, "new");
	jit_begin(fixture->jit);
	late = ask_late(fixture, 0);
	assert_true(jit_settle(fixture->jit));
	check_late(fixture, late, "[anon]");
	assert_int_equal(stats_of(fixture).no_room, 1);
	assert_int_equal(stats_of(fixture).unnamed, 1);
}

static void of_all_processes_together_no_more_is_read_than_of_one(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < PROCESSES; i++)
		write_map(fixture, i, "old", JIT_DRAIN_BYTES_MAX * 3 / 4, "new");
	jit_begin(fixture->jit);
	check(fixture, 0, "new");
	(void)ask_late(fixture, 1);
	(void)ask_late(fixture, 2);
	/* Who had nothing comes before who had a part. */
	jit_begin(fixture->jit);
	(void)ask_late(fixture, 1);
	check(fixture, 2, "new");
	jit_begin(fixture->jit);
	check(fixture, 1, "new");
}

/* One that writes faster than anybody can read does not keep us from the others. */
static void who_waits_comes_first_the_next_time(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < PROCESSES; i++)
		write_map(fixture, i, "old", 0, NULL);
	write_map(fixture, 0, "old", 2 * JIT_DRAIN_BYTES_MAX, "new");
	jit_begin(fixture->jit);
	for (int i = 0; i < PROCESSES; i++)
		(void)ask_late(fixture, i);
	write_map(fixture, 0, "again", 2 * JIT_DRAIN_BYTES_MAX, "new");
	jit_begin(fixture->jit);
	(void)ask_late(fixture, 0);
	check(fixture, 1, "old");
	check(fixture, 2, "old");
}

static void a_process_that_has_ended_is_read_to_its_end(void **state)
{
	struct fixture *fixture = *state;
	struct frame late, other;

	write_map(fixture, 0, "old", 2 * JIT_DRAIN_BYTES_MAX, "new");
	write_map(fixture, 1, "old", 2 * JIT_DRAIN_BYTES_MAX + JIT_SETTLE_BYTES_MAX, "new");
	jit_begin(fixture->jit);
	late = ask_late(fixture, 0);
	other = ask_late(fixture, 1);
	end(fixture, 0);
	end(fixture, 1);
	/* But not for ever. */
	for (int i = 0; i < 30; i++) {
		jit_end(fixture->jit, UINT64_MAX);
		jit_begin(fixture->jit);
	}
	check_late(fixture, late, "new");
	check_late(fixture, other, "new");
	assert_int_equal(stats_of(fixture).no_room, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_has_not_been_read_to_its_end_names_nothing),
		TEST(at_the_end_it_is_read_on),
		TEST(what_is_never_read_to_its_end_is_counted),
		TEST(of_all_processes_together_no_more_is_read_than_of_one),
		TEST(who_waits_comes_first_the_next_time),
		TEST(a_process_that_has_ended_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
