/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: the keys of the file as --KEY VALUE or --KEY=VALUE. */
#include <errno.h>
#include <string.h>

#include "agent/agent_config_parts.h"

#define DASHES "--"

static bool is_option(const char *word)
{
	return strncmp(word, DASHES, strlen(DASHES)) == 0;
}

size_t config_word_count(char *const *words)
{
	bool has_value =
		is_option(words[0]) && !strchr(words[0], '=') && words[1] && !is_option(words[1]);

	return has_value ? 2 : 1;
}

static void tell_unknown(struct config_reader *reader, const char *name)
{
	const struct config_key *like = config_key_like(SECTION_COUNT, name);

	if (like)
		config_mistake(reader, "unknown option '--%.*s' (did you mean '--%s'?)",
			       CONFIG_SHOWN_MAX, name, like->name);
	else
		config_mistake(reader, "unknown option '--%.*s'; 'eprof agent --help' lists them",
			       CONFIG_SHOWN_MAX, name);
}

/* One setting: value is NULL when there is none. */
static int set_word(struct config_reader *reader, const char *name, const char *value)
{
	const struct config_key *key = config_key_find(SECTION_COUNT, name);
	int err;

	if (!key) {
		tell_unknown(reader, name);
		return 0;
	}
	if (!value && key->set == config_set_flag)
		value = "yes";
	reader->key = key;
	if (!value)
		config_mistake(reader, "it takes a value, %s", key->unit);
	if (!value)
		return -EINVAL;
	if (key->set == config_set_url) {
		err = config_target_begin(reader, NULL);
		if (err < 0)
			return err;
	}
	if (key->section == SECTION_UPLOAD && !reader->target) {
		reader->key = NULL;
		config_mistake(reader, "--%s goes behind the --upload that it is about", key->name);
		return -EINVAL;
	}
	return config_set(reader, key, value);
}

/* "NAME" or "NAME=VALUE"; next: the word behind it, which is its value when it has none; or NULL.
 */
static int read_setting(struct config_reader *reader, const char *text, const char *next)
{
	char name[CONFIG_KEYS_MAX];
	size_t length = strcspn(text, "=");

	if (length >= sizeof(name)) {
		tell_unknown(reader, text);
		return 0;
	}
	memcpy(name, text, length);
	name[length] = '\0';
	return set_word(reader, name, text[length] == '=' ? text + length + 1 : next);
}

int config_read_words(struct config_reader *reader, char *const *words)
{
	reader->place = (struct config_place){ 0 };
	while (*words) {
		size_t count = config_word_count(words);
		int err = 0;

		reader->key = NULL;
		if (is_option(*words))
			err = read_setting(reader, *words + strlen(DASHES),
					   count == 2 ? words[1] : NULL);
		else
			config_mistake(reader, "'%.*s' is no option: they begin with '--'",
				       CONFIG_SHOWN_MAX, *words);
		reader->key = NULL;
		if (err < 0 && err != -EINVAL)
			return err;
		words += count;
	}
	return 0;
}
