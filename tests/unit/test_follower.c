/* SPDX-License-Identifier: Apache-2.0 */
/* The follower's thread, on pipes instead of rings: a byte is a record. */
#include "agent/follower.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/kernel_modules.h"
#include "base/clock.h"

#define RINGS 2

/* A record that is not handed out. */
#define THREAD_BEGINS ((enum sideband_type)100)

static struct {
	int rings[RINGS][2];
	int applied_fd; /* an eventfd: counts records */
	int bells_fd;   /* another: how often bells went on */
	int reads;
	uint64_t taken;
	int bells_off;                       /* how often */
	bool writes_before_bells, is_silent; /* a record that no descriptor tells of */
	int apply_error;
	int bind_error;
	int binds;
	int put_off; /* so many binds leave something for another time */
	uint64_t lost;
	int rereads;
	bool modules_changed;
	uint64_t reread_ns;
} fake;

int sideband_watch(const struct sideband *sideband, int epoll_fd, uint64_t data)
{
	(void)sideband;
	for (int i = 0; i < RINGS; i++) {
		struct epoll_event event = {
			.events = EPOLLIN,
			.data.u64 = data | (uint64_t)(uint32_t)fake.rings[i][0] << 32,
		};

		assert_int_equal(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fake.rings[i][0], &event), 0);
	}
	return 0;
}

int sideband_read(struct sideband *sideband, sideband_handler handler, void *context)
{
	(void)sideband;
	__atomic_fetch_add(&fake.reads, 1, __ATOMIC_SEQ_CST);
	if (fake.is_silent) {
		const struct sideband_record silent = { .type = SIDEBAND_MMAP };

		fake.is_silent = false;
		return handler(context, &silent);
	}
	for (int i = 0; i < RINGS; i++) {
		struct pollfd ready = { .fd = fake.rings[i][0], .events = POLLIN };
		char byte;

		while (poll(&ready, 1, 0) == 1 && ready.revents & POLLIN &&
		       read(fake.rings[i][0], &byte, 1) == 1) {
			fake.taken++;
			struct sideband_record record = { .type = (enum sideband_type)byte };
			int err;

			if (record.type == THREAD_BEGINS)
				continue;
			err = handler(context, &record);

			if (err < 0)
				return err;
		}
	}
	return 0;
}

void sideband_set_bells(struct sideband *sideband, bool are_on)
{
	(void)sideband;
	fake.bells_off += !are_on;
	if (!are_on)
		return;
	fake.is_silent = fake.writes_before_bells;
	fake.writes_before_bells = false;
	assert_int_equal(eventfd_write(fake.bells_fd, 1), 0);
}

uint64_t sideband_taken(const struct sideband *sideband)
{
	(void)sideband;
	return fake.taken;
}

uint64_t sideband_lost(const struct sideband *sideband)
{
	(void)sideband;
	return fake.lost;
}

int processes_apply(void *context, const struct sideband_record *record)
{
	(void)context;
	(void)record;
	(void)eventfd_write(fake.applied_fd, 1);
	return fake.apply_error;
}

int processes_reread(struct processes *processes, uint64_t time_ns)
{
	(void)processes;
	fake.rereads++;
	fake.reread_ns = time_ns;
	return fake.apply_error;
}

int processes_bind(struct processes *processes, bool at_once)
{
	(void)processes;
	(void)at_once;
	__atomic_fetch_add(&fake.binds, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&fake.put_off, __ATOMIC_SEQ_CST) > 0 &&
	    __atomic_sub_fetch(&fake.put_off, 1, __ATOMIC_SEQ_CST) == 0)
		(void)eventfd_write(fake.applied_fd, 1);
	return fake.bind_error;
}

bool processes_has_put_off(const struct processes *processes)
{
	(void)processes;
	return __atomic_load_n(&fake.put_off, __ATOMIC_SEQ_CST) > 0;
}

int unwinder_watch(const struct unwinder *unwinder, int epoll_fd, uint64_t data)
{
	(void)unwinder;
	(void)epoll_fd;
	(void)data;
	return 0;
}

int unwinder_answer(struct unwinder *unwinder)
{
	(void)unwinder;
	return 0;
}

bool kernel_modules_have_changed(struct kernel_modules *modules)
{
	bool has_changed = fake.modules_changed;

	assert_string_equal(modules->path, "/proc/modules");
	fake.modules_changed = false;
	return has_changed;
}

static int make_follower(void **state)
{
	struct follower *follower;

	memset(&fake, 0, sizeof(fake));
	fake.applied_fd = eventfd(0, EFD_SEMAPHORE);
	fake.bells_fd = eventfd(0, EFD_SEMAPHORE);
	for (int i = 0; i < RINGS; i++)
		assert_int_equal(pipe(fake.rings[i]), 0);
	assert_int_equal(follower_new(NULL, NULL, NULL, &follower), 0);
	*state = follower;
	return 0;
}

static int free_follower(void **state)
{
	follower_free(*state);
	for (int i = 0; i < RINGS; i++) {
		(void)close(fake.rings[i][0]);
		(void)close(fake.rings[i][1]);
	}
	(void)close(fake.applied_fd);
	(void)close(fake.bells_fd);
	return 0;
}

static void write_record(int ring, enum sideband_type type)
{
	char byte = (char)type;

	assert_int_equal(write(fake.rings[ring][1], &byte, 1), 1);
}

static void wait_applied(void)
{
	eventfd_t one;

	assert_int_equal(eventfd_read(fake.applied_fd, &one), 0);
}

static void records_are_applied_as_they_come(void **state)
{
	assert_int_equal(follower_start(*state), 0);
	for (int i = 0; i < 10; i++) {
		write_record(i % RINGS, SIDEBAND_MMAP);
		wait_applied();
	}
	follower_stop(*state);
	assert_true(fake.binds >= 1);
	assert_true(fake.binds <= fake.reads);
}

static void wait_bells_on(void)
{
	eventfd_t one;

	assert_int_equal(eventfd_read(fake.bells_fd, &one), 0);
}

static void bells_are_off_while_records_come(void **state)
{
	assert_int_equal(follower_start(*state), 0);
	for (int round = 1; round <= 2; round++) {
		int reads = __atomic_load_n(&fake.reads, __ATOMIC_SEQ_CST);

		write_record(0, SIDEBAND_MMAP);
		wait_applied();
		wait_bells_on();
		/* It has looked for more by itself, and once again behind the bells. */
		assert_true(__atomic_load_n(&fake.reads, __ATOMIC_SEQ_CST) > reads + 2);
		assert_int_equal(fake.bells_off, round);
	}
	/* So they are for threads, of which nobody is told. */
	write_record(0, THREAD_BEGINS);
	wait_bells_on();
	follower_stop(*state);
	assert_int_equal(fake.bells_off, 3);
}

static void what_comes_while_bells_go_on_is_not_left_lying(void **state)
{
	fake.writes_before_bells = true;
	assert_int_equal(follower_start(*state), 0);
	write_record(0, SIDEBAND_MMAP);
	wait_applied();
	wait_applied(); /* the other one */
}

static void what_is_put_off_is_bound_without_another_record(void **state)
{
	fake.put_off = 4;
	assert_int_equal(follower_start(*state), 0);
	write_record(0, SIDEBAND_MMAP);
	wait_applied();
	wait_applied(); /* the last of the binds */
	follower_stop(*state);
	assert_int_equal(fake.put_off, 0);
	assert_true(fake.binds >= 4);
}

static void without_the_thread_records_are_applied_on_demand(void **state)
{
	write_record(0, SIDEBAND_MMAP);
	write_record(1, SIDEBAND_EXIT);
	assert_int_equal(follower_catch_up(*state), 0);
	wait_applied();
	wait_applied();
	assert_int_equal(fake.binds, 1);
}

/* Nobody will ever write into it, or read it empty: it must not keep the thread awake. */
static void a_ring_whose_cpu_is_gone_is_given_up(void **state)
{
	int reads;

	write_record(0, SIDEBAND_MMAP);
	assert_int_equal(close(fake.rings[0][1]), 0);
	fake.rings[0][1] = -1;
	assert_int_equal(follower_start(*state), 0);
	wait_applied();
	write_record(1, SIDEBAND_MMAP);
	wait_applied();
	reads = __atomic_load_n(&fake.reads, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 5; i++) {
		write_record(1, SIDEBAND_MMAP);
		wait_applied();
	}
	follower_stop(*state);
	/* A record that comes while one is read may be asked for once more; awake, it would be read
	 * hundreds of times. */
	assert_in_range(fake.reads, reads, reads + 20);
}

static void an_error_ends_the_thread_and_is_told(void **state)
{
	fake.apply_error = -EIO;
	assert_int_equal(follower_start(*state), 0);
	write_record(0, SIDEBAND_MMAP);
	wait_applied();
	follower_stop(*state);
	fake.apply_error = 0;
	assert_int_equal(follower_catch_up(*state), -EIO);
}

static void want_of_memory_costs_a_record_and_not_the_recording(void **state)
{
	fake.apply_error = -ENOMEM;
	fake.lost = 7;
	assert_int_equal(follower_start(*state), 0);
	for (int i = 0; i < 3; i++) {
		write_record(0, SIDEBAND_MMAP);
		wait_applied();
	}
	follower_stop(*state);
	assert_int_equal(follower_catch_up(*state), 0);
	assert_true(follower_lost(*state) == 10);
	fake.apply_error = 0;
	fake.bind_error = -ENOMEM;
	assert_int_equal(follower_catch_up(*state), 0);
	assert_true(follower_lost(*state) == 11);
}

static void a_change_of_the_kernel_is_told_once(void **state)
{
	assert_false(follower_take_kernel_changed(*state));
	write_record(0, SIDEBAND_KSYMBOL);
	write_record(1, SIDEBAND_KSYMBOL);
	assert_int_equal(follower_catch_up(*state), 0);
	assert_true(follower_take_kernel_changed(*state));
	assert_false(follower_take_kernel_changed(*state));
	fake.modules_changed = true;
	write_record(0, SIDEBAND_KSYMBOL);
	assert_int_equal(follower_catch_up(*state), 0);
	assert_true(follower_take_kernel_changed(*state));
	assert_false(follower_take_kernel_changed(*state));
	fake.modules_changed = true;
	assert_true(follower_take_kernel_changed(*state));
	assert_false(follower_take_kernel_changed(*state));
}

static void what_was_lost_is_told(void **state)
{
	fake.lost = 7;
	assert_true(follower_lost(*state) == 7);
}

static void what_was_lost_is_made_good_once(void **state)
{
	uint64_t before_ns = clock_ns(CLOCK_MONOTONIC);

	assert_int_equal(follower_make_good(*state), 0);
	assert_true(fake.rereads == 0 && fake.reads == 0);
	fake.lost = 7;
	for (int i = 0; i < 3; i++)
		assert_int_equal(follower_make_good(*state), 0);
	assert_int_equal(fake.rereads, 1);
	/* As of a time up to which the records had been read; and then it is bound. */
	assert_in_range(fake.reread_ns, before_ns, clock_ns(CLOCK_MONOTONIC));
	assert_int_equal(fake.reads, 2);
	assert_int_equal(fake.binds, 2);
	fake.lost = 8;
	fake.apply_error = -EMFILE; /* there is but what is known already */
	assert_int_equal(follower_make_good(*state), 0);
	assert_int_equal(fake.rereads, 2);
}

static void it_stops_without_records(void **state)
{
	assert_int_equal(follower_start(*state), 0);
	follower_stop(*state);
	follower_stop(*state);
}

#define WITH_FOLLOWER(test) cmocka_unit_test_setup_teardown(test, make_follower, free_follower)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLLOWER(records_are_applied_as_they_come),
		WITH_FOLLOWER(bells_are_off_while_records_come),
		WITH_FOLLOWER(what_comes_while_bells_go_on_is_not_left_lying),
		WITH_FOLLOWER(what_is_put_off_is_bound_without_another_record),
		WITH_FOLLOWER(without_the_thread_records_are_applied_on_demand),
		WITH_FOLLOWER(a_ring_whose_cpu_is_gone_is_given_up),
		WITH_FOLLOWER(an_error_ends_the_thread_and_is_told),
		WITH_FOLLOWER(want_of_memory_costs_a_record_and_not_the_recording),
		WITH_FOLLOWER(a_change_of_the_kernel_is_told_once),
		WITH_FOLLOWER(what_was_lost_is_told),
		WITH_FOLLOWER(what_was_lost_is_made_good_once),
		WITH_FOLLOWER(it_stops_without_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
