/* SPDX-License-Identifier: Apache-2.0 */
/* The executable mappings of one generation of a process. */
#ifndef EPROF_AGENT_MAPPINGS_H
#define EPROF_AGENT_MAPPINGS_H

#include <stddef.h>

#include "agent/processes.h"

/* The zero value is empty. */
struct mappings {
	struct mapping *current; /* by start, without overlap */
	size_t count;
	struct mapping *room; /* around them; theirs, for capacity mappings */
	size_t capacity;
	struct mapping *replaced; /* mapped over since, by when; kept until no sample can ask */
	size_t replaced_count, replaced_capacity;
};

void mappings_done(struct mappings *mappings);
/* Into an empty one, all as of now. 0 or -ENOMEM. */
int mappings_copy(const struct mappings *from, struct mappings *ret);
/*
 * What lay there before is cut back, and kept as replaced; the new one is bound then at UINT64_MAX,
 * until it settles. 0, -ENOMEM, -E2BIG (MAPPINGS_MAX).
 */
int mappings_insert(struct mappings *mappings, const struct mapping *mapping);
/* What has been inserted by now is bound at that time. */
void mappings_settle(struct mappings *mappings, uint64_t time_ns);
const struct mapping *mappings_find(const struct mappings *mappings, uint64_t time_ns,
				    uint64_t address);
void mappings_forget(struct mappings *mappings, uint64_t before_ns);

#endif
