/* SPDX-License-Identifier: Apache-2.0 */
#include "web/cached.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/selection.h"

struct question {
	FILE *out;                /* the key */
	uint64_t from_s, until_s; /* of all its times together */
	bool has_from, has_until;
	/* Half of a time before is completed by what is not said here. */
	bool has_before_from, has_before_until;
};

/* "before.from" is a time, too. */
static bool is_called(const char *name, const char *wanted)
{
	static const char before[] = "before.";

	if (strncmp(name, before, strlen(before)) == 0)
		name += strlen(before);
	return strcmp(name, wanted) == 0;
}

/* An http_parameter_handler: with their lengths, parameters are what they are. */
static int add_parameter(void *context, const char *name, const char *value)
{
	struct question *question = context;
	uint64_t time_s;

	(void)fprintf(question->out, "%zu %s %zu %s ", strlen(name), name, strlen(value), value);
	if (!is_called(name, "from") && !is_called(name, "until"))
		return 0;
	if (selection_time(value, &time_s) < 0)
		return -1;
	question->has_from |= strcmp(name, "from") == 0;
	question->has_until |= strcmp(name, "until") == 0;
	question->has_before_from |= strcmp(name, "before.from") == 0;
	question->has_before_until |= strcmp(name, "before.until") == 0;
	if (time_s < question->from_s)
		question->from_s = time_s;
	if (time_s > question->until_s)
		question->until_s = time_s;
	return 0;
}

/* The caller frees it; NULL: there is none. */
static char *make_key(const struct http_request *request, struct question *question)
{
	CLEANUP(cleanup_free) char *key = NULL;
	size_t size;
	bool is_said;

	*question = (struct question){ .from_s = UINT64_MAX };
	question->out = open_memstream(&key, &size);
	if (!question->out)
		return NULL;
	(void)fprintf(question->out, "%s ", http_request_path(request));
	is_said = http_request_parameters(request, add_parameter, question) == 0 &&
		  question->has_from && question->has_until &&
		  question->has_before_from == question->has_before_until;
	return fclose(question->out) == 0 && is_said ? TAKE(key) : NULL;
}

bool cached_answer(struct answer_cache *cache, struct store *store, query_handler handler,
		   const struct http_request *request, struct http_answer *ret)
{
	struct question question;
	CLEANUP(cleanup_free) char *key = cache ? make_key(request, &question) : NULL;
	/* Before it is asked: what comes meanwhile makes the answer one of another version. */
	uint64_t version = key ? store_version(store, question.from_s, question.until_s) : 0;

	if (version && answer_cache_get(cache, key, version, ret))
		return true;
	handler(store, request, ret);
	if (version && ret->status == MHD_HTTP_OK)
		answer_cache_put(cache, key, version, ret);
	return false;
}
