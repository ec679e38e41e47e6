/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: sections [upload NAME], and --upload with what follows it. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent_config_parts.h"
#include "base/cleanup.h"

#define MODE_OF_OTHERS 07
#define NAME_BYTES     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
/* Scheme, host, and what makes it another one's. */
#define WORD_NAME_MAX  64
#define NUMBER_LENGTH  12 /* of "-2" */

static struct config_given *given_of(struct config_reader *reader,
				     const struct upload_config *target)
{
	return &reader->target_given[target - reader->config->targets];
}

int config_set_url(struct config_reader *reader, void *field, const char *value)
{
	enum upload_scheme scheme;
	const char *reason = config_url_check(value, &scheme);

	if (reason) {
		config_mistake(reader, "%s", reason);
		return -EINVAL;
	}
	return config_put_text(field, value);
}

int config_set_endpoint(struct config_reader *reader, void *field, const char *value)
{
	enum upload_scheme scheme;
	const char *reason, *host;
	size_t length;

	if (!value)
		return config_put_text(field, NULL);
	reason = config_url_check(value, &scheme);
	if (!reason) {
		host = config_url_host(value, &length);
		if ((scheme != SCHEME_HTTP && scheme != SCHEME_HTTPS) ||
		    (host[length] && strcmp(host + length, "/") != 0))
			reason = "an endpoint is http(s)://HOST[:PORT], without a path";
	}
	if (reason) {
		config_mistake(reader, "%s", reason);
		return -EINVAL;
	}
	return config_put_text(field, value);
}

int config_set_formats(struct config_reader *reader, void *field, const char *value)
{
	const char *names[PROFILE_FORMAT_COUNT], *bad = NULL;
	int length = 0;

	if (!value) {
		memset(field, 0, PROFILE_FORMAT_COUNT * sizeof(bool));
		return 0;
	}
	for (int i = 0; i < PROFILE_FORMAT_COUNT; i++)
		names[i] = profile_format_name((enum profile_format)i);
	if (config_parse_list(value, names, PROFILE_FORMAT_COUNT, field, &bad, &length) < 0) {
		config_mistake(reader, "'%.*s' is none of svg, folded, pprof, html", length, bad);
		return -EINVAL;
	}
	return 0;
}

int config_set_template(struct config_reader *reader, void *field, const char *value)
{
	const char *bad = NULL;
	int length = 0;

	if (value && strlen(value) >= PATH_MAX) {
		config_mistake(reader, "the template is longer than %d bytes", PATH_MAX - 1);
		return -EINVAL;
	}
	if (value && !config_template_is_valid(value, &bad, &length)) {
		config_mistake(reader, "'%.*s' is no word of a template ('{{' is a brace)", length,
			       bad);
		return -EINVAL;
	}
	return config_put_text(field, value);
}

/*
 * Looked at by name only: after a reload it may be that eprof's user may not read it, while who
 * sends may. What is in it is for who sends it to judge.
 */
static int check_file(struct config_reader *reader, const char *path, bool is_secret)
{
	struct stat info;

	if (stat(path, &info) < 0) {
		config_mistake(reader, "cannot look at '%s': %s", path, strerror(errno));
		return -EINVAL;
	}
	if (!S_ISREG(info.st_mode)) {
		config_mistake(reader, "'%s' is not a regular file", path);
		return -EINVAL;
	}
	if (is_secret && (info.st_mode & MODE_OF_OTHERS)) {
		config_mistake(reader, "'%s' is open to others (mode %04o): chmod o= '%s'", path,
			       (unsigned int)info.st_mode & 07777, path);
		return -EINVAL;
	}
	return 0;
}

int config_set_public_file(struct config_reader *reader, void *field, const char *value)
{
	if (value && check_file(reader, value, false) < 0)
		return -EINVAL;
	return config_put_text(field, value);
}

int config_set_secret_file(struct config_reader *reader, void *field, const char *value)
{
	if (value && check_file(reader, value, true) < 0)
		return -EINVAL;
	return config_put_text(field, value);
}

static struct upload_config *target_named(struct agent_config *config, const char *name)
{
	for (size_t i = 0; i < config->target_count; i++) {
		if (config->targets[i].name && strcmp(config->targets[i].name, name) == 0)
			return &config->targets[i];
	}
	return NULL;
}

static int set_defaults(struct config_reader *reader)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++) {
		int err = 0;

		if (keys[i].section == SECTION_UPLOAD && keys[i].fallback)
			err = config_set(reader, &keys[i], "");
		if (err < 0)
			return err;
	}
	return 0;
}

int config_target_begin(struct config_reader *reader, const char *name)
{
	struct agent_config *config = reader->config;
	struct upload_config *target;
	size_t length = name ? strlen(name) : 0;

	reader->target = NULL;
	reader->has_asked_for_targets = true;
	if (name && (length == 0 || length > CONFIG_NAME_MAX || *name == '.' ||
		     strspn(name, NAME_BYTES) != length)) {
		config_mistake(reader,
			       "'%.*s' is no name of a target: 1 to %d letters, digits, '-', '_' "
			       "and '.', which is not first",
			       CONFIG_SHOWN_MAX, name, CONFIG_NAME_MAX);
		return -EINVAL;
	}
	if (name && target_named(config, name)) {
		config_mistake(reader, "there is a section [upload %s] already", name);
		return -EINVAL;
	}
	if (config->target_count >= AGENT_TARGETS_MAX) {
		config_mistake(reader, "more than %d targets", AGENT_TARGETS_MAX);
		return -EINVAL;
	}
	target = &config->targets[config->target_count];
	if (name) {
		target->name = strdup(name);
		if (!target->name)
			return -ENOMEM;
	}
	reader->target_places[config->target_count++] = reader->place;
	reader->target = target;
	return set_defaults(reader);
}

/* "https-example.org", and "-2" and so on for the next one of that name. */
static int make_name(struct agent_config *config, struct upload_config *target,
		     enum upload_scheme scheme)
{
	char name[WORD_NAME_MAX + 1], numbered[sizeof(name) + NUMBER_LENGTH];
	size_t length;
	const char *host = config_url_host(target->url, &length);

	(void)snprintf(name, sizeof(name), "%s%s%.*s", config_scheme_name(scheme),
		       length > 0 ? "-" : "", length < WORD_NAME_MAX ? (int)length : WORD_NAME_MAX,
		       host);
	for (char *c = name; *c; c++) {
		if (!strchr(NAME_BYTES, *c))
			*c = '_';
	}
	(void)snprintf(numbered, sizeof(numbered), "%s", name);
	for (int i = 2; target_named(config, numbered); i++)
		(void)snprintf(numbered, sizeof(numbered), "%s-%d", name, i);
	target->name = strdup(numbered);
	return target->name ? 0 : -ENOMEM;
}

static bool takes_pprof_only(enum upload_scheme scheme)
{
	return scheme >= SCHEME_EPROF;
}
_Static_assert(SCHEME_PYROSCOPE_HTTPS == SCHEME_COUNT - 1 && SCHEME_EPROFS > SCHEME_EPROF &&
		       SCHEME_PYROSCOPE_HTTP > SCHEME_EPROF && SCHEME_S3 < SCHEME_EPROF,
	       "the receivers of profiles are the last ones");

static void finish_formats(struct config_reader *reader, struct upload_config *target,
			   enum upload_scheme scheme, const struct config_place *place)
{
	bool has_any = false;

	for (int i = 0; i < PROFILE_FORMAT_COUNT; i++) {
		has_any = has_any || target->formats[i];
		if (target->formats[i] && takes_pprof_only(scheme) && i != PROFILE_PPROF)
			config_mistake_at(reader, place, "formats: %s:// takes pprof, not %s",
					  config_scheme_name(scheme),
					  profile_format_name((enum profile_format)i));
	}
	if (!has_any)
		target->formats[takes_pprof_only(scheme) ? PROFILE_PPROF : PROFILE_SVG] = true;
}

/* Keys that say nothing to this kind of target. */
static void refuse_foreign_keys(struct config_reader *reader, const struct upload_config *target,
				enum upload_scheme scheme)
{
	const struct config_given *given = given_of(reader, target);
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++) {
		if (given->is_other[i] && !(keys[i].schemes & 1u << scheme))
			config_mistake_at(reader, &given->places[i], "%s: %s:// has no use for it",
					  keys[i].name, config_scheme_name(scheme));
	}
}

static void refuse_same_url(struct config_reader *reader, size_t number)
{
	const struct agent_config *config = reader->config;

	for (size_t i = 0; i < number; i++) {
		if (config->targets[i].url &&
		    strcmp(config->targets[i].url, config->targets[number].url) == 0)
			config_mistake_at(reader, &reader->target_places[number],
					  "a target has the URL of another one, '%s'",
					  config->targets[i].name);
	}
}

static int finish_target(struct config_reader *reader, size_t number)
{
	struct upload_config *target = &reader->config->targets[number];
	const struct config_place *place = &reader->target_places[number];
	const struct config_given *given = given_of(reader, target);
	size_t formats = config_key_number(config_key_find(SECTION_UPLOAD, "formats"));
	size_t url = config_key_number(config_key_find(SECTION_UPLOAD, "upload"));
	enum upload_scheme scheme;

	if (!target->url) {
		/* A wrong one was told already. */
		if (!given->is_given[url])
			config_mistake_at(reader, place, "there is no url in [upload %s]",
					  target->name ? target->name : "");
		return 0;
	}
	if (config_url_check(target->url, &scheme))
		assert(false); /* config_set_url() took it */
	refuse_foreign_keys(reader, target, scheme);
	finish_formats(reader, target, scheme,
		       given->is_given[formats] ? &given->places[formats] : place);
	if (target->client_key && !target->client_cert)
		config_mistake_at(reader, place, "client-key goes with client-cert");
	if (target->user_file && target->token_file)
		config_mistake_at(reader, place, "user-file and token-file exclude each other");
	if (!target->name && make_name(reader->config, target, scheme) < 0)
		return -ENOMEM;
	refuse_same_url(reader, number);
	return 0;
}

int config_targets_finish(struct config_reader *reader)
{
	for (size_t i = 0; i < reader->config->target_count; i++) {
		int err = finish_target(reader, i);

		if (err < 0)
			return err;
	}
	return 0;
}
