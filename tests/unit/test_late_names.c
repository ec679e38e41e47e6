/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/late_names.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
	struct late_names *names;
	int err = late_names_new(&names);

	*state = names;
	return err;
}

static int tear_down(void **state)
{
	late_names_free(*state);
	return 0;
}

/* context: the addresses below it have names. */
static const char *name_of(void *context, uint64_t time_ns, uint64_t address)
{
	static char name[64];

	if (address >= *(const uint64_t *)context)
		return NULL;
	(void)snprintf(name, sizeof(name), "f%" PRIu64 " at %" PRIu64, address, time_ns);
	return name;
}

static void settle(struct late_names *names, uint64_t owner, uint64_t below)
{
	late_names_settle(names, owner, name_of, &below);
}

static struct frame replaced(const struct late_names *names, const char *text)
{
	struct frame frame = { .name = text, .kind = FRAME_USER };

	assert_true(late_names_replace(names, &frame));
	return frame;
}

static void an_address_has_one_stand_in(void **state)
{
	const char *one = late_names_add(*state, 1, 5, 100);

	assert_string_equal(late_names_add(*state, 1, 9, 100), one);
	assert_string_not_equal(late_names_add(*state, 1, 5, 101), one);
	assert_string_not_equal(late_names_add(*state, 2, 5, 100), one);
	assert_int_equal(late_names_count(*state), 3);
}

static void names_that_come_are_put_in_place(void **state)
{
	const char *one = late_names_add(*state, 1, 5, 100);
	const char *two = late_names_add(*state, 1, 6, 200);
	struct frame frame;

	settle(*state, 1, 150);
	frame = replaced(*state, one);
	assert_string_equal(frame.name, "f100 at 5");
	assert_int_equal(frame.kind, FRAME_JIT);
	frame = replaced(*state, two);
	assert_string_equal(frame.name, "[anon]");
	assert_int_equal(frame.kind, FRAME_USER);
	settle(*state, 1, 1000);
	assert_string_equal(replaced(*state, two).name, "f200 at 6");
}

static void only_the_owner_is_asked(void **state)
{
	const char *one = late_names_add(*state, 1, 5, 100);

	settle(*state, 2, 1000);
	assert_string_equal(replaced(*state, one).name, "[anon]");
}

static void an_address_that_lost_its_name_is_another_one(void **state)
{
	const char *one = late_names_add(*state, 1, 5, 100), *again;

	settle(*state, 1, 1000);
	again = late_names_add(*state, 1, 9, 100);
	assert_string_not_equal(again, one);
	settle(*state, 1, 1000);
	assert_string_equal(replaced(*state, one).name, "f100 at 5");
	assert_string_equal(replaced(*state, again).name, "f100 at 9");
}

static void other_frames_stay_as_they_are(void **state)
{
	static const char *const names[] = { "",
					     "main",
					     "\1",
					     "\1main",
					     "\1"
					     "0:0",
					     "\1"
					     "0000000000000000:0",
					     "\1"
					     "0000000000000000:9999999999" };
	char text[64];

	(void)snprintf(text, sizeof(text), "%s", late_names_add(*state, 1, 5, 100));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct frame frame = { .name = names[i], .kind = FRAME_KERNEL };

		assert_false(late_names_replace(*state, &frame));
		assert_ptr_equal(frame.name, names[i]);
		assert_int_equal(frame.kind, FRAME_KERNEL);
	}
	assert_true(late_names_replace(*state, &(struct frame){ .name = text }));
	text[strlen(text) - 1]++; /* a number that was not given out */
	assert_false(late_names_replace(*state, &(struct frame){ .name = text }));
}

static void what_is_asked_for_and_has_no_name_is_counted(void **state)
{
	for (int i = 0; i < 5; i++)
		(void)late_names_add(*state, 1, 5, 100);
	(void)late_names_add(*state, 1, 5, 200);
	assert_int_equal(late_names_unnamed(*state), 6);
	settle(*state, 1, 150);
	assert_int_equal(late_names_unnamed(*state), 1);
	late_names_clear(*state);
	assert_int_equal(late_names_unnamed(*state), 0);
	assert_int_equal(late_names_count(*state), 0);
}

static void there_is_an_end_to_them(void **state)
{
	uint64_t count = 0;

	while (late_names_add(*state, 1, 5, count))
		count++;
	assert_int_equal(count, 65536);
	assert_non_null(late_names_add(*state, 1, 5, 0));
	late_names_clear(*state);
	assert_non_null(late_names_add(*state, 1, 5, count));
}

static const char *long_name_of(void *context, uint64_t time_ns, uint64_t address)
{
	static char name[8192];

	(void)context;
	(void)time_ns;
	memset(name, 'x', sizeof(name) - 1);
	name[snprintf(name, sizeof(name), "%" PRIu64, address)] = 'x';
	return name;
}

static void names_without_room_stay_missing(void **state)
{
	const char *first = late_names_add(*state, 1, 5, 0), *last = NULL;
	uint64_t count = 10000, unnamed;

	for (uint64_t i = 1; i < count; i++)
		last = late_names_add(*state, 1, 5, i);
	late_names_settle(*state, 1, long_name_of, NULL);
	unnamed = late_names_unnamed(*state);
	assert_in_range(unnamed, 1, count / 2);
	assert_int_equal(strlen(replaced(*state, first).name), 8191);
	assert_string_equal(replaced(*state, last).name, "[anon]");
	/* Afterwards there is room again, and no more of it. */
	late_names_clear(*state);
	for (uint64_t i = 0; i < count; i++)
		last = late_names_add(*state, 1, 5, i);
	late_names_settle(*state, 1, long_name_of, NULL);
	assert_int_equal(late_names_unnamed(*state), unnamed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_address_has_one_stand_in),
		TEST(names_that_come_are_put_in_place),
		TEST(only_the_owner_is_asked),
		TEST(an_address_that_lost_its_name_is_another_one),
		TEST(other_frames_stay_as_they_are),
		TEST(what_is_asked_for_and_has_no_name_is_counted),
		TEST(there_is_an_end_to_them),
		TEST(names_without_room_stay_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
