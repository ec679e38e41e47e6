/* SPDX-License-Identifier: Apache-2.0 */
/* What the files agent_config*.c and options_agent.c share; nobody else includes it. */
#ifndef EPROF_AGENT_AGENT_CONFIG_PARTS_H
#define EPROF_AGENT_AGENT_CONFIG_PARTS_H

#include "agent/agent_config.h"

/* Of a file; a line, or a value on the command line; the mistakes that are told one by one. */
#define CONFIG_FILE_SIZE_MAX ((size_t)256 << 10)
#define CONFIG_LINE_MAX      4096
#define CONFIG_MISTAKES_MAX  20
/* Of keys in the table: more than there are. */
#define CONFIG_KEYS_MAX      64
/* Of a value that is wrong, so much is repeated. */
#define CONFIG_SHOWN_MAX     64
/* Of [upload NAME]. */
#define CONFIG_NAME_MAX      32
#define CONFIG_LABEL_MAX     63
#define CONFIG_TEXT_MAX      255

enum config_section {
	SECTION_AGENT,
	SECTION_SERVICES,
	SECTION_LABELS, /* its only row stands for any NAME = VALUE */
	SECTION_UPLOAD,
	SECTION_COUNT,
};

enum upload_scheme {
	SCHEME_FILE,
	SCHEME_HTTP,
	SCHEME_HTTPS,
	SCHEME_S3,
	SCHEME_EPROF,
	SCHEME_EPROFS,
	SCHEME_PYROSCOPE_HTTP,
	SCHEME_PYROSCOPE_HTTPS,
	SCHEME_COUNT,
};

/* What a key says nothing about, when it is left out. */
enum config_about { ABOUT_ALL, ABOUT_ON_CPU, ABOUT_OFF_CPU };

struct config_reader;

/*
 * Puts value where field is: within the config or the target; NULL: as if there had never been one.
 * 0, -EINVAL after config_mistake(), or -ENOMEM.
 */
typedef int config_setter(struct config_reader *reader, void *field, const char *value);

struct config_key {
	enum config_section section;
	enum config_about about;
	const char *name; /* of the command line; in files the same but for --label, --upload */
	const char *unit; /* what help shows as the value: "SECONDS" */
	const char
		*fallback;  /* the default as text; NULL: none, which help says in its own words */
	const char *limits; /* "a time from 1s to 1h": what else it is not */
	const char *help;   /* one sentence, without a period */
	config_setter *set;
	size_t offset;
	uint64_t min, max; /* of numbers, in units of the field */
	bool repeats;
	unsigned int schemes; /* of an upload: 1 << enum upload_scheme that take it */
};

/* Where something is said: a line of a file, or a word of the command line. */
struct config_place {
	const char *file; /* NULL: the command line */
	unsigned int line;
};

/* Which keys were given, and where; the number of a key is that of its row. */
struct config_given {
	bool is_given[CONFIG_KEYS_MAX];
	bool is_other[CONFIG_KEYS_MAX]; /* than the default */
	struct config_place places[CONFIG_KEYS_MAX];
};

struct config_reader {
	struct agent_config *config;
	struct config_place place;    /* of what is being set */
	const struct config_key *key; /* that is being set */
	size_t mistakes;
	bool has_asked_for_targets; /* also when each of them was wrong */
	struct config_given given;  /* of [agent] */
	struct config_place label_places[AGENT_LABELS_MAX];
	/* The target that keys of SECTION_UPLOAD are of; NULL: they have none. */
	struct upload_config *target;
	struct config_given target_given[AGENT_TARGETS_MAX];
	struct config_place target_places[AGENT_TARGETS_MAX];
};

/* agent_config_keys.c */
const struct config_key *config_keys(size_t *ret_count);
size_t config_key_number(const struct config_key *key);
const char *config_section_name(enum config_section section); /* "[upload NAME]" */
const struct config_key *config_key_find(enum config_section section, const char *name);
/* The key whose name is most like what was typed; NULL: none is. SECTION_COUNT: of all. */
const struct config_key *config_key_like(enum config_section section, const char *name);

/* agent_config_values.c: 0, -EINVAL (not of its kind) or -ERANGE (too many for 64 bits). */
/* "90", "90s", "5m": in units of unit_us, which a bare number has; shorter ones are refused. */
int config_parse_time(const char *text, uint64_t unit_us, uint64_t *ret);
int config_parse_size(const char *text, uint64_t *ret); /* "512", "512M" */
int config_parse_flag(const char *text, bool *ret);     /* yes, no, true, false, on, off, 1, 0 */
/* -EINVAL: what is at *ret_bad, length bytes long, is none of names (count of them). */
int config_parse_list(const char *text, const char *const *names, size_t count, bool *ret,
		      const char **ret_bad, int *ret_bad_length);
/* Whether a template has only words that upload_key_make() knows; otherwise the bad piece. */
bool config_template_is_valid(const char *text, const char **ret_bad, int *ret_bad_length);

/* agent_config_set.c: what rows have in the column set. */
config_setter config_set_time, config_set_microseconds, config_set_size, config_set_number,
	config_set_flag, config_set_path, config_set_text, config_set_kinds, config_set_pids,
	config_set_cpu, config_set_unwind, config_set_split, config_set_percent, config_set_user,
	config_set_socket, config_set_log_level;
/* A copy of value, or NULL, in place of the string that field points to. 0 or -ENOMEM. */
int config_put_text(void *field, const char *value);
/* agent_config_services.c */
config_setter config_set_include, config_set_exclude, config_set_rename, config_set_label_word;
int config_set_label(struct config_reader *reader, const char *name, const char *value);
/* agent_config_upload.c */
config_setter config_set_url, config_set_formats, config_set_template, config_set_endpoint,
	config_set_style, config_set_public_file, config_set_secret_file;
/* A target begins; name NULL: by --upload. 0, -EINVAL after config_mistake(), or -ENOMEM. */
int config_target_begin(struct config_reader *reader, const char *name);
/* What can only be said when all is read. 0, -EINVAL, or -ENOMEM. */
int config_targets_finish(struct config_reader *reader);

/* agent_config_url.c */
/* NULL, or what is wrong in words; never repeats what may be secret. */
const char *config_url_check(const char *url, enum upload_scheme *ret);
const char *config_scheme_name(enum upload_scheme scheme); /* "https" */
/* Host of a URL that was found right; length bytes of it. */
const char *config_url_host(const char *url, size_t *ret_length);

/* agent_config_file.c, agent_config_words.c: 0, also after mistakes, or -errno after one line. */
int config_read_file(struct config_reader *reader, const char *path);
int config_read_words(struct config_reader *reader, char *const *words);
/* How many of them the first setting takes: one, or two with its value. */
size_t config_word_count(char *const *words);

/* agent_config.c */
/* One mistake in a value: one line, unless there were too many. */
void config_mistake(struct config_reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* One about something else than the value that is being set. */
void config_mistake_at(struct config_reader *reader, const struct config_place *place,
		       const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Sets a key, for which a target is there if it takes one; an empty value is the default. */
int config_set(struct config_reader *reader, const struct config_key *key, const char *value);

#endif
