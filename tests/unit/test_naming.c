/* SPDX-License-Identifier: Apache-2.0 */
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

#include "tests/unit/elf_image.h"
#include "tests/unit/naming_fixture.h"

static void functions_of_our_own_are_named(void **state)
{
	uint64_t user[] = { (uint64_t)inner_function, outer_function() };
	struct sample sample = sample_of(user, 2);
	struct fixture *fixture = *state;
	struct mapping mapping;

	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 3);
	check_frame(fixture, 0, "demo", FRAME_PROCESS);
	check_frame(fixture, 1, "outer_function", FRAME_USER);
	check_frame(fixture, 2, "inner_function", FRAME_USER);
	assert_string_equal(fixture->stack.frames[2].module, "test_naming");
	assert_true(fixture->stack.is_complete);
	check_unnamed(fixture, 0, 0);
	assert_true(
		processes_locate(fixture->processes, (int32_t)getpid(), 1000, user[0], &mapping));
	assert_true(mapping.binary->is_sampled);
}

/* A signal interrupts functions at their first byte, too: only the walker knows which is which. */
static void callers_are_looked_up_as_they_are(void **state)
{
	uint64_t user[] = { (uint64_t)outer_function, (uint64_t)outer_function,
			    (uint64_t)outer_function - 1 };
	struct sample sample = sample_of(user, 3);
	struct fixture *fixture = *state;

	name(fixture, &sample);
	check_frame(fixture, 3, "outer_function", FRAME_USER);
	check_frame(fixture, 2, "outer_function", FRAME_USER);
	assert_string_not_equal(fixture->stack.frames[1].name, "outer_function");
}

static void code_without_a_name_says_where_it_lies(void **state)
{
	const uint64_t user = 0x10234;
	struct sample sample = sample_of(&user, 1);
	struct fixture *fixture = *state;

	map_file(fixture, "/nonexistent/libx.so.1 (deleted)");
	sample.tgid = NOBODY;
	name(fixture, &sample);
	check_frame(fixture, 1, "[libx.so.1+0x2234]", FRAME_USER);
	assert_string_equal(fixture->stack.frames[1].module, "libx.so.1");
	check_unnamed(fixture, 1, 0);
	assert_true(binaries_unopened(fixture->binaries) == 1);
	map_file(fixture, "//anon");
	name(fixture, &sample);
	check_frame(fixture, 1, "[anon]", FRAME_USER);
	map_file(fixture, "[uprobes]");
	name(fixture, &sample);
	check_frame(fixture, 1, "[uprobes]", FRAME_USER);
}

static void an_address_in_no_mapping_is_unknown(void **state)
{
	const uint64_t user = 16;
	struct sample sample = sample_of(&user, 1);
	struct fixture *fixture = *state;

	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 2);
	check_frame(fixture, 1, "[unknown]", FRAME_USER);
	assert_null(fixture->stack.frames[1].module);
	check_unnamed(fixture, 1, 0);
	sample.tgid = NOBODY; /* not even the process is known */
	name(fixture, &sample);
	check_frame(fixture, 1, "[unknown]", FRAME_USER);
	check_unnamed(fixture, 2, 0);
}

static void what_lies_beyond_garbage_is_left_out(void **state)
{
	uint64_t user[] = { (uint64_t)inner_function, outer_function(), 16, outer_function() };
	struct sample sample = sample_of(user, 4);
	struct fixture *fixture = *state;

	sample.stop = STOP_FRAME_POINTERS;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 4);
	check_frame(fixture, 1, "[stack: frame pointers end]", FRAME_NOTE);
	check_frame(fixture, 2, "outer_function", FRAME_USER);
	check_frame(fixture, 3, "inner_function", FRAME_USER);
	assert_false(fixture->stack.is_complete);
}

static void a_note_below_the_root_says_what_is_missing(void **state)
{
	const uint64_t user = (uint64_t)inner_function;
	struct sample sample = sample_of(&user, 1);
	struct fixture *fixture = *state;

	for (int i = 0; i < STOP_REASON_COUNT; i++) {
		const char *note = stop_reason_note((enum stop_reason)i);

		/* Its last address has a mapping: the walker was not told of it in time. */
		if (i == STOP_NO_MAPPING)
			continue;
		sample.stop = (enum stop_reason)i;
		name(fixture, &sample);
		assert_int_equal(fixture->stack.stop, i);
		assert_int_equal(fixture->stack.is_complete, !note);
		assert_int_equal(fixture->stack.count, note ? 3 : 2);
		check_frame(fixture, fixture->stack.count - 1, "inner_function", FRAME_USER);
		if (note)
			check_frame(fixture, 1, note, FRAME_NOTE);
	}
}

/* Only now is it known whether there was a mapping that the walker had not been told of. */
static void where_a_walk_found_no_mapping_is_looked_at_again(void **state)
{
	uint64_t user[] = { (uint64_t)inner_function, 16 };
	struct sample sample = sample_of(user, 2);
	struct fixture *fixture = *state;

	sample.stop = STOP_NO_MAPPING;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.stop, STOP_NO_MAPPING);
	check_frame(fixture, 1, "[stack: leads out of the code]", FRAME_NOTE);
	sample.user_depth = 1;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.stop, STOP_NO_TABLE_YET);
	check_frame(fixture, 1, "[stack: no unwind table yet]", FRAME_NOTE);
	assert_false(fixture->stack.is_complete);
	sample.user_depth = 0;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.stop, STOP_NO_MAPPING);
}

/* The walker knows that it went on in code: what is not known here is unmapped since. */
static void a_complete_walk_keeps_all_its_addresses(void **state)
{
	uint64_t user[] = { (uint64_t)inner_function, 16, outer_function() };
	struct sample sample = sample_of(user, 3);
	struct fixture *fixture = *state;

	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 4);
	check_frame(fixture, 1, "outer_function", FRAME_USER);
	check_frame(fixture, 2, "[unknown]", FRAME_USER);
	assert_true(fixture->stack.is_complete);
}

int main(void);

static void frame_pointers_that_end_at_the_entry_are_complete(void **state)
{
	uint64_t user[] = { (uint64_t)inner_function, outer_function(), (uint64_t)main + 8 };
	struct sample sample = sample_of(user, 3);
	struct fixture *fixture = *state;

	sample.stop = STOP_FRAME_POINTERS;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 4);
	check_frame(fixture, 1, "main", FRAME_USER);
	check_frame(fixture, 2, "outer_function", FRAME_USER);
	check_frame(fixture, 3, "inner_function", FRAME_USER);
	assert_int_equal(fixture->stack.stop, STOP_COMPLETE);
	assert_true(fixture->stack.is_complete);
	sample.stop = STOP_TOO_DEEP; /* main() may have been called by itself */
	name(fixture, &sample);
	assert_false(fixture->stack.is_complete);
}

/* As of a loader without symbols, or a stripped program. */
static void the_entry_point_needs_no_name(void **state)
{
	uint64_t user[] = { 0x10000 + 900, 0x10000 + 63 };
	struct sample sample = sample_of(user, 2);
	struct fixture *fixture = *state;
	char path[] = "/tmp/eprof-test-naming-XXXXXX";
	struct elf_image image;
	Elf64_Ehdr header;
	int fd = mkstemp(path);

	image_begin(&image, false);
	image_end(&image);
	memcpy(&header, image.bytes, sizeof(header));
	header.e_entry = TEXT_ADDRESS;
	memcpy(image.bytes, &header, sizeof(header));
	assert_true(fd >= 0);
	assert_int_equal(write(fd, image.bytes, image.size), image.size);
	(void)close(fd);
	assert_int_equal(processes_apply(fixture->processes,
					 &(struct sideband_record){ .type = SIDEBAND_MMAP,
								    .time_ns = 10,
								    .pid = NOBODY,
								    .start = 0x10000,
								    .length = 0x1000,
								    .file_offset = TEXT_OFFSET,
								    .path = path }),
			 0);
	assert_int_equal(unlink(path), 0);
	sample.tgid = NOBODY;
	sample.stop = STOP_FRAME_POINTERS;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 3);
	assert_int_equal(fixture->stack.stop, STOP_COMPLETE);
	assert_true(fixture->stack.is_complete);
	user[1]++;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 4);
	assert_int_equal(fixture->stack.stop, STOP_FRAME_POINTERS);
}

static void the_root_is_the_process_and_below_it_the_thread(void **state)
{
	struct sample sample = sample_of(NULL, 0);
	struct fixture *fixture = *state;

	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 1);
	check_frame(fixture, 0, "demo", FRAME_PROCESS);
	sample.tid = 4294967295;
	sample.thread_name = "a worker";
	sample.stop = STOP_TOO_DEEP;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 3);
	check_frame(fixture, 0, "demo", FRAME_PROCESS);
	check_frame(fixture, 1, "a worker-4294967295", FRAME_PROCESS);
	check_frame(fixture, 2, "[stack: too deep]", FRAME_NOTE);
	sample.process_name = "";
	name(fixture, &sample);
	check_frame(fixture, 0, "[unnamed]", FRAME_PROCESS);
	sample.is_idle = true;
	name(fixture, &sample);
	check_frame(fixture, 0, "swapper", FRAME_PROCESS);
}

static void kernel_frames_come_last(void **state)
{
	const uint64_t user = (uint64_t)inner_function, schedule = kernel_address_of_schedule();
	const uint64_t kernel[] = { schedule, 16 };
	struct sample sample = sample_of(&user, 1);
	struct fixture *fixture = *state;

	sample.kernel = kernel;
	sample.kernel_depth = 2;
	name(fixture, &sample);
	check_frame(fixture, 1, "inner_function", FRAME_USER);
	check_unnamed(fixture, 0, 1);
	if (!schedule) {
		assert_int_equal(fixture->stack.count, 3);
		check_frame(fixture, 2, "[kernel]", FRAME_KERNEL);
		return;
	}
	assert_int_equal(fixture->stack.count, 4);
	check_frame(fixture, 2, "[unknown]", FRAME_KERNEL);
	check_frame(fixture, 3, "schedule", FRAME_KERNEL);
	assert_true(fixture->stack.is_complete);
	naming_kernel_changed(fixture->naming); /* read again, and still not there */
	name(fixture, &sample);
	check_frame(fixture, 2, "[unknown]", FRAME_KERNEL);
	check_frame(fixture, 3, "schedule", FRAME_KERNEL);
}

static void a_lost_kernel_stack_is_noted(void **state)
{
	const uint64_t user = (uint64_t)inner_function;
	struct sample sample = sample_of(&user, 1);
	struct fixture *fixture = *state;

	sample.kernel_stack_lost = true;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 3);
	check_frame(fixture, 2, "[kernel stack lost]", FRAME_NOTE);
	assert_false(fixture->stack.is_complete);
}

static void the_deepest_stack_of_the_longest_names_has_room(void **state)
{
	char path[300] = "/nonexistent/", expected[300];
	uint64_t user[USER_FRAMES_MAX] = { 0 }, kernel[KERNEL_FRAMES_MAX] = { 0 };
	struct sample sample = sample_of(user, USER_FRAMES_MAX);
	struct fixture *fixture = *state;

	memset(path + 13, 'x', 255); /* NAME_MAX */
	map_file(fixture, path);
	for (size_t i = 0; i < USER_FRAMES_MAX; i++)
		user[i] = 0x10100 + i;
	for (size_t i = 0; i < KERNEL_FRAMES_MAX; i++)
		kernel[i] = 16;
	sample.tgid = NOBODY;
	sample.tid = 4294967295;
	sample.thread_name = "fifteen letters";
	sample.stop = STOP_TOO_DEEP;
	sample.kernel = kernel;
	sample.kernel_depth = KERNEL_FRAMES_MAX;
	sample.kernel_stack_lost = true;
	name(fixture, &sample);
	check_frame(fixture, 1, "fifteen letters-4294967295", FRAME_PROCESS);
	check_frame(fixture, 2, "[stack: too deep]", FRAME_NOTE);
	for (size_t i = 0; i < USER_FRAMES_MAX; i++) {
		(void)snprintf(expected, sizeof(expected), "[%s+0x%zx]", path + 13, 0x2100 + i);
		check_frame(fixture, 2 + USER_FRAMES_MAX - i, expected, FRAME_USER);
	}
}

#define NAMED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NAMED(functions_of_our_own_are_named),
		NAMED(callers_are_looked_up_as_they_are),
		NAMED(code_without_a_name_says_where_it_lies),
		NAMED(an_address_in_no_mapping_is_unknown),
		NAMED(what_lies_beyond_garbage_is_left_out),
		NAMED(a_note_below_the_root_says_what_is_missing),
		NAMED(where_a_walk_found_no_mapping_is_looked_at_again),
		NAMED(a_complete_walk_keeps_all_its_addresses),
		NAMED(frame_pointers_that_end_at_the_entry_are_complete),
		NAMED(the_entry_point_needs_no_name),
		NAMED(the_root_is_the_process_and_below_it_the_thread),
		NAMED(kernel_frames_come_last),
		NAMED(a_lost_kernel_stack_is_noted),
		NAMED(the_deepest_stack_of_the_longest_names_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
