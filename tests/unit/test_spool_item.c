/* SPDX-License-Identifier: Apache-2.0 */
/* Names, heads, and what is no item. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/spool_parts.h"
#include "tests/unit/hear.h"
#include "tests/unit/spool_fixture.h"

#define GOOD_NAME "00000000000000000007-0-a"
#define TIMES     "\"from_ns\":\"7\",\"until_ns\":\"8\",\"sample_hz\":\"0\""
#define REST      "," TIMES ",\"service\":\"s\",\"host\":\"h\",\"labels\":[]}"
#define WHOLE(size, kind, format)                                                                  \
	"{\"size\":\"" size "\",\"kind\":\"" kind "\",\"format\":\"" format "\"" REST "\n"

static void targets_are_known_without_users_and_passwords(void **state)
{
	const char *const same[] = { "https://example.org/a@b?c", "https://u@example.org/a@b?c",
				     "https://u:p@example.org/a@b?c",
				     "https://u:p@ss@example.org/a@b?c" };
	const char *const other[] = { "http://example.org/a@b?c", "https://example.org/a@c?c",
				      "https://example.org/x@b?c", "b?c", "file:///a@b?c" };
	char id[SPOOL_TARGET_ID_SIZE], again[SPOOL_TARGET_ID_SIZE];

	(void)state;
	spool_target_id(same[0], id);
	/* Spools of older versions are found by it. */
	assert_string_equal(id, "18672e2184842b86");
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		spool_target_id(same[i], again);
		assert_string_equal(again, id);
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		spool_target_id(other[i], again);
		assert_string_not_equal(again, id);
	}
}

static void names_are_in_the_order_of_time_and_of_nothing_else(void **state)
{
	const uint64_t times[] = { 0, 9, 10, 99 * SECOND_NS, UINT64_MAX };
	char before[SPOOL_NAME_MAX + 1] = "", name[SPOOL_NAME_MAX + 1];
	uint64_t time;

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct profile_file file = profile_at(0, i % 2 ? "a" : "z");

		file.from_ns = times[i];
		assert_int_equal(spool_name_make(&file, name), 0);
		assert_true(strcmp(before, name) < 0);
		assert_true(spool_name_time(name, &time));
		assert_true(time == times[i]);
		memcpy(before, name, sizeof(before));
	}
	assert_false(spool_name_time("99999999999999999999-x", &time));
	assert_false(spool_name_time("0000000000000000007-x", &time));
	assert_false(spool_name_time("00000000000000000007x", &time));
}

static void names_are_plain_and_short_and_no_two_services_have_one(void **state)
{
	static const char *const services[] = { "a",  "a/b", "a_b", "a%2Fb", "../..", ".",
						"\n", "A",   "a b", "\xff",  "\x01" };
	enum { COUNT = sizeof(services) / sizeof(services[0]) };
	char names[COUNT + 2][SPOOL_NAME_MAX + 1], long_name[4097];
	struct profile_file file;

	(void)state;
	memset(long_name, '\\', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	for (size_t i = 0; i < COUNT + 2; i++) {
		file = profile_at(7, i < COUNT ? services[i] : long_name);
		file.host = long_name;
		file.format = PROFILE_PPROF;
		file.kind = PROFILE_OFF_CPU;
		if (i == COUNT)
			long_name[sizeof(long_name) - 2] = '/';
		else
			long_name[sizeof(long_name) - 2] = '\\';
		assert_int_equal(spool_name_make(&file, names[i]), 0);
		assert_true(strlen(names[i]) + strlen(".txt") <= SPOOL_NAME_MAX);
		assert_int_equal(strspn(names[i], "0123456789abcdefghijklmnopqrstuvwxyz"
						  "ABCDEFGHIJKLMNOPQRSTUVWXYZ.@:_-%"),
				 strlen(names[i]));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(names[i], names[k]);
	}
}

static void names_are_made_of_what_they_name(void **state)
{
	struct profile_file file = profile_at(7, "nginx.service");
	char name[SPOOL_NAME_MAX + 1];

	(void)state;
	assert_int_equal(spool_name_make(&file, name), 0);
	assert_string_equal(name, "00000000007000000000-0000000df8475800-"
				  "nginx.service-host-on-cpu-ca188fa537dbd403.folded");
}

/* As strangers call their services, hosts and labels. */
static void what_was_said_of_a_profile_is_said_again(void **state)
{
	static char long_text[4097];
	const struct profile_label labels[] = {
		{ "a", "1" },
		{ "a", "1" },
		{ "", "" },
		{ "\"}],{\\\n\t", "\x01\x1f\x7f" },
		{ "\xe2\x98\x83", "\xf0\x9f\x94\xa5" },
		{ "long", long_text },
	};
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct spool_reader *reader = open_reader(0);
	struct profile_file file = profile_at(7, "\"\\/\n\xe2\x98\x83");
	struct spool_item *item;

	(void)state;
	memset(long_text, '"', sizeof(long_text) - 1);
	file.host = long_text;
	file.kind = PROFILE_BOTH;
	file.format = PROFILE_HTML;
	file.from_ns = UINT64_C(1767323045123456789);
	file.until_ns = UINT64_MAX;
	file.labels = labels;
	file.label_count = sizeof(labels) / sizeof(labels[0]);
	assert_int_equal(spool_put(writer, &file, 1, write_words, "<html>\n"), 0);
	spool_writer_close(writer);
	assert_int_equal(spool_take(reader, &item), 1);
	check_item(item, "<html>\n");
	assert_int_equal(item->file.kind, PROFILE_BOTH);
	assert_int_equal(item->file.format, PROFILE_HTML);
	assert_string_equal(item->file.service, file.service);
	assert_string_equal(item->file.host, file.host);
	assert_true(item->file.from_ns == file.from_ns && item->file.until_ns == file.until_ns);
	assert_int_equal(item->file.sample_hz, 99);
	assert_int_equal(item->file.label_count, file.label_count);
	for (size_t i = 0; i < file.label_count; i++) {
		assert_string_equal(item->file.labels[i].name, labels[i].name);
		assert_string_equal(item->file.labels[i].value, labels[i].value);
	}
	spool_item_free(item);
	spool_reader_close(reader);
}

static void what_is_not_utf8_becomes_it(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct spool_reader *reader = open_reader(0);
	struct profile_file file = profile_at(7, "a\xff\xc3");
	struct spool_item *item;

	(void)state;
	assert_int_equal(spool_put(writer, &file, 1, write_words, "text"), 0);
	assert_int_equal(spool_take(reader, &item), 1);
	assert_string_equal(item->file.service, "a\xef\xbf\xbd\xef\xbf\xbd");
	spool_item_free(item);
	spool_reader_close(reader);
	spool_writer_close(writer);
}

static void a_head_that_is_too_long_is_refused(void **state)
{
	static char text[SPOOL_HEAD_MAX];
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct profile_file file = profile_at(7, text);
	struct profile_label labels[SPOOL_HEAD_LABELS_MAX + 1];

	(void)state;
	memset(text, '\x01', sizeof(text) - 1);
	assert_int_equal(spool_put(writer, &file, 1, write_words, "text"), -E2BIG);
	text[SPOOL_HEAD_MAX / 5] = '\0'; /* each is six bytes in JSON */
	assert_int_equal(spool_put(writer, &file, 1, write_words, "text"), -E2BIG);
	text[SPOOL_HEAD_MAX / 8] = '\0';
	assert_int_equal(spool_put(writer, &file, 1, write_words, "text"), 0);
	for (size_t i = 0; i <= SPOOL_HEAD_LABELS_MAX; i++)
		labels[i] = (struct profile_label){ "name", "value" };
	file.labels = labels;
	file.label_count = SPOOL_HEAD_LABELS_MAX + 1;
	assert_int_equal(spool_put(writer, &file, 1, write_words, "text"), -E2BIG);
	file.label_count = SPOOL_HEAD_LABELS_MAX;
	assert_int_equal(spool_put(writer, &file, 1, write_words, "text"), 0);
	assert_int_equal(count_names("spool/tmp"), 0);
	spool_writer_close(writer);
}

static void heads_that_make_no_sense_are_parked_with_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *reason;
	} bad[] = {
		{ "", "does not begin with a line of JSON" },
		{ "{}", "does not begin with a line of JSON" },
		{ "\n", "not JSON" },
		{ "null\n", "not JSON" },
		{ "[]\n", "not JSON" },
		{ "{\"size\":\n", "not JSON" },
		{ "{} {}\n", "not JSON" },
		{ "{}\n", "no size" },
		{ WHOLE("-1", "both", "html"), "no size" },
		{ WHOLE("1x", "both", "html"), "no size" },
		{ WHOLE("99999999999999999999", "both", "html"), "no size" },
		{ WHOLE("0", "gpu", "html"), "no kind" },
		{ WHOLE("0", "both", "HTML"), "no format" },
		{ WHOLE("1", "both", "html"), "not as long" },
		{ WHOLE("0", "both", "html") "x", "not as long" },
		{ WHOLE("18446744073709551615", "both", "html") "x", "not as long" },
		{ "{\"size\":\"0\",\"kind\":\"both\",\"format\":\"svg\"}\n", "no times" },
		{ "{\"size\":\"0\",\"kind\":\"both\",\"format\":\"svg\"," TIMES
		  ",\"service\":\"\",\"host\":\"\",\"labels\":[]}\n",
		  "no service" },
		{ "{\"size\":\"0\",\"kind\":\"both\",\"format\":\"svg\"," TIMES
		  ",\"service\":\"\xff\",\"host\":\"\",\"labels\":[]}\n",
		  "no service" },
		{ "{\"size\":\"0\",\"kind\":\"both\",\"format\":\"svg\"," TIMES
		  ",\"service\":\"s\",\"host\":\"\",\"labels\":{}}\n",
		  "labels" },
		{ "{\"size\":\"0\",\"kind\":\"both\",\"format\":\"svg\"," TIMES
		  ",\"service\":\"s\",\"host\":\"\",\"labels\":[[\"a\"]]}\n",
		  "labels" },
		{ "{\"size\":\"0\",\"kind\":\"both\",\"format\":\"svg\"," TIMES
		  ",\"service\":\"s\",\"host\":\"\",\"labels\":[[\"a\",1]]}\n",
		  "labels" },
	};
	char text[256];

	(void)state;
	spool_writer_close(open_writer(&no_limits, 1));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct spool_reader *reader = open_reader(0);
		FILE *file;

		make_file("spool/queue/0000000000000001/" GOOD_NAME, bad[i].text);
		check_empty(reader);
		check_content("spool/dead/0000000000000001/" GOOD_NAME, bad[i].text);
		file = fopen("spool/dead/0000000000000001/" GOOD_NAME ".txt", "r");
		assert_non_null(file);
		assert_non_null(fgets(text, sizeof(text), file));
		(void)fclose(file);
		if (!strstr(text, bad[i].reason))
			fail_msg("%s: %s", bad[i].text, text);
		spool_reader_close(reader);
	}
}

/* Nested, endless and huge ones. */
static void heads_are_bounded(void **state)
{
	struct spool_reader *reader;

	(void)state;
	spool_writer_close(open_writer(&no_limits, 1));
	assert_int_equal(system("cd spool/queue/0000000000000001 && "
				"yes '[' | tr -d '\\n' | head -c 60000 > 1-a && echo >> 1-a && "
				"head -c 100000 /dev/zero | tr '\\0' ' ' > 2-b && "
				"truncate -s 1T 3-c"),
			 0);
	reader = open_reader(0);
	check_empty(reader);
	assert_int_equal(count_names("spool/queue/0000000000000001"), 0);
	assert_int_equal(count_names("spool/dead/0000000000000001"), 6);
	spool_reader_close(reader);
}

static void what_is_no_file_of_ours_is_neither_followed_nor_in_the_way(void **state)
{
	struct spool_writer *writer = open_writer(&no_limits, 1);
	struct spool_reader *reader = open_reader(0);
	struct spool_item *item;

	(void)state;
	assert_int_equal(put_at(writer, 7, 1, "good"), 0);
	assert_int_equal(put_at(writer, 7, 1, "good"), 0);
	assert_int_equal(system("cd spool/queue/0000000000000001 && cp * ../victim && "
				"ln -s ../victim 00000000000000000001-link && "
				"ln -s ../../../.. 00000000000000000002-link && "
				"mkfifo 00000000000000000003-fifo && "
				"mkdir 00000000000000000004-directory 5-directory && "
				"cp ../victim 00000000000000000006-open && "
				"chmod 0666 00000000000000000006-open && "
				"touch .nfs0001 \"$(printf %0255d 0)\""),
			 0);
	if (geteuid() == 0)
		assert_int_equal(system("cd spool/queue/0000000000000001 && "
					"cp ../victim 00000000000000000006-owned && "
					"chown 12345 00000000000000000006-owned"),
				 0);
	hear();
	assert_int_equal(spool_take(reader, &item), 1);
	assert_string_equal(heard(), "eprof: warning: '5-directory' in the spool's queue "
				     "0000000000000001 is left alone, as others may be: it is a "
				     "directory\n");
	check_item(item, "good");
	spool_item_free(item);
	/* Good, two directories, .nfs0001. */
	assert_int_equal(count_names("spool/queue/0000000000000001"), 4);
	assert_int_equal(count_names("spool/dead/0000000000000001"), geteuid() == 0 ? 12 : 10);
	take_and_check(reader, "good");
	check_empty(reader);
	check_empty(reader);
	spool_reader_close(reader);
	spool_writer_close(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_known_without_users_and_passwords),
		cmocka_unit_test(names_are_in_the_order_of_time_and_of_nothing_else),
		cmocka_unit_test(names_are_plain_and_short_and_no_two_services_have_one),
		cmocka_unit_test(names_are_made_of_what_they_name),
		IN_DIRECTORY(what_was_said_of_a_profile_is_said_again),
		IN_DIRECTORY(what_is_not_utf8_becomes_it),
		IN_DIRECTORY(a_head_that_is_too_long_is_refused),
		IN_DIRECTORY(heads_that_make_no_sense_are_parked_with_what_is_wrong),
		IN_DIRECTORY(heads_are_bounded),
		IN_DIRECTORY(what_is_no_file_of_ours_is_neither_followed_nor_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
