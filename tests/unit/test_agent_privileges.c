/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent_privileges.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* In no user database. */
#define STRANGER "4000000"

static void assert_refused(const char *text)
{
	const struct agent_user before = { .uid = 1, .gid = 2 };
	struct agent_user user = before;

	assert_int_equal(agent_user_find(text, &user), -EINVAL);
	assert_memory_equal(&user, &before, sizeof(user));
}

static void a_name_is_looked_up_with_its_group(void **state)
{
	const struct passwd *entry = getpwnam("daemon");
	struct agent_user user;

	(void)state;
	if (!entry)
		skip();
	assert_int_equal(agent_user_find("daemon", &user), 0);
	assert_int_equal(user.uid, entry->pw_uid);
	assert_int_equal(user.gid, entry->pw_gid);
	assert_true(user.is_other);
}

static void a_number_has_the_group_of_its_user(void **state)
{
	const struct passwd *entry = getpwnam("nobody");
	struct agent_user user;
	char text[16];

	(void)state;
	if (!entry)
		skip();
	(void)snprintf(text, sizeof(text), "%u", entry->pw_uid);
	assert_int_equal(agent_user_find(text, &user), 0);
	assert_int_equal(user.uid, entry->pw_uid);
	assert_int_equal(user.gid, entry->pw_gid);
}

static void a_number_needs_no_user(void **state)
{
	struct agent_user user;

	(void)state;
	assert_int_equal(agent_user_find(STRANGER, &user), 0);
	assert_int_equal(user.uid, 4000000);
	assert_int_equal(user.gid, 4000000);
	assert_int_equal(agent_user_find(STRANGER ":4000001", &user), 0);
	assert_int_equal(user.uid, 4000000);
	assert_int_equal(user.gid, 4000001);
	assert_true(user.is_other);
}

static void what_is_no_user_is_refused(void **state)
{
	static const char *const texts[] = {
		"no such user",
		"",
		":",
		"1000:",
		":1000",
		"1000:x",
		"1000:1000:1",
		"1000 ",
		" 1",
		"-1",
		"+1",
		"0x10",
		"4294967295",
		"1:4294967295",
		"4294967296",
		"99999999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused(texts[i]);
}

static void root_and_its_group_are_refused(void **state)
{
	(void)state;
	assert_refused("root");
	assert_refused("0");
	assert_refused("0:1000");
	assert_refused("1000:0");
}

static void without_a_text_it_is_never_root(void **state)
{
	struct agent_user user;

	(void)state;
	assert_int_equal(agent_user_find(NULL, &user), 0);
	assert_int_not_equal(user.uid, 0);
	if (geteuid() == 0) {
		assert_true(user.is_other);
		return;
	}
	assert_int_equal(user.uid, geteuid());
	assert_int_equal(user.gid, getegid());
	assert_false(user.is_other);
}

static void *wait_for_lock(void *lock)
{
	(void)pthread_mutex_lock(lock);
	(void)pthread_mutex_unlock(lock);
	return NULL;
}

static void with_other_threads_nothing_is_given_up(void **state)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct agent_user user;
	pthread_t thread;

	(void)state;
	assert_int_equal(agent_user_find(STRANGER, &user), 0);
	(void)pthread_mutex_lock(&lock);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_lock, &lock), 0);
	assert_int_equal(agent_privileges_drop(&user), -EBUSY);
	assert_int_not_equal(geteuid(), user.uid);
	(void)pthread_mutex_unlock(&lock);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_looked_up_with_its_group),
		cmocka_unit_test(a_number_has_the_group_of_its_user),
		cmocka_unit_test(a_number_needs_no_user),
		cmocka_unit_test(what_is_no_user_is_refused),
		cmocka_unit_test(root_and_its_group_are_refused),
		cmocka_unit_test(without_a_text_it_is_never_root),
		cmocka_unit_test(with_other_threads_nothing_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
