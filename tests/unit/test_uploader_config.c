/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uploader_config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct agent_config *new_config(void)
{
	struct agent_config *config = calloc(1, sizeof(*config));

	assert_non_null(config);
	config->spool_dir = "/var/spool/\"x\"";
	config->log_level = LOG_LEVEL_WARNING;
	return config;
}

static int file_of(const char *text)
{
	int fd = memfd_create("config", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void what_is_sealed_is_read(void **state)
{
	struct agent_config *config = new_config();
	struct uploader_config *back;
	int fd;

	(void)state;
	config->targets[0] = (struct upload_config){
		.name = "a",
		.url = "s3://bucket/\n\xff",
		.formats = { [PROFILE_PPROF] = true },
		.key = "{host}",
		.endpoint = "e",
		.region = "r",
		.style = S3_VIRTUAL_HOST,
		.credentials_file = "c",
		.ca_file = "ca",
		.client_cert = "cc",
		.client_key = "ck",
		.user_file = "u",
		.token_file = "t",
		.tenant = "x",
		.timeout_s = 77,
	};
	config->targets[1] = (struct upload_config){ .name = "b", .url = "file:///x" };
	config->target_count = 2;
	assert_int_equal(uploader_config_seal(config, &fd), 0);
	/* More than once: a process that died is followed by another. */
	for (int i = 0; i < 2; i++) {
		const struct upload_config *target;

		assert_int_equal(uploader_config_read(fd, &back), 0);
		target = &back->targets[0];
		assert_string_equal(back->spool_dir, "/var/spool/\"x\"");
		assert_int_equal(back->log_level, LOG_LEVEL_WARNING);
		assert_int_equal(back->target_count, 2);
		assert_string_equal(target->url, "s3://bucket/\n\xff");
		assert_string_equal(target->key, "{host}");
		assert_string_equal(target->endpoint, "e");
		assert_string_equal(target->region, "r");
		assert_int_equal(target->style, S3_VIRTUAL_HOST);
		assert_string_equal(target->credentials_file, "c");
		assert_string_equal(target->ca_file, "ca");
		assert_string_equal(target->client_cert, "cc");
		assert_string_equal(target->client_key, "ck");
		assert_string_equal(target->user_file, "u");
		assert_string_equal(target->token_file, "t");
		assert_string_equal(target->tenant, "x");
		assert_int_equal(target->timeout_s, 77);
		assert_true(target->formats[PROFILE_PPROF]);
		assert_false(target->formats[PROFILE_SVG]);
		assert_string_equal(back->targets[1].name, "b");
		assert_null(back->targets[1].token_file);
		uploader_config_free(back);
	}
	(void)close(fd);
	free(config);
}

static void nobody_changes_what_is_sealed(void **state)
{
	struct agent_config *config = new_config();
	int fd;

	(void)state;
	assert_int_equal(uploader_config_seal(config, &fd), 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	(void)close(fd);
	free(config);
}

static void too_much_is_refused(void **state)
{
	struct agent_config *config = new_config();
	char *text = malloc(UPLOADER_CONFIG_SIZE_MAX + 1);
	int fd = -1;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', UPLOADER_CONFIG_SIZE_MAX);
	text[UPLOADER_CONFIG_SIZE_MAX] = '\0';
	config->spool_dir = text;
	assert_int_equal(uploader_config_seal(config, &fd), -E2BIG);
	assert_int_equal(fd, -1);
	free(text);
	free(config);
}

static void what_nobody_sealed_is_refused(void **state)
{
#define HEAD   "{\"spool_dir\":\"/x\",\"log_level\":1,\"targets\":["
#define TARGET "\"name\":\"n\",\"url\":\"u\",\"style\":0,\"timeout_s\":1"
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{\"spool_dir\":1,\"log_level\":1,\"targets\":[]}",
		"{\"spool_dir\":\"/x\",\"log_level\":9,\"targets\":[]}",
		"{\"spool_dir\":\"/x\",\"log_level\":-1,\"targets\":[]}",
		"{\"spool_dir\":\"/x\",\"log_level\":1,\"targets\":{}}",
		HEAD "1]}",
		HEAD "{" TARGET "}]}",
		HEAD "{" TARGET ",\"formats\":[true]}]}",
		HEAD "{" TARGET ",\"key\":7,\"formats\":[true,true,true,true]}]}",
		HEAD "{\"name\":\"n\",\"style\":0,\"timeout_s\":1}]}",
		HEAD "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}",
	};
	struct uploader_config *config = NULL;
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		fd = file_of(texts[i]);
		assert_int_equal(uploader_config_read(fd, &config), -EPROTO);
		assert_null(config);
		(void)close(fd);
	}
	fd = file_of(HEAD "{" TARGET ",\"formats\":[true,true,true,true]}]}");
	assert_int_equal(uploader_config_read(fd, &config), 0);
	uploader_config_free(config);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sealed_is_read),
		cmocka_unit_test(nobody_changes_what_is_sealed),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(what_nobody_sealed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
