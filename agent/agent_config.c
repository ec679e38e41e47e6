/* SPDX-License-Identifier: Apache-2.0 */
/* From the file and the words to a config: defaults, settings, and what only both together say. */
#include "agent/agent_config.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_config_parts.h"
#include "base/cleanup.h"

#define MESSAGE_SIZE 8192

static void free_target(struct upload_config *target)
{
	free(target->name);
	free(target->url);
	free(target->key);
	free(target->endpoint);
	free(target->region);
	free(target->credentials_file);
	free(target->ca_file);
	free(target->client_cert);
	free(target->client_key);
	free(target->user_file);
	free(target->token_file);
	free(target->tenant);
}

void agent_config_free(struct agent_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->rule_count; i++) {
		free(config->rules[i].pattern);
		free(config->rules[i].name);
	}
	for (size_t i = 0; i < config->label_count; i++) {
		free((char *)config->labels[i].name);
		free((char *)config->labels[i].value);
	}
	for (size_t i = 0; i < config->target_count; i++)
		free_target(&config->targets[i]);
	free((char *)config->record.cgroup);
	free(config->host);
	free(config->spool_dir);
	free(config->user);
	free(config->metrics_file);
	free(config->socket);
	free(config);
}

static void cleanup_config(struct agent_config **config)
{
	agent_config_free(*config);
}

/* "FILE:12: window: ...", "--window: ..." or "...". */
static void tell(struct config_reader *reader, const struct config_place *place,
		 const struct config_key *key, const char *message)
{
	const char *name = key ? key->name : "";
	const char *colon = key ? ": " : "";

	reader->mistakes++;
	if (reader->mistakes > CONFIG_MISTAKES_MAX)
		return;
	if (place->file && key && key->set == config_set_url)
		name = "url";
	if (place->file)
		log_error("%s:%u: %s%s%s", place->file, place->line, name, colon, message);
	else
		log_error("%s%s%s%s", key ? "--" : "", name, colon, message);
}

void config_mistake(struct config_reader *reader, const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	tell(reader, &reader->place, reader->key, message);
}

void config_mistake_at(struct config_reader *reader, const struct config_place *place,
		       const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	tell(reader, place, NULL, message);
}

static struct config_given *given_of(struct config_reader *reader, const struct config_key *key)
{
	if (key->section == SECTION_UPLOAD)
		return &reader->target_given[reader->target - reader->config->targets];
	return &reader->given;
}

/* 0, or -EINVAL after a mistake. */
static int check_value(struct config_reader *reader, const struct config_key *key,
		       const char *value)
{
	const struct config_given *given = given_of(reader, key);
	size_t number = config_key_number(key);
	bool is_one = !key->repeats || key->section == SECTION_UPLOAD;

	if (reader->place.file && is_one && given->is_given[number]) {
		config_mistake(reader, "it is given twice: first in line %u",
			       given->places[number].line);
		return -EINVAL;
	}
	if (!*value && key->repeats) {
		config_mistake(reader, "the value is empty");
		return -EINVAL;
	}
	if (strlen(value) > CONFIG_LINE_MAX) {
		config_mistake(reader, "the value is longer than %d bytes", CONFIG_LINE_MAX);
		return -EINVAL;
	}
	for (const char *c = value; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f) {
			config_mistake(reader, "there is a control character in the value");
			return -EINVAL;
		}
	}
	return 0;
}

int config_set(struct config_reader *reader, const struct config_key *key, const char *value)
{
	const struct config_key *before = reader->key;
	struct config_given *given = given_of(reader, key);
	size_t number = config_key_number(key);
	char *base =
		key->section == SECTION_UPLOAD ? (char *)reader->target : (char *)reader->config;
	int err;

	reader->key = key;
	err = check_value(reader, key, value);
	if (!err) {
		given->is_given[number] = *value != '\0';
		given->is_other[number] =
			*value && (!key->fallback || strcmp(value, key->fallback) != 0);
		given->places[number] = reader->place;
		err = key->set(reader, base + key->offset, *value ? value : key->fallback);
		assert(*value || err != -EINVAL); /* defaults are right */
	}
	reader->key = before;
	return err;
}

static int set_defaults(struct config_reader *reader)
{
	struct record_options *record = &reader->config->record;
	size_t count;
	const struct config_key *keys = config_keys(&count);

	/* What has no key is as `eprof record -a` has it. */
	*record = (struct record_options){
		.is_thrifty = true,
		.target = TARGET_ALL,
		.event = "cpu-clock",
		.form = OUTPUT_DIRECTORY,
		.states = (UINT32_C(1) << OFF_STATE_COUNT) - 1,
	};
	for (size_t i = 0; i < count; i++) {
		int err = 0;

		if (keys[i].section == SECTION_AGENT)
			err = config_set(reader, &keys[i], "");
		if (err < 0)
			return err;
	}
	return 0;
}

static const struct config_place *place_of(const struct config_reader *reader, const char *name)
{
	return &reader->given.places[config_key_number(config_key_find(SECTION_AGENT, name))];
}

static bool is_given(const struct config_reader *reader, const char *name)
{
	return reader->given.is_given[config_key_number(config_key_find(SECTION_AGENT, name))];
}

static void choose_target(struct config_reader *reader)
{
	struct record_options *record = &reader->config->record;

	if (record->id_count > 0 && record->cgroup)
		config_mistake_at(reader, place_of(reader, "cgroup"),
				  "pids and cgroup exclude each other");
	if (record->id_count > 0)
		record->target = TARGET_PIDS;
	else if (record->cgroup)
		record->target = TARGET_CGROUP;
	if (record->kernel_threads && record->target != TARGET_ALL)
		config_mistake_at(reader, place_of(reader, "kernel-threads"),
				  "kernel-threads goes without pids and cgroup only: they are "
				  "part of no other target");
	if (record->user_only && record->kernel_only)
		config_mistake_at(reader, place_of(reader, "kernel-only"),
				  "user-only and kernel-only exclude each other: without both, "
				  "both stacks are recorded");
}

/* Keys that are about what is not measured; whether any is about time off a CPU. */
static bool check_about(struct config_reader *reader)
{
	const struct record_options *record = &reader->config->record;
	bool asks_for_off_cpu = false;
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++) {
		if (keys[i].section != SECTION_AGENT || !reader->given.is_other[i])
			continue;
		if (keys[i].about == ABOUT_OFF_CPU && !record->off_cpu)
			config_mistake_at(reader, &reader->given.places[i],
					  "%s is about off-CPU time, which is left out by %s",
					  keys[i].name, record->cpu < 0 ? "kinds" : "cpu");
		if (keys[i].about == ABOUT_ON_CPU && !record->on_cpu)
			config_mistake_at(
				reader, &reader->given.places[i],
				"%s is about running threads, which are left out by kinds",
				keys[i].name);
		asks_for_off_cpu = asks_for_off_cpu || keys[i].about == ABOUT_OFF_CPU;
	}
	return asks_for_off_cpu;
}

static void choose_kinds(struct config_reader *reader)
{
	struct record_options *record = &reader->config->record;
	bool is_by_name = is_given(reader, "kinds") && record->off_cpu;

	if (record->cpu >= 0 && is_by_name)
		config_mistake_at(reader, place_of(reader, "cpu"),
				  "cpu and off-cpu among kinds exclude each other: time off a CPU "
				  "is a thread's, and no CPU's");
	else if (record->cpu >= 0)
		record->off_cpu = false;
	record->off_cpu_asked = check_about(reader) || is_by_name;
	if (record->max_block_us && record->min_block_us > record->max_block_us)
		config_mistake_at(reader, place_of(reader, "min-block"),
				  "min-block is above max-block: nothing would be left");
}

/* 0, -EINVAL after mistakes, or -ENOMEM. */
static int finish(struct config_reader *reader)
{
	int err;

	reader->place = (struct config_place){ 0 };
	choose_target(reader);
	choose_kinds(reader);
	err = config_targets_finish(reader);
	if (err < 0)
		return err;
	if (!reader->has_asked_for_targets)
		config_mistake(reader, "there is no target: a section [upload NAME] with a url, or "
				       "--upload URL, says where profiles go");
	if (reader->mistakes > CONFIG_MISTAKES_MAX)
		log_error("and %zu more mistakes", reader->mistakes - CONFIG_MISTAKES_MAX);
	return reader->mistakes > 0 ? -EINVAL : 0;
}

int agent_config_read(const struct agent_options *options, struct agent_config **ret)
{
	CLEANUP(cleanup_config) struct agent_config *config = calloc(1, sizeof(*config));
	CLEANUP(cleanup_free) struct config_reader *reader = calloc(1, sizeof(*reader));
	int err;

	if (!config || !reader) {
		log_error("cannot read the configuration: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	reader->config = config;
	err = set_defaults(reader);
	if (!err && options->config_file)
		err = config_read_file(reader, options->config_file);
	if (!err)
		err = config_read_words(reader, options->words);
	if (!err)
		err = finish(reader);
	if (err == -ENOMEM)
		log_error("cannot read the configuration: %s", strerror(ENOMEM));
	if (err < 0)
		return err;
	*ret = TAKE(config);
	return 0;
}
