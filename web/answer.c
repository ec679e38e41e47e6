/* SPDX-License-Identifier: Apache-2.0 */
#include "web/answer.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/utf8.h"

#define TEXT_SIZE 1024

/* What fills up, or is held by somebody, may be there again after so long. */
#define RETRY_SECONDS 10

static const char no_memory[] = "{\"error\":\"out of memory\"}";

void answer_json(struct http_answer *ret, unsigned int status, cJSON *json)
{
	ret->type = "application/json";
	ret->status = status;
	ret->body = json ? cJSON_PrintUnformatted(json) : NULL;
	cJSON_Delete(json);
	if (!ret->body) {
		ret->status = MHD_HTTP_SERVICE_UNAVAILABLE;
		ret->retry_after_s = RETRY_SECONDS;
		ret->body = strdup(no_memory);
	}
	ret->size = ret->body ? strlen(ret->body) : 0;
}

void answer_error(struct http_answer *ret, unsigned int status, const char *format, ...)
{
	char text[TEXT_SIZE], repaired[UTF8_GROWTH_MAX * TEXT_SIZE];
	cJSON *json = cJSON_CreateObject();
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	repaired[utf8_repair(text, strlen(text), repaired)] = '\0';
	if (json && !cJSON_AddStringToObject(json, "error", repaired)) {
		cJSON_Delete(json);
		json = NULL;
	}
	answer_json(ret, status, json);
}

void answer_store_error(struct http_answer *ret, int err)
{
	switch (-err) {
	case EINVAL:
	case E2BIG:
	case EOVERFLOW:
		answer_error(ret, MHD_HTTP_UNPROCESSABLE_CONTENT,
			     "what is asked for is beyond a limit");
		return;
	case EMEDIUMTYPE:
		answer_error(ret, MHD_HTTP_UNPROCESSABLE_CONTENT,
			     "the profiles that are asked for have different units");
		return;
	case ENOSPC:
		answer_error(ret, MHD_HTTP_INSUFFICIENT_STORAGE, "the disk of the store is full");
		break;
	case EHOSTUNREACH:
		answer_error(ret, MHD_HTTP_SERVICE_UNAVAILABLE, "the store cannot be reached");
		break;
	case ENOMEM:
	case EBUSY:
		answer_error(ret, MHD_HTTP_SERVICE_UNAVAILABLE, "the store is busy");
		break;
	default:
		answer_error(ret, MHD_HTTP_INTERNAL_SERVER_ERROR, "the store fails: %s",
			     strerror(-err));
	}
	ret->retry_after_s = RETRY_SECONDS;
}
