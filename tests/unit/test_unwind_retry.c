/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of agent/unwind_tables.c that cannot be built at first. */
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/unit/unwind_tables_fixture.h"

/* Read by the thread that builds. */
static bool disk_fails;
static uint32_t reads;

/* In place of the C library's: that of a disk which fails now and then. */
ssize_t pread(int fd, void *buffer, size_t size, off_t offset)
{
	__atomic_fetch_add(&reads, 1, __ATOMIC_RELAXED);
	if (!__atomic_load_n(&disk_fails, __ATOMIC_RELAXED))
		return syscall(SYS_pread64, fd, buffer, size, offset);
	errno = EIO;
	return -1;
}

static void let_disk_fail(bool fails)
{
	__atomic_store_n(&disk_fails, fails, __ATOMIC_RELAXED);
}

/* Whether a collect has the table tried again. */
static bool is_tried(struct fixture *fixture)
{
	uint32_t before = __atomic_load_n(&reads, __ATOMIC_RELAXED);

	collect(fixture);
	return __atomic_load_n(&reads, __ATOMIC_RELAXED) != before;
}

static void a_table_is_tried_again_when_the_disk_has_failed(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, CHUNKS);
	uint32_t slot = add(fixture, binary(1, 8), "libbad.so");
	struct unwind_tables_stats stats;

	let_disk_fail(true);
	want(fixture, slot);
	/* Its code is walked by nothing else meanwhile. */
	assert_int_equal(state_of(fixture, slot), TABLE_NOT_YET);
	stats = stats_of(fixture);
	assert_true(stats.failed == 1 && stats.without == 0 && stats.built == 0);
	assert_string_equal(stats.failed_name, "libbad.so");
	assert_non_null(stats.failed_error);
	assert_true(is_tried(fixture));
	assert_true(stats_of(fixture).failed == 1);
	let_disk_fail(false);
	collect(fixture);
	collect(fixture);
	assert_int_equal(state_of(fixture, slot), TABLE_READY);
	stats = stats_of(fixture);
	assert_true(stats.failed == 0 && stats.built == 1);
	assert_null(stats.failed_name);
	assert_null(stats.failed_error);
}

static void it_is_tried_less_and_less_often_but_never_given_up(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, CHUNKS);
	uint32_t slot = add(fixture, binary(1, 8), "a"), tries = 0, pause = 0;

	let_disk_fail(true);
	want(fixture, slot);
	for (uint32_t expected = 1; expected <= 64; expected *= 2) {
		for (uint32_t i = 1; i < expected; i++) {
			/* Not even for those who ask. */
			unwind_tables_want(fixture->tables, slot, UNWIND_AHEAD, false);
			unwind_tables_want(fixture->tables, slot, UNWIND_NOW, false);
			assert_false(is_tried(fixture));
		}
		assert_true(is_tried(fixture));
	}
	while (tries < 3) {
		pause++;
		tries += is_tried(fixture);
	}
	assert_int_equal(pause, 3 * 64);
	let_disk_fail(false);
	for (int i = 0; i < 64; i++)
		collect(fixture);
	assert_int_equal(state_of(fixture, slot), TABLE_READY);
	assert_true(stats_of(fixture).built == 1);
}

/* A map takes a descriptor. */
static void a_table_is_tried_again_when_there_was_no_descriptor_for_its_map(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, CHUNKS);
	CLEANUP(cleanup_fd) int fd = binary(2 * 64 + 3, 24); /* more than the chunk made ahead */
	uint32_t slot = add(fixture, dup(fd), "large");
	struct rlimit before, none;

	wait_for_all(fixture);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	unwind_tables_want(fixture->tables, slot, UNWIND_AHEAD, false);
	wait_for_all(fixture);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(state_of(fixture, slot), TABLE_NOT_YET);
	assert_true(stats_of(fixture).failed == 1 && stats_of(fixture).refused == 0);
	assert_string_equal(stats_of(fixture).failed_error, strerror(EMFILE));
	collect(fixture);
	check_table(fixture, slot, fd);
	assert_true(stats_of(fixture).failed == 0 && stats_of(fixture).built == 1);
}

static int garbage(void)
{
	int fd = memfd_create("garbage", MFD_CLOEXEC);

	assert_int_equal(write(fd, "\177ELF and more", 13), 13);
	assert_int_equal(ftruncate(fd, 4096), 0);
	return fd;
}

static void a_damaged_file_is_not_tried_again(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, CHUNKS);
	uint32_t slot = add(fixture, garbage(), "libbad.so");

	want(fixture, slot);
	assert_int_equal(state_of(fixture, slot), TABLE_UNUSABLE);
	for (int i = 0; i < 3; i++)
		assert_false(is_tried(fixture));
	assert_true(stats_of(fixture).failed == 1);
	/* Nor one that turns out to be when the disk is well again. */
	slot = add(fixture, garbage(), "libworse.so");
	let_disk_fail(true);
	want(fixture, slot);
	assert_int_equal(state_of(fixture, slot), TABLE_NOT_YET);
	let_disk_fail(false);
	collect(fixture);
	assert_int_equal(state_of(fixture, slot), TABLE_UNUSABLE);
	assert_true(stats_of(fixture).failed == 2);
	assert_string_equal(stats_of(fixture).failed_name, "libworse.so");
}

/* A program that ends with a table that waits frees it, too. */
static void what_waits_is_freed(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, CHUNKS);

	let_disk_fail(true);
	for (int i = 1; i < SLOTS; i++)
		want(fixture, add(fixture, binary(1, 8), "a"));
	assert_true(stats_of(fixture).failed == SLOTS - 1);
	let_disk_fail(false);
}

#define TABLES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLES(a_table_is_tried_again_when_the_disk_has_failed),
		TABLES(it_is_tried_less_and_less_often_but_never_given_up),
		TABLES(a_table_is_tried_again_when_there_was_no_descriptor_for_its_map),
		TABLES(a_damaged_file_is_not_tried_again),
		TABLES(what_waits_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
