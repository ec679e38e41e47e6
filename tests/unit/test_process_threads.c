/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process_threads.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/jit_files.h"
#include "agent/mapped_file.h"
#include "agent/process_maps.h"
#include "agent/process_roots.h"
#include "base/cleanup.h"

/* A process whose first thread has ended; it ends when the test closes its pipe. */
struct fixture {
	pid_t pid;
	int end;
};

static void *stay(void *context)
{
	char byte;

	_exit(read(*(int *)context, &byte, 1) == 0 ? 0 : 1);
}

static bool is_zombie(pid_t pid)
{
	struct process_thread thread;

	assert_int_equal(process_thread_read("", (int32_t)pid, &thread), 0);
	return thread.has_ended;
}

static int set_up(void **state)
{
	static struct fixture fixture;
	pthread_t thread;
	int ends[2];

	if (pipe(ends) < 0)
		return -1;
	fixture.pid = fork();
	if (fixture.pid < 0)
		return -1;
	if (fixture.pid == 0) {
		(void)close(ends[1]);
		if (pthread_create(&thread, NULL, stay, &ends[0]))
			_exit(1);
		(void)syscall(SYS_exit, 0);
	}
	(void)close(ends[0]);
	fixture.end = ends[1];
	while (!is_zombie(fixture.pid))
		; /* it is on its way there; ctest ends what never comes */
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	const struct fixture *fixture = *state;

	(void)close(fixture->end);
	return waitpid(fixture->pid, NULL, 0) == fixture->pid ? 0 : -1;
}

static void threads_are_told_apart(void **state)
{
	const struct fixture *fixture = *state;
	int32_t pid = (int32_t)fixture->pid, living = process_threads_living("", pid);
	struct process_thread thread;

	assert_int_not_equal(living, 0);
	assert_int_not_equal(living, pid);
	assert_int_equal(process_thread_read("", living, &thread), 0);
	assert_int_equal(thread.pid, pid);
	assert_false(thread.has_ended);
	assert_false(thread.is_kernel);
	/* Our own first thread is alive. */
	assert_int_equal(process_threads_living("", (int32_t)getpid()), 0);
	assert_int_equal(process_threads_living("", 1000000001), 0);
	assert_int_equal(process_thread_read("", 1000000001, &thread), -ESRCH);
}

/* A process as its parent sees it that has not asked for it. */
static void a_process_that_has_ended_has_no_living_thread(void **state)
{
	pid_t pid = fork();
	FILE *maps = NULL;

	(void)state;
	if (pid == 0)
		_exit(0);
	while (!is_zombie(pid))
		; /* as above */
	assert_int_equal(process_threads_living("", (int32_t)pid), 0);
	assert_true(process_open((int32_t)pid, "root", O_PATH) < 0);
	assert_int_equal(process_maps_open((int32_t)pid, &maps), 0);
	assert_null(maps);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(process_maps_open((int32_t)pid, &maps), -ESRCH);
	assert_int_equal(process_open((int32_t)pid, "root", O_PATH), -ENOENT);
}

/* Of the program's own code. */
static int take_mapping(void *context, struct mapping_source *source, uint64_t file_offset)
{
	struct mapping_source *ret = context;
	uint64_t here = (uint64_t)(uintptr_t)take_mapping;

	(void)file_offset;
	if (source->start <= here && here < source->end) {
		*ret = *source;
		ret->path = strdup(source->path);
	}
	return 0;
}

static void its_mappings_and_their_files_are_found(void **state)
{
	const struct fixture *fixture = *state;
	CLEANUP(cleanup_file) FILE *maps = NULL;
	CLEANUP(cleanup_fd) int fd = -1;
	struct mapping_source source = { 0 };
	CLEANUP(cleanup_free) char *path = NULL;
	struct stat st, ours, opened;

	assert_int_equal(process_maps_open((int32_t)fixture->pid, &maps), 0);
	assert_non_null(maps);
	assert_int_equal(process_maps_read(maps, (int32_t)fixture->pid, take_mapping, &source), 0);
	path = (char *)source.path;
	assert_non_null(path);
	assert_int_equal(source.pid, fixture->pid);
	assert_int_equal(stat("/proc/self/exe", &ours), 0);
	/* Not by its name as we see it, which would lead there, too. */
	source.path = "/none";
	if (mapped_file_stat(&source, &st)) {
		assert_int_equal(st.st_ino, ours.st_ino);
		fd = mapped_file_open(&source);
		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &opened), 0);
		assert_int_equal(opened.st_ino, ours.st_ino);
	}
}

static void its_root_is_ours(void **state)
{
	const struct fixture *fixture = *state;
	struct process_roots roots = { 0 };
	struct jit_files files = JIT_FILES_NONE;

	assert_int_equal(process_roots_find(&roots, (int32_t)fixture->pid), PROCESS_ROOT_OURS);
	process_roots_done(&roots);
	assert_int_equal(jit_files_find((int32_t)fixture->pid, &files), 0);
	assert_true(files.directory_fd >= 0);
	assert_int_equal(files.inner_pid, fixture->pid);
	jit_files_done(&files);
}

#define WITH_PROCESS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PROCESS(threads_are_told_apart),
		cmocka_unit_test(a_process_that_has_ended_has_no_living_thread),
		WITH_PROCESS(its_mappings_and_their_files_are_found),
		WITH_PROCESS(its_root_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
