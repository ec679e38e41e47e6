/* SPDX-License-Identifier: Apache-2.0 */
/* What naming makes of code that is made at run time: see test_jit.c for what is known of it. */
#include "agent/naming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/jit.h"

#define CODE 0x10000 /* nothing else is mapped so low */

struct fixture {
	struct symbolizer *symbolizer;
	struct jit *jit;
	struct binaries *binaries;
	struct processes *processes;
	struct naming *naming;
	struct call_tree *tree;
	char map[64];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int err;

	*state = fixture;
	if (!fixture)
		return -1;
	(void)snprintf(fixture->map, sizeof(fixture->map), "/tmp/perf-%d.map", (int)getpid());
	(void)unlink(fixture->map);
	err = symbolizer_new(&fixture->symbolizer);
	if (!err)
		err = jit_new(&fixture->jit);
	if (!err)
		err = binaries_new(fixture->symbolizer, NULL, &fixture->binaries);
	if (err < 0)
		return err;
	binaries_set_jit(fixture->binaries, fixture->jit);
	err = processes_new(fixture->binaries, NULL, true, &fixture->processes);
	if (!err)
		err = naming_new(fixture->symbolizer, fixture->processes, &fixture->naming);
	return err < 0 ? err : call_tree_new(&fixture->tree);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	call_tree_free(fixture->tree);
	naming_free(fixture->naming);
	processes_free(fixture->processes);
	binaries_free(fixture->binaries);
	jit_free(fixture->jit);
	symbolizer_free(fixture->symbolizer);
	(void)unlink(fixture->map);
	free(fixture);
	return 0;
}

static void map_memory(struct fixture *fixture, uint64_t time_ns, const char *path)
{
	assert_int_equal(processes_apply(fixture->processes,
					 &(struct sideband_record){ .type = SIDEBAND_MMAP,
								    .time_ns = time_ns,
								    .pid = (int32_t)getpid(),
								    .start = CODE,
								    .length = 0x1000,
								    .path = path }),
			 0);
}

static void write_map(const struct fixture *fixture, const char *text)
{
	FILE *out = fopen(fixture->map, "ae");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

/* Of a sample there, the innermost frame; it is put in the tree. */
static struct frame name(struct fixture *fixture, uint64_t address, uint64_t time_ns)
{
	struct named_stack stack;
	struct sample sample = {
		.tgid = (uint32_t)getpid(),
		.first_ns = time_ns,
		.process_name = "demo",
		.thread_name = "",
		.user = &address,
		.user_depth = 1,
		.stop = STOP_COMPLETE,
		.count = 1,
	};

	naming_name(fixture->naming, &sample, &stack);
	assert_int_equal(stack.count, 2);
	assert_int_equal(call_tree_add(fixture->tree, stack.frames, stack.count, 1), 0);
	return stack.frames[1];
}

static uint64_t unnamed(const struct fixture *fixture)
{
	struct naming_stats stats;

	naming_read_stats(fixture->naming, &stats);
	return stats.unnamed_user_frames;
}

static void code_in_no_file_has_the_name_that_its_program_tells(void **state)
{
	struct fixture *fixture = *state;
	struct frame frame;

	naming_set_jit(fixture->naming, fixture->jit);
	map_memory(fixture, 10, "//anon");
	write_map(fixture, "10000 100 made\n");
	naming_begin(fixture->naming);
	frame = name(fixture, CODE + 5, 20);
	assert_string_equal(frame.name, "made");
	assert_int_equal(frame.kind, FRAME_JIT);
	assert_int_equal(unnamed(fixture), 0);
	naming_end(fixture->naming, 30);
}

static void without_anybody_to_ask_it_is_anonymous(void **state)
{
	struct fixture *fixture = *state;
	struct frame frame;

	map_memory(fixture, 10, "//anon");
	write_map(fixture, "10000 100 made\n");
	naming_begin(fixture->naming);
	frame = name(fixture, CODE + 5, 20);
	assert_string_equal(frame.name, "[anon]");
	assert_int_equal(frame.kind, FRAME_USER);
	assert_int_equal(unnamed(fixture), 1);
	assert_int_equal(naming_version(fixture->naming, (int32_t)getpid()), 0);
	assert_int_equal(
		naming_finish(fixture->naming, (struct call_tree * *[]){ &fixture->tree }, 1), 0);
}

static void code_in_files_is_not_asked_for(void **state)
{
	struct fixture *fixture = *state;

	naming_set_jit(fixture->naming, fixture->jit);
	map_memory(fixture, 10, "/nonexistent/libx.so");
	write_map(fixture, "10000 100 lies\n");
	naming_begin(fixture->naming);
	assert_string_equal(name(fixture, CODE + 5, 20).name, "[libx.so+0x5]");
}

static void late_names_are_in_the_finished_tree(void **state)
{
	struct fixture *fixture = *state;
	const struct call_node *root, *node;

	naming_set_jit(fixture->naming, fixture->jit);
	map_memory(fixture, 10, "//anon");
	naming_begin(fixture->naming);
	(void)name(fixture, CODE + 5, 20);
	(void)name(fixture, CODE + 6, 20);
	(void)name(fixture, CODE + 0x200, 20);
	(void)name(fixture, CODE + 0x300, 20);
	naming_end(fixture->naming, 30);
	assert_int_equal(unnamed(fixture), 4);
	assert_int_equal(call_tree_node_count(fixture->tree), 6);
	write_map(fixture, "10000 100 made\n");
	assert_int_equal(
		naming_finish(fixture->naming, (struct call_tree * *[]){ &fixture->tree }, 1), 0);
	assert_int_equal(call_tree_sort(fixture->tree), 0);
	assert_int_equal(unnamed(fixture), 2);
	/* all, demo, [anon] twice, made twice */
	assert_int_equal(call_tree_node_count(fixture->tree), 4);
	root = call_tree_node(fixture->tree, call_tree_node(fixture->tree, 0)->first_child);
	node = call_tree_node(fixture->tree, root->first_child);
	assert_string_equal(call_tree_name(fixture->tree, node->name_id), "[anon]");
	assert_int_equal(node->self, 2);
	node = call_tree_node(fixture->tree, node->next_sibling);
	assert_string_equal(call_tree_name(fixture->tree, node->name_id), "made");
	assert_int_equal(node->kind, FRAME_JIT);
	assert_int_equal(node->self, 2);
}

static void programs_of_one_process_are_told_apart(void **state)
{
	struct fixture *fixture = *state;

	naming_set_jit(fixture->naming, fixture->jit);
	map_memory(fixture, 10, "//anon");
	write_map(fixture, "10000 100 before\n");
	naming_begin(fixture->naming);
	assert_string_equal(name(fixture, CODE + 5, 20).name, "before");
	naming_end(fixture->naming, 30);
	assert_int_equal(processes_apply(fixture->processes,
					 &(struct sideband_record){ .type = SIDEBAND_EXEC,
								    .time_ns = 40,
								    .pid = (int32_t)getpid() }),
			 0);
	assert_int_equal(unlink(fixture->map), 0);
	write_map(fixture, "10000 100 after\n");
	map_memory(fixture, 50, "");
	naming_begin(fixture->naming);
	assert_string_equal(name(fixture, CODE + 5, 35).name, "before");
	assert_string_equal(name(fixture, CODE + 5, 60).name, "after");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(code_in_no_file_has_the_name_that_its_program_tells),
		TEST(without_anybody_to_ask_it_is_anonymous),
		TEST(code_in_files_is_not_asked_for),
		TEST(late_names_are_in_the_finished_tree),
		TEST(programs_of_one_process_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
