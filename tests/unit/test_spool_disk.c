/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that are full, read only, or have no descriptors left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "tests/unit/hear.h"
#include "tests/unit/spool_fixture.h"

#define QUEUE  "spool/queue/0000000000000001"
#define OTHER  "spool/queue/0000000000000002"
#define A_PAGE 4096

/* A disk of so many pages in ./spool, which nobody else sees; skips the test where it cannot be. */
static void make_disk(const char *options)
{
	assert_int_equal(mkdir("spool", 0750), 0);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "spool", "tmpfs", 0, options) < 0)
		skip();
}

static void remove_disk(void)
{
	assert_int_equal(umount2("spool", MNT_DETACH), 0);
}

static void on_a_full_disk_the_oldest_makes_room_for_the_newest(void **state)
{
	const size_t half = 2 * A_PAGE;
	struct spool_writer *writer;

	(void)state;
	/* tmpfs counts pages of files only, and here: each of ours is three. */
	make_disk("size=40960,mode=0750");
	writer = open_writer(&no_limits, 2);
	for (uint64_t second = 1; second <= 3; second++)
		assert_int_equal(put_bytes_at(writer, second, 1, half), 0);
	check_usage(writer, 0, 3, 0, 0, 0);
	assert_int_equal(put_bytes_at(writer, 4, 1, half), 0);
	assert_int_equal(count_names("spool/tmp"), 0);
	/* All are smaller than what is wanted to be on the safe side. */
	check_usage(writer, 0, 1, 0, 3, 0);
	assert_int_equal(count_names(QUEUE), 1);
	spool_writer_close(writer);
	remove_disk();
}

static void on_a_disk_that_others_fill_it_fails_and_leaves_nothing(void **state)
{
	struct spool_writer *writer;

	(void)state;
	make_disk("size=81920,mode=0750");
	writer = open_writer(&no_limits, 2);
	for (uint64_t second = 1; second <= 10; second++)
		assert_int_equal(put_bytes_at(writer, second, 1, 16), 0);
	assert_int_equal(system("cat /dev/zero > spool/fill 2> /dev/null; test -s spool/fill"), 0);
	/* The other target's are not dropped for this one. */
	assert_int_equal(put_bytes_at(writer, 11, 2, 10 * A_PAGE), -ENOSPC);
	check_usage(writer, 0, 10, 0, 0, 0);
	check_usage(writer, 1, 0, 0, 0, 0);
	/* And its own are not all dropped for one that does not fit. */
	assert_int_equal(put_bytes_at(writer, 11, 3, 10 * A_PAGE), -ENOSPC);
	check_usage(writer, 0, 2, 0, 8, 0);
	assert_int_equal(count_names("spool/tmp"), 0);
	assert_int_equal(count_names(QUEUE), 2);
	assert_int_equal(count_names(OTHER), 0);
	assert_int_equal(unlink("spool/fill"), 0);
	assert_int_equal(put_bytes_at(writer, 11, 3, 10 * A_PAGE), 0);
	check_usage(writer, 0, 3, 0, 8, 0);
	spool_writer_close(writer);
	remove_disk();
}

static void a_disk_without_room_for_names_is_full_too(void **state)
{
	struct spool_writer *writer;
	int err = 0;

	(void)state;
	make_disk("nr_inodes=12,mode=0750");
	writer = open_writer(&no_limits, 1);
	for (uint64_t second = 1; second <= 20 && !err; second++)
		err = put_at(writer, second, 1, "text");
	assert_int_equal(err, 0);
	assert_int_equal(count_names("spool/tmp"), 0);
	spool_writer_close(writer);
	remove_disk();
}

static void on_a_disk_that_is_read_only_nothing_is_lost(void **state)
{
	struct spool_writer *writer, *none;
	struct spool_reader *reader;
	struct spool_item *item;

	(void)state;
	make_disk("mode=0750");
	writer = open_writer(&no_limits, 1);
	assert_int_equal(put_at(writer, 1, 1, "text"), 0);
	reader = open_reader(0);
	assert_int_equal(mount(NULL, "spool", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(put_at(writer, 2, 1, "text"), -EROFS);
	assert_int_equal(spool_enforce(writer, UINT64_MAX), -EROFS);
	check_usage(writer, 0, 1, 0, 0, 0);
	assert_int_equal(spool_take(reader, &item), 1);
	check_item(item, "text");
	assert_int_equal(spool_done(reader, item), -EROFS);
	assert_int_equal(spool_park(reader, item, "no"), -EROFS);
	spool_item_free(item);
	assert_int_equal(count_names(QUEUE), 1);
	spool_reader_close(reader);
	spool_writer_close(writer);
	hear();
	assert_int_equal(spool_writer_open("spool", &no_limits, ids, 1, &none), -EROFS);
	assert_non_null(strstr(heard(), "Read-only file system"));
	remove_disk();
}

static void a_file_that_grows_too_large_leaves_nothing(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct rlimit old, limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = (struct rlimit){ .rlim_cur = A_PAGE, .rlim_max = old.rlim_max };
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(put_bytes_at(writer, 1, 1, 100 * A_PAGE), -EFBIG);
	assert_int_equal(put_bytes_at(writer, 2, 1, 1), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(count_names("spool/tmp"), 0);
	check_usage(writer, 0, 1, 0, 0, 0);
	spool_writer_close(writer);
}

static void without_descriptors_it_fails_until_there_are_some(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct spool_reader *reader = open_reader(0);
	struct rlimit old, limit;
	struct spool_item *item;

	(void)state;
	assert_int_equal(put_at(writer, 1, 1, "text"), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = (struct rlimit){ .rlim_cur = 3, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(put_at(writer, 2, 1, "text"), -EMFILE);
	assert_int_equal(spool_enforce(writer, 1), -EMFILE);
	assert_int_equal(spool_take(reader, &item), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	check_usage(writer, 0, 1, 0, 0, 0);
	take_and_check(reader, "text");
	assert_int_equal(put_at(writer, 2, 1, "text"), 0);
	assert_int_equal(spool_enforce(writer, 1), 0);
	check_usage(writer, 0, 1, 0, 0, 0);
	take_and_check(reader, "text");
	spool_reader_close(reader);
	spool_writer_close(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(on_a_full_disk_the_oldest_makes_room_for_the_newest),
		IN_DIRECTORY(on_a_disk_that_others_fill_it_fails_and_leaves_nothing),
		IN_DIRECTORY(a_disk_without_room_for_names_is_full_too),
		IN_DIRECTORY(on_a_disk_that_is_read_only_nothing_is_lost),
		IN_DIRECTORY(a_file_that_grows_too_large_leaves_nothing),
		IN_DIRECTORY(without_descriptors_it_fails_until_there_are_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
