/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about services, and labels. */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_config_parts.h"
#include "agent/pattern_copies.h"
#include "base/cleanup.h"
#include "flamegraph/utf8.h"

#define BLANKS     " "
#define ARROW      "->"
#define NAME_START "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define NAME_BYTES NAME_START "0123456789"

/* Groups of the pattern, or -EINVAL after a mistake. */
static int check_pattern(struct config_reader *reader, const char *pattern, size_t *ret_groups)
{
	regex_t regex;
	char reason[128];
	int err;

	if (!*pattern || strlen(pattern) > PATTERN_BYTES_MAX) {
		config_mistake(reader, "an expression has 1 to %d bytes", PATTERN_BYTES_MAX);
		return -EINVAL;
	}
	if (pattern_copies(pattern) > PATTERN_COPIES_MAX) {
		config_mistake(reader, "'%.*s' makes more than %d copies of what it repeats",
			       CONFIG_SHOWN_MAX, pattern, PATTERN_COPIES_MAX);
		return -EINVAL;
	}
	err = regcomp(&regex, pattern, REG_EXTENDED);
	if (err == REG_ESPACE)
		return -ENOMEM;
	if (err) {
		(void)regerror(err, &regex, reason, sizeof(reason));
		config_mistake(reader, "'%.*s' is no expression: %s", CONFIG_SHOWN_MAX, pattern,
			       reason);
		return -EINVAL;
	}
	*ret_groups = regex.re_nsub;
	regfree(&regex);
	return 0;
}

/* name: NULL, or the caller's, which the rule copies. */
static int add_rule(struct config_reader *reader, enum service_rule_kind kind, const char *pattern,
		    const char *name)
{
	struct agent_config *config = reader->config;
	CLEANUP(cleanup_free) char *pattern_copy = NULL;
	char *name_copy = NULL;

	if (config->rule_count >= AGENT_RULES_MAX) {
		config_mistake(reader, "more than %d rules about services", AGENT_RULES_MAX);
		return -EINVAL;
	}
	pattern_copy = strdup(pattern);
	if (!pattern_copy)
		return -ENOMEM;
	if (name) {
		name_copy = strdup(name);
		if (!name_copy)
			return -ENOMEM;
	}
	config->rules[config->rule_count++] = (struct service_rule){
		.kind = kind,
		.pattern = TAKE(pattern_copy),
		.name = name_copy,
	};
	return 0;
}

static int set_plain(struct config_reader *reader, enum service_rule_kind kind, const char *value)
{
	size_t groups;
	int err = check_pattern(reader, value, &groups);

	return err < 0 ? err : add_rule(reader, kind, value, NULL);
}

int config_set_include(struct config_reader *reader, void *field, const char *value)
{
	(void)field;
	return set_plain(reader, SERVICE_INCLUDE, value);
}

int config_set_exclude(struct config_reader *reader, void *field, const char *value)
{
	(void)field;
	return set_plain(reader, SERVICE_EXCLUDE, value);
}

/* A name may only ask for parentheses that the pattern has. */
static int check_name(struct config_reader *reader, const char *name, size_t groups)
{
	if (!*name || strlen(name) > CONFIG_TEXT_MAX || !utf8_is_valid(name, strlen(name))) {
		config_mistake(reader, "the new name is not UTF-8 of 1 to %d bytes",
			       CONFIG_TEXT_MAX);
		return -EINVAL;
	}
	for (const char *c = name; (c = strchr(c, '\\')); c += 2) {
		if (c[1] < '1' || c[1] > '9') {
			config_mistake(reader,
				       "behind '\\' in a name there is a digit from 1 to 9");
			return -EINVAL;
		}
		if ((size_t)(c[1] - '0') > groups) {
			config_mistake(reader, "'\\%c' in the name, and %zu parentheses before it",
				       c[1], groups);
			return -EINVAL;
		}
	}
	return 0;
}

int config_set_rename(struct config_reader *reader, void *field, const char *value)
{
	CLEANUP(cleanup_free) char *pattern = NULL;
	const char *arrow = NULL, *name;
	size_t length, groups;
	int err;

	(void)field;
	/* The last one: an expression may have an arrow, a name hardly. */
	for (const char *c = value; (c = strstr(c, ARROW)); c++)
		arrow = c;
	if (!arrow) {
		config_mistake(reader, "'%.*s' is not %s", CONFIG_SHOWN_MAX, value,
			       reader->key->limits);
		return -EINVAL;
	}
	name = arrow + strlen(ARROW);
	name += strspn(name, BLANKS);
	length = (size_t)(arrow - value);
	while (length > 0 && strchr(BLANKS, value[length - 1]))
		length--;
	pattern = strndup(value, length);
	if (!pattern)
		return -ENOMEM;
	err = check_pattern(reader, pattern, &groups);
	if (err < 0)
		return err;
	err = check_name(reader, name, groups);
	return err < 0 ? err : add_rule(reader, SERVICE_RENAME, pattern, name);
}

static int check_label(struct config_reader *reader, const char *name, const char *value)
{
	if (!*name || strlen(name) > CONFIG_LABEL_MAX || !strchr(NAME_START, *name) ||
	    strspn(name, NAME_BYTES) != strlen(name)) {
		config_mistake(reader,
			       "'%.*s' is no name of a label: up to %d letters, digits and '_', "
			       "and no digit first",
			       CONFIG_SHOWN_MAX, name, CONFIG_LABEL_MAX);
		return -EINVAL;
	}
	if (strncmp(name, "__", 2) == 0) {
		config_mistake(reader, "names of labels that begin with '__' are not free");
		return -EINVAL;
	}
	if (!*value || strlen(value) > CONFIG_TEXT_MAX || !utf8_is_valid(value, strlen(value))) {
		config_mistake(reader, "the value of '%s' is not UTF-8 of 1 to %d bytes", name,
			       CONFIG_TEXT_MAX);
		return -EINVAL;
	}
	return 0;
}

/* The place of the label in the config, which may be a new one, or -EINVAL after a mistake. */
static int find_label(struct config_reader *reader, const char *name, size_t *ret)
{
	struct agent_config *config = reader->config;
	size_t i = 0;

	while (i < config->label_count && strcmp(config->labels[i].name, name) != 0)
		i++;
	if (i >= AGENT_LABELS_MAX) {
		config_mistake(reader, "more than %d labels", AGENT_LABELS_MAX);
		return -EINVAL;
	}
	if (i < config->label_count && reader->place.file) {
		config_mistake(reader, "'%s' is given twice: first in line %u", name,
			       reader->label_places[i].line);
		return -EINVAL;
	}
	*ret = i;
	return 0;
}

int config_set_label(struct config_reader *reader, const char *name, const char *value)
{
	struct agent_config *config = reader->config;
	CLEANUP(cleanup_free) char *name_copy = NULL;
	CLEANUP(cleanup_free) char *value_copy = NULL;
	size_t i;
	int err = check_label(reader, name, value);

	if (err < 0)
		return err;
	err = find_label(reader, name, &i);
	if (err < 0)
		return err;
	name_copy = strdup(name);
	value_copy = strdup(value);
	if (!name_copy || !value_copy)
		return -ENOMEM;
	if (i < config->label_count) {
		free((char *)config->labels[i].name);
		free((char *)config->labels[i].value);
	} else {
		config->label_count++;
	}
	config->labels[i] = (struct profile_label){ TAKE(name_copy), TAKE(value_copy) };
	reader->label_places[i] = reader->place;
	return 0;
}

int config_set_label_word(struct config_reader *reader, void *field, const char *value)
{
	CLEANUP(cleanup_free) char *name = NULL;
	const char *equals = strchr(value, '=');

	(void)field;
	if (!equals) {
		config_mistake(reader, "'%.*s' is not NAME=VALUE", CONFIG_SHOWN_MAX, value);
		return -EINVAL;
	}
	name = strndup(value, (size_t)(equals - value));
	if (!name)
		return -ENOMEM;
	return config_set_label(reader, name, equals + 1);
}
