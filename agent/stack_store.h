/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks by their ids, put together of the pieces in which the kernel half keeps them. */
#ifndef EPROF_AGENT_STACK_STORE_H
#define EPROF_AGENT_STACK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hashmap.h"
#include "bpf/abi.h"

/* The zero value is empty. */
struct stack_store {
	/* Of each piece: depth and room, id of the rest, addresses. */
	uint64_t *words;
	size_t word_count, word_capacity;
	struct hashmap offsets;
};

void stack_store_done(struct stack_store *store);
void stack_store_clear(struct stack_store *store);

size_t stack_store_bytes(const struct stack_store *store);

bool stack_store_has(const struct stack_store *store, uint64_t id);

/* A piece that is there already is the same, and not kept again. 0, -ENOMEM, or -EPROTO when it is
 * none of ours. */
int stack_store_add(struct stack_store *store, uint64_t id, const struct stack *piece);

/* The same, instead of what is there by that id, and in its place if it fits there. */
int stack_store_replace(struct stack_store *store, uint64_t id, const struct stack *piece);

/* Copies what there is of that stack in another store, and not in this one. 0 or -ENOMEM. */
int stack_store_copy(struct stack_store *store, const struct stack_store *from, uint64_t id);

/*
 * The addresses, innermost first: of a stack of one piece where they are kept, until more is added;
 * of more in room, for USER_FRAMES_MAX addresses. NULL and depth 0 when it is not there.
 */
const uint64_t *stack_store_find(const struct stack_store *store, uint64_t id, uint64_t *room,
				 size_t *ret_depth);

#endif
