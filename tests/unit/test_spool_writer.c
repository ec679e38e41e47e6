/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/hear.h"
#include "tests/unit/spool_fixture.h"

static void check_mode(const char *path, mode_t mode)
{
	struct stat status;

	assert_int_equal(lstat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, mode);
}

static void what_was_put_is_in_the_queue_of_each_target_that_was_named(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 3);
	struct spool_reader *reader;

	(void)state;
	assert_int_equal(put_at(writer, 7, 1 | 4, "a;b 1\n"), 0);
	check_usage(writer, 0, 1, 0, 0, 0);
	check_usage(writer, 1, 0, 0, 0, 0);
	check_usage(writer, 2, 1, 0, 0, 0);
	spool_writer_close(writer);
	for (size_t i = 0; i < 3; i++) {
		reader = open_reader(i);
		if (i != 1)
			take_and_check(reader, "a;b 1\n");
		check_empty(reader);
		spool_reader_close(reader);
	}
	assert_int_equal(count_names("spool/tmp"), 0);
}

static void only_the_owner_and_the_group_may_read_whatever_the_umask(void **state)
{
	const char *const directories[] = { "spool", "spool/tmp", "spool/queue", "spool/dead",
					    "spool/queue/0000000000000001" };
	const mode_t masks[] = { 0, 0777 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		mode_t old = umask(masks[i]);
		struct spool_writer *writer = open_writer(&no_limits, 1);

		assert_int_equal(put_at(writer, 7, 1, "text"), 0);
		(void)umask(old);
		spool_writer_close(writer);
		for (size_t k = 0; k < sizeof(directories) / sizeof(directories[0]); k++)
			check_mode(directories[k], 0750);
		check_mode("spool/lock", 0640);
		assert_int_equal(system("test \"$(find spool/queue -type f -perm 0640 | wc -l)\" "
					"= 1 && rm -r spool"),
				 0);
	}
}

static void the_same_put_again_takes_the_place_of_the_first(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 2);
	struct spool_reader *reader = open_reader(0);
	struct spool_item *first;
	struct spool_usage usage;

	(void)state;
	assert_int_equal(put_at(writer, 7, 3, "first"), 0);
	assert_int_equal(spool_take(reader, &first), 1);
	assert_int_equal(put_at(writer, 7, 3, "second, which is longer"), 0);
	check_usage(writer, 0, 1, 0, 0, 0);
	spool_usage_of(writer, 0, &usage);
	assert_int_equal(count_names("spool/tmp"), 0);
	/* What was sent is the first; the second is not lost by that. */
	assert_int_equal(spool_done(reader, first), 0);
	check_item(first, "first");
	spool_item_free(first);
	take_and_check(reader, "second, which is longer");
	check_empty(reader);
	assert_int_equal(spool_enforce(writer, 7), 0);
	check_usage(writer, 0, 0, 0, 0, 0);
	spool_reader_close(reader);
	spool_writer_close(writer);
}

static int fail_after_some(const void *context, FILE *out)
{
	(void)context;
	(void)fputs("some", out);
	return -EPROTO;
}

static void what_could_not_be_written_leaves_nothing(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct profile_file file = profile_at(7, "service");

	(void)state;
	assert_int_equal(spool_put(writer, &file, 1, fail_after_some, NULL), -EPROTO);
	assert_int_equal(count_names("spool/tmp"), 0);
	assert_int_equal(count_names("spool/queue/0000000000000001"), 0);
	check_usage(writer, 0, 0, 0, 0, 0);
	spool_writer_close(writer);
}

static void a_target_that_cannot_take_it_takes_it_from_the_others(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 2);

	(void)state;
	assert_int_equal(system("mv spool/queue/0000000000000002 away && rmdir away"), 0);
	assert_int_equal(put_at(writer, 7, 3, "text"), -ENOENT);
	assert_int_equal(count_names("spool/tmp"), 0);
	assert_int_equal(count_names("spool/queue/0000000000000001"), 0);
	spool_writer_close(writer);
}

static void two_writers_are_one_too_many(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 1), *other;

	(void)state;
	hear();
	assert_int_equal(spool_writer_open("spool", &no_limits, ids, 1, &other), -EBUSY);
	assert_string_equal(heard(), "eprof: cannot use the spool 'spool': another agent does\n");
	spool_writer_close(writer);
	spool_writer_close(open_writer(&no_limits, 1));
}

static void what_was_not_whole_is_removed(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 1);

	(void)state;
	assert_int_equal(put_at(writer, 7, 1, "text"), 0);
	spool_writer_close(writer);
	make_file("spool/tmp/0", "some");
	make_file("spool/tmp/stranger", "some");
	assert_int_equal(symlink("/etc/passwd", "spool/tmp/link"), 0);
	assert_int_equal(mkdir("spool/tmp/directory", 0700), 0);
	writer = open_writer(&no_limits, 1);
	assert_int_equal(count_names("spool/tmp"), 1);
	check_usage(writer, 0, 1, 0, 0, 0);
	spool_writer_close(writer);
}

static void links_and_what_everybody_may_write_to_are_no_spool(void **state)
{
	struct spool_writer *writer;

	(void)state;
	assert_int_equal(mkdir("spool", 0700), 0);
	assert_int_equal(chmod("spool", 01777), 0);
	hear();
	assert_int_equal(spool_writer_open("spool", &no_limits, ids, 1, &writer), -EPERM);
	assert_non_null(strstr(heard(), "everybody may write to it"));
	assert_int_equal(chmod("spool", 0700), 0);
	assert_int_equal(mkdir("victim", 0700), 0);
	make_file("victim/file", "mine");
	assert_int_equal(symlink("../victim", "spool/tmp"), 0);
	hear();
	assert_true(spool_writer_open("spool", &no_limits, ids, 1, &writer) < 0);
	assert_non_null(strstr(heard(), "eprof: cannot use the spool 'spool': "));
	check_content("victim/file", "mine");
	assert_int_equal(unlink("spool/tmp"), 0);
	assert_int_equal(unlink("spool/lock"), 0);
	assert_int_equal(mkfifo("spool/lock", 0600), 0);
	hear();
	assert_int_equal(spool_writer_open("spool", &no_limits, ids, 1, &writer), -EPERM);
	(void)heard();
}

static void a_spool_without_a_parent_is_an_error_with_its_name(void **state)
{
	struct spool_writer *writer;

	(void)state;
	hear();
	assert_int_equal(spool_writer_open("none/spool", &no_limits, ids, 1, &writer), -ENOENT);
	assert_string_equal(heard(), "eprof: cannot use the spool 'none/spool': "
				     "No such file or directory\n");
}

static void targets_change_and_those_that_stay_keep_their_figures(void **state)
{
	const struct spool_limits limits = { .bytes = LARGE, .age_s = 10 };
	const char same[2][SPOOL_TARGET_ID_SIZE] = { "0000000000000001", "0000000000000001" };
	struct spool_writer *writer = open_writer(&limits, 2);

	(void)state;
	assert_int_equal(put_at(writer, 7, 3, "old"), 0);
	assert_int_equal(spool_enforce(writer, 100), 0);
	assert_int_equal(put_at(writer, 95, 3, "new"), 0);
	assert_int_equal(spool_writer_change(writer, &limits, same, 2), -EINVAL);
	check_usage(writer, 1, 1, 0, 0, 1);
	assert_int_equal(spool_writer_change(writer, &limits, ids + 1, 2), 0);
	check_usage(writer, 0, 1, 0, 0, 1);
	check_usage(writer, 1, 0, 0, 0, 0);
	assert_int_equal(put_at(writer, 96, 2, "other"), 0);
	check_usage(writer, 1, 1, 0, 0, 0);
	/* What the first had stays until it is too old. */
	assert_int_equal(spool_enforce(writer, 105), 0);
	assert_int_equal(count_names("spool/queue/0000000000000001"), 1);
	hear();
	assert_int_equal(spool_enforce(writer, 106), 0);
	assert_string_equal(heard(), "eprof: warning: 1 profiles for a target that is not "
				     "configured any more (0000000000000001) were dropped: too "
				     "old\n");
	assert_int_equal(access("spool/queue/0000000000000001", F_OK), -1);
	assert_int_equal(access("spool/dead/0000000000000001", F_OK), -1);
	check_usage(writer, 1, 1, 0, 0, 0);
	spool_writer_close(writer);
}

static void directories_of_others_are_left_alone(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 1);

	(void)state;
	assert_int_equal(mkdir("victim", 0700), 0);
	make_file("victim/00000000000000000001-x", "mine");
	assert_int_equal(symlink("../../victim", "spool/queue/00000000000000aa"), 0);
	make_file("spool/queue/00000000000000ab", "");
	assert_int_equal(mkdir("spool/queue/notes", 0700), 0);
	make_file("spool/queue/notes/00000000000000000001-x", "mine");
	assert_int_equal(spool_enforce(writer, UINT64_MAX), 0);
	check_content("victim/00000000000000000001-x", "mine");
	check_content("spool/queue/notes/00000000000000000001-x", "mine");
	spool_writer_close(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(what_was_put_is_in_the_queue_of_each_target_that_was_named),
		IN_DIRECTORY(only_the_owner_and_the_group_may_read_whatever_the_umask),
		IN_DIRECTORY(the_same_put_again_takes_the_place_of_the_first),
		IN_DIRECTORY(what_could_not_be_written_leaves_nothing),
		IN_DIRECTORY(a_target_that_cannot_take_it_takes_it_from_the_others),
		IN_DIRECTORY(two_writers_are_one_too_many),
		IN_DIRECTORY(what_was_not_whole_is_removed),
		IN_DIRECTORY(links_and_what_everybody_may_write_to_are_no_spool),
		IN_DIRECTORY(a_spool_without_a_parent_is_an_error_with_its_name),
		IN_DIRECTORY(targets_change_and_those_that_stay_keep_their_figures),
		IN_DIRECTORY(directories_of_others_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
