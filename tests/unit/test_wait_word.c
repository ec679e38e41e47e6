/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/wait_names.h"

#include "tests/unit/tree.h"

#define HOSTILE_NAMES 20000
#define HOSTILE_SIZE  24

static void check(const char *name, enum wait_word expected)
{
	if (wait_word_of(FRAME_USER, name) != expected)
		fail_msg("'%s' is %d, not %d", name, wait_word_of(FRAME_USER, name), expected);
}

static int compare_scopes(const char *a, const char *b)
{
	return !a || !b ? (a != NULL) - (b != NULL) : strcmp(a, b);
}

static void check_sorted(const struct wait_name *names, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		int by_name = strcmp(names[i - 1].name, names[i].name);

		if (by_name > 0 ||
		    (by_name == 0 && compare_scopes(names[i - 1].scope, names[i].scope) >= 0))
			fail_msg("'%s' comes after '%s'", names[i].name, names[i - 1].name);
	}
}

static void tables_are_sorted_and_without_doubles(void **state)
{
	(void)state;
	check_sorted(wait_kernel_names, wait_kernel_name_count);
	check_sorted(wait_kernel_prefixes, wait_kernel_prefix_count);
	check_sorted(wait_user_names, wait_user_name_count);
}

static void every_entry_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < wait_kernel_name_count; i++) {
		const struct wait_name *entry = &wait_kernel_names[i];

		assert_int_equal(wait_word_of(FRAME_KERNEL, entry->name), entry->word);
		assert_null(entry->scope);
	}
	for (size_t i = 0; i < wait_kernel_prefix_count; i++) {
		const struct wait_name *entry = &wait_kernel_prefixes[i];
		char name[64];

		(void)snprintf(name, sizeof(name), "__%sfoo.isra.0", entry->name);
		assert_int_equal(wait_word_of(FRAME_KERNEL, name), entry->word);
	}
	for (size_t i = 0; i < wait_user_name_count; i++) {
		const struct wait_name *entry = &wait_user_names[i];
		char name[128];

		(void)snprintf(name, sizeof(name), "%s%s%s", entry->scope ? entry->scope : "",
			       entry->scope ? "." : "", entry->name);
		check(name, entry->word);
	}
}

static void kernel_names_are_not_users_names(void **state)
{
	(void)state;
	assert_int_equal(wait_word_of(FRAME_USER, "ep_poll"), WORD_NONE);
	assert_int_equal(wait_word_of(FRAME_KERNEL, "epoll_wait"), WORD_NONE);
	assert_int_equal(wait_word_of(FRAME_USER, "ext4_read"), WORD_NONE);
	assert_int_equal(wait_word_of(FRAME_KERNEL, "[runqueue]"), WORD_NONE);
	assert_int_equal(wait_word_of(FRAME_NOTE, "[runqueue]"), WORD_RUNQUEUE);
	assert_int_equal(wait_word_of(FRAME_USER, "[runqueue]"), WORD_RUNQUEUE);
	assert_int_equal(wait_word_of(FRAME_NOTE, "--"), WORD_WAKER);
	assert_int_equal(wait_word_of(FRAME_NOTE, "[unknown]"), WORD_NONE);
}

static void the_last_part_counts_and_what_it_is_in(void **state)
{
	(void)state;
	check("std::condition_variable::wait(std::unique_lock<std::mutex>&)", WORD_CONDITION);
	check("void "
	      "std::condition_variable::wait<f()::{lambda()#1}>(std::unique_lock<std::mutex>&, "
	      "f()::{lambda()#1})",
	      WORD_CONDITION);
	check("node::TaskQueue<v8::Task>::BlockingPop()", WORD_FETCHES);
	check("Unrelated::wait()", WORD_NONE);
	check("Window::poll() const", WORD_NONE);
	check("poll", WORD_POLL);
	check("__GI___poll", WORD_POLL);
	check("___pthread_cond_timedwait64@@GLIBC_2.34", WORD_CONDITION);
	check("poll@plt", WORD_POLL);
	check("Semaphore::wait_with_safepoint_check(JavaThread*)", WORD_CONDITION);
	check("(anonymous namespace)::Future::get()", WORD_LOCK);
	check("java.lang.Runnable java.util.concurrent.ThreadPoolExecutor.getTask()", WORD_FETCHES);
	check("Ljava/util/concurrent/ThreadPoolExecutor:::getTask", WORD_FETCHES);
	check("runtime.(*mcache).refill", WORD_NONE);
	check("<std::sys::sync::Condvar as Foo>::wait", WORD_NONE);
	check("std::sys::sync::condvar::futex::Condvar::wait", WORD_CONDITION);
}

/* Names come from strangers' files; sanitizers look on. */
static void any_bytes_are_a_name(void **state)
{
	static const char alphabet[] = "<>()@.:;/ _-[]*a(anonymous";
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < HOSTILE_NAMES; i++) {
		size_t length = (size_t)i % HOSTILE_SIZE;
		char *name = calloc(length + 1, 1);

		assert_non_null(name);
		for (size_t j = 0; j < length; j++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			name[j] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
		}
		(void)wait_word_of(FRAME_USER, name);
		(void)wait_word_of(FRAME_KERNEL, name);
		free(name);
	}
	check("", WORD_NONE);
	check("operator()(int)", WORD_NONE);
	check("A::operator<(A const&)", WORD_NONE);
	check("A::operator->()", WORD_NONE);
	check("(anonymous ", WORD_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_sorted_and_without_doubles),
		cmocka_unit_test(every_entry_is_found),
		cmocka_unit_test(kernel_names_are_not_users_names),
		cmocka_unit_test(the_last_part_counts_and_what_it_is_in),
		cmocka_unit_test(any_bytes_are_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
