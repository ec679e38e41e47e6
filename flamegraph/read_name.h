/* SPDX-License-Identifier: Apache-2.0 */
/* Names as readers meet them: bytes of a file, which need not be UTF-8. */
#ifndef EPROF_FLAMEGRAPH_READ_NAME_H
#define EPROF_FLAMEGRAPH_READ_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flamegraph/name_pool.h"

/* The zero value is ready. */
struct read_name {
	char *repaired;
	size_t capacity;
	bool has_repaired; /* some bytes: what became one name may have been two */
};

void read_name_done(struct read_name *reading);

/* The id of the name that these bytes are or become, without a NUL. Errors: name_pool_intern(). */
int read_name_intern(struct read_name *reading, struct name_pool *names, const char *bytes,
		     size_t length, uint32_t *ret_id);

#endif
