/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upload_http.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "agent/upload_parts.h"
#include "base/cleanup.h"
#include "base/curl_library.h"

/* Of an answer this much is kept; when more than that has come, no more is taken. */
#define ANSWER_KEPT 3584
#define ANSWER_MAX  65536
#define HEADERS_MAX 65536
#define VALUE_SIZE  128
#define SHOWN_SIZE  512

#define CONNECT_TIMEOUT_MS 10000
#define MS_PER_SECOND      1000

/* A target that takes nothing, and says nothing, for so long is taken for dead. */
#define LOW_SPEED_BYTES 1
#define LOW_SPEED_S     30

struct http {
	const struct curl_library *library;
	CURL *easy;
	char message[CURL_ERROR_SIZE];
};

/* One request, as libcurl's callbacks see it. */
struct transfer {
	const struct http_request *request;
	const _Atomic bool *stop;
	uint64_t position; /* in the body */
	int read_err;
	size_t header_bytes;
	char retry_after[VALUE_SIZE];
	uint64_t answer_bytes;
	size_t kept;
	char answer[ANSWER_KEPT];
	bool is_cut; /* the answer, by us */
};

void http_request_done(struct http_request *request)
{
	upload_secrets_done(&request->secrets);
}

void http_free(struct http *http)
{
	if (!http)
		return;
	http->library->easy_cleanup(http->easy);
	free(http);
}

int http_new(struct http **ret)
{
	const struct curl_library *library = curl_library_get();
	CLEANUP(cleanup_free) struct http *http = calloc(1, sizeof(*http));

	if (!library)
		return -ELIBACC;
	if (!http)
		return -ENOMEM;
	http->library = library;
	http->easy = library->easy_init();
	if (!http->easy)
		return -ENOMEM;
	*ret = TAKE(http);
	return 0;
}

static size_t read_body(char *buffer, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	const struct http_request *request = transfer->request;
	uint64_t left = request->size - transfer->position;
	size_t wanted = size * count < left ? size * count : (size_t)left;
	ssize_t got = (ssize_t)wanted;

	if (!wanted)
		return 0;
	if (request->bytes)
		memcpy(buffer, (const char *)request->bytes + transfer->position, wanted);
	else
		got = pread(request->fd, buffer, wanted,
			    (off_t)(request->offset + transfer->position));
	if (got <= 0) {
		/* The file is shorter than its head says. */
		transfer->read_err = got < 0 ? -errno : -EIO;
		return CURL_READFUNC_ABORT;
	}
	transfer->position += (uint64_t)got;
	return (size_t)got;
}

/* A connection that was kept may be found closed: then all is sent again on another one. */
static int seek_body(void *context, curl_off_t offset, int origin)
{
	struct transfer *transfer = context;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > transfer->request->size)
		return CURL_SEEKFUNC_FAIL;
	transfer->position = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	size_t length = size * count, room = sizeof(transfer->answer) - transfer->kept;
	size_t kept = length < room ? length : room;

	memcpy(transfer->answer + transfer->kept, bytes, kept);
	transfer->kept += kept;
	transfer->answer_bytes += length;
	transfer->is_cut = transfer->answer_bytes > ANSWER_MAX;
	return transfer->is_cut ? 0 : length;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
	static const char name[] = "retry-after:", begin[] = "HTTP/";
	struct transfer *transfer = context;
	size_t length = size * count, skipped = strlen(name);

	transfer->header_bytes += length;
	if (transfer->header_bytes > HEADERS_MAX)
		return 0;
	/* There are several answers where a proxy, or "100 Continue", comes first. */
	if (length >= strlen(begin) && memcmp(bytes, begin, strlen(begin)) == 0)
		*transfer->retry_after = '\0';
	if (length > skipped && strncasecmp(bytes, name, skipped) == 0)
		upload_clean(bytes + skipped, length - skipped, transfer->retry_after,
			     sizeof(transfer->retry_after));
	return length;
}

static int check_progress(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
			  curl_off_t up)
{
	const struct transfer *transfer = context;

	(void)down_all;
	(void)down;
	(void)up_all;
	(void)up;
	return transfer->stop && atomic_load(transfer->stop);
}

/* False when libcurl cannot do what is asked for. */
static bool set_limits(const struct http *http, const struct upload_config *config)
{
	CURLcode (*set)(CURL *, CURLoption, ...) = http->library->easy_setopt;
	uint64_t timeout_ms = config->timeout_s < LONG_MAX / MS_PER_SECOND
				      ? config->timeout_s * MS_PER_SECOND
				      : LONG_MAX;
	long connect_ms = timeout_ms < CONNECT_TIMEOUT_MS ? (long)timeout_ms : CONNECT_TIMEOUT_MS;
	CURL *easy = http->easy;

#if LIBCURL_VERSION_NUM >= 0x075500
	/* Nothing else gets here; where libcurl is too old to know the option, as well. */
	(void)set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#endif
	return set(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       set(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       set(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms) == CURLE_OK &&
	       set(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
	       set(easy, CURLOPT_LOW_SPEED_LIMIT, (long)LOW_SPEED_BYTES) == CURLE_OK &&
	       set(easy, CURLOPT_LOW_SPEED_TIME, (long)LOW_SPEED_S) == CURLE_OK;
}

static bool set_tls(const struct http *http, const struct upload_config *config)
{
	CURLcode (*set)(CURL *, CURLoption, ...) = http->library->easy_setopt;
	CURL *easy = http->easy;

	/* The name's check is what 2 asks for; 1 was a mistake of the interface. */
	if (set(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK ||
	    set(easy, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK ||
	    set(easy, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK)
		return false;
	/* Who names an authority means no other one: the system's directory goes. */
	if (config->ca_file && (set(easy, CURLOPT_CAINFO, config->ca_file) != CURLE_OK ||
				set(easy, CURLOPT_CAPATH, NULL) != CURLE_OK))
		return false;
	if (config->client_cert && set(easy, CURLOPT_SSLCERT, config->client_cert) != CURLE_OK)
		return false;
	/* A key that wants a password would have it asked for on the terminal. */
	return !config->client_key || (set(easy, CURLOPT_SSLKEY, config->client_key) == CURLE_OK &&
				       set(easy, CURLOPT_KEYPASSWD, "") == CURLE_OK);
}

static bool set_secrets(const struct http *http, const struct http_request *request)
{
	CURLcode (*set)(CURL *, CURLoption, ...) = http->library->easy_setopt;
	const struct upload_secrets *secrets = &request->secrets;
	CURL *easy = http->easy;

	if (secrets->token && (set(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER) != CURLE_OK ||
			       set(easy, CURLOPT_XOAUTH2_BEARER, secrets->token) != CURLE_OK))
		return false;
	if (secrets->user && !request->sigv4 &&
	    set(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) != CURLE_OK)
		return false;
	if (secrets->user && (set(easy, CURLOPT_USERNAME, secrets->user) != CURLE_OK ||
			      set(easy, CURLOPT_PASSWORD, secrets->password) != CURLE_OK))
		return false;
	return !request->sigv4 || set(easy, CURLOPT_AWS_SIGV4, request->sigv4) == CURLE_OK;
}

static bool set_callbacks(const struct http *http, struct transfer *transfer)
{
	CURLcode (*set)(CURL *, CURLoption, ...) = http->library->easy_setopt;
	CURL *easy = http->easy;

	return set(easy, CURLOPT_READFUNCTION, read_body) == CURLE_OK &&
	       set(easy, CURLOPT_READDATA, transfer) == CURLE_OK &&
	       set(easy, CURLOPT_SEEKFUNCTION, seek_body) == CURLE_OK &&
	       set(easy, CURLOPT_SEEKDATA, transfer) == CURLE_OK &&
	       set(easy, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
	       set(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
	       set(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
	       set(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
	       set(easy, CURLOPT_XFERINFOFUNCTION, check_progress) == CURLE_OK &&
	       set(easy, CURLOPT_XFERINFODATA, transfer) == CURLE_OK &&
	       set(easy, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
}

static bool set_request(struct http *http, const struct http_request *request,
			struct curl_slist *headers)
{
	CURLcode (*set)(CURL *, CURLoption, ...) = http->library->easy_setopt;
	CURL *easy = http->easy;

	if (set(easy, CURLOPT_ERRORBUFFER, http->message) != CURLE_OK ||
	    set(easy, CURLOPT_URL, request->url) != CURLE_OK ||
	    set(easy, CURLOPT_HTTPHEADER, headers) != CURLE_OK ||
	    set(easy, CURLOPT_USERAGENT, "eprof/" EPROF_VERSION) != CURLE_OK)
		return false;
	if (strcmp(request->method, "HEAD") == 0)
		return set(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
	if (strcmp(request->method, "POST") == 0)
		return set(easy, CURLOPT_POST, 1L) == CURLE_OK &&
		       set(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->size) ==
			       CURLE_OK;
	assert(strcmp(request->method, "PUT") == 0);
	return set(easy, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
	       set(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->size) == CURLE_OK;
}

/*
 * With CURLOPT_NOSIGNAL, which threads need, libcurl leaves SIGPIPE to us: some of the libraries
 * below it write to sockets that were closed.
 */
static CURLcode perform(const struct http *http)
{
	const struct timespec now = { 0 };
	sigset_t pipe_only, before, pending;
	bool was_pending;
	CURLcode code;

	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
	(void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	code = http->library->easy_perform(http->easy);
	while (!was_pending && sigtimedwait(&pipe_only, NULL, &now) < 0 && errno == EINTR)
		;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

/* Scheme and host, without what stands before an '@'; paths can be long, and queries secret. */
static void show_url(const char *url, char shown[SHOWN_SIZE])
{
	const char *host = strstr(url, "://");
	size_t length;
	const char *at;

	host = host ? host + strlen("://") : url;
	length = strcspn(host, "/?#");
	at = memrchr(host, '@', length);
	if (at) {
		length -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	(void)snprintf(shown, SHOWN_SIZE, "%.*s://%.*s", (int)strcspn(url, ":"), url, (int)length,
		       host);
}

static void tell_failure(const struct http *http, const struct transfer *transfer, CURLcode code,
			 struct upload_result *ret)
{
	const char *words = *http->message ? http->message : http->library->easy_strerror(code);
	char host[SHOWN_SIZE];

	show_url(transfer->request->url, host);
	if (transfer->read_err)
		upload_result_set(ret, UPLOAD_LATER, "%s: cannot read the profile: %s", host,
				  strerror(-transfer->read_err));
	else if (code == CURLE_ABORTED_BY_CALLBACK)
		upload_result_set(ret, UPLOAD_LATER, "%s: stopped before it was sent", host);
	else if (transfer->header_bytes > HEADERS_MAX)
		upload_result_set(ret, UPLOAD_LATER, "%s: the head of its answer has no end", host);
	else
		upload_result_set(ret, UPLOAD_LATER, "%s: %s", host, words);
}

static void tell_answer(const struct http *http, const struct transfer *transfer,
			struct upload_result *ret)
{
	char host[SHOWN_SIZE], answer[ANSWER_KEPT + 1], target[SHOWN_SIZE] = "";
	enum upload_outcome outcome = upload_outcome_of(ret->status);
	char *redirect = NULL;

	show_url(transfer->request->url, host);
	upload_clean(transfer->answer, transfer->kept, answer, sizeof(answer));
	(void)http->library->easy_getinfo(http->easy, CURLINFO_REDIRECT_URL, &redirect);
	if (redirect)
		show_url(redirect, target);
	upload_result_set(ret, outcome, "%s: answered %ld%s%s%s%s", host, ret->status,
			  redirect ? ", a redirect (not followed) to " : "", target,
			  *answer ? ": " : "", answer);
	if (outcome == UPLOAD_LATER && *transfer->retry_after)
		ret->retry_after_s = upload_retry_after(transfer->retry_after, time(NULL));
}

static void tell(const struct http *http, const struct transfer *transfer, CURLcode code,
		 struct upload_result *ret)
{
	bool is_whole = code == CURLE_OK || (code == CURLE_WRITE_ERROR && transfer->is_cut);
	bool is_sent = transfer->position == transfer->request->size;
	long status = 0;

	(void)http->library->easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
	ret->status = status >= 200 ? status : 0;
	/* What refuses need not take it all, nor end its answer well; what accepts has to. */
	if (ret->status >= 300 && !transfer->read_err && code != CURLE_ABORTED_BY_CALLBACK)
		tell_answer(http, transfer, ret);
	else if (!is_whole)
		tell_failure(http, transfer, code, ret);
	else if (!is_sent || !ret->status)
		upload_result_set(ret, UPLOAD_LATER, "answered %ld before all was sent",
				  ret->status);
	else
		tell_answer(http, transfer, ret);
}

/* What is secret in a URL, such as one that is signed: the longer values of its query. */
static void hide_query(const char *url, char *text)
{
	const size_t secret_length_min = 16;
	const char *query = strchr(url, '?');

	while (query && *query) {
		const char *value = query + 1 + strcspn(query + 1, "=&");
		size_t length;
		char *copy;

		value += *value == '=';
		length = strcspn(value, "&");
		copy = length >= secret_length_min ? strndup(value, length) : NULL;
		upload_secret_hide(copy, text);
		free(copy);
		query = value + length;
	}
}

void http_send(struct http *http, const struct upload_config *config,
	       const struct http_request *request, const _Atomic bool *stop,
	       struct upload_result *ret)
{
	CLEANUP(cleanup_free) struct transfer *transfer = calloc(1, sizeof(*transfer));
	struct curl_slist *headers = NULL;
	bool is_set = transfer != NULL;

	for (size_t i = 0; is_set && i < HTTP_HEADERS_MAX && request->headers[i]; i++) {
		struct curl_slist *more = http->library->slist_append(headers, request->headers[i]);

		is_set = more != NULL;
		headers = more ? more : headers;
	}
	http->library->easy_reset(http->easy);
	*http->message = '\0';
	if (transfer)
		*transfer = (struct transfer){ .request = request, .stop = stop };
	if (is_set && set_limits(http, config) && set_tls(http, config) &&
	    set_secrets(http, request) && set_callbacks(http, transfer) &&
	    set_request(http, request, headers))
		tell(http, transfer, perform(http), ret);
	else
		upload_result_set(
			ret, UPLOAD_LATER,
			"libcurl refuses an option: it is too old, or there is no memory");
	upload_secrets_hide(&request->secrets, ret->text);
	hide_query(request->url, ret->text);
	/* They have copies of the secrets. */
	http->library->easy_reset(http->easy);
	for (struct curl_slist *header = headers; header; header = header->next)
		explicit_bzero(header->data, strlen(header->data));
	http->library->slist_free_all(headers);
}
