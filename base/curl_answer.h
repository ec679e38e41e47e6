/* SPDX-License-Identifier: Apache-2.0 */
/* The body of an answer over HTTP in memory, as libcurl hands it over. */
#ifndef EPROF_BASE_CURL_ANSWER_H
#define EPROF_BASE_CURL_ANSWER_H

#include <stddef.h>

struct curl_answer {
	size_t bytes_max; /* the caller's */
	char *bytes;      /* not terminated; NULL: nothing has come */
	size_t size, capacity;
	int err; /* -E2BIG: there is more than bytes_max; -ENOMEM: no memory for it */
};

/* A CURLOPT_WRITEFUNCTION, whose CURLOPT_WRITEDATA is a struct curl_answer. */
size_t curl_answer_take(char *bytes, size_t size, size_t count, void *context);

void curl_answer_done(struct curl_answer *answer);

#endif
