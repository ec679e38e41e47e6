/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/output.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/hear.h"
#include "tests/unit/output_fixture.h"

#define SKIPPED 77

/* Opening path fails with expected, and one line that names it. */
static void check_refused(const char *path, enum output_form form, int expected)
{
	struct output *output = NULL;
	const char *text;
	int err;

	hear();
	err = output_open_as(path, form, &output);
	text = heard();
	assert_int_equal(err, expected);
	assert_null(output);
	assert_non_null(strstr(text, path));
	assert_true(strncmp(text, "eprof: ", 7) == 0);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void the_name_tells_the_form(void **state)
{
	(void)state;
	assert_int_equal(output_form_of("-"), OUTPUT_STDOUT);
	assert_int_equal(output_form_of("a.svg"), OUTPUT_SVG);
	assert_int_equal(output_form_of("/x.d/a.folded"), OUTPUT_FOLDED);
	assert_int_equal(output_form_of("a.pb.gz"), OUTPUT_PPROF);
	assert_int_equal(output_form_of("a.html"), OUTPUT_HTML);
	assert_int_equal(output_form_of("a.json"), OUTPUT_SPEEDSCOPE);
	assert_int_equal(output_form_of("a.svg/"), OUTPUT_DIRECTORY);
	assert_int_equal(output_form_of("a.gz"), OUTPUT_DIRECTORY);
	assert_int_equal(output_form_of("svg"), OUTPUT_DIRECTORY);
	assert_int_equal(output_form_of("./-"), OUTPUT_DIRECTORY);
	assert_int_equal(output_form_of(""), OUTPUT_DIRECTORY);
}

static void a_file_appears_whole_at_commit(void **state)
{
	struct output *output;
	struct stat st;
	FILE *stream;

	(void)state;
	assert_int_equal(output_open("x.svg", &output), 0);
	assert_int_equal(output_form(output), OUTPUT_SVG);
	stream = output_stream(output, "ignored");
	assert_non_null(stream);
	assert_ptr_equal(stream, output_stream(output, NULL));
	assert_true(fputs("picture", stream) >= 0);
	assert_int_equal(fflush(stream), 0);
	assert_int_equal(stat("x.svg", &st), -1);
	assert_null(output_path(output, 0));
	assert_int_equal(output_commit(output), 0);
	check_content("x.svg", "picture");
	assert_string_equal(output_path(output, 0), "x.svg");
	assert_null(output_path(output, 1));
	output_free(output);
	assert_int_equal(count_names("."), 1);
}

static void the_umask_is_respected(void **state)
{
	mode_t before = umask(027);
	struct output *output;
	struct stat st;

	(void)state;
	assert_int_equal(output_open("x.svg", &output), 0);
	assert_non_null(output_stream(output, NULL));
	assert_int_equal(output_commit(output), 0);
	output_free(output);
	assert_int_equal(output_open("d", &output), 0);
	assert_int_equal(output_commit(output), 0);
	output_free(output);
	(void)umask(before);
	assert_int_equal(stat("x.svg", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(stat("d", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
}

static void a_directory_is_made_and_filled(void **state)
{
	struct output *output;
	FILE *svg, *json;

	(void)state;
	assert_int_equal(output_open("out.svg/", &output), 0);
	assert_int_equal(output_form(output), OUTPUT_DIRECTORY);
	svg = output_stream(output, "on-cpu.svg");
	json = output_stream(output, "stats.json");
	assert_non_null(svg);
	assert_non_null(json);
	assert_true(fputs("S", svg) >= 0);
	assert_true(fputs("J", json) >= 0);
	assert_int_equal(access("out.svg/on-cpu.svg", F_OK), -1);
	assert_int_equal(output_commit(output), 0);
	assert_string_equal(output_path(output, 0), "out.svg/on-cpu.svg");
	assert_string_equal(output_path(output, 1), "out.svg/stats.json");
	output_free(output);
	check_content("out.svg/on-cpu.svg", "S");
	check_content("out.svg/stats.json", "J");
	assert_int_equal(count_names("out.svg"), 2);
}

static void an_existing_directory_is_reused(void **state)
{
	struct output *output;
	FILE *stream;

	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(mkdir("d/probe", 0755), 0);
	make_file("d/mine", "mine");
	make_file("d/stats.json", "old and longer");
	assert_int_equal(output_open("d", &output), 0);
	assert_int_equal(count_names("d"), 3);
	stream = output_stream(output, "stats.json");
	assert_non_null(stream);
	assert_true(fputs("new", stream) >= 0);
	check_content("d/stats.json", "old and longer");
	assert_int_equal(output_commit(output), 0);
	output_free(output);
	check_content("d/stats.json", "new");
	check_content("d/mine", "mine");
	assert_int_equal(count_names("d"), 3);
}

static void what_is_not_committed_leaves_nothing(void **state)
{
	struct output *output;
	FILE *stream;

	(void)state;
	assert_int_equal(output_open("x.svg", &output), 0);
	output_free(output);
	assert_int_equal(output_open("d", &output), 0);
	stream = output_stream(output, "a");
	assert_non_null(stream);
	assert_true(fputs("half", stream) >= 0);
	output_free(output);
	assert_int_equal(count_names("."), 0);
	make_file("x.svg", "old");
	assert_int_equal(output_open("x.svg", &output), 0);
	output_free(output);
	check_content("x.svg", "old");
	output_free(NULL);
}

/* Who is killed while a recording runs, or an input is read, cannot clean up. */
static void nothing_is_there_before_something_is_written(void **state)
{
	struct output *output;

	(void)state;
	assert_int_equal(output_open("x.svg", &output), 0);
	assert_int_equal(count_names("."), 0);
	assert_non_null(output_stream(output, NULL));
	assert_int_equal(count_names("."), 1);
	assert_ptr_equal(output_stream(output, NULL), output_stream(output, NULL));
	assert_int_equal(count_names("."), 1);
	output_free(output);
	assert_int_equal(count_names("."), 0);
}

static void a_link_is_replaced_not_followed(void **state)
{
	struct output *output;
	struct stat st;

	(void)state;
	make_file("target", "untouched");
	assert_int_equal(symlink("target", "x.svg"), 0);
	assert_int_equal(output_open("x.svg", &output), 0);
	assert_true(fputs("new", output_stream(output, NULL)) >= 0);
	assert_int_equal(output_commit(output), 0);
	output_free(output);
	check_content("target", "untouched");
	check_content("x.svg", "new");
	assert_int_equal(lstat("x.svg", &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void a_planted_temporary_name_is_not_followed(void **state)
{
	struct output *output;
	char name[64];

	(void)state;
	make_file("victim", "untouched");
	(void)snprintf(name, sizeof(name), ".x.svg.eprof-%d", (int)getpid());
	assert_int_equal(symlink("victim", name), 0);
	assert_int_equal(output_open("x.svg", &output), 0);
	assert_true(fputs("new", output_stream(output, NULL)) >= 0);
	assert_int_equal(output_commit(output), 0);
	output_free(output);
	check_content("victim", "untouched");
	check_content("x.svg", "new");
	assert_int_equal(count_names("."), 3);
}

static void the_longest_file_name_works(void **state)
{
	char name[256];
	struct output *output;

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name + 251, ".svg", 5);
	assert_int_equal(output_open(name, &output), 0);
	assert_non_null(output_stream(output, NULL));
	assert_int_equal(output_commit(output), 0);
	output_free(output);
	assert_int_equal(access(name, F_OK), 0);
}

static void wrong_places_are_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(mkfifo("pipe.svg", 0644), 0);
	make_file("file", "old");
	check_refused("d", OUTPUT_SVG, -EISDIR);
	check_refused("new/", OUTPUT_SVG, -EISDIR);
	check_refused("file", OUTPUT_DIRECTORY, -ENOTDIR);
	check_refused("file/x.svg", OUTPUT_SVG, -ENOTDIR);
	check_refused("none/d", OUTPUT_DIRECTORY, -ENOENT);
	check_refused("none/x.svg", OUTPUT_SVG, -ENOENT);
	check_refused("", OUTPUT_DIRECTORY, -ENOENT);
	check_refused("pipe.svg", OUTPUT_SVG, -ENOTSUP);
	check_refused("/dev/null", OUTPUT_SVG, -ENOTSUP);
	check_refused("/dev/stdout", OUTPUT_FOLDED, -ENOTSUP);
	check_refused("/dev/eprof-test.svg", OUTPUT_SVG, -ENOTSUP);
	assert_int_equal(count_names("."), 3);
	check_content("file", "old");
}

static void a_file_that_cannot_be_renamed_undoes_the_others(void **state)
{
	struct output *output;
	const char *text;

	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(output_open("d", &output), 0);
	assert_non_null(output_stream(output, "a"));
	assert_non_null(output_stream(output, "b"));
	/* somebody is quicker */
	assert_int_equal(mkdir("d/b", 0755), 0);
	errno = 0;
	hear();
	assert_null(output_stream(output, "b"));
	assert_int_equal(errno, EISDIR);
	assert_non_null(strstr(heard(), "eprof: cannot write 'd/b': it is a directory"));
	hear();
	assert_int_equal(output_commit(output), -EISDIR);
	text = heard();
	assert_string_equal(text, "eprof: cannot write 'd/b': Is a directory\n");
	assert_null(output_path(output, 0));
	output_free(output);
	assert_int_equal(count_names("d"), 1);
}

static void more_files_than_the_limit_are_refused(void **state)
{
	struct output *output;

	(void)state;
	assert_int_equal(output_open("d", &output), 0);
	for (int i = 0; i < OUTPUT_FILES_MAX; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%d", i);
		assert_non_null(output_stream(output, name));
	}
	assert_null(output_stream(output, "one-more"));
	assert_int_equal(errno, ENFILE);
	assert_int_equal(output_commit(output), 0);
	output_free(output);
	assert_int_equal(count_names("d"), OUTPUT_FILES_MAX);
}

/* Commits two files, of which the second does not fit, below path. */
static void fill_disk(const char *path)
{
	static const char block[4096];
	struct output *output;
	char expected[128];
	FILE *stream;

	assert_int_equal(output_open(path, &output), 0);
	assert_non_null(output_stream(output, "a.folded"));
	stream = output_stream(output, "b.svg");
	assert_non_null(stream);
	for (int i = 0; i < 64; i++)
		(void)fwrite(block, 1, sizeof(block), stream);
	hear();
	assert_int_equal(output_commit(output), -ENOSPC);
	(void)snprintf(expected, sizeof(expected),
		       "eprof: cannot write '%s/b.svg': No space left on device\n", path);
	assert_string_equal(heard(), expected);
	output_free(output);
}

static int fill_disk_child(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdir("disk", 0755) < 0 || mount("tmpfs", "disk", "tmpfs", 0, "size=64k") < 0)
		return SKIPPED;
	fill_disk("disk/new");
	assert_int_equal(count_names("disk"), 0);
	assert_int_equal(mkdir("disk/old", 0755), 0);
	make_file("disk/old/b.svg", "old");
	fill_disk("disk/old");
	check_content("disk/old/b.svg", "old");
	assert_int_equal(count_names("disk/old"), 1);
	return 0;
}

static void a_full_disk_leaves_nothing_half_written(void **state)
{
	int status;
	pid_t child;

	(void)state;
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		exit(fill_disk_child());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Writes text to "-" when stdout is fd; the result of the commit. */
static int write_stdout(int fd, const char *text, const char **ret_heard)
{
	int saved, err;
	struct output *output;

	(void)fflush(stdout);
	saved = dup(STDOUT_FILENO);
	assert_true(saved >= 0);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0);
	(void)close(fd);
	hear();
	err = output_open("-", &output);
	if (!err) {
		(void)fputs(text, output_stream(output, NULL));
		err = output_commit(output);
		assert_null(output_path(output, 0));
		output_free(output);
	}
	*ret_heard = heard();
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	return err;
}

static void stdout_is_written(void **state)
{
	const char *text;
	int fd = open("out", O_WRONLY | O_CREAT, 0644);

	(void)state;
	assert_int_equal(write_stdout(fd, "a;b 1\n", &text), 0);
	assert_string_equal(text, "");
	check_content("out", "a;b 1\n");
}

static void a_full_stdout_is_reported(void **state)
{
	const char *text;

	(void)state;
	assert_int_equal(write_stdout(open("/dev/full", O_WRONLY), "a;b 1\n", &text), -ENOSPC);
	assert_string_equal(text, "eprof: cannot write 'stdout': No space left on device\n");
}

static void a_reader_that_left_is_reported(void **state)
{
	const char *text;
	int ends[2];

	(void)state;
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR); /* as in main() */
	assert_int_equal(pipe(ends), 0);
	(void)close(ends[0]);
	assert_int_equal(write_stdout(ends[1], "a;b 1\n", &text), -EPIPE);
	assert_string_equal(text, "eprof: cannot write 'stdout': Broken pipe\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_tells_the_form),
		IN_DIRECTORY(a_file_appears_whole_at_commit),
		IN_DIRECTORY(the_umask_is_respected),
		IN_DIRECTORY(a_directory_is_made_and_filled),
		IN_DIRECTORY(an_existing_directory_is_reused),
		IN_DIRECTORY(what_is_not_committed_leaves_nothing),
		IN_DIRECTORY(nothing_is_there_before_something_is_written),
		IN_DIRECTORY(a_link_is_replaced_not_followed),
		IN_DIRECTORY(a_planted_temporary_name_is_not_followed),
		IN_DIRECTORY(the_longest_file_name_works),
		IN_DIRECTORY(wrong_places_are_refused),
		IN_DIRECTORY(a_file_that_cannot_be_renamed_undoes_the_others),
		IN_DIRECTORY(more_files_than_the_limit_are_refused),
		IN_DIRECTORY(a_full_disk_leaves_nothing_half_written),
		IN_DIRECTORY(stdout_is_written),
		IN_DIRECTORY(a_full_stdout_is_reported),
		IN_DIRECTORY(a_reader_that_left_is_reported),
	};

	(void)umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
