/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks of threads that wait: see test_naming.c for what all stacks have. */
#include "agent/naming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "symbolize/dwarf_names.h"
#include "tests/unit/naming_fixture.h"

static struct sample waiting_sample(const uint64_t *user, size_t depth)
{
	struct sample sample = sample_of(user, depth);

	sample.is_off_cpu = true;
	sample.state = OFF_SLEEP;
	return sample;
}

/* Another thread of our own process. */
static struct waker waker_of(const uint64_t *user, size_t depth)
{
	return (struct waker){ .process_name = "waker",
			       .tgid = (uint32_t)getpid(),
			       .user = user,
			       .user_depth = depth,
			       .stop = STOP_COMPLETE };
}

static void the_state_is_the_last_frame(void **state)
{
	static const char *const notes[OFF_STATE_COUNT] = {
		[OFF_RUNQUEUE] = "[runqueue]",
		[OFF_UNINTERRUPTIBLE] = "[uninterruptible]",
		[OFF_STOPPED] = "[stopped]",
		[OFF_OTHER] = "[other state]",
	};
	const uint64_t user = (uint64_t)inner_function, kernel = 16;
	struct sample sample = waiting_sample(&user, 1);
	struct fixture *fixture = *state;

	sample.kernel = &kernel;
	sample.kernel_depth = 1;
	for (int i = 0; i < OFF_STATE_COUNT; i++) {
		sample.state = (enum off_state)i;
		sample.is_off_cpu = true;
		name(fixture, &sample);
		assert_int_equal(fixture->stack.count, notes[i] ? 4 : 3);
		assert_int_equal(fixture->stack.frames[2].kind, FRAME_KERNEL);
		if (notes[i])
			check_frame(fixture, 3, notes[i], FRAME_NOTE);
		assert_true(fixture->stack.is_complete);
		sample.is_off_cpu = false; /* it has no state then */
		name(fixture, &sample);
		assert_int_equal(fixture->stack.count, 3);
	}
}

static void who_woke_it_up_follows_the_other_way_round(void **state)
{
	uint64_t user[] = { (uint64_t)inner_function, outer_function() };
	const uint64_t kernel[] = { kernel_address_of_schedule(), 16 };
	struct sample sample = waiting_sample(user, 2);
	struct waker waker = waker_of(user, 2);
	struct fixture *fixture = *state;
	size_t i = 3;

	waker.kernel = kernel;
	waker.kernel_depth = 2;
	sample.state = OFF_UNINTERRUPTIBLE;
	sample.waker = &waker;
	name(fixture, &sample);
	check_frame(fixture, 0, "demo", FRAME_PROCESS);
	check_frame(fixture, 1, "outer_function", FRAME_USER);
	check_frame(fixture, 2, "inner_function", FRAME_USER);
	check_frame(fixture, i++, "[uninterruptible]", FRAME_NOTE);
	check_frame(fixture, i++, "--", FRAME_NOTE);
	if (kernel[0]) {
		check_frame(fixture, i++, "schedule", FRAME_KERNEL);
		check_frame(fixture, i++, "[unknown]", FRAME_KERNEL);
	} else {
		check_frame(fixture, i++, "[kernel]", FRAME_KERNEL);
	}
	check_frame(fixture, i++, "inner_function", FRAME_USER);
	check_frame(fixture, i++, "outer_function", FRAME_USER);
	check_frame(fixture, i++, "waker", FRAME_PROCESS);
	assert_int_equal(fixture->stack.count, i);
	assert_true(fixture->stack.is_complete);
}

static void a_waker_without_stacks_has_its_name(void **state)
{
	struct sample sample = waiting_sample(NULL, 0);
	struct waker waker = waker_of(NULL, 0);
	struct fixture *fixture = *state;

	sample.waker = &waker;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 3);
	check_frame(fixture, 1, "--", FRAME_NOTE);
	check_frame(fixture, 2, "waker", FRAME_PROCESS);
	waker.process_name = "";
	name(fixture, &sample);
	check_frame(fixture, 2, "[unnamed]", FRAME_PROCESS);
}

static void a_waker_of_another_process_has_its_own_code(void **state)
{
	const uint64_t user = (uint64_t)inner_function, other = 0x10234;
	struct sample sample = waiting_sample(&user, 1);
	struct waker waker = waker_of(&other, 1);
	struct fixture *fixture = *state;

	map_file(fixture, "/nonexistent/libx.so.1");
	waker.tgid = NOBODY;
	sample.waker = &waker;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 5);
	check_frame(fixture, 1, "inner_function", FRAME_USER);
	check_frame(fixture, 3, "[libx.so.1+0x2234]", FRAME_USER);
	check_frame(fixture, 4, "waker", FRAME_PROCESS);
	check_unnamed(fixture, 1, 0);
}

int main(void);

/* In front of the process, as it is behind it elsewhere. */
static void what_is_missing_of_the_waker_is_noted(void **state)
{
	uint64_t user[] = { (uint64_t)inner_function, outer_function(), 16 };
	struct sample sample = waiting_sample(user, 1);
	struct waker waker = waker_of(user, 3);
	struct fixture *fixture = *state;

	sample.waker = &waker;
	waker.stop = STOP_FRAME_POINTERS;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 7);
	check_frame(fixture, 3, "inner_function", FRAME_USER);
	check_frame(fixture, 4, "outer_function", FRAME_USER);
	check_frame(fixture, 5, "[stack: frame pointers end]", FRAME_NOTE);
	check_frame(fixture, 6, "waker", FRAME_PROCESS);
	/* Of the stack that waited nothing is. */
	assert_true(fixture->stack.is_complete);
	assert_int_equal(fixture->stack.stop, STOP_COMPLETE);
	user[2] = (uint64_t)main + 8;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 7);
	check_frame(fixture, 5, "main", FRAME_USER);
	check_frame(fixture, 6, "waker", FRAME_PROCESS);
	waker.user_depth = 0;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 5);
	check_frame(fixture, 3, "[stack: frame pointers end]", FRAME_NOTE);
}

static int open_nothing(void *context, int fd, int alt_fd, uint32_t *ret_file)
{
	(void)context;
	(void)close(fd);
	if (alt_fd >= 0)
		(void)close(alt_fd);
	*ret_file = 1;
	return 0;
}

static int find_inlined(void *context, uint32_t file, const uint64_t *addresses, size_t n,
			dwarf_answer answer, void *answer_context)
{
	const struct dwarf_frame frames[] = { { .name = "small", .is_inlined = true },
					      { .name = "large" } };

	(void)context;
	(void)file;
	(void)addresses;
	for (size_t i = 0; i < n; i++)
		answer(answer_context, i, frames, 2);
	return 0;
}

static void inlined_functions_are_turned_round_with_the_others(void **state)
{
	const uint64_t user = (uint64_t)inner_function;
	struct sample sample = waiting_sample(&user, 1);
	struct waker waker = waker_of(&user, 1);
	struct fixture *fixture = *state;

	symbolizer_set_dwarf(fixture->symbolizer,
			     &(struct dwarf_lookup){ .open = open_nothing, .find = find_inlined });
	sample.waker = &waker;
	name(fixture, &sample);
	assert_int_equal(fixture->stack.count, 7);
	check_frame(fixture, 2, "small", FRAME_INLINED);
	check_frame(fixture, 3, "--", FRAME_NOTE);
	check_frame(fixture, 4, "small", FRAME_INLINED);
	assert_string_equal(fixture->stack.frames[5].name, fixture->stack.frames[1].name);
	assert_int_equal(fixture->stack.frames[5].kind, FRAME_USER);
	check_frame(fixture, 6, "waker", FRAME_PROCESS);
}

static void a_stack_that_was_not_found_again_is_noted(void **state)
{
	struct sample sample = waiting_sample(NULL, 0);
	struct fixture *fixture = *state;

	sample.stop = STOP_STACK_LOST;
	name(fixture, &sample);
	check_frame(fixture, 1, "[stack lost]", FRAME_NOTE);
	assert_false(fixture->stack.is_complete);
}

static void the_deepest_stacks_of_both_have_room(void **state)
{
	char path[300] = "/nonexistent/", expected[300];
	uint64_t user[USER_FRAMES_MAX] = { 0 }, kernel[KERNEL_FRAMES_MAX] = { 0 };
	struct sample sample = waiting_sample(user, USER_FRAMES_MAX);
	struct waker waker = waker_of(user, USER_FRAMES_MAX);
	struct fixture *fixture = *state;
	size_t last;

	memset(path + 13, 'x', 255); /* NAME_MAX */
	map_file(fixture, path);
	for (size_t i = 0; i < USER_FRAMES_MAX; i++)
		user[i] = 0x10100 + i;
	for (size_t i = 0; i < KERNEL_FRAMES_MAX; i++)
		kernel[i] = 16;
	sample.tgid = waker.tgid = NOBODY;
	sample.tid = 4294967295;
	sample.thread_name = "fifteen letters";
	sample.state = OFF_OTHER;
	sample.stop = waker.stop = STOP_TOO_DEEP;
	sample.kernel = waker.kernel = kernel;
	sample.kernel_depth = waker.kernel_depth = KERNEL_FRAMES_MAX;
	sample.kernel_stack_lost = true;
	sample.waker = &waker;
	name(fixture, &sample);
	last = fixture->stack.count - 1;
	check_frame(fixture, last, "waker", FRAME_PROCESS);
	check_frame(fixture, last - 1, "[stack: too deep]", FRAME_NOTE);
	for (size_t i = 0; i < USER_FRAMES_MAX; i++) {
		(void)snprintf(expected, sizeof(expected), "[%s+0x%zx]", path + 13, 0x2100 + i);
		check_frame(fixture, last - 1 - USER_FRAMES_MAX + i, expected, FRAME_USER);
	}
}

static void the_version_of_a_sample_is_also_that_of_its_waker(void **state)
{
	const uint64_t user = 0x10234;
	struct sample sample = waiting_sample(NULL, 0);
	struct waker waker = waker_of(&user, 1);
	struct fixture *fixture = *state;
	uint64_t before;

	assert_true(naming_sample_version(fixture->naming, &sample) ==
		    naming_version(fixture->naming, (int32_t)getpid()));
	waker.tgid = NOBODY;
	sample.waker = &waker;
	map_file(fixture, "/nonexistent/a.so");
	before = naming_sample_version(fixture->naming, &sample);
	assert_true(naming_sample_version(fixture->naming, &sample) == before);
	map_file(fixture, "/nonexistent/b.so");
	assert_true(naming_sample_version(fixture->naming, &sample) != before);
}

#define NAMED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NAMED(the_state_is_the_last_frame),
		NAMED(who_woke_it_up_follows_the_other_way_round),
		NAMED(a_waker_without_stacks_has_its_name),
		NAMED(a_waker_of_another_process_has_its_own_code),
		NAMED(what_is_missing_of_the_waker_is_noted),
		NAMED(inlined_functions_are_turned_round_with_the_others),
		NAMED(a_stack_that_was_not_found_again_is_noted),
		NAMED(the_deepest_stacks_of_both_have_room),
		NAMED(the_version_of_a_sample_is_also_that_of_its_waker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
