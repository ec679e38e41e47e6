/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGES 4

/* A ring without a kernel: we write what it would. */
struct fixture {
	struct ring ring;
	unsigned char *data;
	unsigned char *taken;
	uint64_t written; /* bytes ever, to make each byte another one */
};

static int open_fake(void **state)
{
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE), size = PAGES * page_size;
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int fd = memfd_create("ring", MFD_CLOEXEC);

	if (!fixture || fd < 0 || ftruncate(fd, (off_t)(page_size + size)) < 0 ||
	    ring_open(fd, size, &fixture->ring) < 0)
		return -1;
	fixture->data = (unsigned char *)fixture->ring.page + page_size;
	fixture->taken = malloc(size);
	*state = fixture;
	return fixture->taken ? 0 : -1;
}

static int close_fake(void **state)
{
	struct fixture *fixture = *state;

	ring_close(&fixture->ring);
	free(fixture->taken);
	free(fixture);
	return 0;
}

static unsigned char byte_at(uint64_t position)
{
	return (unsigned char)(position % 251);
}

static void kernel_writes(struct fixture *fixture, size_t count)
{
	struct perf_event_mmap_page *page = fixture->ring.page;

	for (size_t i = 0; i < count; i++)
		fixture->data[(page->data_head + i) % fixture->ring.size] =
			byte_at(fixture->written++);
	page->data_head += count;
}

/* The next count bytes come out, and their room is free again. */
static void check_taken(struct fixture *fixture, size_t count)
{
	const struct perf_event_mmap_page *page = fixture->ring.page;

	memset(fixture->taken, 0xff, fixture->ring.size);
	assert_int_equal(ring_take(&fixture->ring, fixture->taken), count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(fixture->taken[i], byte_at(fixture->written - count + i));
	if (count < fixture->ring.size)
		assert_int_equal(fixture->taken[count], 0xff);
	assert_true(page->data_tail == page->data_head);
}

static void everything_unread_is_taken_once(void **state)
{
	struct fixture *fixture = *state;

	check_taken(fixture, 0);
	kernel_writes(fixture, 100);
	check_taken(fixture, 100);
	check_taken(fixture, 0);
	kernel_writes(fixture, 24);
	kernel_writes(fixture, 8);
	check_taken(fixture, 32);
}

static void what_wraps_around_is_put_together(void **state)
{
	struct fixture *fixture = *state;
	size_t size = fixture->ring.size;

	kernel_writes(fixture, size - 8);
	check_taken(fixture, size - 8);
	kernel_writes(fixture, 64);
	check_taken(fixture, 64);
	kernel_writes(fixture, size - 56); /* ends exactly where the pages end */
	check_taken(fixture, size - 56);
	kernel_writes(fixture, 8);
	check_taken(fixture, 8);
}

static void a_full_ring_is_taken_whole(void **state)
{
	struct fixture *fixture = *state;

	kernel_writes(fixture, fixture->ring.size);
	check_taken(fixture, fixture->ring.size);
	kernel_writes(fixture, 40);
	check_taken(fixture, 40);
	kernel_writes(fixture, fixture->ring.size);
	check_taken(fixture, fixture->ring.size);
}

static void many_rounds_lose_nothing(void **state)
{
	struct fixture *fixture = *state;

	srandom(1);
	for (int i = 0; i < 500; i++) {
		size_t count = (size_t)random() % (fixture->ring.size / 8 + 1) * 8;

		kernel_writes(fixture, count);
		check_taken(fixture, count);
	}
}

static void positions_may_overflow(void **state)
{
	struct fixture *fixture = *state;

	fixture->ring.page->data_head = fixture->ring.page->data_tail = UINT64_MAX - 15;
	kernel_writes(fixture, 64);
	assert_true(fixture->ring.page->data_head == 48);
	check_taken(fixture, 64);
}

static void positions_that_cannot_be_stay_in_bounds(void **state)
{
	struct fixture *fixture = *state;

	fixture->ring.page->data_head = 3 * fixture->ring.size + 5;
	assert_int_equal(ring_take(&fixture->ring, fixture->taken), fixture->ring.size);
	assert_int_equal(ring_take(&fixture->ring, fixture->taken), 0);
}

static void closing_takes_the_descriptor_along(void **state)
{
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create("ring", MFD_CLOEXEC);
	struct ring ring;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(2 * page_size)), 0);
	assert_int_equal(ring_open(fd, page_size, &ring), 0);
	ring_close(&ring);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	ring_close(&ring); /* twice is fine */
}

static void a_failure_leaves_the_descriptor_to_the_caller(void **state)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct ring ring = { .fd = 77 };

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ring_open(fd, (size_t)sysconf(_SC_PAGESIZE), &ring), -ENODEV);
	assert_int_equal(ring.fd, 77);
	assert_int_equal(close(fd), 0);
}

#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RING(everything_unread_is_taken_once),
		WITH_RING(what_wraps_around_is_put_together),
		WITH_RING(a_full_ring_is_taken_whole),
		WITH_RING(many_rounds_lose_nothing),
		WITH_RING(positions_may_overflow),
		WITH_RING(positions_that_cannot_be_stay_in_bounds),
		cmocka_unit_test(closing_takes_the_descriptor_along),
		cmocka_unit_test(a_failure_leaves_the_descriptor_to_the_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
