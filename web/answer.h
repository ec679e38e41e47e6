/* SPDX-License-Identifier: Apache-2.0 */
/* What eprof-server answers: JSON, and errors in words. */
#ifndef EPROF_WEB_ANSWER_H
#define EPROF_WEB_ANSWER_H

#include <cjson/cJSON.h>

#include "web/http_server.h"

/* Takes json, which is NULL when there was no memory for it: then it is an error. */
void answer_json(struct http_answer *ret, unsigned int status, cJSON *json);

/* {"error":"..."} and what is to be done next; the text is cut where it is too long. */
void answer_error(struct http_answer *ret, unsigned int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a call of web/store.h that failed: is it the request's fault, or is it to be tried
 * again? */
void answer_store_error(struct http_answer *ret, int err);

#endif
