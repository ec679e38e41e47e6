/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of code made at run time that are known now, and may not be when they are needed: its
 * memory may be used again, and what runtimes write has no times.
 */
#ifndef EPROF_AGENT_PREPARED_NAMES_H
#define EPROF_AGENT_PREPARED_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "base/hashmap.h"
#include "symbolize/string_pool.h"

/* The zero value is empty. */
struct prepared_names {
	struct hashmap by_key; /* -> index in frames */
	struct frame *frames;
	size_t count, capacity;
	struct string_pool strings;
	uint64_t bytes_max; /* of strings; 0: 64 MiB */
	uint64_t dropped;   /* names that were not remembered; stays when all is forgotten */
};

/* Empty, and usable, afterwards. */
void prepared_names_done(struct prepared_names *names);

/* key: 64 well-mixed bits of all that the name depends on. */
bool prepared_names_find(const struct prepared_names *names, uint64_t key, struct frame *ret);
/* Copies its strings. Without room it is not remembered, and counted. */
void prepared_names_add(struct prepared_names *names, uint64_t key, const struct frame *frame);

#endif
