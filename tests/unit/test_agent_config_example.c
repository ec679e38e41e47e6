/* SPDX-License-Identifier: Apache-2.0 */
/* docs/eprof.conf has every key of the table, with what the table says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/agent_config.h"
#include "agent/agent_config_parts.h"
#include "base/cleanup.h"

#define EXAMPLE_SIZE 65536
#define BLOCK_SIZE   2048

static char example[EXAMPLE_SIZE];

static int read_example(void **state)
{
	CLEANUP(cleanup_file) FILE *file = fopen(EPROF_SOURCE_DIR "/docs/eprof.conf", "r");
	size_t length;

	(void)state;
	if (!file)
		return -1;
	length = fread(example, 1, sizeof(example) - 1, file);
	example[length] = '\0';
	return length > 0 && length < sizeof(example) - 1 ? 0 : -1;
}

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

/* What stands above a key, as one line without '#'; at: where its line begins. */
static void block_above(const char *at, char ret[BLOCK_SIZE])
{
	const char *begin = at;
	size_t used = 0;

	while (begin > example + 1 && !(begin[-1] == '\n' && begin[-2] == '\n'))
		begin--;
	for (const char *c = begin; c < at && used < BLOCK_SIZE - 1; c++) {
		if (*c == '#' && (c == begin || c[-1] == '\n'))
			continue;
		if ((*c == '\n' || *c == ' ') && (used == 0 || ret[used - 1] == ' '))
			continue;
		ret[used++] = *c == '\n' ? ' ' : *c;
	}
	ret[used] = '\0';
}

/* A text of the table begins a sentence, with a capital letter: the rest of it is looked for. */
static void check_says(const char *block, const char *text)
{
	if (!strstr(block, text + 1))
		print_message("'%s' is not in '%s'\n", text, block);
	assert_non_null(strstr(block, text + 1));
}

static void every_key_is_there_with_its_default_and_limits(void **state)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		char line[256], block[BLOCK_SIZE];
		const char *name = strcmp(keys[i].name, "upload") == 0 ? "url" : keys[i].name;
		const char *at;

		if (keys[i].section == SECTION_LABELS)
			name = "team";
		(void)snprintf(line, sizeof(line), "\n#%s =%s%s", name, keys[i].fallback ? " " : "",
			       keys[i].fallback ? keys[i].fallback : "");
		at = strstr(example, line);
		if (!at)
			print_message("there is no '%s'\n", line + 1);
		assert_non_null(at);
		if (keys[i].repeats)
			assert_int_equal(at[strlen(line)], ' ');
		else
			assert_int_equal(at[strlen(line)], '\n');
		block_above(at + 1, block);
		check_says(block, keys[i].help);
		check_says(block, keys[i].limits);
		if (keys[i].fallback) {
			(void)snprintf(line, sizeof(line), "Default: %s.", keys[i].fallback);
			check_says(block, line);
		}
	}
}

static void it_has_no_other_key(void **state)
{
	(void)state;
	for (const char *at = example; (at = strstr(at, "\n#")); at++) {
		char name[64];
		size_t length = strcspn(at + 2, " \n");

		if (!is_letter(at[2]) || length >= sizeof(name))
			continue;
		memcpy(name, at + 2, length);
		name[length] = '\0';
		if (strcmp(name, "url") != 0 && strcmp(name, "team") != 0)
			assert_non_null(config_key_find(SECTION_COUNT, name));
	}
}

/* '#' before a letter or a bracket hides a setting. */
static void with_all_keys_it_is_a_config_of_defaults(void **state)
{
	char path[] = "/tmp/eprof-example-XXXXXX";
	char *words[] = { NULL };
	struct agent_options options = { .config_file = path, .words = words };
	struct agent_config *config = NULL;
	int fd = mkstemp(path), err;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	(void)state;
	assert_non_null(file);
	for (const char *c = example; *c; c++) {
		if (*c == '#' && c[-1] == '\n' && (is_letter(c[1]) || c[1] == '['))
			continue;
		assert_int_equal(putc(*c, file), *c);
	}
	assert_int_equal(fclose(file), 0);
	err = agent_config_read(&options, &config);
	(void)unlink(path);
	assert_int_equal(err, 0);
	assert_int_equal(config->window_s, 60);
	assert_int_equal(config->record.target, TARGET_ALL);
	assert_int_equal(config->record.cpu, -1);
	assert_null(config->host);
	assert_int_equal(config->label_count, 1);
	assert_int_equal(config->rule_count, 3);
	assert_int_equal(config->target_count, 1);
	assert_string_equal(config->targets[0].name, "example");
	assert_null(config->targets[0].key);
	agent_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_there_with_its_default_and_limits),
		cmocka_unit_test(it_has_no_other_key),
		cmocka_unit_test(with_all_keys_it_is_a_config_of_defaults),
	};

	return cmocka_run_group_tests(tests, read_example, NULL);
}
