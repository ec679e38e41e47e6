/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/upload_parts.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"
#include "flamegraph/utf8.h"

/* The longest key of S3; names of files have less. */
#define KEY_MAX 1024

/* Longer than every word's own value. */
#define VALUE_SIZE 64

#define LABEL_PREFIX "label."

#define NS_PER_US 1000u

/* The other half of the digits of an id. */
#define ID_SEED UINT64_C(0x9e3779b97f4a7c15)

static bool is_unreserved(unsigned char byte)
{
	return isalnum(byte) || strchr("-._~", byte);
}

static void write_escaped(FILE *out, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (is_unreserved(byte))
			(void)fputc(byte, out);
		else
			(void)fprintf(out, "%%%02X", byte);
	}
}

void upload_escape(FILE *out, const char *text)
{
	write_escaped(out, text, strlen(text));
}

void upload_escape_path(FILE *out, const char *path)
{
	for (;;) {
		size_t length = strcspn(path, "/");

		write_escaped(out, path, length);
		path += length;
		if (!*path)
			return;
		(void)fputc(*path++, out);
	}
}

int upload_url_below(const char *base, const char *key, char **ret)
{
	CLEANUP(cleanup_free) char *url = NULL;
	size_t size;
	FILE *out = open_memstream(&url, &size);

	if (!out)
		return -ENOMEM;
	(void)fprintf(out, "%s/", base);
	upload_escape_path(out, key);
	if (fclose(out) != 0)
		return -ENOMEM;
	*ret = TAKE(url);
	return 0;
}

void upload_key_failed(int err, struct upload_result *ret)
{
	upload_result_set(ret, err == -ENOMEM ? UPLOAD_LATER : UPLOAD_REFUSED,
			  "no name can be made of its key: %s", strerror(-err));
}

/* As a part of one name in a path: never empty, and never the beginning of "..". */
static void write_value(FILE *out, const char *value, bool is_url)
{
	size_t length = strlen(value), dots = strspn(value, ".");

	if (!length)
		(void)fputc('_', out);
	for (size_t i = 0, step; i < length; i += step) {
		uint32_t rune = 0;
		bool is_bad;

		step = utf8_decode(value + i, length - i, &rune);
		is_bad = !step || i < dots || rune == '/' || upload_is_control(rune) ||
			 (rune >= 0xd800 && rune < 0xe000);
		step = step ? step : 1;
		if (is_bad)
			(void)fputc('_', out);
		else if (is_url)
			write_escaped(out, value + i, step);
		else
			(void)fwrite(value + i, 1, step, out);
	}
}

static const char *find_label(const struct profile_file *file, const char *name, size_t length)
{
	for (size_t i = 0; i < file->label_count; i++) {
		if (strlen(file->labels[i].name) == length &&
		    memcmp(file->labels[i].name, name, length) == 0)
			return file->labels[i].value;
	}
	return "";
}

static void format_time(uint64_t ns, const char *format, char *value, size_t size)
{
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	struct tm date = { 0 };

	(void)gmtime_r(&seconds, &date);
	if (!strftime(value, size, format, &date))
		*value = '\0';
}

/* Windows may begin in the same second of the clock: after reloads, or when it was set back. */
static void format_moment(uint64_t ns, char value[VALUE_SIZE])
{
	char second[VALUE_SIZE / 2];

	format_time(ns, "%Y%m%dT%H%M%S", second, sizeof(second));
	(void)snprintf(value, VALUE_SIZE, "%s.%06" PRIu64 "Z", second,
		       ns % NS_PER_SECOND / NS_PER_US);
}

static bool is_word(const char *word, size_t length, const char *name)
{
	return strlen(name) == length && memcmp(word, name, length) == 0;
}

/* The words that are made of times. */
static bool find_time(const struct profile_file *file, const char *word, size_t length,
		      char value[VALUE_SIZE])
{
	static const struct {
		const char *word, *format;
	} times[] = {
		{ "yyyy", "%Y" }, { "mm", "%m" }, { "dd", "%d" },
		{ "HH", "%H" },   { "MM", "%M" }, { "SS", "%S" },
	};

	if (is_word(word, length, "start") || is_word(word, length, "end")) {
		format_moment(*word == 's' ? file->from_ns : file->until_ns, value);
		return true;
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (!is_word(word, length, times[i].word))
			continue;
		format_time(file->from_ns, times[i].format, value, VALUE_SIZE);
		return true;
	}
	return false;
}

/* 0, -EINVAL or -ENOMEM. */
static int write_word(FILE *out, const struct profile_file *file, const char *word, size_t length,
		      bool is_url)
{
	const size_t prefix = strlen(LABEL_PREFIX);
	char made[VALUE_SIZE];
	const char *value = NULL;

	if (is_word(word, length, "ext")) {
		(void)fputs(profile_format_ending(file->format), out);
		return 0;
	}
	if (is_word(word, length, "id")) {
		int err = upload_id_make(file, made);

		if (err < 0)
			return err;
		value = made;
	} else if (is_word(word, length, "unix")) {
		(void)snprintf(made, sizeof(made), "%" PRIu64, file->from_ns / NS_PER_SECOND);
		value = made;
	} else if (is_word(word, length, "service")) {
		value = file->service;
	} else if (is_word(word, length, "host")) {
		value = file->host;
	} else if (is_word(word, length, "kind")) {
		value = profile_kind_name(file->kind);
	} else if (is_word(word, length, "format")) {
		value = profile_format_name(file->format);
	} else if (length > prefix && memcmp(word, LABEL_PREFIX, prefix) == 0) {
		value = find_label(file, word + prefix, length - prefix);
	} else if (find_time(file, word, length, made)) {
		value = made;
	}
	if (!value)
		return -EINVAL;
	write_value(out, value, is_url);
	return 0;
}

static int fill(FILE *out, const char *template, const struct profile_file *file, bool is_url)
{
	while (*template) {
		size_t length;
		int err;

		if (*template != '{' || template[1] == '{') {
			(void)fputc(*template, out);
			template += *template == '{' ? 2 : 1;
			continue;
		}
		length = strcspn(++template, "{}");
		if (template[length] != '}')
			return -EINVAL;
		err = write_word(out, file, template, length, is_url);
		if (err < 0)
			return err;
		template += length + 1;
	}
	return 0;
}

static int fill_string(const char *template, const struct profile_file *file, bool is_url,
		       char **ret)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int err;

	if (!out)
		return -ENOMEM;
	err = fill(out, template, file, is_url);
	if (fclose(out) != 0)
		return -ENOMEM;
	if (err < 0)
		return err;
	*ret = TAKE(text);
	return 0;
}

/* In place: no segment is empty, and none leads elsewhere. What a template says itself counts, too.
 */
static int normalize(char *key)
{
	char *out = key, *next = key;

	while (*next) {
		size_t length;

		next += strspn(next, "/");
		length = strcspn(next, "/");
		if (!length)
			break;
		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		if ((length == 1 && *next == '.') || (length == 2 && memcmp(next, "..", 2) == 0))
			return -EINVAL;
		if (out > key)
			*out++ = '/';
		memmove(out, next, length);
		out += length;
		next += length;
	}
	*out = '\0';
	if (out == key)
		return -EINVAL;
	return out - key > KEY_MAX ? -ENAMETOOLONG : 0;
}

int upload_key_make(const char *template, const struct profile_file *file, char **ret)
{
	CLEANUP(cleanup_free) char *key = NULL;
	int err = fill_string(template, file, false, &key);

	if (err < 0)
		return err;
	for (const char *c = key; *c; c++) {
		if (iscntrl((unsigned char)*c))
			return -EINVAL;
	}
	err = normalize(key);
	if (err < 0)
		return err;
	*ret = TAKE(key);
	return 0;
}

int upload_url_fill(const char *template, const struct profile_file *file, char **ret)
{
	return fill_string(template, file, true, ret);
}

bool upload_has_words(const char *template)
{
	return strchr(template, '{') != NULL;
}

int upload_id_make(const struct profile_file *file, char ret[UPLOAD_ID_SIZE])
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	(void)fprintf(out, "%s%c%s%c%s%c%s%c%" PRIu64 "%c%" PRIu64, file->service, 0, file->host, 0,
		      profile_kind_name(file->kind), 0, profile_format_name(file->format), 0,
		      file->from_ns, 0, file->until_ns);
	for (size_t i = 0; i < file->label_count; i++)
		(void)fprintf(out, "%c%s%c%s", 0, file->labels[i].name, 0, file->labels[i].value);
	if (fclose(out) != 0)
		return -ENOMEM;
	(void)snprintf(ret, UPLOAD_ID_SIZE, "%016" PRIx64 "%016" PRIx64, hash_bytes(text, size),
		       hash_bytes_seeded(ID_SEED, text, size));
	return 0;
}
