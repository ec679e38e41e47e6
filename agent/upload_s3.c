/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By SigV4, which libcurl makes. It is told the hash of the body in a header, and puts that into
 * what it signs. Where TLS carries the body there is no need for one.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/upload_parts.h"
#include "agent/upload_sha256.h"
#include "base/cleanup.h"
#include "base/curl_library.h"

#define BUCKET_SIZE_MAX 63
#define REGION_DEFAULT  "us-east-1"
#define UNSIGNED        "UNSIGNED-PAYLOAD"
#define SHA256_OF_NONE  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* 7.87: from here on libcurl signs what the header x-amz-content-sha256 says. */
#define VERSION_MIN 0x075700

/* What a header is made of: its name, and a hash or a session token of the credentials file. */
#define HEADER_SIZE 128

/* Of a bucket or a region: what may be a part of a host's name. */
static bool is_name(const char *text, size_t length)
{
	if (!length || length > BUCKET_SIZE_MAX || *text == '.' || *text == '-')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr("._-", text[i]))
			return false;
	}
	return true;
}

/* ENDPOINT/BUCKET/PREFIX, or with the bucket before the endpoint's host. */
static int make_base(struct upload_sender *sender, const char *endpoint, const char *bucket)
{
	size_t length = strcspn(bucket, "/"),
	       host = (size_t)(strstr(endpoint, "://") - endpoint) + 3;
	size_t end = strlen(endpoint), size;
	FILE *out = open_memstream(&sender->base, &size);

	if (!out)
		return -ENOMEM;
	while (end > host && endpoint[end - 1] == '/')
		end--;
	if (sender->config->style == S3_PATH)
		(void)fprintf(out, "%.*s/%.*s", (int)end, endpoint, (int)length, bucket);
	else
		(void)fprintf(out, "%.*s%.*s.%.*s", (int)host, endpoint, (int)length, bucket,
			      (int)(end - host), endpoint + host);
	(void)fflush(out);
	sender->bucket_end = size;
	bucket += length;
	bucket += strspn(bucket, "/");
	length = strlen(bucket);
	while (length > 0 && bucket[length - 1] == '/')
		length--;
	if (length) {
		CLEANUP(cleanup_free) char *prefix = strndup(bucket, length);

		(void)fputc('/', out);
		upload_escape_path(out, prefix ? prefix : "");
	}
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

int upload_s3_set_up(struct upload_sender *sender, const char *bucket)
{
	CLEANUP(cleanup_free) char *made = NULL;
	const char *endpoint = sender->config->endpoint, *region = sender->config->region;

	region = region ? region : REGION_DEFAULT;
	if (!is_name(bucket, strcspn(bucket, "/")))
		return upload_mistake(sender->config,
				      "s3:// wants the name of a bucket: s3://BUCKET/PREFIX");
	if (!is_name(region, strlen(region)))
		return upload_mistake(sender->config, "that is no name of a region");
	if (endpoint && strncmp(endpoint, "https://", strlen("https://")) != 0 &&
	    strncmp(endpoint, "http://", strlen("http://")) != 0)
		return upload_mistake(sender->config,
				      "the endpoint begins with http:// or https://");
	if (endpoint && strpbrk(endpoint, "@?#"))
		return upload_mistake(sender->config, "the endpoint is scheme, host and path only");
	if (!endpoint && asprintf(&made, "https://s3.%s.amazonaws.com", region) < 0) {
		made = NULL;
		return -ENOMEM;
	}
	sender->region = strdup(region);
	if (!sender->region)
		return -ENOMEM;
	return make_base(sender, endpoint ? endpoint : made, bucket);
}

static void cleanup_secret(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
}

/*
 * 403 and 400 of these are about now: the clock will be right again, or another process will have
 * written other credentials, and then the same profile is taken.
 */
static void consider_answer(struct upload_result *ret)
{
	static const char *const passing[] = {
		"<Code>RequestTimeTooSkewed</Code>",
		"<Code>ExpiredToken</Code>",
		"<Code>RequestTimeout</Code>",
	};

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		if (ret->outcome == UPLOAD_REFUSED && strstr(ret->text, passing[i]))
			ret->outcome = UPLOAD_LATER;
	}
}

/* hash: of the body. */
static void send_signed(struct upload_sender *sender, struct http_request *request,
			const char *hash, const _Atomic bool *stop, struct upload_result *ret)
{
	CLEANUP(cleanup_free) char *sigv4 = NULL;
	CLEANUP(cleanup_secret) char *session = NULL;
	char header[HEADER_SIZE], reason[UPLOAD_REASON_SIZE];
	size_t count = 0;

	if (upload_secrets_read_s3(sender->config, &request->secrets, reason) < 0) {
		upload_result_set(ret, UPLOAD_LATER, "%s", reason);
		return;
	}
	while (request->headers[count])
		count++;
	(void)snprintf(header, sizeof(header), "x-amz-content-sha256: %s", hash);
	request->headers[count++] = header;
	if (asprintf(&sigv4, "aws:amz:%s:s3", sender->region) < 0)
		sigv4 = NULL;
	if (request->secrets.session &&
	    asprintf(&session, "x-amz-security-token: %s", request->secrets.session) < 0)
		session = NULL;
	if (!sigv4 || (request->secrets.session && !session)) {
		upload_result_set(ret, UPLOAD_LATER, "%s", strerror(ENOMEM));
		return;
	}
	request->headers[count] = session;
	request->sigv4 = sigv4;
	upload_request(sender, request, stop, ret);
	consider_answer(ret);
}

/* Where there is none at all, the request says so. */
static bool is_new_enough(struct upload_result *ret)
{
	const struct curl_library *library = curl_library_get();

	if (!library || library->version >= VERSION_MIN)
		return true;
	upload_result_set(ret, UPLOAD_LATER, "S3 needs libcurl 7.87, and there is %u.%u",
			  library->version >> 16, library->version >> 8 & 0xff);
	return false;
}

void upload_s3_send(struct upload_sender *sender, const struct spool_item *item,
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
	const struct curl_library *library = curl_library_get();
	char hash[SHA256_HEX_SIZE] = UNSIGNED;
	int err = upload_key_make(sender->key, &item->file, &key);

	if (!err)
		err = upload_url_below(sender->base, key, &url);
	if (err < 0) {
		upload_key_failed(err, ret);
		return;
	}
	if (!is_new_enough(ret))
		return;
	/* Where there is nothing to make it by, it goes without: most take that as well. */
	if (library && strncmp(url, "https:", strlen("https:")) != 0)
		(void)upload_sha256(library, item->fd, item->offset, item->size, hash);
	request.url = url;
	send_signed(sender, &request, hash, stop, ret);
}

/* Whether the bucket is there for us. */
void upload_s3_probe(struct upload_sender *sender, struct upload_result *ret)
{
	CLEANUP(cleanup_free) char *url = NULL;
	CLEANUP(http_request_done) struct http_request request = { .method = "HEAD" };

	if (!is_new_enough(ret))
		return;
	url = strndup(sender->base, sender->bucket_end);
	if (!url) {
		upload_result_set(ret, UPLOAD_LATER, "%s", strerror(ENOMEM));
		return;
	}
	request.url = url;
	send_signed(sender, &request, SHA256_OF_NONE, NULL, ret);
}
