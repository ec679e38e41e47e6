/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sideband.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/hear.h"

#define RECORDS_MAX 64
#define DATA        77

/* A real sideband, and what it said about one process. */
struct fixture {
	struct cpus cpus;
	struct sideband *sideband; /* NULL: not allowed here */
	int epoll_fd;
	int32_t pid;
	enum sideband_type last; /* of pid, when it has been seen is_over */
	int32_t last_tid;        /* 0: any */
	bool is_over;
	struct sideband_record records[RECORDS_MAX];
	char paths[RECORDS_MAX][128];
	size_t count;
	uint64_t mmaps;
	uint64_t newest_ns;
};

static int open_sideband(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *text;
	int err;

	if (!fixture || cpus_online(-1, &fixture->cpus) < 0)
		return -1;
	fixture->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	hear();
	err = sideband_new(&fixture->cpus, &fixture->sideband);
	text = heard();
	*state = fixture;
	if (err == -EACCES || err == -EPERM || err == -ENOSYS)
		return strstr(text, "cannot watch processes on CPU") ? 0 : -1;
	return err < 0 || sideband_watch(fixture->sideband, fixture->epoll_fd, DATA) < 0 ? -1 : 0;
}

static int close_sideband(void **state)
{
	struct fixture *fixture = *state;

	sideband_free(fixture->sideband);
	(void)close(fixture->epoll_fd);
	cpus_done(&fixture->cpus);
	free(fixture);
	return 0;
}

static struct fixture *fixture_or_skip(void **state)
{
	struct fixture *fixture = *state;

	if (!fixture->sideband)
		skip();
	return fixture;
}

/* A sideband_handler. */
static int keep(void *context, const struct sideband_record *record)
{
	struct fixture *fixture = context;

	assert_true(record->time_ns >= fixture->newest_ns);
	fixture->newest_ns = record->time_ns;
	if (record->pid != fixture->pid)
		return 0;
	fixture->mmaps += record->type == SIDEBAND_MMAP;
	fixture->is_over |= record->type == fixture->last &&
			    (!fixture->last_tid || record->tid == fixture->last_tid);
	if (fixture->count == RECORDS_MAX)
		return 0;
	if (record->path)
		(void)snprintf(fixture->paths[fixture->count], sizeof(fixture->paths[0]), "%s",
			       record->path);
	fixture->records[fixture->count++] = *record;
	return 0;
}

/* Reads, whenever a ring says that it has something, until last has come. */
static void read_until_over(struct fixture *fixture)
{
	while (!fixture->is_over) {
		struct epoll_event event;

		assert_int_equal(epoll_wait(fixture->epoll_fd, &event, 1, 10000), 1);
		assert_int_equal((uint32_t)event.data.u64, DATA);
		assert_int_equal(sideband_read(fixture->sideband, keep, fixture), 0);
	}
}

/* Index of the first record of a type (MMAP: of a path that ends so) from a place on. */
static size_t find(const struct fixture *fixture, size_t from, enum sideband_type type,
		   const char *path_end)
{
	for (size_t i = from; i < fixture->count; i++) {
		const char *path = fixture->paths[i];
		size_t length = strlen(path), wanted = path_end ? strlen(path_end) : 0;

		if (fixture->records[i].type == type && length >= wanted &&
		    (!path_end || !strcmp(path + length - wanted, path_end)))
			return i;
	}
	fail_msg("no record of type %d, '%s'", (int)type, path_end ? path_end : "");
	return 0;
}

static void run_true(struct fixture *fixture)
{
	fixture->pid = (int32_t)fork();
	assert_true(fixture->pid >= 0);
	if (fixture->pid == 0) {
		(void)execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	fixture->last = SIDEBAND_EXIT;
	read_until_over(fixture);
	assert_int_equal(waitpid(fixture->pid, NULL, 0), fixture->pid);
}

static void the_life_of_a_process_is_told_in_order(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	size_t exec, program;

	run_true(fixture);
	assert_int_equal(fixture->records[0].type, SIDEBAND_FORK);
	assert_int_equal(fixture->records[0].tid, fixture->pid);
	assert_int_equal(fixture->records[0].parent, getpid());
	exec = find(fixture, 1, SIDEBAND_EXEC, NULL);
	program = find(fixture, exec + 1, SIDEBAND_MMAP, "/true");
	(void)find(fixture, program, SIDEBAND_MMAP, "[vdso]");
	assert_int_equal(fixture->records[fixture->count - 1].type, SIDEBAND_EXIT);
	assert_int_equal(fixture->records[fixture->count - 1].tid, fixture->pid);
	assert_true(sideband_lost(fixture->sideband) == 0);
}

static void a_mapping_says_which_file_it_is(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	const struct sideband_record *record;

	run_true(fixture);
	record = &fixture->records[find(fixture, 0, SIDEBAND_MMAP, "/true")];
	assert_true(record->length > 0);
	assert_true((record->start | record->length) % (uint64_t)sysconf(_SC_PAGESIZE) == 0);
	if (record->build_id.size)
		assert_true(!record->inode && !record->device);
	else
		assert_true(record->inode && record->device);
	assert_true(record->build_id.size <= BUILD_ID_SIZE_MAX);
}

static void map_and_unmap(size_t count)
{
	while (count--) {
		void *page =
			mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_true(page != MAP_FAILED);
		assert_int_equal(munmap(page, 4096), 0);
	}
}

/* The kernel tells of losses with the next record that fits. */
static void what_a_full_ring_refuses_is_counted(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	const size_t count = 10000;
	cpu_set_t before, one;

	fixture->pid = (int32_t)getpid();
	CPU_ZERO(&one);
	CPU_SET(fixture->cpus.ids[0], &one);
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		skip();
	map_and_unmap(count);
	assert_int_equal(sideband_read(fixture->sideband, keep, fixture), 0);
	map_and_unmap(1);
	assert_int_equal(sideband_read(fixture->sideband, keep, fixture), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_in_range(fixture->mmaps, 1000, count - 1);
	assert_true(sideband_lost(fixture->sideband) >= count + 1 - fixture->mmaps);
}

static void *do_nothing(void *ret_tid)
{
	*(pid_t *)ret_tid = gettid();
	return NULL;
}

static bool rings_within(const struct fixture *fixture, int timeout_ms)
{
	struct epoll_event event;

	return epoll_wait(fixture->epoll_fd, &event, 1, timeout_ms) == 1;
}

static void bells_ring_for_each_record_unless_they_are_off(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);

	fixture->pid = getpid();
	sideband_set_bells(fixture->sideband, false);
	map_and_unmap(1);
	while (rings_within(fixture, 0)) /* until what had rung before has been asked */
		;
	map_and_unmap(1);
	assert_false(rings_within(fixture, 0));
	assert_int_equal(sideband_read(fixture->sideband, keep, fixture), 0);
	assert_true(fixture->mmaps >= 2);
	assert_true(sideband_taken(fixture->sideband) >= 2);
	sideband_set_bells(fixture->sideband, true);
	/* More than a bell's own ring holds: what is not read is no reason for silence. */
	for (int i = 0; i < 100; i++) {
		map_and_unmap(1);
		assert_true(rings_within(fixture, 10000));
		assert_int_equal(sideband_read(fixture->sideband, keep, fixture), 0);
	}
}

static void threads_come_silently_and_go_by_number(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	pthread_t thread;
	pid_t tid;

	assert_int_equal(pthread_create(&thread, NULL, do_nothing, &tid), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	fixture->pid = (int32_t)getpid();
	fixture->last = SIDEBAND_EXIT;
	fixture->last_tid = (int32_t)tid;
	read_until_over(fixture);
	for (size_t i = 0; i < fixture->count; i++)
		assert_int_not_equal(fixture->records[i].type, SIDEBAND_FORK);
}

static int refuse(void *context, const struct sideband_record *record)
{
	(void)record;
	++*(int *)context;
	return -ECANCELED;
}

static void the_first_error_of_a_handler_ends_the_reading(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	int calls = 0;

	map_and_unmap(3);
	assert_int_equal(sideband_read(fixture->sideband, refuse, &calls), -ECANCELED);
	assert_int_equal(calls, 1);
}

static void a_cpu_that_is_not_there_is_named(void **state)
{
	struct sideband *sideband = NULL;
	int id = 1 << 20;
	const struct cpus cpus = { .ids = &id, .count = 1 };
	int err;

	(void)state;
	hear();
	err = sideband_new(&cpus, &sideband);
	assert_non_null(strstr(heard(), "eprof: cannot watch processes on CPU 1048576: "));
	assert_true(err < 0);
	assert_null(sideband);
	sideband_free(NULL);
}

#define WITH_SIDEBAND(test) cmocka_unit_test_setup_teardown(test, open_sideband, close_sideband)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SIDEBAND(the_life_of_a_process_is_told_in_order),
		WITH_SIDEBAND(a_mapping_says_which_file_it_is),
		WITH_SIDEBAND(what_a_full_ring_refuses_is_counted),
		WITH_SIDEBAND(bells_ring_for_each_record_unless_they_are_off),
		WITH_SIDEBAND(threads_come_silently_and_go_by_number),
		WITH_SIDEBAND(the_first_error_of_a_handler_ends_the_reading),
		cmocka_unit_test(a_cpu_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
