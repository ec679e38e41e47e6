/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upload_send.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/log.h"
#include "agent/upload_parts.h"
#include "base/cleanup.h"
#include "base/curl_library.h"

#define URL_SIZE_MAX 8192

#define INGEST "/ingest"

/* What is looked for: a directory would be forbidden where only its files are not. */
#define PROBE "eprof-probe"

static const struct {
	const char *prefix;
	enum upload_scheme scheme;
	const char *http; /* what stands for the prefix in a request */
} schemes[] = {
	{ "file://", UPLOAD_TO_DIRECTORY, NULL },
	{ "http://", UPLOAD_TO_HTTP, "http://" },
	{ "https://", UPLOAD_TO_HTTP, "https://" },
	{ "s3://", UPLOAD_TO_S3, NULL },
	{ "eprof://", UPLOAD_TO_EPROF, "http://" },
	{ "eprofs://", UPLOAD_TO_EPROF, "https://" },
	{ "pyroscope+http://", UPLOAD_TO_PYROSCOPE, "http://" },
	{ "pyroscope+https://", UPLOAD_TO_PYROSCOPE, "https://" },
};

const char *upload_content_type(enum profile_format format)
{
	static const char *const types[PROFILE_FORMAT_COUNT] = {
		[PROFILE_SVG] = "Content-Type: image/svg+xml",
		[PROFILE_FOLDED] = "Content-Type: text/plain; charset=utf-8",
		[PROFILE_PPROF] = "Content-Type: application/octet-stream",
		[PROFILE_HTML] = "Content-Type: text/html; charset=utf-8",
	};

	return types[format];
}

/* One line, without the URL, which may have a secret in it. */
int upload_mistake(const struct upload_config *config, const char *words)
{
	log_error("upload '%s': %s", config->name ? config->name : "?", words);
	return -EINVAL;
}

static bool has_controls(const char *text)
{
	for (; text && *text; text++) {
		if (iscntrl((unsigned char)*text))
			return true;
	}
	return false;
}

/* "%2F" and so on of a file's URL, in place. */
static bool unescape(char *path)
{
	char *out = path;

	for (; *path; path++) {
		char digits[3] = { 0 };

		if (*path != '%') {
			*out++ = *path;
			continue;
		}
		if (!isxdigit((unsigned char)path[1]) || !isxdigit((unsigned char)path[2]))
			return false;
		memcpy(digits, path + 1, 2);
		*out = (char)strtoul(digits, NULL, 16);
		if (!*out++)
			return false;
		path += 2;
	}
	*out = '\0';
	return true;
}

static int set_directory(struct upload_sender *sender, const char *path)
{
	if (*path != '/')
		return upload_mistake(sender->config,
				      "file:// wants a path from the root: file:///DIR");
	sender->base = strdup(path);
	if (!sender->base)
		return -ENOMEM;
	if (!unescape(sender->base))
		return upload_mistake(sender->config,
				      "a '%' in file:// begins two hexadecimal digits");
	return 0;
}

static int set_http(struct upload_sender *sender, const char *http, const char *rest)
{
	size_t host = strcspn(rest, "/?#"), length = strlen(rest);

	if (!host)
		return upload_mistake(sender->config, "there is no host in the URL");
	if (memchr(rest, '@', host))
		return upload_mistake(
			sender->config,
			"user and password belong into a file (user-file), not into a URL");
	sender->is_whole =
		sender->scheme == UPLOAD_TO_HTTP && (strchr(rest, '?') || upload_has_words(rest));
	if (strchr(rest, '#') || (strchr(rest, '?') && !sender->is_whole))
		return upload_mistake(sender->config, "there is a '?' or '#' in the URL");
	while (!sender->is_whole && length > host && rest[length - 1] == '/')
		length--;
	if (asprintf(&sender->base, "%s%.*s", http, (int)length, rest) < 0) {
		sender->base = NULL;
		return -ENOMEM;
	}
	length = strlen(sender->base);
	sender->is_ingest = sender->scheme == UPLOAD_TO_PYROSCOPE && length > strlen(INGEST) &&
			    strcmp(sender->base + length - strlen(INGEST), INGEST) == 0;
	return 0;
}

/* A template that makes no sense is found before there is a profile. */
static int check_key(const struct upload_sender *sender)
{
	static const struct profile_file sample = {
		.format = PROFILE_PPROF,
		.service = "service",
		.host = "host",
	};
	CLEANUP(cleanup_free) char *made = NULL;
	int err = sender->is_whole ? upload_url_fill(sender->base, &sample, &made)
				   : upload_key_make(sender->key, &sample, &made);

	if (err == -ENAMETOOLONG)
		return upload_mistake(sender->config,
				      "the key's template makes names that are too long");
	if (err == -EINVAL)
		return upload_mistake(
			sender->config,
			"the key's template has a word that is not known, or leads elsewhere");
	return err;
}

static int check(const struct upload_config *config)
{
	if (strlen(config->url) > URL_SIZE_MAX)
		return upload_mistake(config, "the URL is too long");
	if (has_controls(config->url) || has_controls(config->endpoint) ||
	    has_controls(config->tenant))
		return upload_mistake(config, "there are controls in its URL, endpoint or tenant");
	if (!config->timeout_s)
		return upload_mistake(config, "there is no time to send in (timeout)");
	if (config->client_key && !config->client_cert)
		return upload_mistake(config, "client-key needs client-cert");
	if (config->user_file && config->token_file)
		return upload_mistake(config, "user-file and token-file exclude each other");
	return 0;
}

static int set_up(struct upload_sender *sender)
{
	const char *url = sender->config->url;
	int err = check(sender->config);

	if (err < 0)
		return err;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		const char *rest = url + strlen(schemes[i].prefix);

		if (strncmp(url, schemes[i].prefix, strlen(schemes[i].prefix)) != 0)
			continue;
		sender->scheme = schemes[i].scheme;
		if (sender->scheme == UPLOAD_TO_DIRECTORY)
			err = set_directory(sender, rest);
		else if (sender->scheme == UPLOAD_TO_S3)
			err = upload_s3_set_up(sender, rest);
		else
			err = set_http(sender, schemes[i].http, rest);
		return err < 0 ? err : check_key(sender);
	}
	return upload_mistake(sender->config, "the URL's scheme is not known");
}

static void cleanup_sender(struct upload_sender **sender)
{
	upload_sender_free(*sender);
}

int upload_sender_new(const struct upload_config *config, struct upload_sender **ret)
{
	CLEANUP(cleanup_sender) struct upload_sender *sender = calloc(1, sizeof(*sender));
	int err = -ENOMEM;

	if (sender) {
		sender->config = config;
		sender->key = config->key ? config->key : UPLOAD_KEY_DEFAULT;
		err = set_up(sender);
	}
	if (err == -ENOMEM)
		log_error("upload '%s': %s", config->name ? config->name : "?", strerror(ENOMEM));
	if (err < 0)
		return err;
	*ret = TAKE(sender);
	return 0;
}

void upload_sender_free(struct upload_sender *sender)
{
	if (!sender)
		return;
	http_free(sender->http);
	free(sender->base);
	free(sender->region);
	free(sender);
}

/* What every request has; false with the reason in *ret. */
static bool get_ready(struct upload_sender *sender, struct http_request *request,
		      struct upload_result *ret)
{
	char reason[UPLOAD_REASON_SIZE];
	int err;

	err = sender->http ? 0 : http_new(&sender->http);
	if (err == -ELIBACC)
		upload_result_set(ret, UPLOAD_LATER,
				  "cannot load '" CURL_LIBRARY
				  "'; its package is " CURL_LIBRARY_PACKAGES);
	else if (err < 0)
		upload_result_set(ret, UPLOAD_LATER, "%s", strerror(-err));
	if (err < 0)
		return false;
	if (request->sigv4)
		return true;
	if (upload_secrets_read(sender->config, &request->secrets, reason) < 0) {
		upload_result_set(ret, UPLOAD_LATER, "%s", reason);
		return false;
	}
	return true;
}

void upload_request(struct upload_sender *sender, struct http_request *request,
		    const _Atomic bool *stop, struct upload_result *ret)
{
	CLEANUP(cleanup_free) char *tenant = NULL;
	size_t count = 0;

	if (!get_ready(sender, request, ret))
		return;
	while (request->headers[count])
		count++;
	assert(count + 1 < HTTP_HEADERS_MAX);
	if (sender->config->tenant) {
		if (asprintf(&tenant, "X-Scope-OrgID: %s", sender->config->tenant) < 0)
			tenant = NULL;
		if (!tenant) {
			upload_result_set(ret, UPLOAD_LATER, "%s", strerror(ENOMEM));
			return;
		}
		request->headers[count] = tenant;
	}
	http_send(sender->http, sender->config, request, stop, ret);
	request->headers[count] = NULL; /* it ends here */
}

void upload_put_send(struct upload_sender *sender, const struct spool_item *item,
		     const _Atomic bool *stop, struct upload_result *ret)
{
	CLEANUP(cleanup_free) char *key = NULL;
	CLEANUP(cleanup_free) char *url = NULL;
	CLEANUP(http_request_done)
	struct http_request request = {
		.method = "PUT",
		.headers = { upload_content_type(item->file.format) },
		.fd = item->fd,
		.offset = item->offset,
		.size = item->size,
	};
	int err = sender->is_whole ? upload_url_fill(sender->base, &item->file, &url)
				   : upload_key_make(sender->key, &item->file, &key);

	if (!err && key)
		err = upload_url_below(sender->base, key, &url);
	if (err < 0) {
		upload_key_failed(err, ret);
		return;
	}
	request.url = url;
	upload_request(sender, &request, stop, ret);
}

void upload_send(struct upload_sender *sender, const struct spool_item *item,
		 const _Atomic bool *stop, struct upload_result *ret)
{
	*ret = (struct upload_result){ .outcome = UPLOAD_LATER };
	switch (sender->scheme) {
	case UPLOAD_TO_DIRECTORY:
		upload_directory_send(sender, item, stop, ret);
		break;
	case UPLOAD_TO_HTTP:
		upload_put_send(sender, item, stop, ret);
		break;
	case UPLOAD_TO_S3:
		upload_s3_send(sender, item, stop, ret);
		break;
	case UPLOAD_TO_EPROF:
		upload_eprof_send(sender, item, stop, ret);
		break;
	case UPLOAD_TO_PYROSCOPE:
		upload_pyroscope_send(sender, item, stop, ret);
		break;
	}
}

/* Whether it is there, and does not turn us away; that it has no page at that path means nothing.
 */
static void probe_http(struct upload_sender *sender, struct upload_result *ret)
{
	const long unauthorized = 401, forbidden = 403;
	CLEANUP(cleanup_free) char *url = NULL;
	CLEANUP(http_request_done) struct http_request request = { .method = "HEAD" };

	if (sender->is_whole)
		/* Of one that is signed for PUT, nothing else may be asked. */
		url = strndup(sender->base, strcspn(sender->base, "?{"));
	else if (asprintf(&url, "%s/" PROBE, sender->base) < 0)
		url = NULL;
	if (!url) {
		upload_result_set(ret, UPLOAD_LATER, "%s", strerror(ENOMEM));
		return;
	}
	request.url = url;
	upload_request(sender, &request, NULL, ret);
	if (ret->outcome == UPLOAD_REFUSED &&
	    ((ret->status != unauthorized && ret->status != forbidden) || sender->is_whole))
		ret->outcome = UPLOAD_SENT;
}

void upload_probe(struct upload_sender *sender, struct upload_result *ret)
{
	*ret = (struct upload_result){ .outcome = UPLOAD_LATER };
	if (sender->scheme == UPLOAD_TO_DIRECTORY)
		upload_directory_probe(sender, ret);
	else if (sender->scheme == UPLOAD_TO_S3)
		upload_s3_probe(sender, ret);
	else
		probe_http(sender, ret);
}
