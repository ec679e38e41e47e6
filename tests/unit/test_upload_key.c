/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/upload_parts.h"
#include "tests/unit/upload_file.h"

static void check_key(const char *template, const struct profile_file *file, const char *expected)
{
	char *key = NULL;

	assert_int_equal(upload_key_make(template, file, &key), 0);
	assert_string_equal(key, expected);
	free(key);
}

static void check_service(const char *service, const char *expected)
{
	struct profile_file file = upload_file(service);

	check_key("{service}/x", &file, expected);
}

static int error_of(const char *template, const char *service)
{
	struct profile_file file = upload_file(service);
	char *key = NULL;
	int err = upload_key_make(template, &file, &key);

	assert_null(key);
	return err;
}

static void every_word_has_its_value(void **state)
{
	const struct profile_label label = { "zone", "eu" };
	struct profile_file file = upload_file("nginx.service");

	(void)state;
	file.labels = &label;
	file.label_count = 1;
	check_key(UPLOAD_KEY_DEFAULT, &file,
		  "nginx.service/2026/01/02/web1-20260102T030405.999999Z-off-cpu.pb.gz");
	check_key("{end}-{HH}{MM}{SS}-{unix}-{format}-{label.zone}", &file,
		  "20260102T030505.000000Z-030405-1767323045-pprof-eu");
	check_key("a{{b}-{label.none}", &file, "a{b}-_");
	file.from_ns += 2002;
	check_key("{start}", &file, "20260102T030406.000002Z");
}

static void windows_that_begin_in_one_second_have_keys_of_their_own(void **state)
{
	struct profile_file file = upload_file("a");

	(void)state;
	file.from_ns = (UINT64_C(1767323045) * 1000000 + 678) * 1000 + 999;
	file.until_ns = file.from_ns + 1000;
	check_key("{host}-{start}", &file, "web1-20260102T030405.000678Z");
	check_key("{start}-{end}", &file, "20260102T030405.000678Z-20260102T030405.000679Z");
	/* As long in a whole second, so that names are in the order of times. */
	file.from_ns -= 678500;
	check_key("{start}", &file, "20260102T030405.000000Z");
}

static void no_value_leads_elsewhere(void **state)
{
	(void)state;
	check_service("..", "__/x");
	check_service(".", "_/x");
	check_service("", "_/x");
	check_service("...hidden", "___hidden/x");
	check_service("../../etc/passwd", "___.._etc_passwd/x");
	check_service("/abs", "_abs/x");
	check_service("a\nb\x1b[2J\x7f", "a_b_[2J_/x");
	check_service("\xff\xc2\x85ok\xe2\x80\xa8", "__ok_/x");
	check_service("\xed\xa0\x80", "_/x");
	check_service("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f/x");
	check_service("{host}", "{host}/x");
}

static void values_beside_each_other_make_no_parent(void **state)
{
	const struct profile_label label = { "dot", "." };
	struct profile_file file = upload_file(".");

	(void)state;
	file.labels = &label;
	file.label_count = 1;
	check_key("{service}{label.dot}/.{label.dot}/x", &file, "__/._/x");
}

static void a_template_that_leads_elsewhere_is_refused(void **state)
{
	(void)state;
	assert_int_equal(error_of("../x", "s"), -EINVAL);
	assert_int_equal(error_of("a/./x", "s"), -EINVAL);
	assert_int_equal(error_of("a/..", "s"), -EINVAL);
	assert_int_equal(error_of("///", "s"), -EINVAL);
	assert_int_equal(error_of("", "s"), -EINVAL);
	assert_int_equal(error_of("a\nb", "s"), -EINVAL);
}

static void slashes_that_part_nothing_are_dropped(void **state)
{
	struct profile_file file = upload_file("s");

	(void)state;
	check_key("//{service}//x/", &file, "s/x");
}

static void words_that_are_not_known_are_refused(void **state)
{
	static const char *const templates[] = {
		"{nothing}", "{", "x{service", "{}", "{label.}", "{ service}", "{service{host}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
		assert_int_equal(error_of(templates[i], "s"), -EINVAL);
}

static void names_that_are_too_long_are_refused(void **state)
{
	char name[NAME_MAX + 1];
	struct profile_file file;

	(void)state;
	memset(name, 'a', NAME_MAX);
	name[NAME_MAX] = '\0';
	file = upload_file(name);
	check_key("{service}", &file, name);
	assert_int_equal(error_of("{service}b", name), -ENAMETOOLONG);
	assert_int_equal(error_of("{service}/{service}/{service}/{service}/b", name),
			 -ENAMETOOLONG);
}

static void an_id_is_of_all_that_a_file_is(void **state)
{
	const struct profile_label one = { "a", "bc" }, other = { "ab", "c" };
	struct profile_file file = upload_file("s"), changed = file;
	char id[UPLOAD_ID_SIZE], again[UPLOAD_ID_SIZE];

	(void)state;
	assert_int_equal(upload_id_make(&file, id), 0);
	assert_int_equal(upload_id_make(&changed, again), 0);
	assert_string_equal(id, again);
	assert_int_equal(strspn(id, "0123456789abcdef"), UPLOAD_ID_SIZE - 1);
	changed.from_ns++;
	assert_int_equal(upload_id_make(&changed, again), 0);
	assert_string_not_equal(id, again);
	changed = file;
	changed.label_count = 1;
	changed.labels = &one;
	assert_int_equal(upload_id_make(&changed, id), 0);
	changed.labels = &other;
	assert_int_equal(upload_id_make(&changed, again), 0);
	assert_string_not_equal(id, again);
	check_key("{id}", &changed, again);
}

static void values_are_escaped_in_a_url(void **state)
{
	struct profile_file file = upload_file("a/b c&\xc3\xbc");
	char *url = NULL;

	(void)state;
	assert_int_equal(upload_url_fill("http://h/{service}?a={{x%20", &file, &url), 0);
	assert_string_equal(url, "http://h/a_b%20c%26%C3%BC?a={x%20");
	free(url);
	assert_int_equal(upload_url_below("http://h", "a b/c?", &url), 0);
	assert_string_equal(url, "http://h/a%20b/c%3F");
	free(url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_has_its_value),
		cmocka_unit_test(windows_that_begin_in_one_second_have_keys_of_their_own),
		cmocka_unit_test(no_value_leads_elsewhere),
		cmocka_unit_test(values_beside_each_other_make_no_parent),
		cmocka_unit_test(a_template_that_leads_elsewhere_is_refused),
		cmocka_unit_test(slashes_that_part_nothing_are_dropped),
		cmocka_unit_test(words_that_are_not_known_are_refused),
		cmocka_unit_test(names_that_are_too_long_are_refused),
		cmocka_unit_test(an_id_is_of_all_that_a_file_is),
		cmocka_unit_test(values_are_escaped_in_a_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
