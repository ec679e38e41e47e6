/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/hear.h"
#include "tests/unit/spool_fixture.h"

#define QUEUE "spool/queue/0000000000000001"
#define DEAD  "spool/dead/0000000000000001"

static void items_come_in_the_order_of_their_time(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct spool_reader *reader = open_reader(0);

	(void)state;
	assert_int_equal(put_at(writer, 300, 1, "third"), 0);
	assert_int_equal(put_at(writer, 1, 1, "first"), 0);
	assert_int_equal(put_at(writer, 20, 1, "second"), 0);
	take_and_check(reader, "first");
	take_and_check(reader, "second");
	take_and_check(reader, "third");
	check_empty(reader);
	assert_int_equal(put_at(writer, 5, 1, "late"), 0);
	take_and_check(reader, "late");
	check_empty(reader);
	spool_reader_close(reader);
	spool_writer_close(writer);
}

/* Links of one, which go as if they were dropped: nothing has to be synced. */
static void more_than_are_read_at_once_come_in_order_too(void **state)
{
	enum { COUNT = 9000 };
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct spool_reader *reader = open_reader(0);
	struct spool_item *item;
	char name[32], path[64];

	(void)state;
	assert_int_equal(put_at(writer, 1, 1, "text"), 0);
	assert_int_equal(system("mv " QUEUE "/* original"), 0);
	for (int i = 0; i < COUNT; i++) {
		(void)snprintf(path, sizeof(path), QUEUE "/%020d-x", i * 7 % COUNT);
		assert_int_equal(link("original", path), 0);
	}
	for (int i = 0; i < COUNT; i++) {
		(void)snprintf(name, sizeof(name), "%020d-x", i);
		(void)snprintf(path, sizeof(path), QUEUE "/%s", name);
		assert_int_equal(spool_take(reader, &item), 1);
		assert_string_equal(item->name, name);
		spool_item_free(item);
		assert_int_equal(unlink(path), 0);
	}
	check_empty(reader);
	spool_reader_close(reader);
	spool_writer_close(writer);
}

static void an_item_is_taken_again_until_it_is_done(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct spool_reader *reader = open_reader(0);
	struct spool_item *item;

	(void)state;
	assert_int_equal(put_at(writer, 1, 1, "first"), 0);
	assert_int_equal(put_at(writer, 2, 1, "second"), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(spool_take(reader, &item), 1);
		check_item(item, "first");
		spool_item_free(item);
	}
	/* A reader that begins anew sees the same. */
	spool_reader_close(reader);
	reader = open_reader(0);
	take_and_check(reader, "first");
	take_and_check(reader, "second");
	spool_reader_close(reader);
	spool_writer_close(writer);
}

static void an_item_of_one_target_stays_that_of_another(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 2);
	struct spool_reader *reader = open_reader(0), *other = open_reader(1);
	struct spool_item *item;

	(void)state;
	assert_int_equal(put_at(writer, 1, 3, "text"), 0);
	assert_int_equal(spool_take(reader, &item), 1);
	assert_int_equal(spool_park(reader, item, "no"), 0);
	spool_item_free(item);
	check_empty(reader);
	take_and_check(other, "text");
	spool_reader_close(reader);
	spool_reader_close(other);
	spool_writer_close(writer);
}

static void a_parked_item_lies_beside_the_answer(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct spool_reader *reader = open_reader(0);
	char path[2 * SPOOL_NAME_MAX], command[5 * SPOOL_NAME_MAX], name[SPOOL_NAME_MAX + 1];
	struct spool_item *item;
	struct stat status;

	(void)state;
	assert_int_equal(put_at(writer, 1, 1, "text"), 0);
	assert_int_equal(spool_take(reader, &item), 1);
	(void)snprintf(name, sizeof(name), "%s", item->name);
	assert_int_equal(spool_park(reader, item, "403 Forbidden"), 0);
	check_item(item, "text");
	spool_item_free(item);
	check_empty(reader);
	assert_int_equal(count_names(QUEUE), 0);
	assert_int_equal(count_names(DEAD), 2);
	(void)snprintf(path, sizeof(path), DEAD "/%s.txt", name);
	check_content(path, "403 Forbidden\n");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	/* Somebody tries it again, by a link, and it is refused again. */
	(void)snprintf(command, sizeof(command), "ln " DEAD "/%s " QUEUE, name);
	assert_int_equal(system(command), 0);
	assert_int_equal(spool_take(reader, &item), 1);
	assert_int_equal(spool_park(reader, item, "404\n"), 0);
	spool_item_free(item);
	check_empty(reader);
	assert_int_equal(count_names(DEAD), 2);
	check_content(path, "404\n");
	spool_reader_close(reader);
	spool_writer_close(writer);
}

static void an_answer_is_cut_between_characters(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct spool_reader *reader = open_reader(0);
	static char text[10001];
	struct spool_item *item;

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x98\x83", 3);
	assert_int_equal(put_at(writer, 1, 1, "text"), 0);
	assert_int_equal(spool_take(reader, &item), 1);
	assert_int_equal(spool_park(reader, item, text + 2), 0);
	spool_item_free(item);
	assert_int_equal(system("test $(cat " DEAD "/*.txt | wc -c) = 4094 && "
				"test $(tail -c 4 " DEAD "/*.txt | head -c 3) = "
				"$(printf '\\342\\230\\203')"),
			 0);
	spool_reader_close(reader);
	spool_writer_close(writer);
}

static void what_was_dropped_meanwhile_is_no_error(void **state)
{
	struct spool_limits limits = { .bytes = LARGE, .age_s = 10 };
	struct spool_writer *writer = open_writer(&limits, 1);
	struct spool_reader *reader = open_reader(0);
	struct spool_item *item;

	(void)state;
	assert_int_equal(put_at(writer, 1, 1, "first"), 0);
	assert_int_equal(put_at(writer, 2, 1, "second"), 0);
	assert_int_equal(put_at(writer, 30, 1, "third"), 0);
	assert_int_equal(spool_take(reader, &item), 1);
	assert_int_equal(spool_enforce(writer, 35), 0);
	check_item(item, "first");
	assert_int_equal(spool_done(reader, item), 0);
	assert_int_equal(spool_park(reader, item, "no"), 0);
	spool_item_free(item);
	assert_int_equal(count_names(DEAD), 0);
	take_and_check(reader, "third");
	check_empty(reader);
	spool_reader_close(reader);
	spool_writer_close(writer);
}

static void a_reader_needs_no_writer_but_one_that_was(void **state)
{
	struct spool_reader *reader;

	(void)state;
	assert_int_equal(spool_reader_open("spool", ids[0], &reader), -ENOENT);
	spool_writer_close(open_writer(&no_limits, 1));
	assert_int_equal(spool_reader_open("spool", ids[1], &reader), -ENOENT);
	reader = open_reader(0);
	check_empty(reader);
	spool_reader_close(reader);
	spool_reader_close(NULL);
	spool_writer_close(NULL);
	spool_item_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(items_come_in_the_order_of_their_time),
		IN_DIRECTORY(more_than_are_read_at_once_come_in_order_too),
		IN_DIRECTORY(an_item_is_taken_again_until_it_is_done),
		IN_DIRECTORY(an_item_of_one_target_stays_that_of_another),
		IN_DIRECTORY(a_parked_item_lies_beside_the_answer),
		IN_DIRECTORY(an_answer_is_cut_between_characters),
		IN_DIRECTORY(what_was_dropped_meanwhile_is_no_error),
		IN_DIRECTORY(a_reader_needs_no_writer_but_one_that_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
