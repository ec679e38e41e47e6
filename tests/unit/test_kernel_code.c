/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/kernel_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PLACE  UINT64_C(0xffffffffc0001000)
#define LENGTH 0x100

static int set_up(void **state)
{
	struct kernel_code *code;

	if (kernel_code_new(&code) < 0)
		return -1;
	*state = code;
	return 0;
}

static int tear_down(void **state)
{
	kernel_code_free(*state);
	return 0;
}

static void tell(struct kernel_code *code, uint64_t time_ns, const char *name, bool is_gone)
{
	kernel_code_apply(code, &(struct sideband_record){ .type = SIDEBAND_KSYMBOL,
							   .time_ns = time_ns,
							   .start = PLACE,
							   .length = LENGTH,
							   .path = name,
							   .is_gone = is_gone });
}

/* The name at an address since a time; "-" for nothing, "?" for one of several. */
static const char *find(struct kernel_code *code, uint64_t address, uint64_t since_ns)
{
	const char *name = NULL;

	switch (kernel_code_find(code, address, since_ns, &name)) {
	case KERNEL_CODE_UNKNOWN:
		return "-";
	case KERNEL_CODE_AMBIGUOUS:
		return "?";
	case KERNEL_CODE_NAMED:
		break;
	}
	assert_non_null(name);
	return name;
}

static void what_came_is_found_in_all_of_its_code_and_no_further(void **state)
{
	assert_string_equal(find(*state, PLACE, 0), "-");
	tell(*state, 10, "a", false);
	assert_string_equal(find(*state, PLACE - 1, 20), "-");
	assert_string_equal(find(*state, PLACE, 20), "a");
	assert_string_equal(find(*state, PLACE + LENGTH - 1, 20), "a");
	assert_string_equal(find(*state, PLACE + LENGTH, 20), "-");
}

static void what_is_gone_was_there_before(void **state)
{
	tell(*state, 10, "a", false);
	tell(*state, 20, "a", true);
	tell(*state, 30, "before", true); /* it came when nobody listened */
	assert_string_equal(find(*state, PLACE, 25), "before");
	assert_string_equal(find(*state, PLACE, 31), "-");
}

static void who_may_have_been_either_is_none(void **state)
{
	tell(*state, 10, "a", false);
	tell(*state, 20, "a", true);
	tell(*state, 21, "b", false);
	assert_string_equal(find(*state, PLACE, 15), "?");
	assert_string_equal(find(*state, PLACE, 21), "b");
	tell(*state, 30, "b", true);
	tell(*state, 31, "b", false); /* the same again */
	assert_string_equal(find(*state, PLACE, 25), "b");
}

static void what_is_gone_is_forgotten_and_what_is_there_stays(void **state)
{
	tell(*state, 10, "a", false);
	tell(*state, 20, "a", true);
	tell(*state, 30, "b", false);
	kernel_code_forget(*state, 21);
	assert_string_equal(find(*state, PLACE, 15), "b");
	tell(*state, 40, "b", true);
	kernel_code_forget(*state, 41);
	assert_string_equal(find(*state, PLACE, 35), "-");
}

static void nonsense_is_left_out(void **state)
{
	struct sideband_record record = { .type = SIDEBAND_KSYMBOL, .path = "a", .start = PLACE };

	kernel_code_apply(*state, &record);
	record.length = UINT64_MAX;
	kernel_code_apply(*state, &record);
	assert_string_equal(find(*state, PLACE, 0), "-");
	assert_true(kernel_code_dropped(*state) == 0);
}

static void there_is_a_limit_and_it_is_counted(void **state)
{
	char name[32];

	for (int i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "bpf_prog_%d", i);
		tell(*state, (uint64_t)i + 1, name, true);
	}
	assert_in_range(kernel_code_dropped(*state), 1, 4999);
	assert_string_equal(find(*state, PLACE, 1), "?");
	kernel_code_forget(*state, UINT64_MAX);
	tell(*state, 6000, "late", false);
	assert_string_equal(find(*state, PLACE, 6000), "late");
}

#define CODE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CODE(what_came_is_found_in_all_of_its_code_and_no_further),
		CODE(what_is_gone_was_there_before),
		CODE(who_may_have_been_either_is_none),
		CODE(what_is_gone_is_forgotten_and_what_is_there_stays),
		CODE(nonsense_is_left_out),
		CODE(there_is_a_limit_and_it_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
