/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: which URLs are taken, what goes with them, and files of secrets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/agent_config.h"
#include "agent/agent_config_parts.h"
#include "tests/unit/hear.h"

#define WORDS_MAX 16

static void urls_that_make_sense_are_taken(void **state)
{
	static const struct {
		const char *url;
		enum upload_scheme scheme;
	} cases[] = {
		{ "file:///", SCHEME_FILE },
		{ "file:///srv/my profiles@home", SCHEME_FILE },
		{ "http://a", SCHEME_HTTP },
		{ "https://a.b-c:65535/x/y?X-Sig=a@b&c=%20", SCHEME_HTTPS },
		{ "http://[::1]:1/", SCHEME_HTTP },
		{ "s3://abc", SCHEME_S3 },
		{ "s3://a.b-3/x/y", SCHEME_S3 },
		{ "eprof://a:1", SCHEME_EPROF },
		{ "eprofs://a/", SCHEME_EPROFS },
		{ "pyroscope+http://a:4040", SCHEME_PYROSCOPE_HTTP },
		{ "pyroscope+https://a/b", SCHEME_PYROSCOPE_HTTPS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum upload_scheme scheme = SCHEME_COUNT;

		assert_null(config_url_check(cases[i].url, &scheme));
		assert_int_equal(scheme, cases[i].scheme);
	}
}

static void urls_that_make_none_are_refused(void **state)
{
	static const struct {
		const char *url, *part;
	} cases[] = {
		{ "", "a URL begins with" },
		{ "/srv", "a URL begins with" },
		{ "ftp://a", "a URL begins with" },
		{ "HTTP://a", "a URL begins with" },
		{ "http:/a", "a URL begins with" },
		{ "file://srv/x", "file:///DIR" },
		{ "file://", "file:///DIR" },
		{ "http://", "no host" },
		{ "http:///x", "no host" },
		{ "http://?x", "no host" },
		{ "http://a b/", "a blank" },
		{ "http://a/b c", "a blank" },
		{ "http://u:p@a/", "user-file" },
		{ "pyroscope+https://u@a/", "user-file" },
		{ "s3://KEY:SECRET@bucket/", "credentials-file" },
		{ "http://a:0", "port" },
		{ "http://a:65536", "port" },
		{ "http://a:", "port" },
		{ "http://a:1x", "port" },
		{ "http://a:123456", "port" },
		{ "http://[::1", "no host" },
		{ "http://[]/", "no host" },
		{ "http://[::1]x/", "letters that no host has" },
		{ "http://a,b/", "letters that no host has" },
		{ "http://a\\b/", "letters that no host has" },
		{ "http://a/#b", "never sent" },
		{ "eprof://a/?b", "behind '?'" },
		{ "s3://bucket/x?versionId=1", "behind '?'" },
		{ "s3://ab", "a bucket" },
		{ "s3://Bucket", "a bucket" },
		{ "s3:///x", "a bucket" },
		{ "s3://-bc", "a bucket" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum upload_scheme scheme = SCHEME_COUNT;
		const char *reason = config_url_check(cases[i].url, &scheme);

		if (!reason || !strstr(reason, cases[i].part))
			print_message("%s: %s\n", cases[i].url, reason);
		assert_non_null(reason);
		assert_non_null(strstr(reason, cases[i].part));
		assert_int_equal(scheme, SCHEME_COUNT);
	}
}

static void a_url_has_its_limit(void **state)
{
	char url[4096] = "https://a/";
	enum upload_scheme scheme;

	(void)state;
	memset(url + strlen(url), 'x', 2048 - strlen(url));
	assert_null(config_url_check(url, &scheme));
	url[2048] = 'x';
	assert_non_null(config_url_check(url, &scheme));
}

/* Words with blanks between them, behind --upload; what is said, or "" when they are taken. */
static const char *said_of(const char *line)
{
	static char copy[1024];
	char *words[WORDS_MAX + 1] = { (char *)"--upload" }, *save = NULL;
	struct agent_options options = { .words = words };
	struct agent_config *config = NULL;
	size_t count = 1;
	int err;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		assert_true(count < WORDS_MAX);
		words[count++] = word;
	}
	hear();
	err = agent_config_read(&options, &config);
	agent_config_free(config);
	assert_int_equal(err, *heard() ? -EINVAL : 0);
	return hearing.text;
}

static void keys_go_with_their_kind_of_url(void **state)
{
	static const struct {
		const char *line, *said;
	} cases[] = {
		{ "file:///a --key {service}{ext}", "" },
		{ "file:///a --timeout 5", "eprof: timeout: file:// has no use for it\n" },
		{ "https://a --region x", "eprof: region: https:// has no use for it\n" },
		{ "http://a --ca-file /etc/passwd", "eprof: ca-file: http:// has no use for it\n" },
		{ "eprof://a --key x", "eprof: key: eprof:// has no use for it\n" },
		{ "eprof://a --formats pprof", "" },
		{ "eprof://a --formats svg,pprof",
		  "eprof: formats: eprof:// takes pprof, not svg\n" },
		{ "pyroscope+http://a --formats html",
		  "eprof: formats: pyroscope+http:// takes pprof, not html\n" },
		{ "https://a --formats svg,", "eprof: --formats: '' is none of svg, folded, pprof, "
					      "html\n" },
		{ "https://a --client-key /dev/null", "eprof: --client-key: '/dev/null' is not a "
						      "regular file\n" },
		{ "https://a --key {servic}", "eprof: --key: '{servic}' is no word of a template "
					      "('{{' is a brace)\n" },
		{ "https://a --key x{service", "eprof: --key: '{service' is no word of a template "
					       "('{{' is a brace)\n" },
		{ "https://a --key {label.}", "eprof: --key: '{label.}' is no word of a template "
					      "('{{' is a brace)\n" },
		{ "s3://abc --endpoint http://a:9000/", "" },
		{ "s3://abc --endpoint http://a/x",
		  "eprof: --endpoint: an endpoint is http(s)://HOST[:PORT], without a path\n" },
		{ "s3://abc --style x", "eprof: --style: 'x' is not one of path, virtual-host\n" },
		{ "https://u:secret@a", "eprof: --upload: a name and password in a URL are seen by "
					"many: use user-file\n" },
		{ "https://a --upload https://a",
		  "eprof: a target has the URL of another one, 'https-a'\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(said_of(cases[i].line), cases[i].said);
}

static void a_key_of_a_target_needs_one_before_it(void **state)
{
	char *words[] = { (char *)"--region", (char *)"x", (char *)"--upload", (char *)"s3://abc",
			  NULL };
	struct agent_options options = { .words = words };

	(void)state;
	hear();
	assert_int_equal(agent_config_read(&options, &(struct agent_config *){ NULL }), -EINVAL);
	assert_string_equal(heard(), "eprof: --region goes behind the --upload that it is about\n");
}

static void there_is_a_limit_to_targets(void **state)
{
	char urls[AGENT_TARGETS_MAX + 1][32];
	char *words[AGENT_TARGETS_MAX + 2] = { NULL };
	struct agent_options options = { .words = words };
	struct agent_config *config = NULL;

	(void)state;
	for (int i = 0; i < AGENT_TARGETS_MAX; i++) {
		(void)snprintf(urls[i], sizeof(urls[i]), "--upload=file:///%d", i);
		words[i] = urls[i];
	}
	assert_int_equal(agent_config_read(&options, &config), 0);
	assert_string_equal(config->targets[0].name, "file");
	assert_string_equal(config->targets[15].name, "file-16");
	agent_config_free(config);
	words[AGENT_TARGETS_MAX] = (char *)"--upload=file:///x";
	hear();
	assert_int_equal(agent_config_read(&options, &config), -EINVAL);
	assert_string_equal(heard(), "eprof: --upload: more than 16 targets\n");
}

static void files_of_secrets_are_closed_to_others(void **state)
{
	static const char *const keys[] = { "client-key", "user-file", "token-file" };
	char path[] = "/tmp/eprof-secret-XXXXXX", line[256], expected[512];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		(void)snprintf(line, sizeof(line), "https://a --client-cert %s --%s %s", path,
			       keys[i], path);
		assert_int_equal(fchmod(fd, 0660), 0);
		assert_string_equal(said_of(line), "");
		for (mode_t bit = 1; bit <= 4; bit <<= 1) {
			assert_int_equal(fchmod(fd, 0640 | bit), 0);
			(void)snprintf(expected, sizeof(expected),
				       "eprof: --%s: '%s' is open to others (mode %04o): chmod o= "
				       "'%s'\n",
				       keys[i], path, 0640 | bit, path);
			assert_string_equal(said_of(line), expected);
		}
	}
	(void)snprintf(line, sizeof(line), "https://a --user-file %s --token-file %s", path, path);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_string_equal(said_of(line), "eprof: user-file and token-file exclude each other\n");
	(void)snprintf(line, sizeof(line), "https://a --client-key %s", path);
	assert_string_equal(said_of(line), "eprof: client-key goes with client-cert\n");
	assert_int_equal(unlink(path), 0);
	(void)snprintf(expected, sizeof(expected),
		       "eprof: --client-key: cannot look at '%s': No such file or directory\n",
		       path);
	assert_string_equal(said_of(line), expected);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_that_make_sense_are_taken),
		cmocka_unit_test(urls_that_make_none_are_refused),
		cmocka_unit_test(a_url_has_its_limit),
		cmocka_unit_test(keys_go_with_their_kind_of_url),
		cmocka_unit_test(a_key_of_a_target_needs_one_before_it),
		cmocka_unit_test(there_is_a_limit_to_targets),
		cmocka_unit_test(files_of_secrets_are_closed_to_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
