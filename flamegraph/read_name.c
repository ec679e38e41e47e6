/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/read_name.h"

#include <errno.h>
#include <stdlib.h>

#include "flamegraph/utf8.h"

void read_name_done(struct read_name *reading)
{
	free(reading->repaired);
	*reading = (struct read_name){ 0 };
}

int read_name_intern(struct read_name *reading, struct name_pool *names, const char *bytes,
		     size_t length, uint32_t *ret_id)
{
	size_t size = UTF8_GROWTH_MAX * length;

	/* What is a name already is UTF-8, and most are. */
	if (name_pool_find(names, bytes, length, ret_id))
		return 0;
	if (utf8_is_valid(bytes, length))
		return name_pool_intern_bytes(names, bytes, length, ret_id);
	if (size > reading->capacity) {
		char *repaired = realloc(reading->repaired, size);

		if (!repaired)
			return -ENOMEM;
		reading->repaired = repaired;
		reading->capacity = size;
	}
	reading->has_repaired = true;
	length = utf8_repair(bytes, length, reading->repaired);
	return name_pool_intern_bytes(names, reading->repaired, length, ret_id);
}
