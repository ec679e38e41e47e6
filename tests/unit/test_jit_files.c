/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/jit_files.h"

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
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#define SOMEBODY 54321 /* no user */

/* This process, its perf map, which is not there yet, and a folder for other files. */
struct fixture {
	struct jit_files files;
	char map[64];
	char directory[64];
	char path[128];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture || jit_files_find((int32_t)getpid(), &fixture->files) < 0)
		return -1;
	(void)snprintf(fixture->map, sizeof(fixture->map), "/tmp/perf-%d.map", (int)getpid());
	(void)unlink(fixture->map);
	(void)snprintf(fixture->directory, sizeof(fixture->directory), "%s",
		       "/tmp/eprof-test-jit-XXXXXX");
	return mkdtemp(fixture->directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char command[256];

	jit_files_done(&fixture->files);
	(void)snprintf(command, sizeof(command), "rm -rf '%s' '%s'", fixture->directory,
		       fixture->map);
	free(fixture);
	return system(command) ? -1 : 0;
}

static const char *in_directory(struct fixture *fixture, const char *name)
{
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/%s", fixture->directory, name);
	return fixture->path;
}

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void check_open(int fd, const char *text)
{
	char bytes[64] = "";

	assert_true(fd >= 0);
	assert_int_equal(read(fd, bytes, sizeof(bytes) - 1), strlen(text));
	assert_string_equal(bytes, text);
	assert_int_equal(close(fd), 0);
}

static void a_process_is_known_by_its_own_number_and_user(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture->files.inner_pid, getpid());
	assert_int_equal(fixture->files.uid, geteuid());
	assert_true(fixture->files.process_fd >= 0 && fixture->files.directory_fd >= 0);
}

static void a_process_that_is_not_there_is_an_error(void **state)
{
	struct jit_files files;

	(void)state;
	assert_int_equal(jit_files_find(1000000001, &files), -ESRCH);
}

static void its_map_is_opened(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(jit_files_open_map(&fixture->files), -ENOENT);
	write_file(fixture->map, "hello");
	check_open(jit_files_open_map(&fixture->files), "hello");
}

static void what_is_no_file_is_refused_without_touching_it(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(mkfifo(fixture->map, 0600), 0);
	assert_int_equal(jit_files_open_map(&fixture->files), -EPERM);
	assert_int_equal(unlink(fixture->map), 0);
	assert_int_equal(mkdir(fixture->map, 0700), 0);
	assert_int_equal(jit_files_open_map(&fixture->files), -EPERM);
	assert_int_equal(rmdir(fixture->map), 0);
}

static void links_are_refused(void **state)
{
	struct fixture *fixture = *state;
	const char *other = in_directory(fixture, "other");

	write_file(other, "of somebody");
	assert_int_equal(symlink(other, fixture->map), 0);
	assert_int_equal(jit_files_open_map(&fixture->files), -EPERM);
	assert_int_equal(unlink(fixture->map), 0);
	assert_int_equal(link(other, fixture->map), 0);
	assert_int_equal(jit_files_open_map(&fixture->files), -EPERM);
	assert_int_equal(unlink(other), 0);
	check_open(jit_files_open_map(&fixture->files), "of somebody");
}

static void files_of_other_users_are_refused(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	write_file(fixture->map, "lies");
	assert_int_equal(chown(fixture->map, SOMEBODY, SOMEBODY), 0);
	assert_int_equal(jit_files_open_map(&fixture->files), -EPERM);
}

/* A child that waits; it acts for another user if there is one. */
static pid_t start_child(uid_t uid)
{
	pid_t pid;
	int ready[2];
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (uid && setresuid(uid, uid, uid) < 0)
			_exit(1);
		(void)!write(ready[1], "", 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return pid;
}

static void end_child(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void files_of_the_user_it_acts_for_and_of_root_are_taken(void **state)
{
	struct fixture *fixture = *state;
	struct jit_files files;
	char map[64];
	pid_t pid;

	(void)fixture;
	if (geteuid() != 0)
		skip();
	pid = start_child(SOMEBODY);
	(void)snprintf(map, sizeof(map), "/tmp/perf-%d.map", (int)pid);
	(void)unlink(map);
	assert_int_equal(jit_files_find(pid, &files), 0);
	assert_int_equal(files.uid, SOMEBODY);
	write_file(map, "text");
	check_open(jit_files_open_map(&files), "text");
	assert_int_equal(chown(map, SOMEBODY, 0), 0);
	check_open(jit_files_open_map(&files), "text");
	assert_int_equal(chown(map, SOMEBODY + 1, 0), 0);
	assert_int_equal(jit_files_open_map(&files), -EPERM);
	end_child(pid);
	assert_int_equal(chown(map, SOMEBODY, 0), 0);
	check_open(jit_files_open_map(&files), "text");
	assert_int_equal(unlink(map), 0);
	jit_files_done(&files);
}

static void a_map_that_is_written_at_the_end_of_a_process_is_found(void **state)
{
	struct jit_files files;
	char map[64];
	pid_t pid = start_child(0);

	(void)state;
	assert_int_equal(jit_files_find(pid, &files), 0);
	assert_false(jit_files_is_gone(&files));
	end_child(pid);
	assert_true(jit_files_is_gone(&files));
	(void)snprintf(map, sizeof(map), "/tmp/perf-%d.map", (int)pid);
	write_file(map, "late");
	check_open(jit_files_open_map(&files), "late");
	assert_int_equal(unlink(map), 0);
	jit_files_done(&files);
}

static void a_map_that_is_older_than_the_process_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct timespec times[2] = { 0 };
	uint64_t started_s = fixture->files.started_unix_ns / NS_PER_SECOND;

	assert_in_range(fixture->files.started_unix_ns,
			clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME),
			clock_ns(CLOCK_REALTIME));
	write_file(fixture->map, "its own");
	times[0].tv_sec = times[1].tv_sec = (time_t)started_s - 2;
	assert_int_equal(utimensat(AT_FDCWD, fixture->map, times, 0), 0);
	assert_int_equal(jit_files_open_map(&fixture->files), -ESTALE);
	/* Within a second, its clock may be behind. */
	times[0].tv_sec = times[1].tv_sec = (time_t)started_s;
	assert_int_equal(utimensat(AT_FDCWD, fixture->map, times, 0), 0);
	check_open(jit_files_open_map(&fixture->files), "its own");
}

static void the_name_of_a_process_does_not_hide_when_it_began(void **state)
{
	struct fixture *fixture = *state;
	struct jit_files files;

	assert_int_equal(prctl(PR_SET_NAME, ") S 1 (1 1) 2"), 0);
	assert_int_equal(jit_files_find((int32_t)getpid(), &files), 0);
	/* Two readings of two clocks each. */
	assert_in_range(files.started_unix_ns, fixture->files.started_unix_ns - NS_PER_SECOND,
			fixture->files.started_unix_ns + NS_PER_SECOND);
	jit_files_done(&files);
}

static void another_file_under_its_name_is_noticed(void **state)
{
	struct fixture *fixture = *state;
	int fd;

	write_file(fixture->map, "first");
	fd = jit_files_open_map(&fixture->files);
	assert_true(jit_files_is_map(&fixture->files, fd));
	write_file(in_directory(fixture, "next"), "second");
	assert_int_equal(rename(fixture->path, fixture->map), 0);
	assert_false(jit_files_is_map(&fixture->files, fd));
	assert_int_equal(unlink(fixture->map), 0);
	assert_true(jit_files_is_map(&fixture->files, fd)); /* there is none to replace it */
	check_open(fd, "first");
}

static void dumps_are_known_by_their_names(void **state)
{
	(void)state;
	assert_true(jit_files_is_dump_name("/tmp/jit-1.dump"));
	assert_true(jit_files_is_dump_name("/root/.debug/jit/x.abc/jit-123456.dump"));
	assert_true(jit_files_is_dump_name("/jit-77.dump (deleted)"));
	assert_false(jit_files_is_dump_name("jit-1.dump"));
	assert_false(jit_files_is_dump_name("/tmp/jit-.dump"));
	assert_false(jit_files_is_dump_name("/tmp/jit-0.dump"));
	assert_false(jit_files_is_dump_name("/tmp/jit--1.dump"));
	assert_false(jit_files_is_dump_name("/tmp/jit-1.dumps"));
	assert_false(jit_files_is_dump_name("/tmp/jit-99999999999.dump"));
	assert_false(jit_files_is_dump_name("/tmp/xjit-1.dump"));
	assert_false(jit_files_is_dump_name("/tmp/jit-1.dump/x"));
	assert_false(jit_files_is_dump_name("//anon"));
}

static struct mapping_source map_dump(struct fixture *fixture, int pid, struct stat *ret)
{
	char name[32];
	void *memory;
	int fd;

	(void)snprintf(name, sizeof(name), "jit-%d.dump", pid);
	write_file(in_directory(fixture, name), "dump");
	fd = open(fixture->path, O_RDONLY | O_CLOEXEC);
	memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(fstat(fd, ret), 0);
	assert_int_equal(close(fd), 0);
	return (struct mapping_source){ .pid = (int32_t)getpid(),
					.start = (uint64_t)memory,
					.end = (uint64_t)memory + 4096,
					.path = fixture->path,
					.inode = ret->st_ino };
}

static void a_dump_is_opened_through_its_mapping(void **state)
{
	struct fixture *fixture = *state;
	struct stat st;
	struct mapping_source source = map_dump(fixture, (int)getpid(), &st);

	check_open(jit_files_open_dump(&fixture->files, &source), "dump");
	/* By its name, when the mapping is gone, if it is the file that was mapped. */
	assert_int_equal(munmap((void *)source.start, 4096), 0);
	check_open(jit_files_open_dump(&fixture->files, &source), "dump");
	source.inode++;
	assert_int_equal(jit_files_open_dump(&fixture->files, &source), -ENOENT);
	source.inode--;
	assert_int_equal(unlink(source.path), 0);
	assert_int_equal(jit_files_open_dump(&fixture->files, &source), -ENOENT);
}

static void a_dump_of_another_number_or_user_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct stat st;
	struct mapping_source source = map_dump(fixture, (int)getpid() + 1, &st);

	assert_int_equal(jit_files_open_dump(&fixture->files, &source), -EPERM);
	assert_int_equal(munmap((void *)source.start, 4096), 0);
	if (geteuid() != 0)
		return;
	source = map_dump(fixture, (int)getpid(), &st);
	assert_int_equal(chown(source.path, SOMEBODY, 0), 0);
	assert_int_equal(jit_files_open_dump(&fixture->files, &source), -EPERM);
	assert_int_equal(munmap((void *)source.start, 4096), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_process_is_known_by_its_own_number_and_user),
		TEST(a_process_that_is_not_there_is_an_error),
		TEST(its_map_is_opened),
		TEST(what_is_no_file_is_refused_without_touching_it),
		TEST(links_are_refused),
		TEST(files_of_other_users_are_refused),
		TEST(files_of_the_user_it_acts_for_and_of_root_are_taken),
		TEST(a_map_that_is_written_at_the_end_of_a_process_is_found),
		TEST(a_map_that_is_older_than_the_process_is_refused),
		TEST(the_name_of_a_process_does_not_hide_when_it_began),
		TEST(another_file_under_its_name_is_noticed),
		TEST(dumps_are_known_by_their_names),
		TEST(a_dump_is_opened_through_its_mapping),
		TEST(a_dump_of_another_number_or_user_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
