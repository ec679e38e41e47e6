/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/processes_fixture.h"

#include <unistd.h>

static void what_an_exec_ended_is_forgotten_in_time(void **state)
{
	const struct fixture *fixture = *state;
	int32_t pid = (int32_t)getpid();

	map(fixture, 10, pid, 0x1000, "/nonexistent/before");
	tell(fixture, 30, SIDEBAND_EXEC, pid, 0);
	map(fixture, 31, pid, 0x1000, "/nonexistent/after");
	processes_forget(fixture->processes, 29);
	check(fixture, 29, pid, 0x1000, "before");
	processes_forget(fixture->processes, 30);
	check(fixture, 29, pid, 0x1000, NULL);
	check(fixture, 31, pid, 0x1000, "after");
}

static void all_that_a_short_process_was_is_forgotten_with_its_end(void **state)
{
	const struct fixture *fixture = *state;

	map(fixture, 5, PARENT, 0x9000, "/nonexistent/parent");
	tell(fixture, 10, SIDEBAND_FORK, NOBODY, PARENT);
	map(fixture, 11, NOBODY, 0x1000, "/nonexistent/first");
	tell(fixture, 20, SIDEBAND_EXEC, NOBODY, 0);
	map(fixture, 21, NOBODY, 0x1000, "/nonexistent/second");
	tell(fixture, 30, SIDEBAND_EXIT, NOBODY, 0);
	/* All at once: it had no time to be asked about. */
	processes_forget(fixture->processes, 31);
	check(fixture, 15, NOBODY, 0x1000, NULL);
	check(fixture, 30, NOBODY, 0x1000, NULL);
	check(fixture, 30, PARENT, 0x9000, "parent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL(what_an_exec_ended_is_forgotten_in_time),
		ALL(all_that_a_short_process_was_is_forgotten_with_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
