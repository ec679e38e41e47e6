/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/sampler.h"
#include "agent/stats_json.h"

/* They become keys of a JSON object. */
static void check_key(const char *name)
{
	assert_non_null(name);
	assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
	assert_true(name[0] != '\0');
}

static void every_counter_has_its_own_name(void **state)
{
	(void)state;
	for (int i = 0; i < COUNTER_COUNT; i++) {
		check_key(counter_name((enum counter)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(counter_name((enum counter)i),
						counter_name((enum counter)j));
	}
	assert_string_equal(counter_name(COUNTER_SAMPLES), "samples");
	assert_string_equal(counter_name(COUNTER_LOST_COUNTS_FULL), "samples_map_full");
	assert_string_equal(counter_name(COUNTER_FOLLOW_FULL), "children_not_followed");
}

static bool is_no_loss(enum counter counter)
{
	switch (counter) {
	case COUNTER_SAMPLES:
	case COUNTER_IDLE:
	case COUNTER_NOT_TARGET:
	case COUNTER_OFF_INTERVALS:
	case COUNTER_OFF_HIDDEN:
	case COUNTER_OFF_HIDDEN_NS:
	case COUNTER_OFF_USER_MEMO:
	case COUNTER_OFF_USER_WALKS:
	case COUNTER_OFF_KERNEL_MEMO:
	case COUNTER_OFF_KERNEL_WALKS:
	case COUNTER_OFF_SAMPLED:
	case COUNTER_OFF_NOT_SAMPLED:
	case COUNTER_OFF_PREEMPTED_SAMPLED:
	case COUNTER_OFF_PREEMPTED_NOT_SAMPLED:
	case COUNTER_BPF_NS:
		return true;
	default:
		return false;
	}
}

static void what_was_left_out_on_purpose_is_no_loss(void **state)
{
	(void)state;
	for (int i = 0; i < COUNTER_COUNT; i++)
		assert_int_equal(counter_is_loss((enum counter)i), !is_no_loss((enum counter)i));
}

static void every_stop_reason_has_its_own_name(void **state)
{
	(void)state;
	for (int i = 0; i < STOP_REASON_COUNT; i++) {
		check_key(stop_reason_name((enum stop_reason)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(stop_reason_name((enum stop_reason)i),
						stop_reason_name((enum stop_reason)j));
	}
	assert_string_equal(stop_reason_name(STOP_COMPLETE), "complete");
	assert_string_equal(stop_reason_name(STOP_TOO_DEEP), "too_deep");
}

static void only_what_misses_frames_has_a_note(void **state)
{
	(void)state;
	for (int i = 0; i < STOP_REASON_COUNT; i++) {
		const char *note = stop_reason_note((enum stop_reason)i);

		assert_int_equal(!note, i == STOP_NONE || i == STOP_COMPLETE);
		if (!note)
			continue;
		assert_null(strpbrk(note, ";\n"));
		assert_int_equal(strncmp(note, "[stack", strlen("[stack")), 0);
		assert_int_equal(note[strlen(note) - 1], ']');
	}
	assert_string_equal(stop_reason_note(STOP_TOO_DEEP), "[stack: too deep]");
}

static void the_statistics_have_room_for_all(void **state)
{
	size_t losses = 4; /* report.c adds process records, mappings and two of binaries */

	(void)state;
	for (int i = 0; i < COUNTER_COUNT; i++)
		losses += counter_is_loss((enum counter)i);
	assert_true(losses <= STATS_LOSSES_MAX);
	assert_true(STOP_REASON_COUNT <= STATS_STOP_REASONS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_counter_has_its_own_name),
		cmocka_unit_test(what_was_left_out_on_purpose_is_no_loss),
		cmocka_unit_test(every_stop_reason_has_its_own_name),
		cmocka_unit_test(only_what_misses_frames_has_a_note),
		cmocka_unit_test(the_statistics_have_room_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
