/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uploader_shared.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define VERSIONS 100000

static void figures_of(uint64_t number, struct uploader_figures *ret)
{
	memset(ret, (int)(number % 100), sizeof(*ret));
	ret->sent = ret->next_try_unix_s = number;
	ret->last_error[sizeof(ret->last_error) - 1] = '\0';
}

static void *write_versions(void *context)
{
	struct uploader_figures figures;

	for (uint64_t i = 1; i <= VERSIONS; i++) {
		figures_of(i, &figures);
		uploader_slot_publish(context, &figures);
	}
	return NULL;
}

static void a_reader_sees_no_mixture(void **state)
{
	struct uploader_figures seen, whole;
	struct uploader_shared *shared;
	uint64_t before = 0;
	pthread_t thread;
	int fd;

	(void)state;
	assert_int_equal(uploader_shared_new(&fd, &shared), 0);
	figures_of(0, &whole);
	uploader_slot_publish(&shared->slots[3], &whole);
	assert_int_equal(pthread_create(&thread, NULL, write_versions, &shared->slots[3]), 0);
	while (before < VERSIONS) {
		if (!uploader_slot_read(&shared->slots[3], &seen))
			continue;
		figures_of(seen.sent, &whole);
		assert_memory_equal(&seen, &whole, sizeof(seen));
		assert_true(seen.sent >= before);
		before = seen.sent;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	uploader_shared_unmap(shared);
	(void)close(fd);
}

static void a_writer_that_was_killed_leaves_what_was_before(void **state)
{
	struct uploader_figures seen, whole;
	struct uploader_shared *shared;
	int fd;

	(void)state;
	assert_int_equal(uploader_shared_new(&fd, &shared), 0);
	figures_of(5, &whole);
	uploader_slot_publish(&shared->slots[0], &whole);
	shared->slots[0].words[(shared->slots[0].version + 1) % UPLOADER_COPIES][0] = 99;
	assert_true(uploader_slot_read(&shared->slots[0], &seen));
	assert_memory_equal(&seen, &whole, sizeof(seen));
	uploader_shared_unmap(shared);
	(void)close(fd);
}

static void a_text_without_an_end_gets_one(void **state)
{
	struct uploader_figures figures;
	struct uploader_shared *shared;
	int fd;

	(void)state;
	assert_int_equal(uploader_shared_new(&fd, &shared), 0);
	memset(&figures, 'x', sizeof(figures));
	uploader_slot_publish(&shared->slots[0], &figures);
	assert_true(uploader_slot_read(&shared->slots[0], &figures));
	assert_int_equal(strlen(figures.last_error), sizeof(figures.last_error) - 1);
	uploader_shared_unmap(shared);
	(void)close(fd);
}

static void what_is_mapped_cannot_be_cut_short(void **state)
{
	struct uploader_shared *shared, *again;
	int fd, other = memfd_create("other", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(uploader_shared_new(&fd, &shared), 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(uploader_shared_map(fd, &again), 0);
	shared->drains = 7;
	assert_int_equal(again->drains, 7);
	assert_int_equal(uploader_shared_map(other, &again), -EPROTO);
	uploader_shared_unmap(shared);
	uploader_shared_unmap(again);
	(void)close(fd);
	(void)close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_sees_no_mixture),
		cmocka_unit_test(a_writer_that_was_killed_leaves_what_was_before),
		cmocka_unit_test(a_text_without_an_end_gets_one),
		cmocka_unit_test(what_is_mapped_cannot_be_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
