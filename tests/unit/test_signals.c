/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DONE 7

/* How a child ends that gets number; if releases, what was held is released afterwards. */
static int status_of_child(int number, bool holds, bool releases)
{
	struct signals before;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		signals_ignore(&before);
		if (holds)
			signals_hold();
		(void)raise(number);
		if (releases)
			signals_release(&before);
		_exit(DONE);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void a_signal_that_is_held_ends_the_program_when_it_is_released(void **state)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int status = status_of_child(numbers[i], false, false);

		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == numbers[i]);
		status = status_of_child(numbers[i], true, false);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == DONE);
		status = status_of_child(numbers[i], true, true);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == numbers[i]);
	}
}

static void a_reader_that_has_gone_ends_nothing(void **state)
{
	int status = status_of_child(SIGPIPE, false, true);

	(void)state;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_that_is_held_ends_the_program_when_it_is_released),
		cmocka_unit_test(a_reader_that_has_gone_ends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
