/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/unit/hear.h"
#include "tests/unit/spool_fixture.h"

#define QUEUE "spool/queue/0000000000000001"
#define DEAD  "spool/dead/0000000000000001"
#define MANY  100000

/* Of a file of so many bytes, with its head, which has the time. */
static uint64_t size_in_spool(uint64_t second, size_t bytes)
{
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct spool_usage usage;

	assert_int_equal(put_bytes_at(writer, second, 1, bytes), 0);
	spool_usage_of(writer, 0, &usage);
	spool_writer_close(writer);
	assert_int_equal(system("rm -r spool"), 0);
	return usage.bytes;
}

static void check_oldest(const struct spool_writer *writer, size_t target, uint64_t second)
{
	struct spool_usage usage;

	spool_usage_of(writer, target, &usage);
	assert_int_equal(usage.oldest_unix_s, second);
}

static void the_oldest_go_first_when_bytes_run_out(void **state)
{
	uint64_t size = size_in_spool(10, 1000);
	struct spool_limits limits = { .bytes = 3 * size, .age_s = LARGE };
	struct spool_writer *writer = open_writer(&limits, 2);

	(void)state;
	for (uint64_t second = 10; second < 20; second++)
		assert_int_equal(put_bytes_at(writer, second, second % 2 ? 3 : 1, 1000), 0);
	check_usage(writer, 0, 3, 0, 7, 0);
	check_oldest(writer, 0, 17);
	check_usage(writer, 1, 3, 0, 2, 0);
	check_oldest(writer, 1, 15);
	/* Exactly full is not too much. */
	assert_int_equal(spool_enforce(writer, 20), 0);
	check_usage(writer, 0, 3, 0, 7, 0);
	limits.bytes = 2 * size - 1;
	assert_int_equal(spool_writer_change(writer, &limits, ids, 2), 0);
	assert_int_equal(spool_enforce(writer, 20), 0);
	check_usage(writer, 0, 1, 0, 9, 0);
	check_oldest(writer, 0, 19);
	spool_writer_close(writer);
}

static void what_is_larger_than_the_limit_drops_nothing(void **state)
{
	struct spool_limits limits = { .bytes = size_in_spool(10, 1000), .age_s = LARGE };
	struct spool_writer *writer = open_writer(&limits, 1);

	(void)state;
	assert_int_equal(put_bytes_at(writer, 10, 1, 1000), 0);
	assert_int_equal(put_bytes_at(writer, 11, 1, 1001), -EFBIG);
	check_usage(writer, 0, 1, 0, 0, 0);
	assert_int_equal(count_names("spool/tmp"), 0);
	spool_writer_close(writer);
}

static void park_first(const char *text)
{
	struct spool_reader *reader = open_reader(0);
	struct spool_item *item;

	assert_int_equal(spool_take(reader, &item), 1);
	assert_int_equal(spool_park(reader, item, text), 0);
	spool_item_free(item);
	spool_reader_close(reader);
}

static void dead_ones_and_their_texts_count_and_go_by_their_time(void **state)
{
	struct spool_limits limits = { .bytes = 3 * size_in_spool(10, 1000) + 10, .age_s = LARGE };
	struct spool_writer *writer = open_writer(&limits, 1);
	struct spool_usage usage;

	(void)state;
	for (uint64_t second = 10; second < 13; second++)
		assert_int_equal(put_bytes_at(writer, second, 1, 1000), 0);
	park_first("refused"); /* with its line feed 8 bytes */
	assert_int_equal(spool_enforce(writer, 20), 0);
	check_usage(writer, 0, 2, 1, 0, 0);
	spool_usage_of(writer, 0, &usage);
	assert_int_equal(usage.bytes + usage.dead_bytes, limits.bytes - 2);
	check_oldest(writer, 0, 11);
	assert_int_equal(put_bytes_at(writer, 13, 1, 1000), 0);
	check_usage(writer, 0, 3, 0, 1, 0);
	assert_int_equal(count_names(DEAD), 0);
	park_first("a text that is too long by ten");
	assert_int_equal(spool_enforce(writer, 20), 0);
	check_usage(writer, 0, 2, 0, 2, 0);
	assert_int_equal(count_names(DEAD), 0);
	spool_writer_close(writer);
}

static void what_is_too_old_goes_by_the_time_in_its_name(void **state)
{
	const struct spool_limits limits = { .bytes = LARGE, .age_s = 100 };
	struct spool_writer *writer = open_writer(&limits, 1);

	(void)state;
	for (uint64_t second = 1000; second < 1010; second++)
		assert_int_equal(put_at(writer, second, 1, "text"), 0);
	park_first("refused");
	assert_int_equal(spool_enforce(writer, 1100), 0);
	check_usage(writer, 0, 9, 1, 0, 0);
	assert_int_equal(spool_enforce(writer, 1101), 0);
	check_usage(writer, 0, 9, 0, 0, 1);
	assert_int_equal(count_names(DEAD), 0);
	assert_int_equal(spool_enforce(writer, 1105), 0);
	check_usage(writer, 0, 5, 0, 0, 5);
	check_oldest(writer, 0, 1005);
	assert_int_equal(spool_enforce(writer, UINT64_MAX), 0);
	check_usage(writer, 0, 0, 0, 0, 10);
	spool_writer_close(writer);
}

/* An hour ahead, then right again: nothing is too old for that, and the future is the youngest. */
static void a_clock_that_jumps_makes_nothing_older(void **state)
{
	uint64_t size = size_in_spool(1000, 1000);
	const struct spool_limits limits = { .bytes = 3 * size, .age_s = 100 };
	struct spool_writer *writer = open_writer(&limits, 1);

	(void)state;
	assert_int_equal(put_bytes_at(writer, 4600, 1, 1000), 0);
	assert_int_equal(put_bytes_at(writer, 1000, 1, 1000), 0);
	assert_int_equal(put_bytes_at(writer, 1060, 1, 1000), 0);
	check_oldest(writer, 0, 1000);
	assert_int_equal(spool_enforce(writer, 1060), 0);
	check_usage(writer, 0, 3, 0, 0, 0);
	assert_int_equal(put_bytes_at(writer, 1090, 1, 1000), 0);
	check_usage(writer, 0, 3, 0, 1, 0);
	check_oldest(writer, 0, 1060);
	/* Back to before anything: 0 is no underflow. */
	assert_int_equal(spool_enforce(writer, 0), 0);
	check_usage(writer, 0, 3, 0, 1, 0);
	assert_int_equal(spool_enforce(writer, 1200), 0);
	check_usage(writer, 0, 1, 0, 1, 2);
	check_oldest(writer, 0, 4600);
	spool_writer_close(writer);
}

static void what_was_sent_makes_room_and_is_not_dropped(void **state)
{
	struct spool_limits limits = { .bytes = 3 * size_in_spool(10, 4), .age_s = LARGE };
	struct spool_writer *writer = open_writer(&limits, 1);
	struct spool_reader *reader = open_reader(0);

	(void)state;
	for (uint64_t second = 10; second < 13; second++)
		assert_int_equal(put_at(writer, second, 1, "text"), 0);
	take_and_check(reader, "text");
	take_and_check(reader, "text");
	assert_int_equal(put_at(writer, 13, 1, "text"), 0);
	assert_int_equal(put_at(writer, 14, 1, "text"), 0);
	check_usage(writer, 0, 3, 0, 0, 0);
	assert_int_equal(count_names(QUEUE), 3);
	take_and_check(reader, "text");
	assert_int_equal(spool_enforce(writer, 20), 0);
	check_usage(writer, 0, 2, 0, 0, 0);
	spool_reader_close(reader);
	spool_writer_close(writer);
}

static void a_spool_that_is_opened_again_knows_what_is_in_it(void **state)
{
	struct spool_limits limits = { .bytes = 3 * size_in_spool(10, 4), .age_s = LARGE };
	struct spool_writer *writer = open_writer(&limits, 1);

	(void)state;
	for (uint64_t second = 10; second < 13; second++)
		assert_int_equal(put_at(writer, second, 1, "text"), 0);
	spool_writer_close(writer);
	writer = open_writer(&limits, 1);
	check_usage(writer, 0, 3, 0, 0, 0);
	check_oldest(writer, 0, 10);
	assert_int_equal(put_at(writer, 13, 1, "text"), 0);
	check_usage(writer, 0, 3, 0, 1, 0);
	check_oldest(writer, 0, 11);
	spool_writer_close(writer);
}

/* Their time is when they were changed: now, which is after all that is put here. */
static void files_of_strangers_count_and_go_too(void **state)
{
	struct spool_limits limits = { .bytes = 100000, .age_s = LARGE };
	struct spool_writer *writer = open_writer(&limits, 1);

	(void)state;
	assert_int_equal(system("cd " QUEUE " && head -c 99999 /dev/zero > large && "
				"touch -d @5 large && ln -s large link && mkdir directory"),
			 0);
	assert_int_equal(spool_enforce(writer, 100), 0);
	check_usage(writer, 0, 1, 0, 1, 0);
	assert_int_equal(put_at(writer, 10, 1, "text"), 0);
	check_usage(writer, 0, 2, 0, 1, 0);
	assert_int_equal(count_names(QUEUE), 3);
	spool_writer_close(writer);
}

/* Hard links: they are made faster than files. */
static void make_many(void)
{
	char name[64], original[32];

	for (int i = 0; i < MANY; i++) {
		/* Of one file, some file systems allow 65,000. */
		(void)snprintf(original, sizeof(original), "spool/original-%d", i / 10000);
		if (i % 10000 == 0)
			make_file(original, "0123456789");
		/* Not in their order. */
		(void)snprintf(name, sizeof(name), QUEUE "/%011d000000000-x", (i * 7919) % MANY);
		assert_int_equal(link(original, name), 0);
	}
}

static double seconds_since(uint64_t began_ns)
{
	return (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began_ns) / (double)NS_PER_SECOND;
}

/* Reading the directory for each of them would take minutes, even of an optimized program. */
static void very_many_are_no_burden(void **state)
{
	struct spool_limits limits = { .bytes = 10 * MANY, .age_s = LARGE };
	uint64_t began_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	struct spool_writer *writer = open_writer(&limits, 1);
	struct spool_reader *reader;
	struct spool_item *item;

	(void)state;
	spool_writer_close(writer);
	make_many();
	writer = open_writer(&limits, 1);
	check_usage(writer, 0, MANY, 0, 0, 0);
	/* Each takes the room of some 200. */
	for (uint64_t i = 0; i < 300; i++)
		assert_int_equal(put_bytes_at(writer, MANY + i, 1, 2000), 0);
	assert_true(access(QUEUE "/00000000000000000000-x", F_OK) < 0);
	assert_int_equal(access(QUEUE "/00000099999000000000-x", F_OK), 0);
	assert_int_equal(spool_enforce(writer, 100), 0);
	limits.bytes = 40000;
	assert_int_equal(spool_writer_change(writer, &limits, ids, 1), 0);
	assert_int_equal(spool_enforce(writer, 100), 0);
	assert_true(count_names(QUEUE) < 20);
	spool_writer_close(writer);
	reader = open_reader(0);
	assert_int_equal(spool_take(reader, &item), 1);
	spool_item_free(item);
	spool_reader_close(reader);
	assert_true(seconds_since(began_ns) < 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(the_oldest_go_first_when_bytes_run_out),
		IN_DIRECTORY(what_is_larger_than_the_limit_drops_nothing),
		IN_DIRECTORY(dead_ones_and_their_texts_count_and_go_by_their_time),
		IN_DIRECTORY(what_is_too_old_goes_by_the_time_in_its_name),
		IN_DIRECTORY(a_clock_that_jumps_makes_nothing_older),
		IN_DIRECTORY(what_was_sent_makes_room_and_is_not_dropped),
		IN_DIRECTORY(a_spool_that_is_opened_again_knows_what_is_in_it),
		IN_DIRECTORY(files_of_strangers_count_and_go_too),
		IN_DIRECTORY(very_many_are_no_burden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
