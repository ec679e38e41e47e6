/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/wait_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void notes_tell_states(void **state)
{
	(void)state;
	assert_int_equal(wait_state_of("[runqueue]"), WAIT_STATE_RUNQUEUE);
	assert_int_equal(wait_state_of("[uninterruptible]"), WAIT_STATE_UNINTERRUPTIBLE);
	assert_int_equal(wait_state_of("[stopped]"), WAIT_STATE_STOPPED);
	assert_int_equal(wait_state_of("[other state]"), WAIT_STATE_OTHER);
}

static void other_names_tell_none(void **state)
{
	(void)state;
	assert_int_equal(wait_state_of(""), WAIT_STATE_NONE);
	assert_int_equal(wait_state_of("["), WAIT_STATE_NONE);
	assert_int_equal(wait_state_of("runqueue"), WAIT_STATE_NONE);
	assert_int_equal(wait_state_of("[stack: too deep]"), WAIT_STATE_NONE);
}

static void states_have_words(void **state)
{
	(void)state;
	assert_string_equal(wait_state_text(WAIT_STATE_NONE), "");
	assert_string_equal(wait_state_text(WAIT_STATE_SLEEP), "sleep");
	assert_string_equal(wait_state_text(wait_state_of("[other state]")), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_tell_states),
		cmocka_unit_test(other_names_tell_none),
		cmocka_unit_test(states_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
