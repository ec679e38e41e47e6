/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/save.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "tests/unit/hear.h"

/* A profile of two stacks, its report, and an empty directory that is the current one. */
struct fixture {
	struct profile profile;
	struct report report;
	bool name_lines;
	char directory[64];
};

static int add(struct call_tree *tree, const char *leaf, uint64_t count)
{
	const struct frame frames[] = {
		{ .name = "demo", .kind = FRAME_PROCESS },
		{ .name = "main", .kind = FRAME_USER },
		{ .name = leaf, .kind = FRAME_KERNEL },
	};

	return call_tree_add(tree, frames, 3, count);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture || call_tree_new(&fixture->profile.tree) < 0 ||
	    add(fixture->profile.tree, "write", 40) < 0 ||
	    add(fixture->profile.tree, "read", 2) < 0 || call_tree_sort(fixture->profile.tree) < 0)
		return -1;
	fixture->report.stats = (struct recording_stats){
		.target = "demo (pid 7)",
		.seconds = 1.5,
		.has_on_cpu = true,
		.sample_hz = 99,
		.samples = 42,
	};
	(void)snprintf(fixture->report.notes, sizeof(fixture->report.notes), "nothing lost");
	(void)snprintf(fixture->directory, sizeof(fixture->directory), "%s",
		       "/tmp/eprof-test-save-XXXXXX");
	return !mkdtemp(fixture->directory) || chdir(fixture->directory) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	call_tree_free(fixture->profile.tree);
	call_tree_free(fixture->profile.off_tree);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture->directory);
	free(fixture);
	return chdir("/") < 0 || system(command) ? -1 : 0;
}

static void cleanup_output(struct output **output)
{
	output_free(*output);
}

static void save_as(struct fixture *fixture, const char *path, enum output_form form)
{
	CLEANUP(cleanup_output) struct output *output = NULL;

	assert_int_equal(output_open_as(path, form, &output), 0);
	assert_int_equal(
		save_profile(&fixture->profile, &fixture->report, fixture->name_lines, output), 0);
}

/* The beginning of a file, as text; lives until the next call. */
static const char *text_of(const char *path)
{
	static char text[1 << 20];
	FILE *file = fopen(path, "r");
	size_t size;

	if (!file)
		fail_msg("no file '%s'", path);
	size = fread(text, 1, sizeof(text) - 1, file);
	assert_int_equal(fclose(file), 0);
	text[size] = '\0';
	return text;
}

static void check_has(const char *path, const char *part)
{
	if (!strstr(text_of(path), part))
		fail_msg("'%s' is not in '%s'", part, path);
}

static void check_lacks(const char *path, const char *part)
{
	if (strstr(text_of(path), part))
		fail_msg("'%s' is in '%s'", part, path);
}

static void check_gzip(const char *path)
{
	assert_int_equal(strncmp(text_of(path), "\x1f\x8b\x08", 3), 0);
}

#define FOLDED "demo;main;read_[k] 2\ndemo;main;write_[k] 40\n"

static void a_directory_gets_every_file(void **state)
{
	save_as(*state, "out", OUTPUT_DIRECTORY);
	assert_string_equal(text_of("out/on-cpu.folded"), FOLDED);
	check_gzip("out/on-cpu.pb.gz");
	check_has("out/on-cpu.svg", "<svg ");
	check_has("out/on-cpu.svg", "</svg>");
	check_has("out/index.html", "</html>");
	check_has("out/stats.json", "\"samples\"");
	assert_int_equal(system("test $(ls -A out | wc -l) = 5"), 0);
}

static void pictures_say_what_they_show(void **state)
{
	save_as(*state, "out", OUTPUT_DIRECTORY);
	check_has("out/on-cpu.svg", "On-CPU");
	check_has("out/on-cpu.svg", "demo (pid 7)");
	check_has("out/on-cpu.svg", "nothing lost");
	check_has("out/index.html", "demo (pid 7)");
	check_has("out/index.html", "nothing lost");
	check_has("out/stats.json", "demo (pid 7)");
}

static void one_file_is_in_its_own_form(void **state)
{
	save_as(*state, "x.folded", OUTPUT_FOLDED);
	assert_string_equal(text_of("x.folded"), FOLDED);
	save_as(*state, "x.svg", OUTPUT_SVG);
	check_has("x.svg", "</svg>");
	save_as(*state, "x.html", OUTPUT_HTML);
	check_has("x.html", "</html>");
	save_as(*state, "x.pb.gz", OUTPUT_PPROF);
	check_gzip("x.pb.gz");
	save_as(*state, "x.json", OUTPUT_SPEEDSCOPE);
	check_has("x.json", "speedscope");
	save_as(*state, "any.name", OUTPUT_FOLDED);
	assert_string_equal(text_of("any.name"), FOLDED);
	assert_int_equal(system("test $(ls -A | wc -l) = 6"), 0);
}

/* main runs on two lines. */
static void add_lines(struct fixture *fixture)
{
	for (uint32_t line = 5; line <= 6; line++) {
		const struct frame frames[] = {
			{ .name = "demo", .kind = FRAME_PROCESS },
			{ "main", "/src/demo.c", "demo", line, FRAME_USER },
			{ "min", "/src/min.h", "demo", 1, FRAME_INLINED },
		};

		assert_int_equal(call_tree_add(fixture->profile.tree, frames, 3, 100), 0);
	}
	assert_int_equal(call_tree_sort(fixture->profile.tree), 0);
}

static void a_function_is_one_frame_whatever_its_lines(void **state)
{
	add_lines(*state);
	save_as(*state, "out", OUTPUT_DIRECTORY);
	assert_string_equal(text_of("out/on-cpu.folded"), "demo;main;min_[i] 200\n" FOLDED);
	check_lacks("out/on-cpu.svg", "demo.c:");
	check_lacks("out/index.html", "demo.c:");
	/* The view tells of each frame where its code is. */
	check_has("out/on-cpu.svg", "\n/src/demo.c\n");
	check_has("out/index.html", "\n/src/demo.c\n");
	assert_int_equal(system("gzip -dc out/on-cpu.pb.gz | grep -qa /src/demo.c"), 0);
	save_as(*state, "x.json", OUTPUT_SPEEDSCOPE);
	check_lacks("x.json", "demo.c");
}

static void names_have_their_lines_on_demand(void **state)
{
	struct fixture *fixture = *state;

	add_lines(fixture);
	fixture->name_lines = true;
	save_as(fixture, "out", OUTPUT_DIRECTORY);
	assert_string_equal(text_of("out/on-cpu.folded"),
			    "demo;main (demo.c:5);min (min.h:1)_[i] 100\n"
			    "demo;main (demo.c:6);min (min.h:1)_[i] 100\n" FOLDED);
	check_has("out/on-cpu.svg", "main (demo.c:6)");
	check_has("out/index.html", "main (demo.c:6)");
	assert_int_equal(system("gzip -dc out/on-cpu.pb.gz | grep -qa demo.c:"), 256);
	save_as(fixture, "x.json", OUTPUT_SPEEDSCOPE);
	check_has("x.json", "main (demo.c:6)");
}

static void stdout_is_folded(void **state)
{
	int saved = dup(STDOUT_FILENO);

	assert_true(saved >= 0);
	(void)fflush(stdout);
	assert_non_null(freopen("stdout", "w", stdout));
	save_as(*state, "-", OUTPUT_STDOUT);
	(void)fflush(stdout);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	(void)close(saved);
	assert_string_equal(text_of("stdout"), FOLDED);
}

static void an_empty_profile_is_saved_too(void **state)
{
	struct fixture *fixture = *state;

	call_tree_free(fixture->profile.tree);
	fixture->profile.tree = NULL;
	assert_int_equal(call_tree_new(&fixture->profile.tree), 0);
	save_as(fixture, "out", OUTPUT_DIRECTORY);
	assert_string_equal(text_of("out/on-cpu.folded"), "");
	check_has("out/on-cpu.svg", "</svg>");
	check_gzip("out/on-cpu.pb.gz");
}

/* 1.5 ms, and 1.2 us more in a call from another line. */
static void add_off_cpu(struct fixture *fixture)
{
	for (uint32_t line = 5; line <= 6; line++) {
		const struct frame frames[] = {
			{ .name = "demo", .kind = FRAME_PROCESS },
			{ "nap", "/src/nap.c", "demo", line, FRAME_USER },
			{ .name = "[runqueue]", .kind = FRAME_NOTE },
		};

		if (!fixture->profile.off_tree)
			assert_int_equal(call_tree_new(&fixture->profile.off_tree), 0);
		assert_int_equal(call_tree_add(fixture->profile.off_tree, frames, 3,
					       line == 5 ? 1500000 : 1200),
				 0);
	}
	assert_int_equal(call_tree_sort(fixture->profile.off_tree), 0);
	(void)snprintf(fixture->report.off_notes, sizeof(fixture->report.off_notes), "all asleep");
}

static void forget_on_cpu(struct fixture *fixture)
{
	call_tree_free(fixture->profile.tree);
	fixture->profile.tree = NULL;
	fixture->report.stats.has_on_cpu = false;
}

static void both_kinds_of_time_are_both_in_a_directory(void **state)
{
	add_off_cpu(*state);
	save_as(*state, "out", OUTPUT_DIRECTORY);
	assert_string_equal(text_of("out/on-cpu.folded"), FOLDED);
	/* 1501.2 microseconds */
	assert_string_equal(text_of("out/off-cpu.folded"), "demo;nap;[runqueue] 1501\n");
	check_has("out/off-cpu.svg", "Off-CPU");
	check_has("out/off-cpu.svg", "data-unit=\"microseconds\"");
	check_has("out/off-cpu.svg", "all asleep");
	check_lacks("out/off-cpu.svg", "nothing lost");
	check_lacks("out/on-cpu.svg", "Off-CPU");
	check_gzip("out/off-cpu.pb.gz");
	assert_int_equal(system("gzip -dc out/off-cpu.pb.gz | grep -qa off_cpu"), 0);
	assert_int_equal(system("gzip -dc out/off-cpu.pb.gz | grep -qa /src/nap.c"), 0);
	assert_int_equal(system("gzip -dc out/on-cpu.pb.gz | grep -qa off_cpu"), 256);
	check_has("out/index.html", "On-CPU");
	check_has("out/index.html", "Off-CPU");
	assert_int_equal(system("test $(ls -A out | wc -l) = 8"), 0);
}

static void what_was_not_recorded_has_no_files(void **state)
{
	add_off_cpu(*state);
	forget_on_cpu(*state);
	save_as(*state, "out", OUTPUT_DIRECTORY);
	check_has("out/off-cpu.folded", "demo;nap;[runqueue] 1501");
	check_lacks("out/index.html", "On-CPU");
	assert_int_equal(system("test $(ls -A out | wc -l) = 5"), 0);
	save_as(*state, "x.folded", OUTPUT_FOLDED);
	assert_string_equal(text_of("x.folded"), "demo;nap;[runqueue] 1501\n");
	save_as(*state, "x.svg", OUTPUT_SVG);
	check_has("x.svg", "Off-CPU");
	save_as(*state, "x.json", OUTPUT_SPEEDSCOPE);
	check_has("x.json", "microseconds");
}

static void two_forms_hold_both_kinds(void **state)
{
	add_off_cpu(*state);
	save_as(*state, "x.html", OUTPUT_HTML);
	check_has("x.html", "data-unit=\"samples\"");
	check_has("x.html", "data-unit=\"microseconds\"");
	save_as(*state, "x.pb.gz", OUTPUT_PPROF);
	assert_int_equal(system("gzip -dc x.pb.gz | grep -qa off_cpu"), 0);
	assert_int_equal(system("gzip -dc x.pb.gz | grep -qa samples"), 0);
	assert_int_equal(system("test $(ls -A | wc -l) = 2"), 0);
}

/* A directory where a file should go: nothing of the recording may stay. */
static void a_failure_leaves_nothing_half_written(void **state)
{
	struct fixture *fixture = *state;
	struct output *output;
	int err;

	assert_int_equal(system("mkdir -p out/stats.json/full"), 0);
	assert_int_equal(output_open_as("out", OUTPUT_DIRECTORY, &output), 0);
	hear();
	err = save_profile(&fixture->profile, &fixture->report, false, output);
	(void)heard();
	output_free(output);
	assert_int_equal(err, -EISDIR);
	assert_int_equal(system("test \"$(ls -A out)\" = stats.json"), 0);
}

#define WITH_PROFILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PROFILE(a_directory_gets_every_file),
		WITH_PROFILE(pictures_say_what_they_show),
		WITH_PROFILE(one_file_is_in_its_own_form),
		WITH_PROFILE(a_function_is_one_frame_whatever_its_lines),
		WITH_PROFILE(names_have_their_lines_on_demand),
		WITH_PROFILE(stdout_is_folded),
		WITH_PROFILE(an_empty_profile_is_saved_too),
		WITH_PROFILE(both_kinds_of_time_are_both_in_a_directory),
		WITH_PROFILE(what_was_not_recorded_has_no_files),
		WITH_PROFILE(two_forms_hold_both_kinds),
		WITH_PROFILE(a_failure_leaves_nothing_half_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
