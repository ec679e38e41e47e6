/* SPDX-License-Identifier: Apache-2.0 */
/* One GET of eprof-server's API, whose answer becomes a file. */
#include "agent/command_query.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "agent/log.h"
#include "agent/upload_parts.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/curl_answer.h"
#include "base/curl_library.h"

#define HTTP_OK            200
#define CONNECT_TIMEOUT_MS 10000
#define TOKEN_SIZE         512

/* A merge may take that long before anything comes of it. */
#define SILENCE_S_MAX 600

/* A merged profile of a large fleet has some 100 MB as folded stacks. */
#define ANSWER_MAX ((size_t)1 << 30)

static void cleanup_output(struct output **output)
{
	output_free(*output);
}

/* Seconds since 1970, "now", or "-15m" before it. 0 or -EINVAL. */
static int parse_time(const char *text, uint64_t now_s, uint64_t *ret)
{
	static const char units[] = "smhd";
	static const uint64_t seconds[] = { 1, 60, 3600, 86400 };
	bool is_before = text[0] == '-';
	const char *digits = text + is_before, *unit;
	unsigned long long number;
	uint64_t age;
	char *end;

	if (strcmp(text, "now") == 0) {
		*ret = now_s;
		return 0;
	}
	if (!isdigit((unsigned char)digits[0]))
		return -EINVAL;
	errno = 0;
	number = strtoull(digits, &end, 10);
	if (errno)
		return -EINVAL;
	if (!is_before) {
		*ret = number;
		return *end ? -EINVAL : 0;
	}
	unit = *end ? strchr(units, *end) : units;
	if (!unit || (*end && end[1]) ||
	    __builtin_mul_overflow(number, seconds[unit - units], &age) || age >= now_s)
		return -EINVAL;
	*ret = now_s - age;
	return 0;
}

static bool is_time(const char *name)
{
	return strcmp(name, "from") == 0 || strcmp(name, "until") == 0;
}

/* 0, or -EINVAL after one line. */
static int write_parameter(FILE *out, const struct query_parameter *parameter, bool is_first,
			   uint64_t now_s)
{
	bool is_own = strcmp(parameter->prefix, "label.") != 0;
	uint64_t time_s;

	(void)fprintf(out, "%s%s", is_first ? "" : "&", parameter->prefix);
	upload_escape(out, parameter->name);
	(void)fputc('=', out);
	if (!is_own || !is_time(parameter->name)) {
		upload_escape(out, parameter->value);
		return 0;
	}
	if (parse_time(parameter->value, now_s, &time_s) < 0) {
		log_error("'%s' is no time: seconds since 1970, or -15m, -6h, -7d",
			  parameter->value);
		return -EINVAL;
	}
	(void)fprintf(out, "%" PRIu64, time_s);
	return 0;
}

static const char *format_name(enum output_form form)
{
	switch (form) {
	case OUTPUT_SVG:
		return "svg";
	case OUTPUT_HTML:
		return "html";
	case OUTPUT_PPROF:
		return "pprof";
	default:
		return "folded";
	}
}

static bool is_drawn(const struct query_options *options)
{
	return strcmp(options->what, "merge") == 0 || strcmp(options->what, "diff") == 0;
}

/* The caller frees it; NULL after one line. */
static char *make_url(const struct query_options *options)
{
	uint64_t now_s = clock_ns(CLOCK_REALTIME) / NS_PER_SECOND;
	CLEANUP(cleanup_free) char *url = NULL;
	size_t size, length = strlen(options->server);
	FILE *out = open_memstream(&url, &size);
	int err = 0;

	if (!out) {
		log_error("%s", strerror(ENOMEM));
		return NULL;
	}
	while (length && options->server[length - 1] == '/')
		length--;
	(void)fprintf(out, "%.*s/api/v1/%s?", (int)length, options->server, options->what);
	if (is_drawn(options))
		(void)fprintf(out, "format=%s", format_name(options->form));
	for (size_t i = 0; !err && i < options->count; i++)
		err = write_parameter(out, &options->parameters[i], i == 0 && !is_drawn(options),
				      now_s);
	if (fclose(out) != 0 && !err)
		err = -ENOMEM;
	if (err == -ENOMEM)
		log_error("%s", strerror(ENOMEM));
	return err < 0 ? NULL : TAKE(url);
}

/* "Authorization: Bearer ..." in ret; 0, or -errno after one line. */
static int read_token(const char *path, char ret[TOKEN_SIZE])
{
	static const char scheme[] = "Authorization: Bearer ";
	CLEANUP(cleanup_file) FILE *in = fopen(path, "re");
	size_t begin = strlen(scheme);

	memcpy(ret, scheme, begin);
	if (!in || !fgets(ret + begin, (int)(TOKEN_SIZE - begin), in)) {
		log_error("cannot read a token from '%s': %s", path,
			  in ? "it is empty" : strerror(errno));
		return -EINVAL;
	}
	if (!strpbrk(ret + begin, "\r\n") && !feof(in)) {
		log_error("cannot read a token from '%s': it is too long", path);
		return -EINVAL;
	}
	ret[begin + strcspn(ret + begin, "\r\n")] = '\0';
	return 0;
}

struct asking {
	const struct curl_library *curl;
	CURL *easy;
	struct curl_slist *headers;
	char token[TOKEN_SIZE];
	char message[CURL_ERROR_SIZE];
};

static void asking_done(struct asking *asking)
{
	explicit_bzero(asking->token, sizeof(asking->token));
	if (!asking->curl)
		return;
	asking->curl->slist_free_all(asking->headers);
	if (asking->easy)
		asking->curl->easy_cleanup(asking->easy);
}

static int prepare(struct asking *asking, const struct query_options *options)
{
	asking->curl = curl_library_get();
	if (!asking->curl) {
		log_error("cannot load " CURL_LIBRARY ": install " CURL_LIBRARY_PACKAGES);
		return -ELIBACC;
	}
	asking->easy = asking->curl->easy_init();
	if (!asking->easy) {
		log_error("%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	if (!options->token_file)
		return 0;
	if (read_token(options->token_file, asking->token) < 0)
		return -EINVAL;
	asking->headers = asking->curl->slist_append(NULL, asking->token);
	return asking->headers ? 0 : -ENOMEM;
}

/* The status, or -errno after one line. */
static long ask(struct asking *asking, const struct query_options *options, const char *url,
		struct curl_answer *answer)
{
	const struct curl_library *curl = asking->curl;
	long status = 0;
	CURLcode code;

	(void)curl->easy_setopt(asking->easy, CURLOPT_URL, url);
	(void)curl->easy_setopt(asking->easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl->easy_setopt(asking->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	(void)curl->easy_setopt(asking->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl->easy_setopt(asking->easy, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S_MAX);
	(void)curl->easy_setopt(asking->easy, CURLOPT_WRITEFUNCTION, curl_answer_take);
	(void)curl->easy_setopt(asking->easy, CURLOPT_WRITEDATA, answer);
	(void)curl->easy_setopt(asking->easy, CURLOPT_ERRORBUFFER, asking->message);
	(void)curl->easy_setopt(asking->easy, CURLOPT_HTTPHEADER, asking->headers);
	if (options->ca_file)
		(void)curl->easy_setopt(asking->easy, CURLOPT_CAINFO, options->ca_file);
	code = curl->easy_perform(asking->easy);
	if (code == CURLE_OK) {
		(void)curl->easy_getinfo(asking->easy, CURLINFO_RESPONSE_CODE, &status);
		return status;
	}
	log_error("cannot ask '%s': %s", options->server,
		  answer->err == -E2BIG ? "the answer is too large"
		  : asking->message[0]  ? asking->message
					: curl->easy_strerror(code));
	return -EIO;
}

/* What the server says is wrong. */
static void tell_refusal(const struct query_options *options, long status,
			 const struct curl_answer *answer)
{
	cJSON *json = cJSON_ParseWithLength(answer->bytes ? answer->bytes : "", answer->size);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "error"));

	log_error("'%s' answers %ld: %s", options->server, status,
		  text ? text : "it is no eprof-server, or a proxy in front of it");
	cJSON_Delete(json);
}

static int write_answer(const struct query_options *options, const struct curl_answer *answer)
{
	CLEANUP(cleanup_output) struct output *output = NULL;
	int err = output_open_as(options->output, options->form, &output);
	FILE *out = err < 0 ? NULL : output_stream(output, "");

	if (!out)
		return err < 0 ? err : -errno;
	(void)fwrite(answer->bytes, 1, answer->size, out);
	return output_commit(output);
}

int command_query(const struct query_options *options)
{
	CLEANUP(asking_done) struct asking asking = { 0 };
	CLEANUP(curl_answer_done) struct curl_answer answer = { .bytes_max = ANSWER_MAX };
	CLEANUP(cleanup_free) char *url = make_url(options);
	long status;

	if (!url || prepare(&asking, options) < 0)
		return 1;
	status = ask(&asking, options, url, &answer);
	if (status < 0)
		return 1;
	if (status != HTTP_OK) {
		tell_refusal(options, status, &answer);
		return 1;
	}
	return write_answer(options, &answer) < 0;
}
