/* SPDX-License-Identifier: Apache-2.0 */
#include "base/curl_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 65536

size_t curl_answer_take(char *bytes, size_t size, size_t count, void *context)
{
	struct curl_answer *answer = context;
	size_t length = size * count;

	if (length > answer->bytes_max - answer->size) {
		answer->err = -E2BIG;
		return 0;
	}
	if (length > answer->capacity - answer->size) {
		size_t capacity = 2 * answer->capacity + length + CAPACITY_FIRST;
		char *more = realloc(answer->bytes, capacity);

		if (!more) {
			answer->err = -ENOMEM;
			return 0;
		}
		answer->bytes = more;
		answer->capacity = capacity;
	}
	if (length)
		memcpy(answer->bytes + answer->size, bytes, length);
	answer->size += length;
	return length;
}

void curl_answer_done(struct curl_answer *answer)
{
	free(answer->bytes);
	*answer = (struct curl_answer){ 0 };
}
