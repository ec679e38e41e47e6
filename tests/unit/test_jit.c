/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/jit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/jitdump_file.h"

#define NOBODY  1000000001 /* above any pid_max */
#define PROGRAM 77         /* what this process runs */

static const struct binary anonymous = { .kind = BINARY_ANONYMOUS, .name = "//anon" };
static const struct binary dump_file = { .kind = BINARY_FILE, .name = "jit.dump" };

struct fixture {
	struct jit *jit;
	char map[64];
	char dump[64];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture)
		return -1;
	(void)snprintf(fixture->map, sizeof(fixture->map), "/tmp/perf-%d.map", (int)getpid());
	(void)snprintf(fixture->dump, sizeof(fixture->dump), "/tmp/jit-%d.dump", (int)getpid());
	(void)unlink(fixture->map);
	(void)unlink(fixture->dump);
	return jit_new(&fixture->jit);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	jit_free(fixture->jit);
	(void)unlink(fixture->map);
	(void)unlink(fixture->dump);
	free(fixture);
	return 0;
}

static void write_map(const struct fixture *fixture, const char *mode, const char *text)
{
	FILE *out = fopen(fixture->map, mode);

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void map_code(struct fixture *fixture, uint64_t program_ns)
{
	jit_mapped(fixture->jit,
		   &(struct mapping_source){ .pid = (int32_t)getpid(),
					     .path = "//anon",
					     .start = 4096,
					     .end = 8192,
					     .program_ns = program_ns },
		   &anonymous);
}

static bool ask(struct fixture *fixture, uint64_t program_ns, uint64_t time_ns, uint64_t address,
		struct frame *ret)
{
	return jit_name(fixture->jit,
			&(struct jit_address){ .pid = (int32_t)getpid(),
					       .program_ns = program_ns,
					       .time_ns = time_ns,
					       .address = address },
			ret);
}

static void check(struct fixture *fixture, uint64_t address, const char *name)
{
	struct frame frame;

	assert_true(ask(fixture, PROGRAM, 1, address, &frame));
	assert_string_equal(frame.name, name);
	assert_int_equal(frame.kind, FRAME_JIT);
}

/* What stands for it until it has a name. */
static struct frame ask_late(struct fixture *fixture, uint64_t address)
{
	struct frame frame;

	assert_true(ask(fixture, PROGRAM, 1, address, &frame));
	assert_int_equal(frame.name[0], 1);
	return frame;
}

static void check_late(struct fixture *fixture, struct frame frame, const char *name)
{
	assert_true(jit_replace(fixture->jit, &frame));
	assert_string_equal(frame.name, name);
}

static uint64_t version(struct fixture *fixture)
{
	return jit_version(fixture->jit, (int32_t)getpid());
}

static struct jit_stats stats_of(const struct fixture *fixture)
{
	struct jit_stats stats;

	jit_read_stats(fixture->jit, &stats);
	return stats;
}

static size_t open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	(void)closedir(directory);
	return count;
}

static void code_is_what_lies_in_no_file(void **state)
{
	const struct binary memory = { .kind = BINARY_FILE, .name = "memfd:doublemapper" };
	const struct binary file = { .kind = BINARY_FILE, .name = "libx.so" };
	const struct binary vdso = { .kind = BINARY_VDSO, .name = "[vdso]" };
	const struct binary special = { .kind = BINARY_SPECIAL, .name = "[uprobes]" };

	(void)state;
	assert_true(jit_is_code(&anonymous));
	assert_true(jit_is_code(&memory));
	assert_false(jit_is_code(&file));
	assert_false(jit_is_code(&vdso));
	assert_false(jit_is_code(&special));
}

static void a_perf_map_names_code(void **state)
{
	struct fixture *fixture = *state;

	write_map(fixture, "we", "1000 100 one\n1100 100 two\n");
	map_code(fixture, PROGRAM);
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "one");
	check(fixture, 0x1110, "two");
	assert_int_equal(stats_of(fixture).unnamed, 0);
}

static void code_that_was_not_seen_being_mapped_is_named_too(void **state)
{
	struct fixture *fixture = *state;

	write_map(fixture, "we", "1000 100 one\n");
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "one");
}

static void of_a_process_that_is_gone_nothing_is_known(void **state)
{
	struct fixture *fixture = *state;
	struct frame frame;

	jit_begin(fixture->jit);
	assert_false(jit_name(fixture->jit, &(struct jit_address){ .pid = NOBODY, .address = 1 },
			      &frame));
	assert_int_equal(jit_version(fixture->jit, NOBODY), 0);
	assert_false(jit_settle(fixture->jit));
}

static void a_name_that_comes_later_is_put_in_place(void **state)
{
	struct fixture *fixture = *state;
	struct frame one, two;

	jit_begin(fixture->jit);
	one = ask_late(fixture, 0x1010);
	two = ask_late(fixture, 0x1110);
	assert_string_equal(ask_late(fixture, 0x1010).name, one.name);
	assert_int_equal(stats_of(fixture).unnamed, 3);
	write_map(fixture, "we", "1000 100 one\n");
	/* Only once in each drain is it looked at. */
	(void)ask_late(fixture, 0x1010);
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "one");
	assert_true(jit_settle(fixture->jit));
	check_late(fixture, one, "one");
	check_late(fixture, two, "[anon]");
	assert_int_equal(stats_of(fixture).unnamed, 1);
	jit_forget_late(fixture->jit);
	assert_int_equal(stats_of(fixture).unnamed, 1);
	assert_false(jit_settle(fixture->jit));
}

/* Whatever takes its place afterwards. */
static void the_first_name_that_comes_is_the_right_one(void **state)
{
	struct fixture *fixture = *state;
	struct frame late;

	jit_begin(fixture->jit);
	late = ask_late(fixture, 0x1010);
	write_map(fixture, "we", "1000 100 one\n");
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "one");
	write_map(fixture, "ae", "1000 100 another\n");
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "another");
	assert_true(jit_settle(fixture->jit));
	check_late(fixture, late, "one");
}

static void the_version_changes_when_memory_is_used_again(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before;

	write_map(fixture, "we", "1000 100 one\n");
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "one");
	before = version(fixture);
	write_map(fixture, "ae", "2000 100 elsewhere\n");
	jit_begin(fixture->jit);
	assert_int_equal(version(fixture), before);
	check(fixture, 0x2010, "elsewhere");
	write_map(fixture, "ae", "1000 100 another\n");
	assert_int_equal(version(fixture), before); /* in one drain, one answer */
	jit_begin(fixture->jit);
	assert_int_not_equal(version(fixture), before);
	check(fixture, 0x1010, "another");
}

static void a_map_that_is_replaced_is_read_instead(void **state)
{
	struct fixture *fixture = *state;

	write_map(fixture, "we", "1000 100 one\n");
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "one");
	assert_int_equal(unlink(fixture->map), 0);
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "one"); /* there is nothing better */
	write_map(fixture, "we", "1000 100 another\n");
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "another");
}

static void an_earlier_program_does_not_have_the_names_of_a_later_one(void **state)
{
	struct fixture *fixture = *state;
	struct frame frame;

	write_map(fixture, "we", "1000 100 one\n");
	map_code(fixture, PROGRAM);
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "one");
	write_map(fixture, "we", "1000 100 of the next program\n");
	map_code(fixture, PROGRAM + 1);
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "one");
	assert_true(ask(fixture, PROGRAM + 1, 1, 0x1010, &frame));
	assert_string_equal(frame.name, "of the next program");
}

/* A child is sampled in its parent's code before it runs a program of its own. */
static void an_earlier_program_that_is_met_later_is_still_the_earlier_one(void **state)
{
	struct fixture *fixture = *state;
	struct frame frame, late;

	write_map(fixture, "we", "1000 100 of the next program\n");
	map_code(fixture, PROGRAM + 1);
	jit_begin(fixture->jit);
	late = ask_late(fixture, 0x1010);
	assert_true(ask(fixture, PROGRAM + 1, 1, 0x1010, &frame));
	assert_string_equal(frame.name, "of the next program");
	jit_end(fixture->jit, UINT64_MAX); /* the earlier one alone has ended */
	write_map(fixture, "we", "1000 100 that is still there\n");
	jit_begin(fixture->jit);
	assert_true(ask(fixture, PROGRAM + 1, 1, 0x1010, &frame));
	assert_string_equal(frame.name, "that is still there");
	check_late(fixture, late, "[anon]");
}

static void map_dump(struct fixture *fixture, int fd)
{
	void *memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	jit_mapped(fixture->jit,
		   &(struct mapping_source){ .pid = (int32_t)getpid(),
					     .path = fixture->dump,
					     .start = (uint64_t)memory,
					     .end = (uint64_t)memory + 4096,
					     .program_ns = PROGRAM },
		   &dump_file);
	assert_int_equal(munmap(memory, 4096), 0);
}

static void a_jitdump_knows_times_and_lines(void **state)
{
	struct fixture *fixture = *state;
	struct jitdump_header header = dump_header();
	const struct dump_line line = { 0x1000, 3, "a.js" };
	int fd = open(fixture->dump, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct frame frame;

	dump_bytes(fd, &header, sizeof(header));
	dump_lines_of(fd, 0x1000, &line, 1, 1);
	dump_function(fd, "before", 0x1000, 0x100, 100);
	map_dump(fixture, fd);
	write_map(fixture, "we", "1000 100 of the map\n2000 100 only there\n");
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "before");
	check(fixture, 0x2010, "only there");
	dump_function(fd, "after", 0x1000, 0x100, 200);
	jit_begin(fixture->jit);
	assert_true(ask(fixture, PROGRAM, 150, 0x1010, &frame));
	assert_string_equal(frame.name, "before");
	assert_string_equal(frame.file, "a.js");
	assert_int_equal(frame.line, 3);
	assert_true(ask(fixture, PROGRAM, 200, 0x1010, &frame));
	assert_string_equal(frame.name, "after");
	assert_null(frame.file);
	/* What is asked about later, needs no times before. */
	jit_end(fixture->jit, 300);
	assert_true(ask(fixture, PROGRAM, 150, 0x1010, &frame));
	assert_string_equal(frame.name, "after");
	(void)close(fd);
}

static void what_is_not_to_be_trusted_is_counted_once(void **state)
{
	struct fixture *fixture = *state;
	const struct mapping_source source = { .pid = (int32_t)getpid(),
					       .path = "/tmp/jit-1.dump",
					       .start = 4096,
					       .end = 8192,
					       .program_ns = PROGRAM };

	assert_int_equal(mkfifo(fixture->map, 0600), 0);
	for (int i = 0; i < 3; i++) {
		jit_begin(fixture->jit);
		(void)ask_late(fixture, 0x1010);
	}
	assert_int_equal(stats_of(fixture).files_refused, 1);
	jit_mapped(fixture->jit, &source, &dump_file);
	jit_begin(fixture->jit);
	assert_int_equal(stats_of(fixture).files_refused, 2);
	assert_int_equal(unlink(fixture->map), 0);
	write_map(fixture, "we", "1000 100 one\nwhat?\n");
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "one");
	assert_int_equal(stats_of(fixture).entries_refused, 1);
}

static void a_map_of_before_the_process_is_counted_until_it_is_written_anew(void **state)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct fixture *fixture = *state;

	write_map(fixture, "we", "1000 100 of somebody\n");
	assert_int_equal(utimensat(AT_FDCWD, fixture->map, times, 0), 0);
	for (int i = 0; i < 3; i++) {
		jit_begin(fixture->jit);
		(void)ask_late(fixture, 0x1010);
		assert_int_equal(stats_of(fixture).files_refused, 1);
	}
	write_map(fixture, "we", "1000 100 one\n");
	jit_begin(fixture->jit);
	check(fixture, 0x1010, "one");
	assert_int_equal(stats_of(fixture).files_refused, 0);
}

/* A child that waits to be ended. */
static pid_t start_child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	for (;;)
		(void)pause();
}

static void names_outlive_the_process_until_they_are_needed_no_more(void **state)
{
	struct fixture *fixture = *state;
	size_t files_before = open_files();
	pid_t pid = start_child();
	struct jit_address address = { pid, PROGRAM, 1, 0x1010 };
	struct frame frame, late;
	char map[64];
	FILE *out;

	jit_mapped(fixture->jit,
		   &(struct mapping_source){ .pid = pid, .path = "", .program_ns = PROGRAM },
		   &anonymous);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	jit_begin(fixture->jit);
	assert_true(jit_name(fixture->jit, &address, &late));
	jit_end(fixture->jit, 0);
	(void)snprintf(map, sizeof(map), "/tmp/perf-%d.map", (int)pid);
	out = fopen(map, "we");
	assert_non_null(out);
	assert_true(fputs("1000 100 one\n", out) >= 0);
	assert_int_equal(fclose(out), 0);
	jit_begin(fixture->jit);
	assert_true(jit_name(fixture->jit, &address, &frame));
	assert_string_equal(frame.name, "one");
	/* However often there is nothing of it, as long as there may be more. */
	for (int i = 0; i < 3; i++) {
		jit_end(fixture->jit, 1);
		jit_begin(fixture->jit);
	}
	assert_true(jit_name(fixture->jit, &address, &frame));
	assert_true(open_files() > files_before);
	jit_end(fixture->jit, UINT64_MAX);
	assert_int_equal(open_files(), files_before);
	check_late(fixture, late, "one");
	assert_int_equal(unlink(map), 0);
}

static void there_is_a_limit_to_processes(void **state)
{
	struct fixture *fixture = *state;
	size_t files_before = open_files();
	struct frame frame;

	write_map(fixture, "we", "1000 100 one\n");
	for (uint64_t i = 0; i < 2 * JIT_PROCESSES_MAX; i++) {
		if (i % 500 == 0)
			jit_begin(fixture->jit);
		map_code(fixture, i);
		(void)ask(fixture, i, 1, 0x1010, &frame);
	}
	assert_int_equal(stats_of(fixture).no_room, JIT_PROCESSES_MAX);
	jit_free(fixture->jit);
	assert_int_equal(open_files(), files_before);
	assert_int_equal(jit_new(&fixture->jit), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(code_is_what_lies_in_no_file),
		TEST(a_perf_map_names_code),
		TEST(code_that_was_not_seen_being_mapped_is_named_too),
		TEST(of_a_process_that_is_gone_nothing_is_known),
		TEST(a_name_that_comes_later_is_put_in_place),
		TEST(the_first_name_that_comes_is_the_right_one),
		TEST(the_version_changes_when_memory_is_used_again),
		TEST(a_map_that_is_replaced_is_read_instead),
		TEST(an_earlier_program_does_not_have_the_names_of_a_later_one),
		TEST(an_earlier_program_that_is_met_later_is_still_the_earlier_one),
		TEST(a_jitdump_knows_times_and_lines),
		TEST(what_is_not_to_be_trusted_is_counted_once),
		TEST(a_map_of_before_the_process_is_counted_until_it_is_written_anew),
		TEST(names_outlive_the_process_until_they_are_needed_no_more),
		TEST(there_is_a_limit_to_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
