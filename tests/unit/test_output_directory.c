/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/output.h"
#include "tests/unit/hear.h"
#include "tests/unit/output_fixture.h"

/* One file into it, which is its only one. */
static void fill_and_free(struct output *output, const char *path)
{
	FILE *stream = output_stream(output, "a");

	assert_non_null(stream);
	assert_true(fputs("new", stream) >= 0);
	assert_int_equal(output_commit(output), 0);
	assert_string_equal(output_path(output, 0), path);
	output_free(output);
	check_content(path, "new");
}

static void a_new_directory_is_never_one_that_is_there(void **state)
{
	struct output *output, *other;

	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	make_file("d-2", "");
	assert_int_equal(output_open_new_directory("d", &output), 0);
	assert_int_equal(output_open_new_directory("d", &other), 0);
	assert_int_equal(count_names("."), 2);
	fill_and_free(other, "d-3/a");
	fill_and_free(output, "d-4/a");
	assert_int_equal(count_names("d"), 0);
	for (int i = 1; i <= 100; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "n-%d", i);
		assert_int_equal(mkdir(i == 1 ? "n" : name, 0755), 0);
	}
	hear();
	assert_int_equal(output_open_new_directory("n", &output), -EEXIST);
	assert_string_equal(heard(), "eprof: cannot write 'n': it is there already, and so are "
				     "n-2 and on\n");
}

static void a_directory_is_there_with_its_first_file(void **state)
{
	struct output *output;

	(void)state;
	assert_int_equal(output_open("d", &output), 0);
	assert_int_equal(count_names("."), 0);
	/* Somebody else's, by then. */
	assert_int_equal(mkdir("d", 0755), 0);
	make_file("d/mine", "mine");
	fill_and_free(output, "d/a");
	check_content("d/mine", "mine");
}

static void a_directory_that_was_removed_is_made_again(void **state)
{
	struct output *output;

	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(output_open("d", &output), 0);
	assert_int_equal(rmdir("d"), 0);
	fill_and_free(output, "d/a");
	assert_int_equal(output_open("d/x.svg", &output), 0);
	assert_int_equal(system("rm -r d"), 0);
	fill_and_free(output, "d/x.svg");
	assert_int_equal(count_names("d"), 1);
}

static void what_has_come_in_its_place_is_not_followed(void **state)
{
	struct output *output;

	(void)state;
	assert_int_equal(mkdir("victim", 0755), 0);
	assert_int_equal(output_open("new", &output), 0);
	assert_int_equal(symlink("victim", "new"), 0);
	hear();
	assert_null(output_stream(output, "a"));
	assert_string_equal(heard(), "eprof: cannot write into 'new/a': it is not a directory\n");
	output_free(output);
	assert_int_equal(mkdir("old", 0755), 0);
	assert_int_equal(output_open("old", &output), 0);
	assert_int_equal(rmdir("old"), 0);
	assert_int_equal(symlink("victim", "old"), 0);
	hear();
	assert_null(output_stream(output, "a"));
	assert_non_null(strstr(heard(), "eprof: cannot write"));
	output_free(output);
	assert_int_equal(count_names("victim"), 0);
	assert_int_equal(count_names("."), 3);
}

/* Of the file, too: what is asked for again is the same stream, with all that is in it. */
static void a_stream_is_one_whatever_happens_to_its_file(void **state)
{
	struct output *output;
	FILE *stream;

	(void)state;
	assert_int_equal(output_open("x.svg", &output), 0);
	stream = output_stream(output, NULL);
	assert_non_null(stream);
	assert_int_equal(system("rm .x.svg*"), 0);
	assert_ptr_equal(output_stream(output, NULL), stream);
	hear();
	assert_int_equal(output_commit(output), -ENOENT);
	assert_string_equal(heard(), "eprof: cannot write 'x.svg': No such file or directory\n");
	output_free(output);
	assert_int_equal(count_names("."), 0);
}

/* But for one that was there when it was asked for. */
static void a_link_to_a_directory_is_one(void **state)
{
	struct output *output;

	(void)state;
	assert_int_equal(mkdir("real", 0755), 0);
	assert_int_equal(symlink("real", "d"), 0);
	assert_int_equal(output_open("d", &output), 0);
	fill_and_free(output, "d/a");
	check_content("real/a", "new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(a_new_directory_is_never_one_that_is_there),
		IN_DIRECTORY(a_directory_is_there_with_its_first_file),
		IN_DIRECTORY(a_directory_that_was_removed_is_made_again),
		IN_DIRECTORY(what_has_come_in_its_place_is_not_followed),
		IN_DIRECTORY(a_stream_is_one_whatever_happens_to_its_file),
		IN_DIRECTORY(a_link_to_a_directory_is_one),
	};

	(void)umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
