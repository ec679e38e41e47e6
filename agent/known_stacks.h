/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks that have been named: what is seen in one drain is mostly seen in the next, and naming it
 * again would be half of eprof's CPU time.
 */
#ifndef EPROF_AGENT_KNOWN_STACKS_H
#define EPROF_AGENT_KNOWN_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hashmap.h"
#include "bpf/abi.h"

struct known_stack {
	uint32_t node; /* of the window's call tree */
	enum stop_reason stop;
	bool is_complete;
};

/* The zero value is empty. */
struct known_stacks {
	struct hashmap by_id; /* -> index in items */
	struct known_stack *items;
	uint32_t count, capacity;
};

void known_stacks_done(struct known_stacks *known);
void known_stacks_clear(struct known_stacks *known);

/* id: 64 well-mixed bits of all that a stack's names depend on. */
bool known_stacks_find(const struct known_stacks *known, uint64_t id, struct known_stack *ret);
/* When there are too many, the others are forgotten; without memory, it is not remembered. */
void known_stacks_add(struct known_stacks *known, uint64_t id, const struct known_stack *stack);

#endif
