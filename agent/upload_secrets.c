/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upload_secrets.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Keys are some kilobytes; tokens with all that they claim, too. */
#define FILE_SIZE_MAX 65536

/* Shorter ones would hide ordinary words. */
#define HIDDEN_LENGTH_MIN 4
#define STARS             "***"

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void cleanup_secret(char **text)
{
	wipe(*text);
}

/* A buffer may have more than a string in it. */
static void cleanup_buffer(char **buffer)
{
	if (*buffer)
		explicit_bzero(*buffer, FILE_SIZE_MAX + 1);
	free(*buffer);
}

void upload_secrets_done(struct upload_secrets *secrets)
{
	wipe(secrets->user);
	wipe(secrets->password);
	wipe(secrets->token);
	wipe(secrets->session);
	*secrets = (struct upload_secrets){ 0 };
}

static void cleanup_secrets(struct upload_secrets *secrets)
{
	upload_secrets_done(secrets);
}

static int fail(char reason[UPLOAD_REASON_SIZE], const char *path, int err, const char *words)
{
	(void)snprintf(reason, UPLOAD_REASON_SIZE, "cannot use '%s': %s", path,
		       words ? words : strerror(-err));
	return err;
}

/* Not blocking: it could be a pipe that nobody writes to. */
static int open_secret(const char *path, int *ret_fd, char reason[UPLOAD_REASON_SIZE])
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return fail(reason, path, -errno, NULL);
	if (!S_ISREG(status.st_mode))
		return fail(reason, path, -EINVAL, "it is no regular file");
	if (status.st_mode & S_IRWXO)
		return fail(reason, path, -EPERM,
			    "others may read, write or run it; chmod o= is needed");
	if (status.st_size > FILE_SIZE_MAX)
		return fail(reason, path, -EFBIG, "it is too long for a secret");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* All of it, ended by a NUL, in a buffer of FILE_SIZE_MAX + 1. */
static int read_all(const char *path, char **ret, char reason[UPLOAD_REASON_SIZE])
{
	CLEANUP(cleanup_fd) int fd = -1;
	CLEANUP(cleanup_buffer) char *buffer = calloc(1, FILE_SIZE_MAX + 1);
	size_t size = 0;
	ssize_t got = 1;
	int err;

	if (!buffer)
		return fail(reason, path, -ENOMEM, NULL);
	err = open_secret(path, &fd, reason);
	if (err < 0)
		return err;
	while (got > 0 && size < FILE_SIZE_MAX) {
		got = read(fd, buffer + size, FILE_SIZE_MAX - size);
		if (got < 0)
			return fail(reason, path, -errno, NULL);
		size += (size_t)got;
	}
	if (memchr(buffer, '\0', size))
		return fail(reason, path, -EINVAL, "there is a NUL in it");
	*ret = TAKE(buffer);
	return 0;
}

/* It becomes part of a header: a control in it would begin another one. */
static bool is_fit(const char *text)
{
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text))
			return false;
	}
	return true;
}

static int read_line(const char *path, char **ret, char reason[UPLOAD_REASON_SIZE])
{
	CLEANUP(cleanup_buffer) char *text = NULL;
	CLEANUP(cleanup_secret) char *line = NULL;
	int err = read_all(path, &text, reason);

	if (err < 0)
		return err;
	text[strcspn(text, "\r\n")] = '\0';
	if (!*text || !is_fit(text))
		return fail(reason, path, -EINVAL, "its first line is empty, or has controls");
	line = strdup(text);
	if (!line)
		return fail(reason, path, -ENOMEM, NULL);
	*ret = TAKE(line);
	return 0;
}

/* NAME:PASSWORD; the password may have colons. */
static int read_user(const char *path, struct upload_secrets *secrets,
		     char reason[UPLOAD_REASON_SIZE])
{
	CLEANUP(cleanup_secret) char *line = NULL;
	int err = read_line(path, &line, reason);
	size_t length;

	if (err < 0)
		return err;
	length = strcspn(line, ":");
	if (!line[length])
		return fail(reason, path, -EINVAL, "its first line is not NAME:PASSWORD");
	secrets->user = strndup(line, length);
	secrets->password = strdup(line + length + 1);
	explicit_bzero(line, length + 1 + strlen(line + length + 1));
	return secrets->user && secrets->password ? 0 : fail(reason, path, -ENOMEM, NULL);
}

int upload_secrets_read(const struct upload_config *config, struct upload_secrets *ret,
			char reason[UPLOAD_REASON_SIZE])
{
	CLEANUP(cleanup_secrets) struct upload_secrets secrets = { 0 };
	CLEANUP(cleanup_fd) int key_fd = -1;
	int err = 0;

	if (config->user_file)
		err = read_user(config->user_file, &secrets, reason);
	if (!err && config->token_file)
		err = read_line(config->token_file, &secrets.token, reason);
	/* libcurl reads it; here it is looked at only. */
	if (!err && config->client_key)
		err = open_secret(config->client_key, &key_fd, reason);
	if (err < 0)
		return err;
	*ret = secrets;
	secrets = (struct upload_secrets){ 0 };
	return 0;
}

static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t\r");
	length = strlen(text);
	while (length > 0 && strchr(" \t\r", text[length - 1]))
		text[--length] = '\0';
	return text;
}

static int set_s3(struct upload_secrets *secrets, const char *name, const char *value)
{
	const struct {
		const char *name;
		char **value;
	} names[] = {
		{ "aws_access_key_id", &secrets->user },
		{ "aws_secret_access_key", &secrets->password },
		{ "aws_session_token", &secrets->session },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i].name) != 0)
			continue;
		wipe(*names[i].value);
		*names[i].value = strdup(value);
		return *names[i].value ? 0 : -ENOMEM;
	}
	return 0;
}

/*
 * The profile [default] of what other programs write for themselves. By hand, as inih cuts lines at
 * 200 bytes, and a session token has a thousand.
 */
static int parse_credentials(char *text, struct upload_secrets *secrets)
{
	bool is_ours = false;
	char *line, *rest = text;
	int err = 0;

	while (!err && (line = strsep(&rest, "\n"))) {
		char *value;

		line = trim(line);
		if (*line == '#' || *line == ';')
			continue;
		if (*line == '[') {
			is_ours = strcmp(line, "[default]") == 0;
			continue;
		}
		value = strchr(line, '=');
		if (!is_ours || !value)
			continue;
		*value++ = '\0';
		err = set_s3(secrets, trim(line), trim(value));
	}
	return err;
}

static int read_credentials(const char *path, struct upload_secrets *secrets,
			    char reason[UPLOAD_REASON_SIZE])
{
	CLEANUP(cleanup_buffer) char *text = NULL;
	int err = read_all(path, &text, reason);

	if (err < 0)
		return err;
	err = parse_credentials(text, secrets);
	return err < 0 ? fail(reason, path, err, NULL) : 0;
}

static int read_environment(struct upload_secrets *secrets)
{
	static const char *const names[][2] = {
		{ "AWS_ACCESS_KEY_ID", "aws_access_key_id" },
		{ "AWS_SECRET_ACCESS_KEY", "aws_secret_access_key" },
		{ "AWS_SESSION_TOKEN", "aws_session_token" },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !err; i++) {
		const char *value = getenv(names[i][0]);

		if (value && *value)
			err = set_s3(secrets, names[i][1], value);
	}
	return err;
}

int upload_secrets_read_s3(const struct upload_config *config, struct upload_secrets *ret,
			   char reason[UPLOAD_REASON_SIZE])
{
	CLEANUP(cleanup_secrets) struct upload_secrets secrets = { 0 };
	const char *source = config->credentials_file ? config->credentials_file
						      : "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY";
	CLEANUP(cleanup_fd) int key_fd = -1;
	int err = config->credentials_file ? read_credentials(source, &secrets, reason)
					   : read_environment(&secrets);

	if (err == -ENOMEM)
		return fail(reason, source, err, NULL);
	if (!err && config->client_key)
		err = open_secret(config->client_key, &key_fd, reason);
	if (err < 0)
		return err;
	if (!secrets.user || !secrets.password)
		return fail(reason, source, -ENOKEY, "there is no access key and secret in it");
	if (!is_fit(secrets.user) || !is_fit(secrets.password) ||
	    (secrets.session && !is_fit(secrets.session)))
		return fail(reason, source, -EINVAL, "there are controls in it");
	*ret = secrets;
	secrets = (struct upload_secrets){ 0 };
	return 0;
}

/* Of a text that was cut within a secret: its beginning. */
static void hide_end(const char *secret, size_t length, char *text)
{
	size_t end = strlen(text), part = length - 1 < end ? length - 1 : end;

	for (; part >= HIDDEN_LENGTH_MIN; part--) {
		if (memcmp(text + end - part, secret, part) != 0)
			continue;
		memcpy(text + end - part, STARS, sizeof(STARS));
		return;
	}
}

void upload_secret_hide(const char *secret, char *text)
{
	size_t length = secret ? strlen(secret) : 0;
	char *found = text;

	if (length < HIDDEN_LENGTH_MIN)
		return;
	while ((found = strstr(found, secret))) {
		memmove(found + strlen(STARS), found + length, strlen(found + length) + 1);
		memcpy(found, STARS, strlen(STARS));
		found += strlen(STARS);
	}
	hide_end(secret, length, text);
}

/* NULL: no memory. */
static char *encode_base64(const char *bytes, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = calloc(1, (length + 2) / 3 * 4 + 1), *out = text;

	for (size_t i = 0; text && i < length; i += 3) {
		uint32_t group = 0;

		for (size_t j = 0; j < 3; j++)
			group = group << 8 | (i + j < length ? (unsigned char)bytes[i + j] : 0);
		for (size_t j = 0; j < 4; j++)
			*out++ = i + j <= length ? digits[group >> (18 - 6 * j) & 63] : '=';
	}
	return text;
}

void upload_secrets_hide(const struct upload_secrets *secrets, char *text)
{
	CLEANUP(cleanup_secret) char *both = NULL;
	CLEANUP(cleanup_secret) char *encoded = NULL;

	upload_secret_hide(secrets->password, text);
	upload_secret_hide(secrets->token, text);
	upload_secret_hide(secrets->session, text);
	if (!secrets->user || !secrets->password ||
	    asprintf(&both, "%s:%s", secrets->user, secrets->password) < 0)
		return;
	encoded = encode_base64(both, strlen(both));
	upload_secret_hide(encoded, text);
}
