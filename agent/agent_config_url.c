/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of targets. What is wrong with one is said without it: it may hold what is secret. */
#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "agent/agent_config_parts.h"
#include "agent/options_parts.h"

#define URL_MAX        2048
#define HOST_MAX       255
#define PORT_MAX       65535
#define PORT_DIGITS    5
#define BUCKET_MIN     3
#define BUCKET_MAX     63
#define AFTER_SCHEME   "://"
#define AUTHORITY_ENDS "/?#"
#define LOWER_ALNUM    "abcdefghijklmnopqrstuvwxyz0123456789"
#define ALNUM          LOWER_ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

const char *config_scheme_name(enum upload_scheme scheme)
{
	static const char *const names[SCHEME_COUNT] = {
		[SCHEME_FILE] = "file",
		[SCHEME_HTTP] = "http",
		[SCHEME_HTTPS] = "https",
		[SCHEME_S3] = "s3",
		[SCHEME_EPROF] = "eprof",
		[SCHEME_EPROFS] = "eprofs",
		[SCHEME_PYROSCOPE_HTTP] = "pyroscope+http",
		[SCHEME_PYROSCOPE_HTTPS] = "pyroscope+https",
	};

	return names[scheme];
}

/* What stands behind "://", or NULL. */
static const char *scheme_of(const char *url, enum upload_scheme *ret)
{
	for (int i = 0; i < SCHEME_COUNT; i++) {
		const char *name = config_scheme_name((enum upload_scheme)i);
		size_t length = strlen(name);

		if (strncmp(url, name, length) == 0 &&
		    strncmp(url + length, AFTER_SCHEME, strlen(AFTER_SCHEME)) == 0) {
			*ret = (enum upload_scheme)i;
			return url + length + strlen(AFTER_SCHEME);
		}
	}
	return NULL;
}

/* "name", "10.0.0.1" or "[::1]" at text: its length, or 0. */
static size_t host_length(const char *text)
{
	size_t length;

	if (*text != '[')
		return strspn(text, ALNUM ".-_");
	length = strspn(text + 1, "0123456789abcdefABCDEF:.");
	return length > 0 && text[1 + length] == ']' ? length + 2 : 0;
}

/* HOST[:PORT], length bytes. */
static const char *check_authority(const char *text, size_t length)
{
	char digits[PORT_DIGITS + 1] = "";
	size_t host = host_length(text);
	uint64_t port;

	if (memchr(text, '@', length))
		return "a name and password in a URL are seen by many: use user-file";
	if (host == 0 || host > HOST_MAX || host > length)
		return "there is no host in it, or none that can be";
	if (host == length)
		return NULL;
	if (text[host] != ':')
		return "its host has letters that no host has";
	if (length - host - 1 > PORT_DIGITS)
		return "its port is not from 1 to 65535";
	memcpy(digits, text + host + 1, length - host - 1);
	if (parse_u64(digits, 1, PORT_MAX, &port) < 0)
		return "its port is not from 1 to 65535";
	return NULL;
}

static const char *check_bucket(const char *text, size_t length)
{
	if (memchr(text, '@', length))
		return "keys in a URL are seen by many: use credentials-file";
	if (length < BUCKET_MIN || length > BUCKET_MAX || strspn(text, LOWER_ALNUM ".-") < length ||
	    !isalnum((unsigned char)text[0]) || !isalnum((unsigned char)text[length - 1]))
		return "s3:// is followed by a bucket: 3 to 63 lower-case letters, digits, '.' "
		       "and '-'";
	return NULL;
}

static bool has_blank_or_control(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return true;
	}
	return false;
}

/* What is behind the authority. */
static const char *check_path(const char *path, enum upload_scheme scheme)
{
	bool takes_query = scheme == SCHEME_HTTP || scheme == SCHEME_HTTPS;

	if (strchr(path, '#'))
		return "a part behind '#' is never sent";
	if (strchr(path, '?') && !takes_query)
		return "only http(s):// takes a part behind '?'";
	return NULL;
}

const char *config_url_check(const char *url, enum upload_scheme *ret)
{
	enum upload_scheme scheme;
	const char *rest = scheme_of(url, &scheme);
	const char *reason;
	size_t length;

	if (!rest)
		return "a URL begins with file://, http://, https://, s3://, eprof://, eprofs://, "
		       "pyroscope+http:// or pyroscope+https://";
	if (strlen(url) > URL_MAX)
		return "a URL has up to 2048 bytes";
	if (scheme == SCHEME_FILE) {
		if (*rest != '/')
			return "file:// is followed by an absolute path: file:///DIR";
		*ret = scheme;
		return NULL;
	}
	if (has_blank_or_control(rest))
		return "there is a blank in it";
	length = strcspn(rest, AUTHORITY_ENDS);
	reason = scheme == SCHEME_S3 ? check_bucket(rest, length) : check_authority(rest, length);
	if (!reason)
		reason = check_path(rest + length, scheme);
	if (!reason)
		*ret = scheme;
	return reason;
}

const char *config_url_host(const char *url, size_t *ret_length)
{
	enum upload_scheme scheme;
	const char *rest = scheme_of(url, &scheme);

	assert(rest);
	*ret_length = strcspn(rest, AUTHORITY_ENDS);
	return rest;
}
